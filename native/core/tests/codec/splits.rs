//! However a stream is cut into reads, the same messages and the same error come out.

use std::io::{self, Cursor, Read, Write};

use farrier_core::message::{DecoderOptions, Progress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use crate::peer::*;

/// A control frame.
fn control() -> impl Strategy<Value = Received> {
    let payload = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        payload().prop_map(Received::Ping),
        payload().prop_map(Received::Pong)
    ]
}

fn close() -> impl Strategy<Value = Received> {
    let code = prop_oneof![1000..=1003u16, 1007..=1011u16, 3000..=4999u16];
    let reason = "\\PC{0,30}".prop_map(String::into_bytes);
    proptest::option::of((code, reason)).prop_map(Received::Close)
}

fn data() -> impl Strategy<Value = Received> {
    prop_oneof![
        "\\PC{0,60}".prop_map(|text| Received::Text(text.into_bytes())),
        vec(any::<u8>(), 0..300).prop_map(Received::Binary),
        (vec(any::<u8>(), 1..9), 0..1000usize)
            .prop_map(|(pattern, times)| Received::Binary(pattern.repeat(times))),
        "[a-z€😀]{1,9}"
            .prop_flat_map(|text| (Just(text), 0..500usize))
            .prop_map(|(text, times)| Received::Text(text.repeat(times).into_bytes())),
    ]
}

/// One message with the places where it is fragmented, and the control frames that stand before its fragments.
#[derive(Debug, Clone)]
struct Sent {
    message: Received,
    cuts: Vec<Index>,
    controls: Vec<(Index, Received)>,
    mask: [u8; 4],
}

fn sent() -> impl Strategy<Value = Sent> {
    let controls = vec((any::<Index>(), control()), 0..3);
    (
        data(),
        vec(any::<Index>(), 0..4),
        controls,
        any::<[u8; 4]>(),
    )
        .prop_map(|(message, cuts, controls, mask)| Sent {
            message,
            cuts,
            controls,
            mask,
        })
}

impl Sent {
    /// The bytes on the wire, and the messages in the order of their last bytes.
    fn write(&self, stream: &mut Vec<u8>, expected: &mut Vec<Received>) {
        let (opcode, payload) = match &self.message {
            Received::Text(payload) => (TEXT, payload),
            Received::Binary(payload) => (BINARY, payload),
            other => return write_control(other, self.mask, stream, expected),
        };
        let mut cuts: Vec<usize> = (self.cuts.iter())
            .map(|cut| cut.index(payload.len() + 1))
            .collect();
        cuts.push(payload.len());
        cuts.sort_unstable();
        let mut start = 0;
        for (i, &end) in cuts.iter().enumerate() {
            for (_, message) in (self.controls.iter()).filter(|(at, _)| at.index(cuts.len()) == i) {
                write_control(message, self.mask, stream, expected);
            }
            let opcode = if i == 0 { opcode } else { CONTINUATION };
            let fin = i + 1 == cuts.len();
            stream.extend(frame(fin, opcode, &payload[start..end], self.mask));
            start = end;
        }
        expected.push(self.message.clone());
    }
}

fn write_control(
    message: &Received,
    mask: [u8; 4],
    stream: &mut Vec<u8>,
    expected: &mut Vec<Received>,
) {
    let (opcode, payload) = match message {
        Received::Ping(payload) => (PING, payload.clone()),
        Received::Pong(payload) => (PONG, payload.clone()),
        Received::Close(Some((code, reason))) => {
            (CLOSE, [&code.to_be_bytes(), &reason[..]].concat())
        }
        _ => (CLOSE, vec![]),
    };
    stream.extend(frame(true, opcode, &payload, mask));
    expected.push(message.clone());
}

/// A valid stream and what it says. What follows a close frame is to be ignored.
#[derive(Debug, Clone)]
struct Conversation {
    stream: Vec<u8>,
    expected: Outcome,
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let end = proptest::option::of((close(), vec(any::<u8>(), 0..20)));
    (vec(sent(), 0..6), end, any::<[u8; 4]>()).prop_map(|(sent, end, mask)| {
        let mut stream = vec![];
        let mut expected = vec![];
        for message in sent {
            message.write(&mut stream, &mut expected);
        }
        let mut progress = Progress::Open;
        if let Some((close, rest)) = end {
            write_control(&close, mask, &mut stream, &mut expected);
            stream.extend(rest);
            progress = Progress::Closed;
        }
        Conversation {
            stream,
            expected: (expected, Ok(progress)),
        }
    })
}

