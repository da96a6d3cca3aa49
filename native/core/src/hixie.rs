//! draft-hixie-thewebsocketprotocol-76: the framing and the challenge of browsers of 2010 and 2011.
//!
//! A text is `00`, UTF-8, `FF`; `FF 00` closes. There is nothing else: no binary, no fragments, no mask.

use crate::frame::Violation;
use crate::message::{Message, Payload, PayloadBuf, Progress, ProtocolError, Sink};
use md5::{Digest, Md5};

/// Bytes that follow the request's head and belong to the challenge (draft 76, 5.2).
pub const KEY3: usize = 8;

/// What the server sends after its response head: proof that it has read all three keys (draft 76, 5.2).
pub fn answer(numbers: (u32, u32), key3: [u8; KEY3]) -> [u8; 16] {
    let mut digest = Md5::new();
    digest.update(numbers.0.to_be_bytes());
    digest.update(numbers.1.to_be_bytes());
    digest.update(key3);
    digest.finalize().into()
}

/// The bytes around a text.
pub const TEXT_START: u8 = 0x00;
/// See [`TEXT_START`].
pub const TEXT_END: u8 = 0xff;
/// The closing handshake, the same in both directions.
pub const CLOSE: [u8; 2] = [0xff, 0x00];

/// Decodes one client's byte stream.
#[derive(Debug)]
pub struct Decoder<P> {
    state: State<P>,
    /// `u64::MAX`: no limit.
    max_size: u64,
}

#[derive(Debug)]
enum State<P> {
    Between,
    Text(Option<P>),
    Closing,
}

impl<P: PayloadBuf> Decoder<P> {
    /// A decoder at the start of a stream. `max_size` is the longest text in bytes.
    pub fn new(max_size: Option<u64>) -> Self {
        Decoder {
            state: State::Between,
            max_size: max_size.unwrap_or(u64::MAX),
        }
    }

    /// Changes the limit.
    pub fn set_max_size(&mut self, max_size: Option<u64>) {
        self.max_size = max_size.unwrap_or(u64::MAX);
    }

    /// Consumes all of `input` and hands every complete text to `sink`. As the decoder of RFC 6455 it stops at a close or an
    /// error, and must not be called again then.
    pub fn decode(
        &mut self,
        mut input: &[u8],
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        while let Some((&first, rest)) = input.split_first() {
            input = match (&mut self.state, first) {
                (State::Between, TEXT_START) => {
                    self.state = State::Text(None);
                    rest
                }
                (State::Between, 0xff) => {
                    self.state = State::Closing;
                    rest
                }
                (State::Closing, 0x00) => {
                    sink.message(Message::Close(None));
                    return Ok(Progress::Closed);
                }
                (State::Between | State::Closing, _) => {
                    return Err(Violation::ReservedOpcode(first).into());
                }
                (State::Text(_), _) => self.text(input, sink)?,
            };
        }
        Ok(Progress::Open)
    }

    /// Takes what belongs to the text under way; returns the rest.
    fn text<'a>(
        &mut self,
        input: &'a [u8],
        sink: &mut impl Sink<P>,
    ) -> Result<&'a [u8], ProtocolError> {
        let State::Text(storage) = &mut self.state else {
            return Ok(input);
        };
        let end = input.iter().position(|&byte| byte == TEXT_END);
        let piece = &input[..end.unwrap_or(input.len())];
        let size = storage.as_ref().map_or(0, P::len) as u64 + piece.len() as u64;
        if size > self.max_size {
            let limit = self.max_size;
            return Err(ProtocolError::BadSize { size, limit });
        }
        let Some(end) = end else {
            append(storage, piece);
            return Ok(&[]);
        };
        let payload = match storage.take() {
            None => Payload::Borrowed(piece),
            stored => {
                let mut stored = stored;
                append(&mut stored, piece);
                stored.map_or(Payload::Borrowed(piece), Payload::Owned)
            }
        };
        sink.message(Message::Text(payload));
        self.state = State::Between;
        Ok(&input[end + 1..])
    }
}

/// Appends in windows, because storage grows only when it is asked for one.
fn append<P: PayloadBuf>(storage: &mut Option<P>, bytes: &[u8]) {
    let storage = storage.get_or_insert_with(|| P::with_capacity(bytes.len()));
    let mut rest = bytes;
    while !rest.is_empty() {
        let window = storage.window(rest.len());
        let (now, later) = rest.split_at(rest.len().min(window.len()));
        window[..now.len()].copy_from_slice(now);
        storage.advance(now.len());
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::VecPayload;

    #[derive(Default)]
    struct Seen(Vec<Vec<u8>>, bool);

    impl Sink<VecPayload> for Seen {
        fn message(&mut self, message: Message<'_, VecPayload>) {
            match message {
                Message::Text(payload) => self.0.push(payload.as_slice().to_vec()),
                Message::Close(None) => self.1 = true,
                other => panic!("not a frame of draft 76: {other:?}"),
            }
        }
    }

    fn decode(stream: &[u8], piece: usize) -> (Seen, Result<Progress, ProtocolError>) {
        let mut decoder = Decoder::new(Some(100));
        let mut seen = Seen::default();
        for bytes in stream.chunks(piece) {
            match decoder.decode(bytes, &mut seen) {
                Ok(Progress::Open) => {}
                last => return (seen, last),
            }
        }
        (seen, Ok(Progress::Open))
    }

    #[test]
    fn the_answer_is_that_of_the_drafts_example() {
        let digest = answer((155_712_099, 173_347_027), *b"Tm[K T2u");
        assert_eq!(&digest, b"fQJ,fN/4F4!~K~MH");
    }

    #[test]
    fn texts_and_a_close_are_read_however_the_stream_is_cut() {
        let stream = b"\x00\xff\x00hello\xff\x00\xc3\xa4\xff\xff\x00ignored";
        for piece in 1..=stream.len() {
            let (seen, result) = decode(stream, piece);
            let expected = [&b""[..], b"hello", "\u{e4}".as_bytes()].map(<[u8]>::to_vec);
            assert_eq!(seen.0, expected);
            assert!(seen.1);
            assert_eq!(result, Ok(Progress::Closed));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for stream in [&b"\x80\x01x"[..], b"\x81\x00", b"\xff\x01", b"x"] {
            assert!(matches!(
                decode(stream, 1).1,
                Err(ProtocolError::BadFrame(_))
            ));
        }
    }

    #[test]
    fn a_text_without_end_is_bounded() {
        let stream = [&[0][..], &[b'x'; 101]].concat();
        for piece in [1, 200] {
            let size = Err(ProtocolError::BadSize {
                size: 101,
                limit: 100,
            });
            assert_eq!(decode(&stream, piece).1, size);
        }
    }
}
