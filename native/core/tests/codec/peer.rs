//! A client that writes frames, and a receiver that notes what a decoder makes of them.

use std::cell::Cell;

use farrier_core::message::{
    Decoder, DecoderOptions, Message, Payload, PayloadBuf, Progress, ProtocolError, Sink,
    VecPayload,
};

/// What a decoder handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, Vec<u8>)>),
}

#[derive(Debug, Default)]
pub struct Receiver {
    pub received: Vec<Received>,
}

impl Sink<VecPayload> for Receiver {
    fn message(&mut self, message: Message<'_, VecPayload>) {
        let bytes = |payload: Payload<'_, VecPayload>| match payload {
            Payload::Borrowed(bytes) => bytes.to_vec(),
            Payload::Owned(storage) => storage.into_vec(),
        };
        self.received.push(match message {
            Message::Text(payload) => Received::Text(bytes(payload)),
            Message::Binary(payload) => Received::Binary(bytes(payload)),
            Message::Ping(payload) => Received::Ping(payload.to_vec()),
            Message::Pong(payload) => Received::Pong(payload.to_vec()),
            Message::Close(close) => {
                Received::Close(close.map(|(code, reason)| (code, reason.to_vec())))
            }
        });
    }
}

/// Everything that can be seen of a decoder that read a stream.
pub type Outcome = (Vec<Received>, Result<Progress, ProtocolError>);

/// Decodes `stream` in one piece.
pub fn decode(options: DecoderOptions, stream: &[u8]) -> Outcome {
    decode_pieces(options, &[stream])
}

/// Decodes a stream that arrives in `pieces`.
pub fn decode_pieces(options: DecoderOptions, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(options);
    let mut receiver = Receiver::default();
    for piece in pieces {
        match decoder.decode(&mut piece.to_vec(), &mut receiver) {
            Ok(Progress::Open) => {}
            end => return (receiver.received, end),
        }
    }
    (receiver.received, Ok(Progress::Open))
}

/// Decodes `stream` in reads of the sizes `reads` (over and over). Whenever at least `least` bytes of a frame are missing,
/// a read goes straight into the message's storage.
pub fn decode_windowed(
    options: DecoderOptions,
    mut stream: &[u8],
    reads: &[usize],
    least: usize,
) -> Outcome {
    let mut decoder: Decoder<VecPayload> = Decoder::new(options);
    let mut receiver = Receiver::default();
    for &read in reads.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let available = read.clamp(1, stream.len());
        let (used, progress) = match decoder.window(least, available) {
            Some(window) => {
                let length = window.len();
                assert!((1..=available).contains(&length));
                window.copy_from_slice(&stream[..length]);
                (length, decoder.filled(length, &mut receiver))
            }
            None => {
                let mut piece = stream[..available].to_vec();
                (available, decoder.decode(&mut piece, &mut receiver))
            }
        };
        if progress != Ok(Progress::Open) {
            return (receiver.received, progress);
        }
        stream = &stream[used..];
    }
    (receiver.received, Ok(Progress::Open))
}

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A header as a client writes it, in the fewest bytes.
pub fn header(fin: bool, opcode: u8, length: u64, mask: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![if fin { 0x80 | opcode } else { opcode }];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes
}

/// A frame as a client writes it.
pub fn frame(fin: bool, opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut bytes = header(fin, opcode, payload.len() as u64, mask);
    bytes.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

/// The mask where any will do.
pub const MASK: [u8; 4] = [0x12, 0x34, 0xab, 0xcd];

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// Bytes of all [`Metered`] storages that are alive in this test.
pub fn allocated() -> usize {
    ALLOCATED.get()
}

/// Storage that reports how it was used.
#[derive(Debug)]
pub struct Metered {
    storage: VecPayload,
    pub capacity: usize,
    pub growths: usize,
}

impl Drop for Metered {
    fn drop(&mut self) {
        ALLOCATED.set(ALLOCATED.get() - self.capacity);
    }
}

impl PayloadBuf for Metered {
    fn with_capacity(bytes: usize) -> Self {
        ALLOCATED.set(ALLOCATED.get() + bytes);
        Metered {
            storage: VecPayload::with_capacity(bytes),
            capacity: bytes,
            growths: 0,
        }
    }

    fn len(&self) -> usize {
        self.storage.len()
    }

    fn as_slice(&self) -> &[u8] {
        self.storage.as_slice()
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        self.storage.as_mut_slice()
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        assert!(self.len() + bytes.len() <= self.capacity);
        self.storage.extend_from_slice(bytes);
    }

    fn window(&mut self, want: usize) -> &mut [u8] {
        assert!(want > 0);
        if self.len() == self.capacity {
            let growth = want.min(3 * self.capacity);
            ALLOCATED.set(ALLOCATED.get() + growth);
            self.capacity += growth;
            self.growths += 1;
        }
        let free = self.capacity - self.len();
        self.storage.window(want.min(free))
    }

    fn advance(&mut self, bytes: usize) {
        self.storage.advance(bytes);
    }
}
