//! Data frames, and the messages that they add up to.

use super::{Message, NOT_UTF8, Payload, ProtocolError, Sink};
use crate::deflate::{Compression, Decompressor, InflateError};
use crate::frame::{Header, Opcode, Rsv1, Violation};
use crate::mask::unmask;
use crate::payload::{PayloadBuf, VecPayload};
use crate::utf8::{Validator, is_utf8};

/// A message up to this size is stored at once as a whole.
const WHOLE: usize = 256 * 1024;
/// What is stored of a larger one first: what a peer announces but has not sent costs no more than `WHOLE`, and little is
/// copied when it grows.
const BEGINNING: usize = 128 * 1024;

/// A message's first storage, given how much it needs.
pub fn first_capacity(room: usize) -> usize {
    if room > WHOLE { BEGINNING } else { room }
}

/// A data frame of which at least one byte is missing.
#[derive(Debug, Clone, Copy)]
pub struct DataFrame {
    pub missing: u64,
    /// The mask of the next byte.
    pub mask: [u8; 4],
    pub fin: bool,
    compressed: bool,
    /// Bytes by which this fragment takes its message beyond the limit. If there are any, the fragment is not stored, and
    /// refused once it is complete: as in Cowboy, a text that is not UTF-8 goes first.
    pub excess: u64,
}

impl DataFrame {
    pub fn new(header: Header, excess: u64) -> Self {
        DataFrame {
            missing: header.length,
            mask: header.mask,
            fin: header.fin,
            compressed: header.compressed,
            excess,
        }
    }

    /// How many of the next `available` bytes belong to this frame.
    pub fn within(&self, available: usize) -> usize {
        usize::try_from(self.missing).map_or(available, |missing| missing.min(available))
    }

    /// Adds what belongs to this frame at the start of `input` to its message; returns how many bytes that are.
    pub fn receive<P: PayloadBuf>(
        &mut self,
        input: &mut [u8],
        message: &mut Assembly<P>,
        limit: u64,
    ) -> Result<usize, ProtocolError> {
        let length = self.within(input.len());
        let piece = &mut input[..length];
        self.mask = unmask(piece, self.mask);
        message.validate(piece)?;
        if self.excess == 0 {
            message.append(piece, message.room(self, limit));
        }
        self.missing -= length as u64;
        Ok(length)
    }
}

