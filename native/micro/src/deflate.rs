//! Compressed messages of connections in full swing: what they refer to is as long as it gets.

use crate::samples::Numbers;
use crate::{HotPath, Meter};
use farrier_core::deflate::{Compression, Compressor, Decompressor};
use farrier_core::message::{PayloadBuf, VecPayload};

const LENGTH: usize = 1024;
/// Messages that fill the largest window.
const BEFORE: usize = 32;

pub fn paths<M: Meter>() -> Vec<HotPath<M>> {
    vec![
        HotPath::new("compress 1 KiB of JSON", LENGTH, compressed),
        HotPath::new("inflate 1 KiB of JSON", LENGTH, inflated),
    ]
}

fn compressed(meter: impl Meter) {
    let mut numbers = Numbers::new();
    let mut compressor = Compressor::new(Compression::default());
    for _ in 0..BEFORE {
        compressor.compress(&numbers.json(LENGTH), &mut Vec::new());
    }
    meter.measure(
        || (numbers.json(LENGTH), Vec::with_capacity(LENGTH)),
        |(json, out)| {
            compressor.compress(json, out);
            assert!((100..LENGTH / 2).contains(&out.len()));
        },
    );
}

fn inflated(meter: impl Meter) {
    let mut numbers = Numbers::new();
    let mut client = Compressor::new(Compression::default());
    let mut next = move || {
        let mut message = Vec::new();
        client.compress(&numbers.json(LENGTH), &mut message);
        message
    };
    let mut decompressor = Decompressor::new(Compression::default());
    let mut inflate = |message: &mut Vec<u8>| {
        let inflated = decompressor.inflate::<VecPayload>(message, u64::MAX);
        assert_eq!(inflated.map(|text| text.len()), Ok(LENGTH));
    };
    for _ in 0..BEFORE {
        inflate(&mut next());
    }
    meter.measure(next, inflate);
}