/// Sizes of successive reads.
fn reads() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        vec(1..20usize, 1..20),
        vec(1..3000usize, 1..10),
    ]
}

fn pieces<'a>(mut stream: &'a [u8], reads: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = vec![];
    for &read in reads.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (piece, rest) = stream.split_at(read.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_valid_stream_gives_its_messages_however_it_is_read(
        conversation in conversation(),
        reads in reads(),
        least in 1..2000usize,
    ) {
        let Conversation { stream, expected } = conversation;
        let options = DecoderOptions::default();
        prop_assert_eq!(&decode(options, &stream), &expected);
        prop_assert_eq!(&decode_pieces(options, &pieces(&stream, &reads)), &expected);
        prop_assert_eq!(&decode_windowed(options, &stream, &reads, least), &expected);
    }

    #[test]
    fn a_damaged_stream_gives_the_same_messages_and_error_however_it_is_read(
        conversation in conversation(),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<Index>()),
        max_frame_size in proptest::option::of(0..6000u64),
        validate_utf8 in any::<bool>(),
        reads in reads(),
        least in 1..2000usize,
    ) {
        let mut stream = conversation.stream;
        if !stream.is_empty() {
            for (at, byte) in damage {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
            if let Some(cut) = cut {
                stream.truncate(cut.index(stream.len()));
            }
        }
        let options = DecoderOptions { max_frame_size, validate_utf8, ..DecoderOptions::default() };
        let whole = decode(options, &stream);
        prop_assert_eq!(&decode_pieces(options, &pieces(&stream, &reads)), &whole);
        prop_assert_eq!(&decode_windowed(options, &stream, &reads, least), &whole);
    }

    #[test]
    fn a_valid_stream_gives_the_messages_that_tungstenite_reads(conversation in conversation()) {
        let Conversation { stream, expected } = conversation;
        prop_assert_eq!(tungstenite_reads(&stream), expected.0);
    }
}

/// A socket with a stream in it, and nobody who reads.
struct Socket(Cursor<Vec<u8>>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite_reads(stream: &[u8]) -> Vec<Received> {
    let config = WebSocketConfig::default()
        .max_frame_size(None)
        .max_message_size(None);
    let socket = Socket(Cursor::new(stream.to_vec()));
    let mut socket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    let mut received = vec![];
    while let Ok(message) = socket.read() {
        received.push(match message {
            tungstenite::Message::Text(text) => Received::Text(text.as_bytes().to_vec()),
            tungstenite::Message::Binary(bytes) => Received::Binary(bytes.to_vec()),
            tungstenite::Message::Ping(bytes) => Received::Ping(bytes.to_vec()),
            tungstenite::Message::Pong(bytes) => Received::Pong(bytes.to_vec()),
            tungstenite::Message::Close(close) => Received::Close(
                close.map(|close| (close.code.into(), close.reason.as_bytes().to_vec())),
            ),
            tungstenite::Message::Frame(_) => unreachable!("only written, never read"),
        });
    }
    received
}

#[test]
fn a_split_at_every_byte_changes_nothing() {
    let text = "naïve €😀".repeat(20);
    let (text, mid) = (text.as_bytes(), 100);
    let stream = [
        frame(false, TEXT, &text[..mid], MASK),
        frame(true, PING, b"between", [1, 2, 3, 4]),
        frame(false, CONTINUATION, b"", MASK),
        frame(true, CONTINUATION, &text[mid..], [5, 6, 7, 8]),
        frame(true, PONG, b"", MASK),
        frame(true, BINARY, &[0xff; 70_000], MASK),
        frame(true, CLOSE, b"\x03\xe8bye", MASK),
    ]
    .concat();
    let expected = (
        vec![
            Received::Ping(b"between".to_vec()),
            Received::Text(text.to_vec()),
            Received::Pong(vec![]),
            Received::Binary(vec![0xff; 70_000]),
            Received::Close(Some((1000, b"bye".to_vec()))),
        ],
        Ok(Progress::Closed),
    );
    let options = DecoderOptions::default();
    let interesting = (0..400).chain(stream.len() - 100..=stream.len());
    for split in interesting {
        let (head, tail) = stream.split_at(split);
        assert_eq!(
            decode_pieces(options, &[head, tail]),
            expected,
            "split at {split}"
        );
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode_pieces(options, &single), expected);
}
