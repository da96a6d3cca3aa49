//! permessage-deflate and x-webkit-deflate-frame: what clients send, and what we send.

use crate::within;
use farrier_core::deflate::{
    Compression, CompressionStrategy, Compressor, Decompressor, InflateError,
};
use farrier_core::message::{PayloadBuf, VecPayload};

/// Windows and the state of zlib.
const FIXED: usize = 512 * 1024;

/// The first byte chooses a direction.
pub fn run(input: &[u8]) {
    match input.split_first() {
        Some((choices, rest)) if choices & 1 == 0 => hostile(*choices, rest),
        Some((choices, rest)) => round_trip(*choices, rest),
        None => {}
    }
}

/// Messages of which each begins with its length, inflated up to a limit.
fn hostile(choices: u8, input: &[u8]) {
    let Some((&[high, low], mut rest)) = input.split_first_chunk() else {
        return;
    };
    let limit = u64::from(u16::from_be_bytes([high, low]));
    let compression = Compression {
        client_context_takeover: choices & 2 != 0,
        client_max_window_bits: 8 + (choices >> 5),
        ..Compression::default()
    };
    let mut decompressor = Decompressor::new(compression);
    let mut unlimited = Decompressor::new(compression);
    while let Some((&length, tail)) = rest.split_first() {
        let (message, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let result = inflate(&mut decompressor, message, limit);
        match &result {
            Ok(bytes) => assert!(bytes.len() as u64 <= limit),
            Err(InflateError::TooLong | InflateError::Corrupt) => {}
        }
        match (result, inflate(&mut unlimited, message, 1 << 20)) {
            (Ok(some), Ok(all)) => assert_eq!(some, all),
            (Err(InflateError::TooLong), Ok(all)) => assert!(all.len() as u64 > limit),
            (result, Err(error)) => assert!(result == Err(error) || result.is_err()),
            (Err(error), Ok(_)) => panic!("{error:?} only with a limit"),
        }
    }
}

/// What one side compresses, another inflates to the same, within a limit that is exactly its length.
fn round_trip(choices: u8, input: &[u8]) {
    let Some((&[settings, bits], mut rest)) = input.split_first_chunk() else {
        return;
    };
    let ours = ours(choices, settings, bits);
    let theirs = Compression {
        client_context_takeover: ours.server_context_takeover,
        client_max_window_bits: ours.server_max_window_bits.max(9),
        ..ours
    };
    let mut compressor = Compressor::new(ours);
    let mut other = Compressor::new(ours);
    let mut decompressor = Decompressor::new(theirs);
    while let Some((&[length, times], tail)) = rest.split_first_chunk() {
        let (piece, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let message = piece.repeat(usize::from(times));
        if times & 1 != 0 {
            // Another connection of the same thread, which may take the compressor away.
            other.compress(&message, &mut Vec::new());
        }
        let mut compressed = Vec::new();
        compressor.compress(&message, &mut compressed);
        if let Some(less) = (message.len() as u64).checked_sub(1) {
            let mut strict = Decompressor::new(theirs);
            let first = !ours.server_context_takeover;
            let result = inflate(&mut strict, &compressed, less);
            assert!(!first || result == Err(InflateError::TooLong));
        }
        let result = inflate(&mut decompressor, &compressed, message.len() as u64);
        assert_eq!(result.as_deref(), Ok(&message[..]));
    }
}

fn ours(choices: u8, settings: u8, bits: u8) -> Compression {
    const STRATEGIES: [CompressionStrategy; 5] = [
        CompressionStrategy::Default,
        CompressionStrategy::Filtered,
        CompressionStrategy::HuffmanOnly,
        CompressionStrategy::Rle,
        CompressionStrategy::Fixed,
    ];
    Compression {
        level: i32::from(settings % 10),
        mem_level: i32::from(1 + settings / 10 % 9),
        strategy: STRATEGIES[usize::from(choices >> 2) % STRATEGIES.len()],
        server_context_takeover: choices & 2 != 0,
        server_max_window_bits: 8 + bits % 8,
        ..Compression::default()
    }
}

fn inflate(
    decompressor: &mut Decompressor,
    compressed: &[u8],
    limit: u64,
) -> Result<Vec<u8>, InflateError> {
    let most = FIXED + 3 * limit as usize + 4 * compressed.len();
    let inflated = within(most, || {
        decompressor.inflate::<VecPayload>(compressed, limit)
    })?;
    Ok(inflated.as_slice().to_vec())
}
