//! Hostile input for farrier's parsers: one target for each, which takes any bytes and panics if the parser breaks a
//! promise. `cargo test` replays and varies each corpus for a moment; `make fuzz` lets libFuzzer search, guided by coverage.
//!
//! | target | parser | promises, besides never to panic |
//! |---|---|---|
//! | `frames` | [`farrier_core::message`] | same messages and error however the stream was cut; limits; bounded memory |
//! | `deflate` | [`farrier_core::deflate`] | what was compressed comes back; never more than the limit; bounded memory |
//! | `hixie` | [`farrier_core::hixie`] | as `frames`; what was framed comes back |
//! | `proxy` | [`farrier_core::proxy`] | reads the header and not a byte more; bounded memory |
//! | `etf` | [`farrier_etf`] | bounded memory and depth; what was encoded comes back |
//!
//! What Erlang parses (headers, cookies, extensions, forms, and whole request heads) has its targets in
//! `test/hostile_tests.erl`.
#![forbid(unsafe_code)]

mod deflate;
mod etf;
mod frames;
mod hixie;
mod proxy;
mod received;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A parser under attack.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Also the name of its folder in `corpus`.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target {
        name: "frames",
        run: frames::run,
    },
    Target {
        name: "deflate",
        run: deflate::run,
    },
    Target {
        name: "hixie",
        run: hixie::run,
    },
    Target {
        name: "proxy",
        run: proxy::run,
    },
    Target {
        name: "etf",
        run: etf::run,
    },
];

/// Asserts that `parse` never holds more than `most` bytes at once. No other thread may run meanwhile.
fn within<T>(most: usize, parse: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let value = parse();
    let held = MEMORY.peak_usage().saturating_sub(before);
    assert!(held <= most, "{held} bytes were held, {most} are allowed");
    value
}

/// Cuts `stream` into pieces of 1 to 64 bytes, mostly short ones, that depend on `seed` alone.
fn pieces(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed);
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let longest = 1 << (state >> 29);
        let length = 1 + (state >> 8) as usize % longest;
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}
