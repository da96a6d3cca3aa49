//! Whether the server sends back what it was sent: byte for byte, or inflated first.

use anyhow::{Context, Result, ensure};
use zlib_rs::{Inflate, InflateFlush};

use crate::messages::{Coding, DEFLATE_TAIL, Messages, RSV1};

/// Inflating all replies would cost more than all else that the client does: one connection in so many is checked.
const INFLATED: usize = 8;

/// What a connection has received of the replies to the messages that it has sent.
pub enum Replies {
    /// The frames are known before they arrive
    Same {
        /// Replies complete
        count: u64,
        /// Bytes of the next one
        offset: usize,
    },
    /// What a frame says is known, what it looks like is not
    Deflated(Box<Frames>),
}

/// Frames of unknown length, one after the other.
pub struct Frames {
    count: u64,
    header: Vec<u8>,
    /// Bytes of the payload that are still to come, once the header is there
    missing: Option<usize>,
    payload: Vec<u8>,
    /// Only of connections that are checked
    inflate: Option<Inflate>,
}

impl Replies {
    /// Nothing received yet by the connection of this index.
    pub fn new(messages: &Messages, index: usize) -> Self {
        match messages.coding() {
            Coding::Plain => Replies::Same {
                count: 0,
                offset: 0,
            },
            Coding::Deflate => Replies::Deflated(Box::new(Frames {
                count: 0,
                header: Vec::with_capacity(10),
                missing: None,
                payload: Vec::new(),
                inflate: index
                    .is_multiple_of(INFLATED)
                    .then(|| Inflate::new(false, 15)),
            })),
        }
    }

    /// How many replies are complete.
    pub fn count(&self) -> u64 {
        match self {
            Replies::Same { count, .. } => *count,
            Replies::Deflated(frames) => frames.count,
        }
    }

    /// Checks what has arrived and returns how many replies it completes.
    pub fn take(&mut self, received: &[u8], messages: &Messages) -> Result<usize> {
        match self {
            Replies::Same { count, offset } => same(count, offset, received, messages),
            Replies::Deflated(frames) => frames.take(received, messages),
        }
    }
}

fn same(
    count: &mut u64,
    offset: &mut usize,
    mut received: &[u8],
    messages: &Messages,
) -> Result<usize> {
    let length = messages.reply_length();
    let mut complete = 0;
    while !received.is_empty() {
        let (piece, rest) = received.split_at(received.len().min(length - *offset));
        ensure!(
            messages.matches(*count, *offset, piece),
            "reply {count} differs from the message at or after byte {offset}: {:02x?}",
            &piece[..piece.len().min(16)]
        );
        *offset += piece.len();
        if *offset == length {
            *count += 1;
            *offset = 0;
            complete += 1;
        }
        received = rest;
    }
    Ok(complete)
}

impl Frames {
    fn take(&mut self, mut received: &[u8], messages: &Messages) -> Result<usize> {
        let before = self.count;
        while !received.is_empty() {
            received = match self.missing {
                None => self.take_header(received)?,
                Some(missing) => self.take_payload(received, missing),
            };
            if self.missing == Some(0) {
                self.finish(messages)?;
            }
        }
        Ok(usize::try_from(self.count - before)?)
    }

    fn take_header<'r>(&mut self, received: &'r [u8]) -> Result<&'r [u8]> {
        self.header.push(received[0]);
        if let [first, second, length @ ..] = &self.header[..] {
            ensure!(
                first & !RSV1 == 0x81,
                "reply {} begins with {first:#04x}, which no text message does",
                self.count
            );
            let bytes = match second {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            if length.len() == bytes {
                let long = length
                    .iter()
                    .fold(0, |long, byte| long << 8 | usize::from(*byte));
                self.missing = Some(if bytes == 0 {
                    usize::from(*second)
                } else {
                    long
                });
            }
        }
        Ok(&received[1..])
    }

    fn take_payload<'r>(&mut self, received: &'r [u8], missing: usize) -> &'r [u8] {
        let (piece, rest) = received.split_at(received.len().min(missing));
        if self.inflate.is_some() {
            self.payload.extend_from_slice(piece);
        }
        self.missing = Some(missing - piece.len());
        rest
    }

    fn finish(&mut self, messages: &Messages) -> Result<()> {
        if let Some(inflate) = &mut self.inflate {
            let expected = messages.payload(self.count);
            let is_compressed = self.header[0] & RSV1 != 0;
            let inflated;
            let said = if is_compressed {
                self.payload.extend_from_slice(&DEFLATE_TAIL);
                inflated = inflated_message(inflate, &self.payload, expected.len())
                    .with_context(|| format!("reply {} can't be inflated", self.count))?;
                &inflated
            } else {
                &self.payload
            };
            ensure!(
                said == expected,
                "reply {} differs from the message",
                self.count
            );
        }
        self.count += 1;
        self.header.clear();
        self.payload.clear();
        self.missing = None;
        Ok(())
    }
}

fn inflated_message(inflate: &mut Inflate, compressed: &[u8], length: usize) -> Result<Vec<u8>> {
    // One more than is expected, so that too long a message is noticed.
    let mut message = vec![0; length + 1];
    let before = inflate.total_out();
    inflate
        .decompress(compressed, &mut message, InflateFlush::SyncFlush)
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    message.truncate(usize::try_from(inflate.total_out() - before)?);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Kind;
    use zlib_rs::{Deflate, DeflateFlush};

    /// The replies of a server that keeps its window from message to message.
    fn compressed(messages: &Messages, count: u64) -> Vec<u8> {
        let mut deflate = Deflate::new(9, false, 15);
        let mut wire = Vec::new();
        for number in 0..count {
            let mut out = vec![0; 4096];
            let before = deflate.total_out();
            deflate
                .compress(messages.payload(number), &mut out, DeflateFlush::SyncFlush)
                .unwrap();
            out.truncate((deflate.total_out() - before) as usize - 4);
            wire.extend([0xc1, 126, (out.len() >> 8) as u8, out.len() as u8]);
            wire.extend(out);
        }
        wire
    }

    #[test]
    fn compressed_replies_are_checked_in_whatever_pieces_they_arrive() {
        let messages = Messages::coded(Kind::Json, 1024, 1, Coding::Deflate);
        let wire = compressed(&messages, 5);
        for size in [1, 7, 4000] {
            let mut replies = Replies::new(&messages, 0);
            let mut complete = 0;
            for piece in wire.chunks(size) {
                complete += replies.take(piece, &messages).unwrap();
            }
            assert_eq!((complete, replies.count()), (5, 5));
        }
    }

    #[test]
    fn a_compressed_reply_to_another_message_is_noticed() {
        let messages = Messages::coded(Kind::Json, 1024, 1, Coding::Deflate);
        let wire = compressed(&messages, 1);
        let mut replies = Replies::new(&messages, 0);
        replies.take(&wire, &messages).unwrap();
        let error = replies.take(&wire, &messages).unwrap_err();
        assert!(error.to_string().starts_with("reply 1 "), "{error}");
    }

    #[test]
    fn a_reply_that_was_not_compressed_is_compared_as_it_is() {
        let messages = Messages::coded(Kind::Json, 64, 1, Coding::Deflate);
        let mut wire = vec![0x81, 64];
        wire.extend_from_slice(messages.payload(0));
        assert_eq!(
            Replies::new(&messages, 0).take(&wire, &messages).unwrap(),
            1
        );
        wire[9] ^= 1;
        assert!(Replies::new(&messages, 0).take(&wire, &messages).is_err());
    }
}
