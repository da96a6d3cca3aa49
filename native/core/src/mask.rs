//! The XOR mask of client frames (RFC 6455 5.3).

/// Unmasks `bytes` in place and returns the mask for the byte that follows them, so that a payload may arrive in
/// pieces of any length.
///
/// Masking is its own inverse: the same function masks.
#[must_use = "the rest of the payload needs the rotated mask"]
pub fn unmask(bytes: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    let [a, b, c, d] = mask;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Chunks of 8 without a dependency between them: the compiler turns this loop into vector instructions.
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let value = u64::from_ne_bytes(chunk.try_into().expect("chunks of 8"));
        chunk.copy_from_slice(&(value ^ word).to_ne_bytes());
    }
    let tail = chunks.into_remainder();
    for (byte, key) in tail.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
    let mut next = mask;
    next.rotate_left(bytes.len() % 4);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 5.3, word for word.
    fn octet_by_octet(bytes: &[u8], mask: [u8; 4]) -> Vec<u8> {
        (bytes.iter().enumerate())
            .map(|(i, byte)| byte ^ mask[i % 4])
            .collect()
    }

    #[test]
    fn the_example_of_rfc_6455_5_7_is_unmasked() {
        let mut bytes = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let next = unmask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(&bytes, b"Hello");
        assert_eq!(next, [0xfa, 0x21, 0x3d, 0x37]);
    }

    #[test]
    fn every_length_and_alignment_equals_the_definition() {
        let source: Vec<u8> = (0..200u8).map(|i| i.wrapping_mul(37)).collect();
        let mask = [0x01, 0x80, 0xff, 0x5a];
        for start in 0..9 {
            for end in start..source.len() {
                let mut bytes = source.clone();
                let _ = unmask(&mut bytes[start..end], mask);
                assert_eq!(bytes[start..end], octet_by_octet(&source[start..end], mask));
                assert_eq!(bytes[..start], source[..start]);
                assert_eq!(bytes[end..], source[end..]);
            }
        }
    }

    #[test]
    fn a_payload_in_two_pieces_is_unmasked_like_one() {
        let source: Vec<u8> = (0..67).collect();
        let mask = [9, 8, 7, 6];
        for split in 0..=source.len() {
            let mut bytes = source.clone();
            let (head, tail) = bytes.split_at_mut(split);
            let next = unmask(head, mask);
            let _ = unmask(tail, next);
            assert_eq!(bytes, octet_by_octet(&source, mask));
        }
    }
}
