//! The messages that a client sends, laid out once, so that sending costs one `write` and checking one comparison.

use std::fmt::Write;

use clap::ValueEnum;
use serde::Serialize;
use zlib_rs::{Deflate, DeflateFlush, Status};

/// What is in the data frames that are echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// ASCII text
    Text,
    /// Bytes of every value
    Binary,
    /// Text that compresses as JSON does
    Json,
}

/// How the payload goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Coding {
    /// As it is
    Plain,
    /// permessage-deflate (RFC 7692)
    Deflate,
}

/// Any key but zero: a server may take a short cut with that one.
const MASK_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Replies are compared whole up to this length, longer ones in samples.
const COMPARED_WHOLE: usize = 4096;

/// A longer reply is compared whole once in so many messages.
const SAMPLE: u64 = 8;

/// How much of an unsampled long reply is compared at either end.
const COMPARED_ENDS: usize = 64;

/// So many different messages of JSON are more than a window of 32 KiB holds, so that none is found whole in it.
const JSON_VARIANTS: usize = 64;

/// What a sync flush ends with, and a message leaves out (RFC 7692 7.2.1).
pub const DEFLATE_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An endless sequence of messages, numbered from 0. Neighbours differ, so that a reply out of order is noticed.
pub struct Messages {
    /// Masked frames, one after the other
    wire: Vec<u8>,
    /// Where each frame begins in `wire`, and the end of the last
    starts: Vec<usize>,
    /// Frames that can be written at once, from wherever
    depth: usize,
    payloads: Vec<Vec<u8>>,
    /// The frames that the server sends back, unless it compresses
    replies: Vec<Vec<u8>>,
    coding: Coding,
}

impl Messages {
    /// Lays out messages of `size` bytes, of which up to `depth` can be written at once.
    pub fn new(kind: Kind, size: usize, depth: usize) -> Self {
        Messages::coded(kind, size, depth, Coding::Plain)
    }

    /// The same, compressed or not. Compressed messages do not refer to one another: a client may do so (RFC 7692 7.2.3.1).
    pub fn coded(kind: Kind, size: usize, depth: usize, coding: Coding) -> Self {
        let variants = match kind {
            Kind::Json => JSON_VARIANTS,
            _ if size <= 16_384 => 8,
            _ => 2,
        };
        let payloads: Vec<Vec<u8>> = (0..variants).map(|v| payload(kind, size, v)).collect();
        let opcode = match kind {
            Kind::Text | Kind::Json => 1,
            Kind::Binary => 2,
        };
        let frames: Vec<Vec<u8>> = payloads
            .iter()
            .map(|payload| match coding {
                Coding::Plain => masked_frame(opcode, payload),
                Coding::Deflate => masked_frame(RSV1 | opcode, &deflated(payload)),
            })
            .collect();
        let mut wire = Vec::new();
        let mut starts = vec![0];
        for index in 0..variants + depth {
            wire.extend_from_slice(&frames[index % variants]);
            starts.push(wire.len());
        }
        let replies = payloads.iter().map(|p| frame(opcode, p)).collect();
        Messages {
            wire,
            starts,
            depth,
            payloads,
            replies,
            coding,
        }
    }

    /// How many messages can be written at once.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How they go over the wire.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// The bytes on the wire of `count` messages from number `first` on; `count` is at most the depth.
    pub fn frames(&self, first: u64, count: usize) -> &[u8] {
        let first = self.variant(first);
        &self.wire[self.starts[first]..self.starts[first + count]]
    }

    /// Length of the frame of message `number` on the wire.
    pub fn frame_length(&self, number: u64) -> usize {
        self.frames(number, 1).len()
    }

    /// What message `number` says.
    pub fn payload(&self, number: u64) -> &[u8] {
        &self.payloads[self.variant(number)]
    }

    /// Length of the reply to any message that is not compressed, in bytes on the wire.
    pub fn reply_length(&self) -> usize {
        self.replies[0].len()
    }

    /// Whether `received` is what stands at `offset` of the reply to message `number`.
    pub fn matches(&self, number: u64, offset: usize, received: &[u8]) -> bool {
        let reply = &self.replies[self.variant(number)];
        let length = reply.len();
        let same = |from: usize, to: usize| {
            let (from, to) = (from.max(offset), to.min(offset + received.len()));
            from >= to || received[from - offset..to - offset] == reply[from..to]
        };
        if length <= COMPARED_WHOLE || number.is_multiple_of(SAMPLE) {
            same(0, length)
        } else {
            same(0, COMPARED_ENDS) && same(length - COMPARED_ENDS, length)
        }
    }

    fn variant(&self, number: u64) -> usize {
        usize::try_from(number % self.replies.len() as u64).expect("fewer than 2^32 variants")
    }
}

/// The bit of a frame's first byte that says that its message is compressed.
pub const RSV1: u8 = 0x40;

