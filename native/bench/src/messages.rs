//! The messages that a client sends, laid out once, so that sending costs one `write` and checking one comparison.

use clap::ValueEnum;
use serde::Serialize;

/// Type of the data frames that are echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// ASCII text
    Text,
    /// Bytes of every value
    Binary,
}

/// Any key but zero: a server may take a short cut with that one.
const MASK_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Replies are compared whole up to this length, longer ones in samples.
const COMPARED_WHOLE: usize = 4096;

/// A longer reply is compared whole once in so many messages.
const SAMPLE: u64 = 8;

/// How much of an unsampled long reply is compared at either end.
const COMPARED_ENDS: usize = 64;

/// An endless sequence of messages, numbered from 0. Neighbours differ, so that a reply out of order is noticed.
pub struct Messages {
    wire: Vec<u8>,
    frame_length: usize,
    replies: Vec<Vec<u8>>,
}

impl Messages {
    /// Lays out messages of `size` bytes, of which up to `depth` can be written at once.
    pub fn new(kind: Kind, size: usize, depth: usize) -> Self {
        let variants = if size <= 16_384 { 8 } else { 2 };
        let payloads: Vec<Vec<u8>> = (0..variants).map(|v| payload(kind, size, v)).collect();
        let opcode = match kind {
            Kind::Text => 1,
            Kind::Binary => 2,
        };
        let frames: Vec<Vec<u8>> = payloads.iter().map(|p| masked_frame(opcode, p)).collect();
        let wire = (0..variants + depth)
            .flat_map(|i| frames[i % variants].iter().copied())
            .collect();
        let replies = payloads.iter().map(|p| frame(opcode, p)).collect();
        Messages {
            wire,
            frame_length: frames[0].len(),
            replies,
        }
    }

    /// The bytes on the wire of `count` messages from number `first` on.
    pub fn frames(&self, first: u64, count: usize) -> &[u8] {
        let start = self.variant(first) * self.frame_length;
        &self.wire[start..start + count * self.frame_length]
    }

    /// Length of the reply to any message, in bytes on the wire.
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

/// The close frame of a client, code 1000.
pub fn close_frame() -> Vec<u8> {
    masked_frame(8, &1000u16.to_be_bytes())
}

fn payload(kind: Kind, size: usize, variant: usize) -> Vec<u8> {
    (0..size)
        .map(|i| {
            let byte = (i * 7 + i / 251 + variant * 31) % 256;
            match kind {
                Kind::Text => b' ' + (byte % 95) as u8,
                Kind::Binary => byte as u8,
            }
        })
        .collect()
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
        let messages = Messages::new(Kind::Text, 64, 16);
        let each: Vec<u8> = (5..21)
            .flat_map(|n| messages.frames(n, 1).to_vec())
            .collect();
        assert_eq!(messages.frames(5, 16), each);
    }
}
