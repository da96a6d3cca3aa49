//! A received payload that grows in memory which Erlang then owns. What lies behind `filled` is never read.

use farrier_core::message::PayloadBuf;
use rustler::{Env, NewBinary, OwnedBinary, Term};

/// Payloads up to this size live on the receiver's heap (ERL_ONHEAP_BIN_LIMIT).
const HEAP_BINARY: usize = 64;

/// How many times its size a full binary grows by. What it grows by is untouched memory: it takes address space until it is filled.
const GROWTH: usize = 15;

/// See the module's documentation.
pub struct BinaryPayload {
    binary: OwnedBinary,
    filled: usize,
}

impl BinaryPayload {
    /// The payload as a term, without a copy unless it is small.
    pub fn into_term(mut self, env: Env<'_>) -> Term<'_> {
        if self.filled <= HEAP_BINARY {
            return NewBinary::from_slice(env, self.as_slice()).into();
        }
        if self.filled < self.binary.len() {
            self.binary.realloc_or_copy(self.filled);
        }
        self.binary.release(env).to_term(env)
    }

    fn grow(&mut self, capacity: usize) {
        let mut grown = OwnedBinary::new(capacity);
        let filled = self.filled;
        grown[..filled].copy_from_slice(&self.binary[..filled]);
        self.binary = grown;
    }
}

impl PayloadBuf for BinaryPayload {
    fn with_capacity(bytes: usize) -> Self {
        let binary = OwnedBinary::new(bytes);
        BinaryPayload { binary, filled: 0 }
    }

    fn len(&self) -> usize {
        self.filled
    }

    fn as_slice(&self) -> &[u8] {
        &self.binary[..self.filled]
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        let filled = self.filled;
        &mut self.binary[..filled]
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        if end > self.binary.len() {
            self.grow(end.max(2 * self.binary.len()));
        }
        let filled = self.filled;
        self.binary[filled..end].copy_from_slice(bytes);
        self.filled = end;
    }

    fn window(&mut self, want: usize) -> &mut [u8] {
        if self.filled == self.binary.len() {
            let growth = self.filled.saturating_mul(GROWTH).max(HEAP_BINARY);
            self.grow(self.filled + want.min(growth));
        }
        let end = self.binary.len().min(self.filled + want);
        let filled = self.filled;
        &mut self.binary[filled..end]
    }

    fn advance(&mut self, bytes: usize) {
        self.filled += bytes;
    }
}
