//! Compressed messages (RFC 7692): what is delivered, what is refused, and what a peer can make us write.

use farrier_core::deflate::{Compression, Compressor};
use farrier_core::frame::Violation;
use farrier_core::message::{Decoder, DecoderOptions, Progress, ProtocolError};
use proptest::prelude::*;

use crate::peer::*;

const RSV1: u8 = 0x40;

fn options() -> DecoderOptions {
    DecoderOptions {
        compression: Some(Compression::default()),
        ..DecoderOptions::default()
    }
}

fn webkit() -> DecoderOptions {
    DecoderOptions {
        compression: Some(Compression {
            per_frame: true,
            ..Compression::default()
        }),
        ..DecoderOptions::default()
    }
}

/// Compresses messages one after the other in one context, as a client does.
fn compressed(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut compressor = Compressor::new(Compression::default());
    messages
        .iter()
        .map(|message| {
            let mut out = Vec::new();
            compressor.compress(message, &mut out);
            out
        })
        .collect()
}

fn text(bytes: &[u8]) -> Received {
    Received::Text(bytes.to_vec())
}

#[test]
fn compressed_and_plain_messages_may_alternate() {
    let payloads = compressed(&[b"Hello", b"Hello"]);
    let stream = [
        frame(true, RSV1 | TEXT, &payloads[0], MASK),
        frame(true, TEXT, b"plain", MASK),
        frame(true, RSV1 | BINARY, &payloads[1], MASK),
        frame(true, RSV1 | TEXT, &[0x00], MASK),
    ]
    .concat();
    let expected = vec![
        text(b"Hello"),
        text(b"plain"),
        Received::Binary(b"Hello".to_vec()),
        text(b""),
    ];
    assert_eq!(decode(options(), &stream), (expected, Ok(Progress::Open)));
}

#[test]
fn a_ping_between_the_fragments_of_a_compressed_message_leaves_it_whole() {
    let payload = &compressed(&[b"a message in two fragments"])[0];
    let (first, second) = payload.split_at(7);
    let stream = [
        frame(false, RSV1 | TEXT, first, MASK),
        frame(true, PING, b"here", MASK),
        frame(true, CONTINUATION, second, MASK),
    ]
    .concat();
    let expected = vec![
        Received::Ping(b"here".to_vec()),
        text(b"a message in two fragments"),
    ];
    let (received, _) = decode(options(), &stream);
    assert_eq!(received, expected);
}

#[test]
fn the_first_reserved_bit_is_for_the_first_data_frame_of_a_message_only() {
    let refused = Err(ProtocolError::BadFrame(Violation::ReservedBits));
    for opcode in [CLOSE, PING, PONG] {
        let stream = frame(true, RSV1 | opcode, b"", MASK);
        assert_eq!(decode(options(), &stream).1, refused);
    }
    let started = frame(false, RSV1 | TEXT, b"\xf2", MASK);
    let stream = [started, frame(true, RSV1 | CONTINUATION, b"", MASK)].concat();
    assert_eq!(decode(options(), &stream).1, refused);
    for bit in [0x20, 0x10] {
        let stream = frame(true, RSV1 | bit | TEXT, b"", MASK);
        assert_eq!(decode(options(), &stream).1, refused);
    }
    let stream = frame(true, RSV1 | TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", MASK);
    assert_eq!(decode(DecoderOptions::default(), &stream).1, refused);
}

#[test]
fn webkits_frames_are_compressed_each_by_itself() {
    let payloads = compressed(&[b"Hel", b"lo"]);
    let stream = [
        frame(false, RSV1 | TEXT, &payloads[0], MASK),
        frame(false, CONTINUATION, b", ", MASK),
        frame(true, RSV1 | CONTINUATION, &payloads[1], MASK),
        frame(true, TEXT, b"plain", MASK),
    ]
    .concat();
    let expected = (vec![text(b"Hel, lo"), text(b"plain")], Ok(Progress::Open));
    assert_eq!(decode(webkit(), &stream), expected);
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode_pieces(webkit(), &single), expected);
}

