//! What RFC 6455 forbids is refused, at the first byte that shows it.

use farrier_core::frame::Violation;
use farrier_core::message::{DecoderOptions, Progress, ProtocolError, Text};

use crate::peer::*;

const NOT_UTF8: ProtocolError = ProtocolError::BadEncoding(Text::Message);
const BAD_REASON: ProtocolError = ProtocolError::BadEncoding(Text::CloseReason);

fn bad_frame(violation: Violation) -> ProtocolError {
    ProtocolError::BadFrame(violation)
}

/// Feeds `stream` byte by byte: the error, and after how many bytes it was reported.
fn first_error(options: DecoderOptions, stream: &[u8]) -> Option<(usize, ProtocolError)> {
    (0..=stream.len()).find_map(|length| {
        let pieces: Vec<&[u8]> = stream[..length].chunks(1).collect();
        let error = decode_pieces(options, &pieces).1.err()?;
        Some((length, error))
    })
}

/// Asserts that the bytes of `wrong`, after those of `right`, are refused at its byte `at` (from 1), however they arrive.
fn refused(right: &[u8], wrong: &[u8], at: usize, error: ProtocolError) {
    let options = DecoderOptions::default();
    let stream = [right, wrong].concat();
    let expected = Some((right.len() + at, error));
    assert_eq!(first_error(options, &stream), expected, "{wrong:x?}");
    let cut = &stream[..right.len() + at];
    assert_eq!(decode(options, &stream).1, Err(error), "{wrong:x?}");
    assert_eq!(decode(options, cut).1, Err(error), "{wrong:x?}");
}

/// The same frame with other first bytes.
fn altered(frame: Vec<u8>, first: u8) -> Vec<u8> {
    [&[first], &frame[1..]].concat()
}

#[test]
fn reserved_bits_are_refused_at_the_first_byte() {
    for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
        for bits in 1..8u8 {
            let wrong = altered(frame(true, opcode, b"", MASK), 0x80 | bits << 4 | opcode);
            refused(b"", &wrong, 1, bad_frame(Violation::ReservedBits));
        }
    }
}

#[test]
fn reserved_opcodes_are_refused_at_the_first_byte() {
    for opcode in (3..8).chain(11..16) {
        let error = bad_frame(Violation::ReservedOpcode(opcode));
        refused(b"", &frame(true, opcode, b"x", MASK), 1, error);
        refused(b"", &frame(false, opcode, b"x", MASK), 1, error);
    }
}

#[test]
fn fragmented_control_frames_are_refused_at_the_first_byte() {
    for opcode in [CLOSE, PING, PONG] {
        let error = bad_frame(Violation::FragmentedControl);
        refused(b"", &frame(false, opcode, b"", MASK), 1, error);
        refused(
            &frame(false, TEXT, b"x", MASK),
            &frame(false, opcode, b"", MASK),
            1,
            error,
        );
    }
}

#[test]
fn fragments_out_of_order_are_refused_at_the_first_byte() {
    let stray = bad_frame(Violation::StrayContinuation);
    let interleaved = bad_frame(Violation::InterleavedMessage);
    for fin in [false, true] {
        refused(b"", &frame(fin, CONTINUATION, b"x", MASK), 1, stray);
        refused(
            &frame(true, TEXT, b"x", MASK),
            &frame(fin, CONTINUATION, b"x", MASK),
            1,
            stray,
        );
        for opcode in [TEXT, BINARY] {
            let started = frame(false, opcode, b"", MASK);
            refused(&started, &frame(fin, TEXT, b"x", MASK), 1, interleaved);
            refused(&started, &frame(fin, BINARY, b"x", MASK), 1, interleaved);
            let ended = [started, frame(true, CONTINUATION, b"", MASK)].concat();
            refused(&ended, &frame(fin, CONTINUATION, b"x", MASK), 1, stray);
        }
    }
}

#[test]
fn unmasked_frames_are_refused_at_the_second_byte_even_when_empty() {
    for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
        for length in [0, 1, 126, 127] {
            let wrong = [0x80 | opcode, length, 0, 0, 0, 0, 0, 0, 0, 0];
            refused(b"", &wrong, 2, bad_frame(Violation::Unmasked));
        }
    }
}

#[test]
fn control_frames_longer_than_125_bytes_are_refused_at_the_second_byte() {
    for opcode in [CLOSE, PING, PONG] {
        let error = bad_frame(Violation::LongControl);
        refused(b"", &frame(true, opcode, &[b'x'; 126], MASK), 2, error);
        refused(
            b"",
            &frame(true, opcode, &[b'x'; 70_000], MASK)[..20],
            2,
            error,
        );
    }
}

#[test]
fn lengths_in_too_many_bytes_are_refused() {
    let error = bad_frame(Violation::LengthNotMinimal);
    refused(b"", &[0x82, 0xfe, 0, 125, 1, 2, 3, 4], 4, error);
    refused(
        b"",
        &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2],
        10,
        error,
    );
    let error = bad_frame(Violation::LengthTopBit);
    refused(
        b"",
        &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2],
        3,
        error,
    );
}

