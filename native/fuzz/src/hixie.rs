//! draft-hixie-thewebsocketprotocol-76's framing.

use crate::pieces;
use crate::received::{Kept, Outcome, Received};
use farrier_core::hixie::{CLOSE, Decoder, KEY3, TEXT_END, TEXT_START, answer};
use farrier_core::message::{Progress, ProtocolError};

/// The first bytes say how the stream is cut, and the limit; the rest is the stream.
pub fn run(input: &[u8]) {
    let Some((&[seed, limit], stream)) = input.split_first_chunk() else {
        return;
    };
    let limit = (limit < 128).then_some(u64::from(limit));
    let whole = decode(limit, &[stream]);
    assert_eq!(whole, decode(limit, &pieces(stream, seed)), "cut at random");
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(whole, decode(limit, &bytes), "byte by byte");
    for message in &whole.0 {
        match message {
            Received::Text(text) => {
                assert!(limit.is_none_or(|limit| text.len() as u64 <= limit));
                assert!(!text.contains(&TEXT_END));
            }
            Received::Close(None) => assert_eq!(whole.1, Ok(Progress::Closed)),
            other => panic!("the draft has no {other:?}"),
        }
    }
    framed(stream);
    if let Some((key3, rest)) = stream.split_first_chunk::<KEY3>() {
        let numbers = (rest.len() as u32, u32::from(seed));
        assert_eq!(answer(numbers, *key3), answer(numbers, *key3));
    }
}

/// A text does not announce its length, so how much of one that is too long was seen depends on the pieces.
fn decode(limit: Option<u64>, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut kept = Kept::default();
    for piece in pieces {
        let result = decoder
            .decode(piece, &mut kept)
            .map_err(|error| match error {
                ProtocolError::BadSize { limit, .. } => ProtocolError::BadSize { size: 0, limit },
                other => other,
            });
        if result != Ok(Progress::Open) {
            return (kept.0, result);
        }
    }
    (kept.0, Ok(Progress::Open))
}

/// Texts between their delimiters come back.
fn framed(stream: &[u8]) {
    let texts = stream.split(|byte| *byte == TEXT_END);
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for text in texts {
        sent.push(TEXT_START);
        sent.extend_from_slice(text);
        sent.push(TEXT_END);
        expected.push(Received::Text(text.to_vec()));
    }
    sent.extend_from_slice(&CLOSE);
    expected.push(Received::Close(None));
    let (messages, result) = decode(None, &[&sent]);
    assert_eq!(messages, expected);
    assert_eq!(result, Ok(Progress::Closed));
}