#[test]
fn an_inflated_text_must_be_utf8() {
    let payload = &compressed(&[b"\xff"])[0];
    let stream = frame(true, RSV1 | TEXT, payload, MASK);
    let (_, result) = decode(options(), &stream);
    assert_eq!(result.map_err(ProtocolError::close_code), Err(1007));
    let stream = frame(true, RSV1 | BINARY, payload, MASK);
    assert_eq!(decode(options(), &stream).0, [Received::Binary(vec![0xff])]);
}

#[test]
fn what_is_not_deflate_is_a_protocol_error() {
    let stream = frame(true, RSV1 | TEXT, &[0xff; 5], MASK);
    let refused = Err(ProtocolError::BadFrame(Violation::Compression));
    assert_eq!(decode(options(), &stream).1, refused);
    assert!(Violation::Compression.to_string().contains("RFC 7692"));
}

#[test]
fn a_bomb_costs_its_sender_the_connection_and_us_the_limit() {
    let payload = &compressed(&[&vec![b' '; 16 << 20]])[0];
    let stream = frame(true, RSV1 | TEXT, payload, MASK);
    for (wrapped, pieces) in [(options(), 1), (webkit(), 100)] {
        let limited = DecoderOptions {
            max_frame_size: Some(1_000_000),
            ..wrapped
        };
        let mut decoder: Decoder<Metered> = Decoder::new(limited);
        let mut result = Ok(Progress::Open);
        for piece in stream.chunks(stream.len().div_ceil(pieces)) {
            result = decoder.decode(&mut piece.to_vec(), &mut Ignored);
        }
        assert_eq!(result.map_err(ProtocolError::close_code), Err(1009));
    }
}

struct Ignored;

impl farrier_core::message::Sink<Metered> for Ignored {
    fn message(&mut self, message: farrier_core::message::Message<'_, Metered>) {
        panic!("nothing may be delivered: {message:?}");
    }
}

proptest! {
    #[test]
    fn the_messages_are_the_same_however_the_stream_is_read(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        cuts in prop::collection::vec(1usize..40, 1..8),
        reads in prop::collection::vec(1usize..200, 1..8),
        per_frame in any::<bool>(),
    ) {
        let options = if per_frame { webkit() } else { options() };
        let plain: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut stream = Vec::new();
        for payload in compressed(&plain) {
            // A message in one frame, or in fragments that are cut anywhere.
            let size = if per_frame { payload.len() } else { cuts[payload.len() % cuts.len()] };
            let fragments: Vec<&[u8]> = payload.chunks(size).collect();
            for (n, fragment) in fragments.iter().enumerate() {
                let opcode = if n == 0 { RSV1 | BINARY } else { CONTINUATION };
                stream.extend(frame(n + 1 == fragments.len(), opcode, fragment, MASK));
            }
        }
        let expected: Vec<Received> = messages.into_iter().map(Received::Binary).collect();
        prop_assert_eq!(&decode(options, &stream).0, &expected);
        prop_assert_eq!(&decode_windowed(options, &stream, &reads, 1).0, &expected);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_write_beyond_its_limit(
        mut stream in prop::collection::vec(any::<u8>(), 0..400),
        per_frame in any::<bool>(),
    ) {
        // Half of the streams begin with a frame that is meant to be inflated.
        if stream.len() > 20 && stream[0] & 1 == 0 {
            let length = (stream.len() - 6).min(120) as u8;
            stream[..2].copy_from_slice(&[0x80 | RSV1 | BINARY, 0x80 | length]);
        }
        let wrapped = if per_frame { webkit() } else { options() };
        let limited = DecoderOptions { max_frame_size: Some(1000), ..wrapped };
        for message in decode(limited, &stream).0 {
            if let Received::Text(bytes) | Received::Binary(bytes) = message {
                prop_assert!(bytes.len() <= 1000);
            }
        }
    }
}
