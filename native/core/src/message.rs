//! Messages from a client's byte stream (RFC 6455 5.4, 5.5): fragments joined, control frames in between, limits.
//!
//! A decoder does no I/O: bytes go in, messages come out. Three ways lead through it, from the fastest:
//!
//! 1. A frame that lies wholly in the input and is a whole message is unmasked in place and lent to the receiver.
//! 2. A large frame of which the input holds only the beginning: the socket may read the rest straight into the storage
//!    that the receiver will own ([`Decoder::window`], [`Decoder::filled`]).
//! 3. Everything else is appended to that storage as it arrives.
//!
//! Whatever the way and however the stream was cut, the messages and the error are the same.

mod control;
mod data;

use std::fmt;

use crate::deflate::Compression;
use crate::frame::{Header, MAX_HEADER, Opcode, Rsv1, Rules, Violation};
use crate::mask::unmask;
pub use crate::payload::{PayloadBuf, VecPayload};
use crate::utf8::is_utf8;
use control::{ControlFrame, check_close, split_close};
use data::{Assembly, DataFrame, Inflation, deliver_compressed, first_capacity};

/// A message's bytes.
#[derive(Debug)]
pub enum Payload<'a, P> {
    /// Bytes in the decoder's input: the receiver copies what it keeps.
    Borrowed(&'a [u8]),
    /// Bytes that the receiver takes over.
    Owned(P),
}

impl<P: PayloadBuf> Payload<'_, P> {
    /// The bytes, wherever they are.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(storage) => storage.as_slice(),
        }
    }
}

/// A complete message or control frame.
#[derive(Debug)]
pub enum Message<'a, P> {
    /// UTF-8, unless [`DecoderOptions::validate_utf8`] is off.
    Text(Payload<'a, P>),
    /// Any bytes.
    Binary(Payload<'a, P>),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// Solicited or not.
    Pong(&'a [u8]),
    /// The peer's last frame: its close code and reason, if it gave any.
    Close(Option<(u16, &'a [u8])>),
}

/// Receives what a [`Decoder`] finds.
pub trait Sink<P> {
    /// Takes the next message. Lent bytes are valid for this call only.
    fn message(&mut self, message: Message<'_, P>);
}

/// Which text is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// A text message.
    Message,
    /// The reason of a close frame.
    CloseReason,
}

/// Why a connection must be failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// A frame that RFC 6455 forbids.
    BadFrame(Violation),
    /// A text that is not UTF-8.
    BadEncoding(Text),
    /// A frame or message larger than this server accepts.
    BadSize {
        /// Bytes of payload announced: of a frame, or of all fragments so far.
        size: u64,
        /// Bytes allowed: [`DecoderOptions::max_frame_size`].
        limit: u64,
    },
}

impl ProtocolError {
    /// The code for the close frame that answers this error (RFC 6455 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            ProtocolError::BadFrame(_) => 1002,
            ProtocolError::BadEncoding(_) => 1007,
            ProtocolError::BadSize { .. } => 1009,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtocolError::BadFrame(violation) => violation.fmt(f),
            ProtocolError::BadEncoding(Text::Message) => {
                f.write_str("a text message is not UTF-8 (RFC 6455 8.1)")
            }
            ProtocolError::BadEncoding(Text::CloseReason) => {
                f.write_str("the reason of a close frame is not UTF-8 (RFC 6455 5.5.1)")
            }
            ProtocolError::BadSize { size, limit } => write!(
                f,
                "{size} bytes are more than max_frame_size allows, which is {limit} (RFC 6455 7.4.1)"
            ),
        }
    }
}

impl std::error::Error for ProtocolError {}

impl From<Violation> for ProtocolError {
    fn from(violation: Violation) -> Self {
        ProtocolError::BadFrame(violation)
    }
}

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// More bytes are welcome.
    Open,
    /// The peer has sent its close frame; what follows is not read.
    Closed,
}

/// What a [`Decoder`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderOptions {
    /// The largest payload of a frame, and of all fragments of a message together, in bytes. `None`: no limit.
    pub max_frame_size: Option<u64>,
    /// Whether text messages and close reasons must be UTF-8.
    pub validate_utf8: bool,
    /// What a frame may look like.
    pub rules: Rules,
    /// What was negotiated. `None`: no message may be compressed.
    pub compression: Option<Compression>,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        DecoderOptions {
            max_frame_size: None,
            validate_utf8: true,
            rules: Rules::Rfc6455,
            compression: None,
        }
    }
}

/// What a decoder checks.
#[derive(Debug, Clone, Copy)]
struct Checks {
    utf8: bool,
    rules: Rules,
}

/// Decodes one client's byte stream.
#[derive(Debug)]
pub struct Decoder<P> {
    state: State<P>,
    /// `u64::MAX`: no limit.
    max_frame_size: u64,
    checks: Checks,
    inflation: Option<Box<Inflation>>,
}