/// The close frame of a client, code 1000.
pub fn close_frame() -> Vec<u8> {
    masked_frame(8, &1000u16.to_be_bytes())
}

fn payload(kind: Kind, size: usize, variant: usize) -> Vec<u8> {
    if kind == Kind::Json {
        return json(size, variant);
    }
    (0..size)
        .map(|i| {
            let byte = (i * 7 + i / 251 + variant * 31) % 256;
            match kind {
                Kind::Binary => byte as u8,
                Kind::Text | Kind::Json => b' ' + (byte % 95) as u8,
            }
        })
        .collect()
}

/// A list of records whose keys repeat and whose values do not, cut off at `size`.
fn json(size: usize, variant: usize) -> Vec<u8> {
    let mut state = (variant as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = || {
        // xorshift64: the same messages in each run, on each machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::from("[");
    while text.len() < size {
        let (id, user, price) = (random() % 1_000_000, random() >> 24, random() % 100_000);
        let side = if random().is_multiple_of(2) {
            "buy"
        } else {
            "sell"
        };
        writeln!(
            text,
            r#"{{"id":{id},"user":"{user:010x}","side":"{side}","price":{}.{:02},"quantity":{},"open":true}},"#,
            price / 100,
            price % 100,
            random() % 500
        )
        .expect("a String takes what it is given");
    }
    text.truncate(size);
    text.into_bytes()
}

/// The message as permessage-deflate sends it, without reference to any other.
fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut deflate = Deflate::new(6, false, 15);
    let mut out = vec![0; payload.len() + payload.len() / 8 + 64];
    let status = deflate
        .compress(payload, &mut out, DeflateFlush::SyncFlush)
        .expect("any bytes can be compressed");
    debug_assert!(matches!(status, Status::Ok));
    out.truncate(usize::try_from(deflate.total_out()).expect("it fits in memory"));
    assert!(
        out.ends_with(&DEFLATE_TAIL),
        "a sync flush ends with an empty block"
    );
    out.truncate(out.len() - DEFLATE_TAIL.len());
    out
}

fn header(opcode: u8, length: usize, mask_bit: u8) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    match length {
        0..126 => header.push(mask_bit | length as u8),
        126..65_536 => {
            header.push(mask_bit | 126);
            header.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            header.push(mask_bit | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

fn masked_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0x80);
    frame.extend_from_slice(&MASK_KEY);
    frame.extend(
        payload
            .iter()
            .zip(MASK_KEY.iter().cycle())
            .map(|(b, k)| b ^ k),
    );
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_frames_carry_their_payload_masked() {
        let messages = Messages::new(Kind::Text, 5, 1);
        let sent = messages.frames(0, 1);
        assert_eq!(&sent[..2], &[0x81, 0x85]);
        let unmasked: Vec<u8> = (0..5).map(|i| sent[6 + i] ^ sent[2 + i % 4]).collect();
        assert!(messages.matches(0, 2, &unmasked));
        assert_ne!(&sent[6..], &unmasked);
    }

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(header(1, 125, 0), [0x81, 125]);
        assert_eq!(header(1, 126, 0), [0x81, 126, 0, 126]);
        assert_eq!(
            header(2, 65_536, 0x80),
            [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }

    #[test]
    fn a_reply_to_another_message_does_not_match() {
        for size in [64, 100_000] {
            let messages = Messages::new(Kind::Binary, size, 1);
            let reply = messages.replies[1].clone();
            assert!(messages.matches(1, 0, &reply));
            assert!(!messages.matches(2, 0, &reply));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_in_whatever_piece_it_arrives() {
        let messages = Messages::new(Kind::Binary, 100_000, 1);
        let mut reply = messages.replies[0].clone();
        reply[50_000] ^= 1;
        assert!(messages.matches(0, 0, &reply[..50_000]));
        assert!(!messages.matches(0, 49_999, &reply[49_999..50_001]));
        assert!(messages.matches(0, 50_001, &reply[50_001..]));
    }

    #[test]
    fn a_batch_is_its_messages_in_a_row() {
        for coding in [Coding::Plain, Coding::Deflate] {
            let messages = Messages::coded(Kind::Json, 200, 16, coding);
            let each: Vec<u8> = (60..76)
                .flat_map(|n| messages.frames(n, 1).to_vec())
                .collect();
            assert_eq!(messages.frames(60, 16), each);
        }
    }

    #[test]
    fn json_compresses_to_about_a_third_and_no_two_messages_are_alike() {
        let messages = Messages::coded(Kind::Json, 1024, 1, Coding::Deflate);
        let lengths: Vec<usize> = (0..64).map(|n| messages.frame_length(n)).collect();
        assert!(
            lengths.iter().all(|length| (250..550).contains(length)),
            "{lengths:?}"
        );
        for number in 1..64 {
            assert_ne!(messages.payload(number - 1), messages.payload(number));
        }
    }
}
