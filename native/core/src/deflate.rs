//! permessage-deflate (RFC 7692) and x-webkit-deflate-frame: messages to DEFLATE and back.
//!
//! A connection owns no zlib context; what an idle one costs is what it has seen. Each thread has one inflater, which is
//! reset for every message and told of the messages before it (zlib's dictionary): measured, that takes 4 us at most. And it has
//! some compressors, for the connections that used them last, so that a conversation under way gives the bytes of one
//! context. A connection that has lost its compressor to another goes on with a dictionary, too.

use crate::payload::PayloadBuf;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use zlib_rs::{
    Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush, Method, Status, Strategy,
};

/// What a sync flush ends with, and a message leaves out (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// An empty message (RFC 7692 7.2.3.6).
const EMPTY: u8 = 0x00;
/// Bytes of sent messages that the next one may refer to if its connection has lost its compressor. More makes messages
/// hardly smaller and each much dearer, because a dictionary is hashed as a whole.
const HISTORY: usize = 4096;
/// Base-2 logarithm of the window that compressors use at most, whatever was negotiated. Searching the 32 KiB that a client may
/// have to keep takes twice as long for a message of 1 KiB (34 us against 18) and makes it 3 % smaller.
const WINDOW_BITS: u8 = 13;
/// Compressors that a thread keeps, of about 200 KiB each.
const KEPT: usize = 64;
/// Output grows by this much at least.
const STEP: usize = 256;

/// How compression was negotiated, and how to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compression {
    /// zlib's level.
    #[serde(deserialize_with = "level")]
    pub level: i32,
    /// zlib's memLevel.
    #[serde(deserialize_with = "mem_level")]
    pub mem_level: i32,
    pub strategy: CompressionStrategy,
    /// Whether what we send may refer to messages before it.
    pub server_context_takeover: bool,
    /// Whether what the client sends may refer to messages before it.
    pub client_context_takeover: bool,
    /// Base-2 logarithm of the window of what we send. 8 is taken for 9, as by zlib.
    #[serde(deserialize_with = "window_bits")]
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the window of what the client sends.
    #[serde(deserialize_with = "window_bits")]
    pub client_max_window_bits: u8,
    /// Messages of fewer bytes are sent as they are.
    pub threshold: usize,
    /// x-webkit-deflate-frame: every frame is compressed by itself.
    pub per_frame: bool,
}

/// zlib's strategies, as Erlang's `zlib` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum CompressionStrategy {
    Default,
    Filtered,
    HuffmanOnly,
    Rle,
    Fixed,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            level: 9,
            mem_level: 8,
            strategy: CompressionStrategy::Default,
            server_context_takeover: true,
            client_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            threshold: 0,
            per_frame: false,
        }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    within(deserializer, 0, 9, "an integer from 0 to 9")
}

fn mem_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    within(deserializer, 1, 9, "an integer from 1 to 9")
}

fn window_bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(deserializer, 8, 15, "an integer from 8 to 15").map(|bits| bits as u8)
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    least: i32,
    most: i32,
    allowed: &str,
) -> Result<i32, D::Error> {
    let value = i32::deserialize(deserializer)?;
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let found = de::Unexpected::Signed(i64::from(value));
    Err(de::Error::invalid_value(found, &allowed))
}

impl Compression {
    /// zlib takes 8 for 9.
    fn own_window_bits(self) -> u8 {
        self.server_max_window_bits.clamp(9, WINDOW_BITS)
    }

    fn config(self) -> DeflateConfig {
        DeflateConfig {
            level: self.level,
            method: Method::Deflated,
            window_bits: -i32::from(self.own_window_bits()),
            mem_level: self.mem_level,
            strategy: match self.strategy {
                CompressionStrategy::Default => Strategy::Default,
                CompressionStrategy::Filtered => Strategy::Filtered,
                CompressionStrategy::HuffmanOnly => Strategy::HuffmanOnly,
                CompressionStrategy::Rle => Strategy::Rle,
                CompressionStrategy::Fixed => Strategy::Fixed,
            },
        }
    }
}

/// A thread's compressor.
struct Kept {
    /// The connection that used it last.
    owner: u64,
    level: i32,
    mem_level: i32,
    strategy: CompressionStrategy,
    window_bits: u8,
    deflate: Deflate,
}

impl Kept {
    fn new(owner: u64, compression: Compression) -> Self {
        Kept {
            owner,
            level: compression.level,
            mem_level: compression.mem_level,
            strategy: compression.strategy,
            window_bits: compression.own_window_bits(),
            deflate: Deflate::new_with_config(compression.config()),
        }
    }

