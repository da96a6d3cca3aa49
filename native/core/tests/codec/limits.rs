//! What a peer can make a decoder accept and allocate is bounded.

use farrier_core::frame::Violation;
use farrier_core::message::{
    Decoder, DecoderOptions, Message, Payload, PayloadBuf, Progress, ProtocolError, Sink, Text,
    VecPayload,
};

use crate::peer::*;

fn limited(max_frame_size: u64) -> DecoderOptions {
    DecoderOptions {
        max_frame_size: Some(max_frame_size),
        ..DecoderOptions::default()
    }
}

fn too_big(size: u64, limit: u64) -> Outcome {
    (vec![], Err(ProtocolError::BadSize { size, limit }))
}

#[test]
fn a_frame_of_the_limit_is_accepted_and_one_byte_more_is_not() {
    for opcode in [TEXT, BINARY, PING, PONG] {
        let (received, progress) = decode(limited(10), &frame(true, opcode, &[b'x'; 10], MASK));
        assert_eq!((received.len(), progress), (1, Ok(Progress::Open)));
        let outcome = decode(limited(10), &frame(true, opcode, &[b'x'; 11], MASK));
        assert_eq!(outcome, too_big(11, 10));
    }
    let close = frame(true, CLOSE, b"\x03\xe8123456789", MASK);
    assert_eq!(decode(limited(10), &close), too_big(11, 10));
}

#[test]
fn a_frame_that_is_too_big_is_refused_when_its_header_is_complete() {
    for length in [11, 500, 1 << 40, i64::MAX as u64] {
        let header = header(true, BINARY, length, MASK);
        let incomplete = &header[..header.len() - 1];
        assert_eq!(
            decode(limited(10), incomplete),
            (vec![], Ok(Progress::Open))
        );
        assert_eq!(decode(limited(10), &header), too_big(length, 10));
    }
}

#[test]
fn a_forbidden_frame_that_is_too_big_is_a_bad_frame() {
    let unmasked = [0x82, 126, 0xff, 0xff];
    let expected = (vec![], Err(ProtocolError::BadFrame(Violation::Unmasked)));
    assert_eq!(decode(limited(10), &unmasked), expected);
    let long_ping = frame(true, PING, &[0; 126], MASK);
    let expected = (vec![], Err(ProtocolError::BadFrame(Violation::LongControl)));
    assert_eq!(decode(limited(10), &long_ping), expected);
}

#[test]
fn the_limit_holds_for_all_fragments_together() {
    let fragments = |last: &[u8]| {
        [
            frame(false, BINARY, b"12345", MASK),
            frame(true, PING, b"1234567890", MASK),
            frame(false, CONTINUATION, b"678", MASK),
            frame(true, CONTINUATION, last, MASK),
        ]
        .concat()
    };
    let ping = Received::Ping(b"1234567890".to_vec());
    let whole = Received::Binary(b"1234567890".to_vec());
    let outcome = decode(limited(10), &fragments(b"90"));
    assert_eq!(outcome, (vec![ping.clone(), whole], Ok(Progress::Open)));
    let (received, result) = decode(limited(10), &fragments(b"90+"));
    assert_eq!((received, result), (vec![ping], too_big(11, 10).1));
    let overflow = [
        frame(false, BINARY, b"1", MASK),
        header(true, CONTINUATION, i64::MAX as u64, MASK),
    ];
    assert_eq!(
        decode(limited(10), &overflow.concat()),
        too_big(i64::MAX as u64, 10)
    );
}

#[test]
fn fragments_that_are_too_big_together_are_refused_once_the_last_of_them_is_complete() {
    let started = frame(false, BINARY, b"12345678", MASK);
    for fin in [false, true] {
        let stream = [started.clone(), frame(fin, CONTINUATION, b"123", MASK)].concat();
        let incomplete = &stream[..stream.len() - 1];
        assert_eq!(
            decode(limited(10), incomplete),
            (vec![], Ok(Progress::Open))
        );
        assert_eq!(decode(limited(10), &stream), too_big(11, 10));
    }
}

#[test]
fn a_fragment_that_is_not_utf8_and_too_big_is_a_bad_encoding() {
    let started = frame(false, TEXT, b"12345678", MASK);
    for (fin, fragment) in [
        (false, &b"123\xff"[..]),
        (true, b"123\xff"),
        (true, b"123\xe2"),
    ] {
        let stream = [&started[..], &frame(fin, CONTINUATION, fragment, MASK)].concat();
        let expected = (vec![], Err(ProtocolError::BadEncoding(Text::Message)));
        assert_eq!(decode(limited(10), &stream), expected);
    }
    let unfinished = frame(false, CONTINUATION, b"123\xe2", MASK);
    let stream = [started, unfinished].concat();
    assert_eq!(decode(limited(10), &stream), too_big(12, 10));
}

#[test]
fn a_fragment_that_is_too_big_is_not_stored() {
    let mut decoder: Decoder<Metered> = Decoder::new(limited(1000));
    feed(&mut decoder, &frame(false, BINARY, &[7; 10], MASK));
    let announcement = header(true, CONTINUATION, 1000, MASK);
    feed(&mut decoder, &announcement);
    feed(&mut decoder, &[7; 999]);
    assert_eq!(allocated(), 10);
    assert!(decoder.window(1, 100).is_none());
}

