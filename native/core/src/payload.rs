//! Where a message's bytes are collected while they arrive.

/// Growable payload storage that its final receiver can own without a copy.
pub trait PayloadBuf: Sized + Send {
    /// Empty storage for `bytes` bytes.
    fn with_capacity(bytes: usize) -> Self;

    /// Bytes filled so far.
    fn len(&self) -> usize;

    /// Whether nothing has been filled yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The filled bytes.
    fn as_slice(&self) -> &[u8];

    /// The filled bytes.
    fn as_mut_slice(&mut self) -> &mut [u8];

    /// Appends, growing if need be. The decoder calls it only while `bytes` fit into the capacity.
    fn extend_from_slice(&mut self, bytes: &[u8]);

    /// Writable memory behind `len`, at least 1 and at most `want` bytes.
    ///
    /// If the storage is full it grows, and should do so by a multiple of its own size or by `want`, whichever is less: `want` is
    /// what the message can still need.
    fn window(&mut self, want: usize) -> &mut [u8];

    /// Declares the first `bytes` of the last window as filled.
    fn advance(&mut self, bytes: usize);
}

/// How many times its size a full vector grows by. All that it grows by is written to.
const GROWTH: usize = 3;

/// Payload storage in a `Vec`.
#[derive(Debug, Default)]
pub struct VecPayload {
    /// Everything that was ever lent as a window is initialised.
    bytes: Vec<u8>,
    filled: usize,
}

impl VecPayload {
    /// The payload.
    pub fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }
}

impl PayloadBuf for VecPayload {
    fn with_capacity(bytes: usize) -> Self {
        VecPayload {
            bytes: Vec::with_capacity(bytes),
            filled: 0,
        }
    }

    fn len(&self) -> usize {
        self.filled
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.filled]
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.bytes.truncate(self.filled);
        self.bytes.extend_from_slice(bytes);
        self.filled = self.bytes.len();
    }

    fn window(&mut self, want: usize) -> &mut [u8] {
        if self.filled == self.bytes.capacity() {
            let growth = want.min(self.filled.saturating_mul(GROWTH)).max(1);
            self.bytes
                .reserve_exact(growth + self.bytes.len() - self.filled);
        }
        let end = self.bytes.capacity().min(self.filled.saturating_add(want));
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.filled..end]
    }

    fn advance(&mut self, bytes: usize) {
        self.filled += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: usize) -> VecPayload {
        let mut storage = VecPayload::with_capacity(bytes);
        storage.extend_from_slice(&vec![7; bytes]);
        storage
    }

    #[test]
    fn a_full_storage_grows_by_thrice_its_size_or_by_what_is_wanted() {
        assert_eq!(filled(100).window(1000).len(), 300);
        assert_eq!(filled(100).window(10).len(), 10);
        assert_eq!(filled(0).window(10).len(), 1);
    }

    #[test]
    fn only_what_was_declared_as_filled_is_kept() {
        let mut storage = filled(4);
        storage.window(4).copy_from_slice(b"abcd");
        storage.advance(2);
        assert_eq!(storage.len(), 6);
        assert_eq!(storage.as_slice(), b"\x07\x07\x07\x07ab");
        storage.extend_from_slice(b"x");
        assert_eq!(storage.into_vec(), b"\x07\x07\x07\x07abx");
    }
}