    fn serves(&self, compression: Compression) -> bool {
        self.level == compression.level
            && self.mem_level == compression.mem_level
            && self.strategy == compression.strategy
            && self.window_bits == compression.own_window_bits()
    }
}

/// Owns the compressors of all connections without context takeover.
const SHARED: u64 = 0;
static NEXT_OWNER: AtomicU64 = AtomicU64::new(SHARED + 1);

thread_local! {
    /// The most recently used one first.
    static DEFLATERS: RefCell<VecDeque<Kept>> = const { RefCell::new(VecDeque::new()) };
    static INFLATER: RefCell<Inflate> = RefCell::new(Inflate::new(false, 15));
}

/// Compresses what one connection sends.
#[derive(Debug)]
pub struct Compressor {
    compression: Compression,
    /// Names this connection among those that use a thread's compressors.
    owner: u64,
    history: History,
}

impl Compressor {
    /// A compressor that has sent nothing yet.
    pub fn new(compression: Compression) -> Self {
        let window = 1 << compression.own_window_bits();
        let kept = match compression.server_context_takeover {
            true => HISTORY.min(window),
            false => 0,
        };
        Compressor {
            compression,
            owner: match compression.server_context_takeover {
                true => NEXT_OWNER.fetch_add(1, Ordering::Relaxed),
                false => SHARED,
            },
            history: History::new(kept),
        }
    }

    /// Whether a message is worth it.
    pub fn wants(&self, payload: &[u8]) -> bool {
        payload.len() >= self.compression.threshold
    }

    /// Appends the payload of a compressed message to `out`.
    pub fn compress(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if payload.is_empty() {
            out.push(EMPTY);
            return;
        }
        DEFLATERS.with_borrow_mut(|deflaters| {
            let deflate = self.deflater(deflaters);
            deflate_all(deflate, payload, out);
            debug_assert!(out.ends_with(&TAIL));
            out.truncate(out.len() - TAIL.len());
        });
        self.history.push(payload);
    }

    /// The compressor that this connection used last, or another that is told what it has sent.
    fn deflater<'a>(&self, deflaters: &'a mut VecDeque<Kept>) -> &'a mut Deflate {
        let found = deflaters
            .iter()
            .position(|kept| kept.owner == self.owner && kept.serves(self.compression));
        if let Some(at) = found.filter(|_| self.compression.server_context_takeover) {
            return &mut to_front(deflaters, at).deflate;
        }
        let last = deflaters.len().wrapping_sub(1);
        let reused = match found {
            Some(at) => Some(at),
            None if deflaters.len() < KEPT => None,
            None if deflaters[last].serves(self.compression) => Some(last),
            None => {
                deflaters.pop_back();
                None
            }
        };
        let kept = match reused {
            Some(at) => {
                let kept = to_front(deflaters, at);
                kept.owner = self.owner;
                kept.deflate.reset();
                kept
            }
            None => {
                deflaters.push_front(Kept::new(self.owner, self.compression));
                &mut deflaters[0]
            }
        };
        if !self.history.bytes.is_empty() {
            // Fails for no raw stream that was just reset.
            let _ = kept.deflate.set_dictionary(&self.history.bytes);
        }
        &mut kept.deflate
    }
}

fn to_front(deflaters: &mut VecDeque<Kept>, at: usize) -> &mut Kept {
    if let Some(kept) = deflaters.remove(at) {
        deflaters.push_front(kept);
    }
    &mut deflaters[0]
}

fn deflate_all(deflate: &mut Deflate, mut input: &[u8], out: &mut Vec<u8>) {
    let mut filled = out.len();
    let mut room = input.len() / 2 + STEP;
    loop {
        out.resize(filled + room, 0);
        let (consumed, produced) = (deflate.total_in(), deflate.total_out());
        let flush = DeflateFlush::SyncFlush;
        let result = deflate.compress(input, &mut out[filled..], flush);
        input = &input[(deflate.total_in() - consumed) as usize..];
        filled += (deflate.total_out() - produced) as usize;
        // A flush is complete once it leaves room in the output.
        if filled < out.len() || result.is_err() {
            out.truncate(filled);
            return;
        }
        room = room.max(STEP) * 2;
    }
}

/// Why a compressed message can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// Not DEFLATE, or it refers to bytes that the window does not have.
    Corrupt,
    /// More than the limit comes out.
    TooLong,
}

/// Inflates what one connection receives.
#[derive(Debug)]
pub struct Decompressor {
    window: History,
}