#[test]
fn a_close_frame_with_half_a_code_is_refused_at_the_second_byte() {
    refused(
        b"",
        &frame(true, CLOSE, b"\x03", MASK),
        2,
        bad_frame(Violation::ShortClose),
    );
}

#[test]
fn close_codes_are_checked_as_soon_as_they_are_complete() {
    for code in [
        0, 999, 1004, 1005, 1006, 1012, 1013, 1014, 1015, 1016, 2999, 5000, 65535u16,
    ] {
        let payload = [&code.to_be_bytes(), &b"reason"[..]].concat();
        let error = bad_frame(Violation::CloseCode(code));
        refused(b"", &frame(true, CLOSE, &payload, MASK), 8, error);
        refused(b"", &frame(true, CLOSE, &payload[..2], MASK), 8, error);
    }
    for code in [1000, 1003, 1007, 1011, 3000, 4999u16] {
        let stream = frame(true, CLOSE, &code.to_be_bytes(), MASK);
        let expected = (
            vec![Received::Close(Some((code, vec![])))],
            Ok(Progress::Closed),
        );
        assert_eq!(decode(DecoderOptions::default(), &stream), expected);
    }
}

#[test]
fn a_close_reason_must_be_utf8_and_is_refused_at_the_first_wrong_byte() {
    refused(
        b"",
        &frame(true, CLOSE, b"\x03\xe8ab\xffcd", MASK),
        6 + 5,
        BAD_REASON,
    );
    refused(
        b"",
        &frame(true, CLOSE, b"\x03\xe8ab\xe2\x82", MASK),
        6 + 6,
        BAD_REASON,
    );
}

#[test]
fn a_text_is_refused_at_the_first_wrong_byte_even_inside_a_frame() {
    refused(b"", &frame(true, TEXT, b"ab\xffcd", MASK), 6 + 3, NOT_UTF8);
    refused(
        b"",
        &frame(true, TEXT, b"ab\xed\xa0\x80cd", MASK),
        6 + 4,
        NOT_UTF8,
    );
    let huge = [&header(true, TEXT, 1 << 40, [0; 4]), &b"ab\xf4\x90"[..]].concat();
    refused(b"", &huge, 14 + 4, NOT_UTF8);
}

#[test]
fn a_text_is_checked_across_its_fragments() {
    let started = frame(false, TEXT, "€".as_bytes().split_at(2).0, MASK);
    let next = |payload: &[u8]| frame(true, CONTINUATION, payload, MASK);
    refused(&started, &next(b"A"), 6 + 1, NOT_UTF8);
    let between = [started, frame(true, PING, b"\xff", MASK)].concat();
    refused(&between, &next(b"\xac\xff"), 6 + 2, NOT_UTF8);
    let stream = [between, next(b"\xac")].concat();
    let expected = vec![Received::Ping(vec![0xff]), Received::Text("€".into())];
    assert_eq!(decode(DecoderOptions::default(), &stream).0, expected);
}

#[test]
fn a_text_must_not_end_inside_a_code_point() {
    refused(
        b"",
        &frame(true, TEXT, b"ab\xe2\x82", MASK),
        6 + 4,
        NOT_UTF8,
    );
    let started = frame(false, TEXT, b"ab\xe2\x82", MASK);
    refused(&started, &frame(true, CONTINUATION, b"", MASK), 6, NOT_UTF8);
}

#[test]
fn text_need_not_be_utf8_if_it_is_not_validated() {
    let options = DecoderOptions {
        validate_utf8: false,
        ..DecoderOptions::default()
    };
    let stream = [
        frame(true, TEXT, b"a\xff", MASK),
        frame(false, TEXT, b"\xe2", MASK),
        frame(true, CONTINUATION, b"", MASK),
        frame(true, CLOSE, b"\x03\xe8\xff", MASK),
    ]
    .concat();
    let expected = vec![
        Received::Text(b"a\xff".to_vec()),
        Received::Text(b"\xe2".to_vec()),
        Received::Close(Some((1000, vec![0xff]))),
    ];
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(
        decode(options, &stream),
        (expected.clone(), Ok(Progress::Closed))
    );
    assert_eq!(
        decode_pieces(options, &single),
        (expected, Ok(Progress::Closed))
    );
}

#[test]
fn messages_before_an_error_are_delivered() {
    let stream = [
        frame(true, TEXT, b"one", MASK),
        frame(true, PING, b"two", MASK),
        vec![0x83],
    ]
    .concat();
    let expected = vec![
        Received::Text(b"one".to_vec()),
        Received::Ping(b"two".to_vec()),
    ];
    let error = bad_frame(Violation::ReservedOpcode(3));
    assert_eq!(
        decode(DecoderOptions::default(), &stream),
        (expected, Err(error))
    );
}

#[test]
fn what_follows_a_close_frame_is_discarded() {
    let stream = [frame(true, CLOSE, b"", MASK), vec![0xff; 50]].concat();
    let expected = (vec![Received::Close(None)], Ok(Progress::Closed));
    assert_eq!(decode(DecoderOptions::default(), &stream), expected);
}