#[test]
fn a_new_limit_holds_from_the_next_header_on() {
    let mut decoder: Decoder<VecPayload> = Decoder::new(DecoderOptions::default());
    let mut receiver = Receiver::default();
    let mut feed = |decoder: &mut Decoder<VecPayload>, bytes: &[u8]| {
        decoder.decode(&mut bytes.to_vec(), &mut receiver)
    };
    let message = frame(true, BINARY, &[7; 20], MASK);
    assert_eq!(feed(&mut decoder, &message[..8]), Ok(Progress::Open));
    decoder.set_max_frame_size(Some(10));
    assert_eq!(feed(&mut decoder, &message[8..]), Ok(Progress::Open));
    decoder.set_max_frame_size(None);
    assert_eq!(feed(&mut decoder, &message), Ok(Progress::Open));
    decoder.set_max_frame_size(Some(19));
    assert_eq!(feed(&mut decoder, &message), too_big(20, 19).1);
    assert_eq!(receiver.received, vec![Received::Binary(vec![7; 20]); 2]);
}

/// Keeps the storages that it is given.
#[derive(Debug, Default)]
struct Storages(Vec<Metered>);

impl Sink<Metered> for Storages {
    fn message(&mut self, message: Message<'_, Metered>) {
        if let Message::Text(Payload::Owned(storage)) | Message::Binary(Payload::Owned(storage)) =
            message
        {
            self.0.push(storage);
        }
    }
}

fn feed(decoder: &mut Decoder<Metered>, bytes: &[u8]) -> Vec<Metered> {
    let mut storages = Storages::default();
    let progress = decoder.decode(&mut bytes.to_vec(), &mut storages);
    assert_eq!(progress, Ok(Progress::Open));
    storages.0
}

#[test]
fn a_flood_of_small_fragments_is_stored_once_and_rarely_moved() {
    let mut decoder = Decoder::new(limited(1 << 20));
    assert!(feed(&mut decoder, &frame(false, BINARY, b"x", MASK)).is_empty());
    let fragment = frame(false, CONTINUATION, b"x", MASK);
    let empty = frame(false, CONTINUATION, b"", MASK);
    let flood = [fragment.repeat(1000), empty.repeat(1000)].concat();
    for _ in 0..100 {
        assert!(feed(&mut decoder, &flood).is_empty());
    }
    let storages = feed(&mut decoder, &frame(true, CONTINUATION, b"x", MASK));
    assert_eq!(storages[0].as_slice(), vec![b'x'; 100_002]);
    assert!(storages[0].growths <= 17, "{} growths", storages[0].growths);
    assert!(
        storages[0].capacity <= 1 << 17,
        "{} bytes",
        storages[0].capacity
    );
}

#[test]
fn storage_never_exceeds_what_the_message_can_need() {
    let size = 1_000_000;
    for limit in [size as u64, u64::MAX] {
        for reads in [1000, 65_536, size] {
            let mut decoder = Decoder::new(limited(limit));
            let mut storages = vec![];
            for piece in frame(true, BINARY, &vec![7; size], MASK).chunks(reads) {
                storages.extend(feed(&mut decoder, piece));
            }
            assert!(storages[0].capacity <= size);
            assert!(storages[0].growths <= 2, "{} growths", storages[0].growths);
        }
    }
}

#[test]
fn an_announcement_costs_no_more_than_a_beginning() {
    let announcement = header(true, BINARY, 1 << 40, MASK);
    let mut decoder = Decoder::new(DecoderOptions::default());
    feed(&mut decoder, &announcement);
    assert_eq!(allocated(), 0);
    feed(&mut decoder, b"x");
    assert_eq!(allocated(), 128 * 1024);
    drop(decoder);

    let mut decoder: Decoder<Metered> = Decoder::new(DecoderOptions::default());
    feed(&mut decoder, &announcement);
    assert_eq!(
        decoder.window(1, usize::MAX).map(|window| window.len()),
        Some(128 * 1024)
    );
    assert_eq!(allocated(), 128 * 1024);
}

#[test]
fn a_decoder_between_messages_owns_no_storage() {
    let mut decoder = Decoder::new(DecoderOptions::default());
    let message = frame(true, BINARY, &[7; 10_000], MASK);
    for piece in message.chunks(1000) {
        drop(feed(&mut decoder, piece));
    }
    assert_eq!(allocated(), 0);
    drop(feed(&mut decoder, &message));
    drop(feed(&mut decoder, &frame(false, BINARY, b"", MASK)));
    drop(feed(&mut decoder, &frame(false, CONTINUATION, b"", MASK)));
    assert_eq!(allocated(), 0);
}

#[test]
fn a_window_opens_only_while_enough_of_one_data_frame_is_missing() {
    let mut decoder: Decoder<Metered> = Decoder::new(DecoderOptions::default());
    assert!(decoder.window(1, 100).is_none());
    feed(&mut decoder, &header(true, PING, 100, MASK));
    assert!(decoder.window(1, 100).is_none());
    feed(&mut decoder, &[0; 100]);
    feed(&mut decoder, &frame(true, BINARY, &[7; 50], [0; 4])[..26]);
    assert!(decoder.window(31, 100).is_none());
    assert_eq!(decoder.window(30, 20).map(|window| window.len()), Some(20));
    assert_eq!(decoder.window(30, 100).map(|window| window.len()), Some(30));
    decoder.window(30, 100).unwrap().fill(8);
    let mut storages = Storages::default();
    assert_eq!(decoder.filled(30, &mut storages), Ok(Progress::Open));
    assert_eq!(
        storages.0[0].as_slice(),
        [[7; 20].as_slice(), &[8; 30]].concat()
    );
    assert!(decoder.window(1, 100).is_none());
}