impl Decompressor {
    /// A decompressor that has seen nothing yet.
    pub fn new(compression: Compression) -> Self {
        let kept = match compression.client_context_takeover {
            true => 1 << compression.client_max_window_bits,
            false => 0,
        };
        Decompressor {
            window: History::new(kept),
        }
    }

    /// Inflates the payload of one compressed message, up to `limit` bytes: no more than that is ever written.
    pub fn inflate<P: PayloadBuf>(
        &mut self,
        compressed: &[u8],
        limit: u64,
    ) -> Result<P, InflateError> {
        let expected = compressed.len().saturating_mul(4).max(STEP);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut inflated = P::with_capacity(expected.min(limit).max(1));
        INFLATER.with_borrow_mut(|inflate| {
            inflate.reset(false);
            if !self.window.bytes.is_empty() {
                let known = inflate.set_dictionary(&self.window.bytes);
                known.map_err(|_| InflateError::Corrupt)?;
            }
            let mut input = compressed;
            let mut in_tail = false;
            loop {
                inflate_piece(inflate, &mut input, &mut inflated, limit)?;
                if !input.is_empty() {
                    // A block said that it was the last one; the next begins afresh, with the same window.
                    inflate.reset(false);
                    let seen = self.window.with(inflated.as_slice());
                    let known = inflate.set_dictionary(&seen);
                    known.map_err(|_| InflateError::Corrupt)?;
                } else if in_tail {
                    return Ok(());
                } else {
                    in_tail = true;
                    input = &TAIL;
                }
            }
        })?;
        self.window.push(inflated.as_slice());
        Ok(inflated)
    }
}

/// Inflates until the input or a last block ends.
fn inflate_piece<P: PayloadBuf>(
    inflate: &mut Inflate,
    input: &mut &[u8],
    inflated: &mut P,
    limit: usize,
) -> Result<(), InflateError> {
    loop {
        let room = limit - inflated.len();
        let mut beyond = [0; 1];
        let output = match room {
            0 => &mut beyond[..],
            room => inflated.window(room),
        };
        let length = output.len();
        let (consumed, produced) = (inflate.total_in(), inflate.total_out());
        let result = inflate.decompress(input, output, InflateFlush::SyncFlush);
        let status = result.map_err(|_| InflateError::Corrupt)?;
        *input = &input[(inflate.total_in() - consumed) as usize..];
        let written = (inflate.total_out() - produced) as usize;
        if room == 0 && written > 0 {
            return Err(InflateError::TooLong);
        }
        if room > 0 {
            inflated.advance(written);
        }
        if status == Status::StreamEnd || (input.is_empty() && written < length) {
            return Ok(());
        }
        if written == 0 && status == Status::BufError {
            // No progress although there is input and room: can't be DEFLATE.
            return Err(InflateError::Corrupt);
        }
    }
}

/// The last bytes of a stream, as many as the other side may refer to.
#[derive(Debug, Default)]
struct History {
    bytes: Vec<u8>,
    kept: usize,
}

impl History {
    fn new(kept: usize) -> Self {
        History {
            bytes: Vec::new(),
            kept,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(self.kept)..];
        let excess = (self.bytes.len() + new.len()).saturating_sub(self.kept);
        self.bytes.drain(..excess);
        self.bytes.reserve_exact(new.len());
        self.bytes.extend_from_slice(new);
    }

