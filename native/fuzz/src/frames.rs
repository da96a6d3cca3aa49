//! RFC 6455's frames, plain and compressed.

use crate::received::{Dropped, Kept, Outcome, Received};
use crate::{pieces, within};
use farrier_core::deflate::Compression;
use farrier_core::frame::{MAX_CONTROL, Rules, is_close_code};
use farrier_core::message::{Decoder, DecoderOptions, Progress, ProtocolError, Sink, VecPayload};

/// What a peer may announce and never send, and room for the state of an inflater.
const FIXED: usize = 512 * 1024;
/// DEFLATE's greatest ratio is 1032.
const RATIO: usize = 1100;

/// The first bytes choose the options, how the stream is cut, and the limit; the rest is the stream.
pub fn run(input: &[u8]) {
    let Some((&[choices, seed, least, high, low], stream)) = input.split_first_chunk() else {
        return;
    };
    let options = options(choices, u16::from_be_bytes([high, low]));
    let whole = decode(options, &[stream]);
    check(options, &whole);

    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(whole, decode(options, &bytes), "byte by byte");
    let cut = pieces(stream, seed);
    assert_eq!(whole, decode(options, &cut), "cut at random");
    let least = usize::from(least);
    assert_eq!(whole, decode_windowed(options, &cut, least), "by windows");

    let limit = options
        .max_frame_size
        .map_or(RATIO * stream.len(), |l| l as usize);
    let mut copy = stream.to_vec();
    within(FIXED + 4 * (limit + stream.len()), || {
        let _ = Decoder::<VecPayload>::new(options).decode(&mut copy, &mut Dropped);
    });
}

fn options(choices: u8, limit: u16) -> DecoderOptions {
    let compression = |takeover, per_frame| Compression {
        client_context_takeover: takeover,
        per_frame,
        ..Compression::default()
    };
    DecoderOptions {
        max_frame_size: (choices & 1 != 0).then_some(limit.into()),
        validate_utf8: choices & 2 == 0,
        rules: match choices & 4 {
            0 => Rules::Rfc6455,
            _ => Rules::Generation0,
        },
        compression: match choices & 0x18 {
            0 => None,
            0x08 => Some(compression(true, false)),
            0x10 => Some(compression(false, false)),
            _ => Some(compression(true, true)),
        },
    }
}

fn decode(options: DecoderOptions, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(options);
    let mut kept = Kept::default();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let result = decoder.decode(&mut piece, &mut kept);
        if result != Ok(Progress::Open) {
            return (kept.0, result);
        }
    }
    (kept.0, Ok(Progress::Open))
}

/// As a connection reads: what the decoder has a window for goes straight into it.
fn decode_windowed(options: DecoderOptions, pieces: &[&[u8]], least: usize) -> Outcome {
    let mut decoder = Decoder::new(options);
    let mut kept = Kept::default();
    for &piece in pieces {
        let result = decode_piece(&mut decoder, piece, least, &mut kept);
        if result != Ok(Progress::Open) {
            return (kept.0, result);
        }
    }
    (kept.0, Ok(Progress::Open))
}

fn decode_piece(
    decoder: &mut Decoder<VecPayload>,
    mut piece: &[u8],
    least: usize,
    sink: &mut impl Sink<VecPayload>,
) -> Result<Progress, ProtocolError> {
    while let (false, Some(window)) = (piece.is_empty(), decoder.window(least, piece.len())) {
        let (now, later) = piece.split_at(window.len());
        window.copy_from_slice(now);
        let progress = decoder.filled(now.len(), sink)?;
        piece = later;
        if progress == Progress::Closed {
            return Ok(progress);
        }
    }
    decoder.decode(&mut piece.to_vec(), sink)
}

/// What no handler may ever see.
fn check(options: DecoderOptions, (messages, result): &Outcome) {
    let limit = options.max_frame_size.unwrap_or(u64::MAX);
    let is_text = |bytes: &[u8]| !options.validate_utf8 || std::str::from_utf8(bytes).is_ok();
    for message in messages {
        match message {
            Received::Text(text) => assert!(is_text(text) && text.len() as u64 <= limit),
            Received::Binary(bytes) => assert!(bytes.len() as u64 <= limit),
            Received::Ping(bytes) | Received::Pong(bytes) => assert!(bytes.len() <= MAX_CONTROL),
            Received::Close(None) => {}
            Received::Close(Some((code, reason))) => {
                assert!(is_text(reason) && reason.len() <= MAX_CONTROL - 2);
                assert!(is_close_code(*code) || options.rules == Rules::Generation0);
            }
        }
    }
    let closes = |message: &Received| matches!(message, Received::Close(_));
    let ended = *result == Ok(Progress::Closed);
    assert_eq!(messages.last().is_some_and(closes), ended);
    assert_eq!(
        messages.iter().filter(|m| closes(m)).count(),
        usize::from(ended)
    );
}