/// A message of which not all has arrived.
#[derive(Debug)]
pub struct Assembly<P> {
    kind: Kind,
    /// `None`: any bytes will do, or they are checked once they are inflated.
    utf8: Option<Validator>,
    /// `None` until there is a byte to store.
    pub storage: Option<P>,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

impl From<Opcode> for Kind {
    fn from(opcode: Opcode) -> Self {
        match opcode {
            Opcode::Text => Kind::Text,
            _ => Kind::Binary,
        }
    }
}

impl Kind {
    fn message<P>(self, payload: Payload<'_, P>) -> Message<'_, P> {
        match self {
            Kind::Text => Message::Text(payload),
            Kind::Binary => Message::Binary(payload),
        }
    }
}

/// What the storage holds.
#[derive(Debug)]
enum Form {
    /// The message.
    Plain,
    /// The message, compressed as a whole.
    Compressed,
    /// The frame under way, which may be compressed; the frames before it are in the vector.
    Frames(Box<Joined>),
}

/// Frames that were inflated one by one. Few connections have any, so it is kept out of the others' decoders.
#[derive(Debug, Default)]
struct Joined {
    bytes: Vec<u8>,
}

impl<P: PayloadBuf> Assembly<P> {
    pub fn new(header: Header, rsv1: Rsv1, validate_utf8: bool) -> Self {
        let kind = Kind::from(header.opcode);
        let form = match rsv1 {
            Rsv1::Frames => Form::Frames(Box::default()),
            _ if header.compressed => Form::Compressed,
            _ => Form::Plain,
        };
        let at_once = kind == Kind::Text && validate_utf8 && matches!(form, Form::Plain);
        Assembly {
            kind,
            utf8: at_once.then(Validator::default),
            storage: None,
            form,
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        let joined = match &self.form {
            Form::Frames(joined) => joined.bytes.len(),
            _ => 0,
        };
        joined + self.storage.as_ref().map_or(0, P::len)
    }

    /// How many bytes storage may grow by at once: what the frame lacks, but at least as much as there is already if the
    /// message goes on after it, so that a flood of small fragments is not copied again and again.
    pub fn room(&self, frame: &DataFrame, limit: u64) -> usize {
        let so_far = self.len() as u64;
        let ahead = if frame.fin { 0 } else { so_far };
        let allowed = limit.saturating_sub(so_far);
        usize::try_from(frame.missing.max(ahead.min(allowed))).unwrap_or(usize::MAX)
    }

    /// Checks the next bytes, unmasked.
    fn validate(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.utf8 {
            Some(validator) => validator.push(bytes).map_err(|_| NOT_UTF8),
            None => Ok(()),
        }
    }

    /// Checks that no code point is left unfinished.
    pub fn validate_end(&self) -> Result<(), ProtocolError> {
        match self.utf8 {
            Some(validator) => validator.finish().map_err(|_| NOT_UTF8),
            None => Ok(()),
        }
    }

    /// Appends unmasked bytes, growing by `room` bytes at most.
    fn append(&mut self, bytes: &[u8], mut room: usize) {
        let Some(storage) = &mut self.storage else {
            let mut storage = P::with_capacity(first_capacity(room).max(bytes.len()));
            storage.extend_from_slice(bytes);
            self.storage = Some(storage);
            return;
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let window = storage.window(room);
            let (now, later) = rest.split_at(rest.len().min(window.len()));
            window[..now.len()].copy_from_slice(now);
            storage.advance(now.len());
            room -= now.len();
            rest = later;
        }
    }

    /// Takes `bytes` bytes that were read, masked, into the storage's window.
    pub fn filled(&mut self, bytes: usize, frame: &mut DataFrame) -> Result<(), ProtocolError> {
        let Some(storage) = &mut self.storage else {
            return Ok(());
        };
        let start = storage.len();
        storage.advance(bytes);
        let piece = &mut storage.as_mut_slice()[start..];
        frame.mask = unmask(piece, frame.mask);
        match &mut self.utf8 {
            Some(validator) => validator.push(piece).map_err(|_| NOT_UTF8),
            None => Ok(()),
        }
    }

    /// Ends a frame: where each is compressed by itself, it is inflated.
    pub fn end_frame(
        &mut self,
        frame: DataFrame,
        inflation: Option<&mut Inflation>,
        limit: u64,
    ) -> Result<(), ProtocolError> {
        let (Form::Frames(joined), Some(inflation)) = (&mut self.form, inflation) else {
            return Ok(());
        };
        let piece = self.storage.take();
        let bytes = piece.as_ref().map_or(&[][..], P::as_slice);
        if frame.compressed {
            let left = limit.saturating_sub(joined.bytes.len() as u64);
            let inflated: VecPayload = inflation.inflate(bytes, left)?;
            joined.bytes.extend_from_slice(inflated.as_slice());
        } else {
            joined.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Delivers the message, whose last frame has ended.
    pub fn deliver(
        self,
        inflation: Option<&mut Inflation>,
        validate_utf8: bool,
        limit: u64,
        sink: &mut impl Sink<P>,
    ) -> Result<(), ProtocolError> {
        let kind = self.kind;
        let stored = self.storage.as_ref().map_or(&[][..], P::as_slice);
        match (&self.form, inflation) {
            (Form::Compressed, Some(inflation)) => {
                return deliver_inflated(kind, stored, inflation, validate_utf8, limit, sink);
            }
            (Form::Frames(joined), _) => {
                check_text(kind, &joined.bytes, validate_utf8)?;
                sink.message(kind.message(Payload::Borrowed(&joined.bytes)));
                return Ok(());
            }
            _ => {}
        }
        let payload = match self.storage {
            Some(storage) => Payload::Owned(storage),
            None => Payload::Borrowed(&[][..]),
        };
        sink.message(kind.message(payload));
        Ok(())
    }
}

/// What a decoder needs for compressed messages.
#[derive(Debug)]
pub struct Inflation {
    decompressor: Decompressor,
    pub rsv1: Rsv1,
}

impl Inflation {
    pub fn new(compression: Compression) -> Self {
        Inflation {
            decompressor: Decompressor::new(compression),
            rsv1: match compression.per_frame {
                true => Rsv1::Frames,
                false => Rsv1::Messages,
            },
        }
    }

    fn inflate<P: PayloadBuf>(&mut self, bytes: &[u8], limit: u64) -> Result<P, ProtocolError> {
        self.decompressor
            .inflate(bytes, limit)
            .map_err(|error| match error {
                InflateError::Corrupt => Violation::Compression.into(),
                InflateError::TooLong => ProtocolError::BadSize {
                    size: limit.saturating_add(1),
                    limit,
                },
            })
    }
}

/// Delivers a message that is compressed as a whole.
fn deliver_inflated<P: PayloadBuf>(
    kind: Kind,
    compressed: &[u8],
    inflation: &mut Inflation,
    validate_utf8: bool,
    limit: u64,
    sink: &mut impl Sink<P>,
) -> Result<(), ProtocolError> {
    let inflated: P = inflation.inflate(compressed, limit)?;
    check_text(kind, inflated.as_slice(), validate_utf8)?;
    sink.message(kind.message(Payload::Owned(inflated)));
    Ok(())
}

/// Delivers a compressed message that is one frame, its payload unmasked.
pub fn deliver_compressed<P: PayloadBuf>(
    header: Header,
    payload: &[u8],
    inflation: &mut Inflation,
    validate_utf8: bool,
    limit: u64,
    sink: &mut impl Sink<P>,
) -> Result<(), ProtocolError> {
    let kind = Kind::from(header.opcode);
    deliver_inflated(kind, payload, inflation, validate_utf8, limit, sink)
}

fn check_text(kind: Kind, bytes: &[u8], validate_utf8: bool) -> Result<(), ProtocolError> {
    match kind {
        Kind::Text if validate_utf8 && !is_utf8(bytes) => Err(NOT_UTF8),
        _ => Ok(()),
    }
}