/// What the next byte belongs to. `message` is the fragmented message under way, if any.
#[derive(Debug)]
enum State<P> {
    Header {
        stash: Stash,
        message: Option<Assembly<P>>,
    },
    Data {
        frame: DataFrame,
        message: Assembly<P>,
    },
    Control {
        frame: Box<ControlFrame>,
        message: Option<Assembly<P>>,
    },
}

impl<P> State<P> {
    fn between_frames(message: Option<Assembly<P>>) -> Self {
        State::Header {
            stash: Stash::default(),
            message,
        }
    }

    /// Takes the fragmented message out, and waits for a header.
    fn take_message(&mut self) -> Option<Assembly<P>> {
        match std::mem::replace(self, State::between_frames(None)) {
            State::Header { message, .. } | State::Control { message, .. } => message,
            State::Data { message, .. } => Some(message),
        }
    }
}

/// The beginning of a header, less than all of it.
#[derive(Debug, Clone, Copy, Default)]
struct Stash {
    bytes: [u8; MAX_HEADER - 1],
    length: u8,
}

impl Stash {
    fn store(&mut self, beginning: &[u8]) {
        self.bytes[..beginning.len()].copy_from_slice(beginning);
        self.length = beginning.len() as u8;
    }
}

const NOT_UTF8: ProtocolError = ProtocolError::BadEncoding(Text::Message);
const BAD_REASON: ProtocolError = ProtocolError::BadEncoding(Text::CloseReason);

impl<P: PayloadBuf> Decoder<P> {
    /// A decoder at the start of a stream.
    pub fn new(options: DecoderOptions) -> Self {
        Decoder {
            state: State::between_frames(None),
            max_frame_size: options.max_frame_size.unwrap_or(u64::MAX),
            checks: Checks {
                utf8: options.validate_utf8,
                rules: options.rules,
            },
            inflation: options
                .compression
                .map(|compression| Box::new(Inflation::new(compression))),
        }
    }

    /// What a frame may look like.
    pub fn rules(&self) -> Rules {
        self.checks.rules
    }

    /// Changes [`DecoderOptions::max_frame_size`] from the next header on.
    pub fn set_max_frame_size(&mut self, limit: Option<u64>) {
        self.max_frame_size = limit.unwrap_or(u64::MAX);
    }

    /// Consumes all of `input`, which is unmasked in place, and hands every complete message to `sink` in wire order.
    ///
    /// Stops after a close frame (what follows it is discarded) or at the first error (the messages before it have been
    /// handed over). After `Ok(Closed)` or `Err` it must not be called again.
    pub fn decode(
        &mut self,
        mut input: &mut [u8],
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        while !input.is_empty() {
            let (used, progress) = match &mut self.state {
                State::Header { .. } => self.begin_frame(input, sink)?,
                State::Data { frame, message } => {
                    let used = frame.receive(input, message, self.max_frame_size)?;
                    (used, self.end_data(sink)?)
                }
                State::Control { frame, message } => {
                    let used = frame.receive(input, self.checks)?;
                    let progress = frame.deliver(self.checks, sink)?;
                    if frame.missing() == 0 {
                        self.state = State::between_frames(message.take());
                    }
                    (used, progress)
                }
            };
            if progress == Progress::Closed {
                return Ok(Progress::Closed);
            }
            input = &mut input[used..];
        }
        Ok(Progress::Open)
    }

    /// While at least `least` payload bytes of one data frame are missing: up to `max` bytes of memory that the next bytes
    /// of the stream may be read into, straight into the message's own storage. [`Decoder::filled`] must be called
    /// after the read and before anything else.
    pub fn window(&mut self, least: usize, max: usize) -> Option<&mut [u8]> {
        let State::Data { frame, message } = &mut self.state else {
            return None;
        };
        if frame.missing < least as u64 || frame.excess > 0 || max == 0 {
            return None;
        }
        let room = message.room(frame, self.max_frame_size);
        let storage =
            (message.storage).get_or_insert_with(|| P::with_capacity(first_capacity(room)));
        let window = storage.window(room);
        let length = frame.within(window.len()).min(max);
        Some(&mut window[..length])
    }

    /// Declares the first `bytes` of the last window as read from the stream. Otherwise like [`Decoder::decode`].
    pub fn filled(
        &mut self,
        bytes: usize,
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        if let State::Data { frame, message } = &mut self.state {
            message.filled(bytes, frame)?;
            frame.missing -= bytes as u64;
        }
        self.end_data(sink)
    }

    /// Reads a header. A frame that lies wholly in `input` and needs no storage is delivered at once; any other
    /// becomes the state, and its payload is left in `input`.
    fn begin_frame(
        &mut self,
        input: &mut [u8],
        sink: &mut impl Sink<P>,
    ) -> Result<(usize, Progress), ProtocolError> {
        let Some((header, start)) = self.read_header(input)? else {
            return Ok((input.len(), Progress::Open));
        };
        let rest = &mut input[start..];
        let whole = header.length <= rest.len() as u64;
        let alone = matches!(self.state, State::Header { message: None, .. });
        if whole && (header.opcode.is_control() || (header.fin && alone)) {
            let length = header.length as usize;
            let payload = &mut rest[..length];
            let _ = unmask(payload, header.mask);
            if let (true, Some(inflation)) = (header.compressed, &mut self.inflation) {
                let (utf8, limit) = (self.checks.utf8, self.max_frame_size);
                deliver_compressed(header, payload, inflation, utf8, limit, sink)?;
                return Ok((start + length, Progress::Open));
            }
            let progress = deliver_lent(header.opcode, payload, self.checks, sink)?;
            return Ok((start + length, progress));
        }
        self.enter(header);
        Ok((start, self.end_data(sink)?))
    }

