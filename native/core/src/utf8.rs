//! UTF-8 that arrives in pieces (RFC 3629, RFC 6455 8.1).

/// The bytes are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidUtf8;

/// Whether `text` as a whole is UTF-8.
pub fn is_utf8(text: &[u8]) -> bool {
    simdutf8::basic::from_utf8(text).is_ok()
}

/// Validates one text piece by piece. Fails at the piece that holds the first byte which no continuation can make
/// valid; remembers a code point that a piece leaves unfinished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validator {
    /// The start of an unfinished code point, a valid prefix of one.
    carry: [u8; 3],
    carried: u8,
}

impl Validator {
    /// Validates the next piece.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), InvalidUtf8> {
        let piece = self.complete(piece)?;
        let Err(error) = simdutf8::compat::from_utf8(piece) else {
            return Ok(());
        };
        match error.error_len() {
            Some(_) => Err(InvalidUtf8),
            None => {
                self.keep(&piece[error.valid_up_to()..]);
                Ok(())
            }
        }
    }

    /// Ends the text: fails if it stops inside a code point.
    pub fn finish(self) -> Result<(), InvalidUtf8> {
        if self.carried == 0 {
            Ok(())
        } else {
            Err(InvalidUtf8)
        }
    }

    /// Feeds the unfinished code point and returns what follows it in `piece`.
    fn complete<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], InvalidUtf8> {
        let carried = usize::from(self.carried);
        if carried == 0 {
            return Ok(piece);
        }
        let missing = encoded_length(self.carry[0]) - carried;
        let (next, rest) = piece.split_at(missing.min(piece.len()));
        let mut joined = [0; 4];
        joined[..carried].copy_from_slice(&self.carry[..carried]);
        joined[carried..carried + next.len()].copy_from_slice(next);
        let joined = &joined[..carried + next.len()];
        match std::str::from_utf8(joined) {
            Ok(_) => self.keep(&[]),
            Err(error) if error.error_len().is_none() => self.keep(joined),
            Err(_) => return Err(InvalidUtf8),
        }
        Ok(rest)
    }

    fn keep(&mut self, prefix: &[u8]) {
        self.carry[..prefix.len()].copy_from_slice(prefix);
        self.carried = prefix.len() as u8;
    }
}

/// How many bytes the code point has that starts with `lead`, the lead of a sequence of more than one byte.
fn encoded_length(lead: u8) -> usize {
    match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(pieces: &[&[u8]]) -> Result<(), InvalidUtf8> {
        let mut validator = Validator::default();
        for piece in pieces {
            validator.push(piece)?;
        }
        validator.finish()
    }

    /// Invalid sequences of every class, each with the number of bytes after which it is known to be invalid.
    const INVALID: [(&[u8], usize); 13] = [
        (b"\x80", 1),             // continuation without a lead
        (b"\xc0\xaf", 1),         // overlong, 2 bytes
        (b"\xc1\xbf", 1),         // overlong, 2 bytes
        (b"\xe0\x80\xaf", 2),     // overlong, 3 bytes
        (b"\xe0\x9f\xbf", 2),     // overlong, 3 bytes
        (b"\xf0\x80\x80\xaf", 2), // overlong, 4 bytes
        (b"\xed\xa0\x80", 2),     // surrogate U+D800
        (b"\xed\xbf\xbf", 2),     // surrogate U+DFFF
        (b"\xf4\x90\x80\x80", 2), // U+110000
        (b"\xf5\x80\x80\x80", 1), // lead beyond U+10FFFF
        (b"\xff", 1),
        (b"\xe2\x82A", 3),     // lead cut short
        (b"\xf0\x9f\x92A", 4), // lead cut short
    ];

    #[test]
    fn a_valid_text_is_accepted_however_it_is_split() {
        let text = "aé\u{7ff}\u{800}€\u{ffff}\u{fffe}\u{10000}😀\u{10ffff}\0z".as_bytes();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(validate(&pieces), Ok(()), "split at {first}, {second}");
            }
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(validate(&single), Ok(()));
    }

    #[test]
    fn an_invalid_byte_fails_at_once() {
        for (bytes, known_after) in INVALID {
            let mut validator = Validator::default();
            assert_eq!(validator.push(b"long enough a prefix"), Ok(()));
            for (i, byte) in bytes[..known_after].iter().enumerate() {
                let result = validator.push(&[*byte]);
                assert_eq!(result.is_err(), i + 1 == known_after, "{bytes:x?} byte {i}");
            }
        }
    }

    #[test]
    fn an_invalid_text_is_refused_however_it_is_split() {
        for (bytes, _) in INVALID {
            let text = [b"h\xc3\xa9llo ", bytes, b" w\xc3\xb6rld"].concat();
            for split in 0..=text.len() {
                assert_eq!(
                    validate(&[&text[..split], &text[split..]]),
                    Err(InvalidUtf8),
                    "{bytes:x?} split at {split}"
                );
            }
            assert!(!is_utf8(&text));
        }
    }

    #[test]
    fn a_text_that_stops_inside_a_code_point_is_refused() {
        for character in ["é", "€", "😀"] {
            for cut in 1..character.len() {
                let text = &character.as_bytes()[..cut];
                assert_eq!(validate(&[text]), Err(InvalidUtf8));
                assert_eq!(
                    validate(&[b"x", &text[..cut - 1], &text[cut - 1..]]),
                    Err(InvalidUtf8)
                );
            }
        }
    }

    #[test]
    fn the_validator_is_small_enough_for_every_connection() {
        assert_eq!(size_of::<Validator>(), 4);
    }
}