    /// What it would be after `bytes`, which are within the current message: all of its window counts.
    fn with(&self, bytes: &[u8]) -> Vec<u8> {
        const WINDOW: usize = 1 << 15;
        let new = &bytes[bytes.len().saturating_sub(WINDOW)..];
        let old = &self.bytes[self.bytes.len().saturating_sub(WINDOW - new.len())..];
        [old, new].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::VecPayload;

    fn round_trip(compression: Compression, messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut compressor = Compressor::new(compression);
        // What the server sends is what this client receives.
        let mut decompressor = Decompressor::new(Compression {
            client_context_takeover: compression.server_context_takeover,
            client_max_window_bits: compression.server_max_window_bits,
            ..compression
        });
        let mut all = Vec::new();
        for message in messages {
            let mut compressed = Vec::new();
            compressor.compress(message, &mut compressed);
            let inflated: VecPayload = decompressor
                .inflate(&compressed, message.len() as u64)
                .unwrap();
            assert_eq!(inflated.as_slice(), *message);
            all.push(compressed);
        }
        all
    }

    #[test]
    fn a_repeated_message_refers_to_the_first_one() {
        let sent = round_trip(Compression::default(), &[b"Hello", b"Hello", b"", b"Hello"]);
        assert_eq!(sent[0], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(sent[1], [0xf2, 0x00, 0x11, 0x00, 0x00]);
        assert_eq!(sent[2], [0x00]);
        assert_eq!(sent[3], [0x02, 0x13, 0x00, 0x00]);
    }

    #[test]
    fn without_takeover_every_message_stands_alone() {
        let alone = Compression {
            server_context_takeover: false,
            ..Compression::default()
        };
        let sent = round_trip(alone, &[b"Hello", b"Hello"]);
        assert_eq!(sent[0], sent[1]);
    }

    #[test]
    fn more_connections_than_compressors_keep_their_contexts_apart() {
        let messages: Vec<Vec<u8>> = (0..20)
            .map(|i| format!("{{\"round\":{i},\"text\":\"the same for all\"}}").into_bytes())
            .collect();
        let mut connections: Vec<(Compressor, Decompressor)> = (0..2 * KEPT)
            .map(|_| {
                let compression = Compression::default();
                (Compressor::new(compression), Decompressor::new(compression))
            })
            .collect();
        for message in &messages {
            for (compressor, decompressor) in &mut connections {
                let mut compressed = Vec::new();
                compressor.compress(message, &mut compressed);
                let inflated = decompressor.inflate::<VecPayload>(&compressed, 1000);
                assert_eq!(inflated.map(VecPayload::into_vec), Ok(message.clone()));
            }
        }
        assert_eq!(DEFLATERS.with_borrow(VecDeque::len), KEPT);
    }

    #[test]
    fn any_parameters_and_sizes_round_trip() {
        let noise: Vec<u8> = (0..200_000u64)
            .map(|i| (i.wrapping_mul(6_364_136_223_846_793_005) >> 40) as u8)
            .collect();
        let text: Vec<u8> = (0..20_000)
            .flat_map(|i| format!("{{\"n\":{i}}},").into_bytes())
            .collect();
        for server_max_window_bits in 8..=15 {
            for level in [0, 1, 6, 9] {
                let compression = Compression {
                    level,
                    mem_level: 1 + level,
                    server_max_window_bits,
                    ..Compression::default()
                };
                let compression = Compression {
                    mem_level: compression.mem_level.min(9),
                    ..compression
                };
                let messages = [&noise[..], &text, b"x", &noise[..3000], &text[..70_000]];
                round_trip(compression, &messages);
            }
        }
    }

    #[test]
    fn what_inflates_beyond_the_limit_is_not_inflated() {
        let zeros = vec![0; 1 << 20];
        let mut compressed = Vec::new();
        Compressor::new(Compression::default()).compress(&zeros, &mut compressed);
        assert!(compressed.len() < 2000);
        let mut decompressor = Decompressor::new(Compression::default());
        let result = decompressor.inflate::<VecPayload>(&compressed, 1000);
        assert_eq!(result.err(), Some(InflateError::TooLong));
        let exact = decompressor.inflate::<VecPayload>(&compressed, 1 << 20);
        assert_eq!(exact.map(|payload| payload.len()), Ok(1 << 20));
    }

    #[test]
    fn what_is_not_deflate_is_refused() {
        let mut decompressor = Decompressor::new(Compression::default());
        for bytes in [&[0xff; 9][..], &[0x06], &[0x05, 0xff], b"Hello"] {
            let result = decompressor.inflate::<VecPayload>(bytes, 1000);
            assert_eq!(result.err(), Some(InflateError::Corrupt), "{bytes:?}");
        }
    }

    #[test]
    fn a_block_that_says_it_is_the_last_one_may_be_followed_by_others() {
        // RFC 7692 7.2.3.4 and 7.2.3.5: two blocks, the first with BFINAL.
        let mut decompressor = Decompressor::new(Compression::default());
        let result = decompressor
            .inflate::<VecPayload>(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], 1000);
        assert_eq!(result.map(VecPayload::into_vec), Ok(b"Hello".to_vec()));
    }

    #[test]
    fn an_idle_connection_keeps_what_it_has_seen_and_no_more() {
        let mut decompressor = Decompressor::new(Compression::default());
        let mut compressor = Compressor::new(Compression::default());
        let mut compressed = Vec::new();
        compressor.compress(b"Hello", &mut compressed);
        decompressor.inflate::<VecPayload>(&compressed, 10).unwrap();
        assert_eq!(decompressor.window.bytes.capacity(), 5);
        assert_eq!(compressor.history.bytes.capacity(), 5);
    }
}