    /// The next header and how much of `input` belongs to it, or `None` if all of `input` does and more is missing.
    fn read_header(&mut self, input: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let State::Header { stash, message } = &mut self.state else {
            return Ok(None);
        };
        let before = usize::from(stash.length);
        let mut joined = [0; MAX_HEADER];
        let bytes = if before == 0 {
            input
        } else {
            let length = MAX_HEADER.min(before + input.len());
            joined[..before].copy_from_slice(&stash.bytes[..before]);
            joined[before..length].copy_from_slice(&input[..length - before]);
            &joined[..length]
        };
        let rsv1 = self.inflation.as_ref().map_or(Rsv1::Never, |i| i.rsv1);
        let parsed = Header::parse(bytes, message.is_some(), self.checks.rules, rsv1)?;
        let Some((header, length)) = parsed else {
            stash.store(bytes);
            return Ok(None);
        };
        stash.length = 0;
        if header.length > self.max_frame_size {
            return Err(self.bad_size(header.length));
        }
        Ok(Some((header, length - before)))
    }

    fn enter(&mut self, header: Header) {
        let message = self.state.take_message();
        if header.opcode.is_control() {
            let frame = Box::new(ControlFrame::new(header));
            self.state = State::Control { frame, message };
            return;
        }
        let rsv1 = self.inflation.as_ref().map_or(Rsv1::Never, |i| i.rsv1);
        let message = message.unwrap_or_else(|| Assembly::new(header, rsv1, self.checks.utf8));
        let size = header.length.saturating_add(message.len() as u64);
        self.state = State::Data {
            frame: DataFrame::new(header, size.saturating_sub(self.max_frame_size)),
            message,
        };
    }

    /// Leaves the data frame under way if it is complete.
    fn end_data(&mut self, sink: &mut impl Sink<P>) -> Result<Progress, ProtocolError> {
        let State::Data { frame, message } = &mut self.state else {
            return Ok(Progress::Open);
        };
        let frame = *frame;
        if frame.missing > 0 {
            return Ok(Progress::Open);
        }
        if frame.fin {
            message.validate_end()?;
        }
        if frame.excess > 0 {
            return Err(self.bad_size(self.max_frame_size.saturating_add(frame.excess)));
        }
        let limit = self.max_frame_size;
        message.end_frame(frame, self.inflation.as_deref_mut(), limit)?;
        match self.state.take_message() {
            Some(message) if frame.fin => {
                let inflation = self.inflation.as_deref_mut();
                message.deliver(inflation, self.checks.utf8, limit, sink)?;
            }
            message => self.state = State::between_frames(message),
        }
        Ok(Progress::Open)
    }

    fn bad_size(&self, size: u64) -> ProtocolError {
        ProtocolError::BadSize {
            size,
            limit: self.max_frame_size,
        }
    }
}

/// Delivers a message that is one frame, its payload unmasked.
fn deliver_lent<P>(
    opcode: Opcode,
    payload: &[u8],
    checks: Checks,
    sink: &mut impl Sink<P>,
) -> Result<Progress, ProtocolError> {
    match opcode {
        Opcode::Text if checks.utf8 && !is_utf8(payload) => return Err(NOT_UTF8),
        Opcode::Text => sink.message(Message::Text(Payload::Borrowed(payload))),
        Opcode::Binary | Opcode::Continuation => {
            sink.message(Message::Binary(Payload::Borrowed(payload)));
        }
        Opcode::Ping => sink.message(Message::Ping(payload)),
        Opcode::Pong => sink.message(Message::Pong(payload)),
        Opcode::Close => {
            let reason = check_close(payload, checks)?;
            reason.finish().map_err(|_| BAD_REASON)?;
            sink.message(Message::Close(match checks.rules {
                Rules::Rfc6455 => split_close(payload),
                Rules::Generation0 => None,
            }));
            return Ok(Progress::Closed);
        }
    }
    Ok(Progress::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_decoder_is_small() {
        assert!(size_of::<Decoder<VecPayload>>() <= 104);
        assert!(size_of::<Decoder<Vec<u8>>>() <= 96);
    }

    #[test]
    fn errors_map_one_to_one_on_close_codes() {
        assert_eq!(ProtocolError::from(Violation::Unmasked).close_code(), 1002);
        assert_eq!(NOT_UTF8.close_code(), 1007);
        assert_eq!(BAD_REASON.close_code(), 1007);
        let error = ProtocolError::BadSize {
            size: 11,
            limit: 10,
        };
        assert_eq!(error.close_code(), 1009);
        assert!(error.to_string().contains("11") && error.to_string().contains("10"));
    }
}
