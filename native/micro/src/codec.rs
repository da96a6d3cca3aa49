//! From a client's bytes to messages, and headers of the frames that go back.

use crate::samples::{Numbers, masked_frame, mixed_text};
use crate::{HotPath, Meter};
use farrier_core::frame::{MAX_HEADER, Opcode, write_header};
use farrier_core::mask::unmask;
use farrier_core::message::{
    Decoder, DecoderOptions, Message, Payload, Progress, Sink, VecPayload,
};
use farrier_core::utf8::is_utf8;
use std::hint::black_box;

const KIB: usize = 1024;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// What a socket gives in one read.
const READ: usize = 64 * KIB;
/// Headers in one run: a single one is too little to count.
const HEADERS: usize = 16;

pub fn paths<M: Meter>() -> Vec<HotPath<M>> {
    vec![
        HotPath::new("decode a text of 64 B", 64, |m| whole(m, 1, &ascii(64))),
        HotPath::new("decode a text of 1 KiB", KIB, |m| whole(m, 1, &ascii(KIB))),
        HotPath::new("decode a text of 16 KiB", 16 * KIB, |m| {
            whole(m, 1, &ascii(16 * KIB));
        }),
        HotPath::new("decode a text of 16 KiB, not ASCII", 16 * KIB, |m| {
            whole(m, 1, &mixed_text(16 * KIB));
        }),
        HotPath::new("decode 16 texts of 64 B from one read", KIB, |m| {
            whole(m, 16, &ascii(64));
        }),
        HotPath::new(
            "decode 256 KiB of binary from several reads",
            256 * KIB,
            |m| {
                in_reads(m, 256 * KIB);
            },
        ),
        HotPath::new("unmask 16 KiB", 16 * KIB, unmasked),
        HotPath::new("check 16 KiB of ASCII for UTF-8", 16 * KIB, |m| {
            checked(m, &ascii(16 * KIB));
        }),
        HotPath::new("check 16 KiB of other text for UTF-8", 16 * KIB, |m| {
            checked(m, &mixed_text(16 * KIB));
        }),
        HotPath::new("write 16 headers", 0, headers),
    ]
}

fn ascii(length: usize) -> Vec<u8> {
    Numbers::new().json(length)
}

/// Takes messages as a bridge does: what is lent is copied, into memory that is there already.
struct Receiver {
    messages: usize,
    bytes: usize,
    copy: Vec<u8>,
}

impl Receiver {
    fn new() -> Self {
        Receiver {
            messages: 0,
            bytes: 0,
            copy: Vec::with_capacity(256 * KIB),
        }
    }
}

impl Sink<VecPayload> for Receiver {
    fn message(&mut self, message: Message<'_, VecPayload>) {
        let (Message::Text(payload) | Message::Binary(payload)) = message else {
            panic!("{message:?} was never sent");
        };
        self.messages += 1;
        self.bytes += payload.as_slice().len();
        match payload {
            Payload::Borrowed(bytes) => {
                self.copy.clear();
                self.copy.extend_from_slice(bytes);
                black_box(self.copy.as_slice());
            }
            Payload::Owned(storage) => drop(black_box(storage)),
        }
    }
}

/// Frames that lie wholly in what was read.
fn whole(meter: impl Meter, times: usize, text: &[u8]) {
    let mut numbers = Numbers::new();
    let mut decoder = Decoder::new(DecoderOptions::default());
    let mut receiver = Receiver::new();
    meter.measure(
        || -> Vec<u8> {
            (0..times)
                .flat_map(|_| masked_frame(TEXT, text, numbers.mask()))
                .collect()
        },
        |read| {
            (receiver.messages, receiver.bytes) = (0, 0);
            let progress = decoder.decode(read, &mut receiver);
            assert_eq!(progress, Ok(Progress::Open));
            assert_eq!(
                (receiver.messages, receiver.bytes),
                (times, times * text.len())
            );
        },
    );
}

/// A frame of which the first read holds the beginning; what follows is read into the decoder's windows.
fn in_reads(meter: impl Meter, length: usize) {
    let payload = ascii(length);
    let mut numbers = Numbers::new();
    let mut decoder = Decoder::new(DecoderOptions::default());
    let mut receiver = Receiver::new();
    meter.measure(
        || masked_frame(BINARY, &payload, numbers.mask()),
        |frame| {
            receiver.bytes = 0;
            let (first, mut rest) = frame.split_at_mut(READ);
            let mut progress = decoder.decode(first, &mut receiver);
            while let Some(window) = decoder.window(1, READ) {
                let (now, later) = rest.split_at_mut(window.len());
                window.copy_from_slice(now);
                rest = later;
                progress = decoder.filled(now.len(), &mut receiver);
            }
            assert_eq!(progress, Ok(Progress::Open));
            assert_eq!((receiver.bytes, rest.len()), (length, 0));
        },
    );
}

fn unmasked(meter: impl Meter) {
    let bytes = ascii(16 * KIB);
    meter.measure(
        || bytes.clone(),
        |bytes| unmask(bytes, black_box([0x37, 0xfa, 0x21, 0x3d])),
    );
}

fn checked(meter: impl Meter, text: &[u8]) {
    meter.measure(|| text.to_vec(), |text| assert!(is_utf8(text)));
}

fn headers(meter: impl Meter) {
    const LENGTHS: [u64; HEADERS] = [
        0,
        5,
        64,
        125,
        126,
        127,
        300,
        1024,
        4096,
        9000,
        16_384,
        65_535,
        65_536,
        262_144,
        1_000_000,
        1 << 33,
    ];
    meter.measure(
        || (LENGTHS, [0; MAX_HEADER]),
        |(lengths, buffer)| {
            for length in lengths {
                black_box(write_header(buffer, Opcode::Text, true, *length));
                black_box(&buffer);
            }
        },
    );
}
