//! Frame headers on the wire (RFC 6455 5.2): parsed from clients, written to them.

use std::fmt;

use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// The longest header: 2 bytes, a 64-bit length, a mask.
pub const MAX_HEADER: usize = 14;

/// The first reserved bit of a header's first byte: the message is compressed (RFC 7692 6).
pub const RSV1: u8 = 0x40;

/// The longest payload of a control frame (RFC 6455 5.5).
pub const MAX_CONTROL: usize = 125;

/// What a frame does that RFC 6455 forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit is set although no extension was negotiated.
    ReservedBits,
    /// An opcode that the RFC reserves.
    ReservedOpcode(u8),
    /// A control frame without the final bit.
    FragmentedControl,
    /// A continuation frame although no message is under way.
    StrayContinuation,
    /// A text or binary frame inside a fragmented message.
    InterleavedMessage,
    /// A client frame without a mask.
    Unmasked,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// A length in more bytes than it needs.
    LengthNotMinimal,
    /// A 64-bit length with the most significant bit set.
    LengthTopBit,
    /// A close frame with half a close code.
    ShortClose,
    /// A close code that an endpoint must not send.
    CloseCode(u16),
    /// A compressed message that is not DEFLATE.
    Compression,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::ReservedBits => {
                f.write_str("a reserved bit is set, but no extension was negotiated (RFC 6455 5.2)")
            }
            Violation::ReservedOpcode(opcode) => {
                write!(f, "opcode {opcode} is reserved (RFC 6455 5.2)")
            }
            Violation::FragmentedControl => {
                f.write_str("a control frame must not be fragmented (RFC 6455 5.5)")
            }
            Violation::StrayContinuation => {
                f.write_str("a continuation frame without a message to continue (RFC 6455 5.4)")
            }
            Violation::InterleavedMessage => {
                f.write_str("a new message inside a fragmented one (RFC 6455 5.4)")
            }
            Violation::Unmasked => f.write_str("a client must mask its frames (RFC 6455 5.1)"),
            Violation::LongControl => {
                f.write_str("a control frame holds 125 bytes at most (RFC 6455 5.5)")
            }
            Violation::LengthNotMinimal => {
                f.write_str("a length must take as few bytes as it can (RFC 6455 5.2)")
            }
            Violation::LengthTopBit => {
                f.write_str("the most significant bit of a length must be 0 (RFC 6455 5.2)")
            }
            Violation::ShortClose => f.write_str(
                "a close frame with a payload starts with a 2-byte code (RFC 6455 5.5.1)",
            ),
            Violation::Compression => {
                f.write_str("a compressed message can't be inflated (RFC 7692 7.2.2)")
            }
            Violation::CloseCode(code) => write!(
                f,
                "close code {code} must not be sent; allowed are 1000-1003, 1007-1011 and 3000-4999 (RFC 6455 7.4)"
            ),
        }
    }
}

/// Whose reading of the protocol a client's frames are held to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rules {
    /// RFC 6455.
    #[default]
    Rfc6455,
    /// RFC 6455 as Cowboy 0.6 read it: an empty frame needs no mask, the payload of a close frame is not looked at, and a
    /// final continuation frame without a start counts as a reserved opcode.
    Generation0,
}

/// Where the first reserved bit, which marks what is compressed, may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rsv1 {
    /// Nowhere: no compression was negotiated.
    Never,
    /// On the first frame of a message (RFC 7692 6).
    Messages,
    /// On every data frame (x-webkit-deflate-frame).
    Frames,
}

/// The opcodes that RFC 6455 5.2 defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    /// Whether this is a control frame's opcode (RFC 6455 5.5).
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

impl From<Opcode> for OpCode {
    fn from(opcode: Opcode) -> OpCode {
        match opcode {
            Opcode::Continuation => OpCode::Data(Data::Continue),
            Opcode::Text => OpCode::Data(Data::Text),
            Opcode::Binary => OpCode::Data(Data::Binary),
            Opcode::Close => OpCode::Control(Control::Close),
            Opcode::Ping => OpCode::Control(Control::Ping),
            Opcode::Pong => OpCode::Control(Control::Pong),
        }
    }
}

impl TryFrom<OpCode> for Opcode {
    type Error = Violation;

    fn try_from(opcode: OpCode) -> Result<Opcode, Violation> {
        match opcode {
            OpCode::Data(Data::Continue) => Ok(Opcode::Continuation),
            OpCode::Data(Data::Text) => Ok(Opcode::Text),
            OpCode::Data(Data::Binary) => Ok(Opcode::Binary),
            OpCode::Control(Control::Close) => Ok(Opcode::Close),
            OpCode::Control(Control::Ping) => Ok(Opcode::Ping),
            OpCode::Control(Control::Pong) => Ok(Opcode::Pong),
            OpCode::Data(Data::Reserved(code)) | OpCode::Control(Control::Reserved(code)) => {
                Err(Violation::ReservedOpcode(code))
            }
        }
    }
}

/// The header of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether this frame ends its message.
    pub fin: bool,
    /// What the frame carries.
    pub opcode: Opcode,
    /// Whether the first reserved bit is set.
    pub compressed: bool,
    /// Bytes of payload.
    pub length: u64,
    /// The mask of the payload's first byte.
    pub mask: [u8; 4],
}

impl Header {
    /// Parses the header at the start of `bytes` and returns it with its own length, or `None` while it is incomplete.
    ///
    /// `assembling` tells whether a fragmented message is under way. A violation is reported as soon as the bytes
    /// at hand show it, and always the one that comes first on the wire.
    pub fn parse(
        bytes: &[u8],
        assembling: bool,
        rules: Rules,
        rsv1: Rsv1,
    ) -> Result<Option<(Header, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let fin = first & 0x80 != 0;
        let compressed = first & RSV1 != 0;
        if first & 0x30 != 0 || (compressed && rsv1 == Rsv1::Never) {
            return Err(Violation::ReservedBits);
        }
        let opcode = check_first(first, fin, assembling, rules)?;
        if compressed && !may_be_compressed(opcode, rsv1) {
            return Err(Violation::ReservedBits);
        }
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        check_second(second, opcode, rules)?;
        let Some((length, rest)) = parse_length(second & 0x7f, rest)? else {
            return Ok(None);
        };
        let Some((mask, rest)) = parse_mask(second & 0x80 != 0, length, rest)? else {
            return Ok(None);
        };
        let header = Header {
            fin,
            opcode,
            compressed,
            length,
            mask,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }
}

fn check_first(first: u8, fin: bool, assembling: bool, rules: Rules) -> Result<Opcode, Violation> {
    match Opcode::try_from(OpCode::from(first & 0x0f))? {
        opcode if opcode.is_control() && !fin => Err(Violation::FragmentedControl),
        Opcode::Continuation if !assembling && fin && rules == Rules::Generation0 => {
            Err(Violation::ReservedOpcode(0))
        }
        Opcode::Continuation if !assembling => Err(Violation::StrayContinuation),
        Opcode::Text | Opcode::Binary if assembling => Err(Violation::InterleavedMessage),
        opcode => Ok(opcode),
    }
}

fn may_be_compressed(opcode: Opcode, rsv1: Rsv1) -> bool {
    match opcode {
        Opcode::Text | Opcode::Binary => true,
        Opcode::Continuation => rsv1 == Rsv1::Frames,
        _ => false,
    }
}

fn check_second(second: u8, opcode: Opcode, rules: Rules) -> Result<(), Violation> {
    if second & 0x80 == 0 && rules == Rules::Rfc6455 {
        return Err(Violation::Unmasked);
    }
    match second & 0x7f {
        126.. if opcode.is_control() => Err(Violation::LongControl),
        1 if opcode == Opcode::Close && rules == Rules::Rfc6455 => Err(Violation::ShortClose),
        _ => Ok(()),
    }
}

/// A part of a header and the bytes behind it, or `None` while it is incomplete.
type Part<'a, T> = Result<Option<(T, &'a [u8])>, Violation>;

/// The payload length. `short` are the 7 bits of the second byte.
fn parse_length(short: u8, bytes: &[u8]) -> Part<'_, u64> {
    let (length, least, rest) = match short {
        126 => match bytes.split_first_chunk() {
            Some((long, rest)) => (u64::from(u16::from_be_bytes(*long)), 126, rest),
            None => return Ok(None),
        },
        127 if bytes.first().is_some_and(|top| top & 0x80 != 0) => {
            return Err(Violation::LengthTopBit);
        }
        127 => match bytes.split_first_chunk() {
            Some((long, rest)) => (u64::from_be_bytes(*long), 0x1_0000, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, bytes),
    };
    if length < least {
        return Err(Violation::LengthNotMinimal);
    }
    Ok(Some((length, rest)))
}

/// The mask. Where a frame may go without one, it must be empty.
fn parse_mask(masked: bool, length: u64, bytes: &[u8]) -> Part<'_, [u8; 4]> {
    match (masked, length) {
        (true, _) => Ok(bytes.split_first_chunk().map(|(&mask, rest)| (mask, rest))),
        (false, 0) => Ok(Some(([0; 4], bytes))),
        (false, _) => Err(Violation::Unmasked),
    }
}

/// Whether a peer may send `code` in a close frame: 1000-1003, 1007-1011 and 3000-4999, as every Cowboy has it.
///
/// RFC 6455 7.4 leaves 1012-2999 to later documents; 1012-1014 are registered since, but Cowboy refuses them.
pub fn is_close_code(code: u16) -> bool {
    match CloseCode::from(code) {
        CloseCode::Reserved(_) | CloseCode::Restart | CloseCode::Again => false,
        allowed => allowed.is_allowed(),
    }
}

/// Writes the header of an unmasked server frame with `length` bytes of payload; returns how many bytes it takes.
pub fn write_header(
    buffer: &mut [u8; MAX_HEADER],
    opcode: impl Into<OpCode>,
    fin: bool,
    length: u64,
) -> usize {
    // By hand: tungstenite's takes ten times as many instructions, twice for each message.
    buffer[0] = u8::from(opcode.into()) | if fin { 0x80 } else { 0 };
    let size = header_size(length);
    match size {
        2 => buffer[1] = length as u8,
        4 => {
            buffer[1] = 126;
            buffer[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            buffer[1] = 127;
            buffer[2..10].copy_from_slice(&length.to_be_bytes());
        }
    }
    size
}

/// Bytes of the header of an unmasked frame with `length` bytes of payload.
pub fn header_size(length: u64) -> usize {
    match length {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    }
}

/// Writes the payload of a close frame; returns its length, or `None` if `reason` has more than 123 bytes.
///
/// `code` may be any: what a handler sends is its own affair.
pub fn write_close(buffer: &mut [u8; MAX_CONTROL], code: u16, reason: &[u8]) -> Option<usize> {
    let length = 2 + reason.len();
    buffer[..2].copy_from_slice(&code.to_be_bytes());
    buffer.get_mut(2..length)?.copy_from_slice(reason);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
        Header::parse(bytes, false, Rules::Rfc6455, Rsv1::Never)
    }

    fn parse_in(bytes: &[u8], assembling: bool) -> Result<Option<(Header, usize)>, Violation> {
        Header::parse(bytes, assembling, Rules::Rfc6455, Rsv1::Never)
    }

    #[test]
    fn cowboy_0_takes_an_empty_frame_without_a_mask_and_any_close_payload() {
        let parse = |bytes: &[u8]| Header::parse(bytes, false, Rules::Generation0, Rsv1::Never);
        let (header, used) = parse(&[0x89, 0]).unwrap().unwrap();
        assert_eq!((header.opcode, header.length, used), (Opcode::Ping, 0, 2));
        assert_eq!(parse(&[0x81, 1, b'x']), Err(Violation::Unmasked));
        assert!(parse(&[0x88, 0x81, 1, 2, 3, 4]).unwrap().is_some());
        assert_eq!(parse(&[0x80, 0]), Err(Violation::ReservedOpcode(0)));
        assert_eq!(parse(&[0x00, 0]), Err(Violation::StrayContinuation));
    }

    #[test]
    fn every_length_is_written_in_the_fewest_bytes() {
        let cases: [(u64, &[u8]); 7] = [
            (0, &[0x81, 0]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 32, &[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]),
            (
                i64::MAX as u64,
                &[0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
        ];
        for (length, expected) in cases {
            let mut buffer = [0; MAX_HEADER];
            let written = write_header(&mut buffer, Opcode::Text, true, length);
            assert_eq!(&buffer[..written], expected);
        }
    }

    #[test]
    fn the_opcode_and_the_final_bit_are_written() {
        let mut buffer = [0; MAX_HEADER];
        write_header(&mut buffer, Opcode::Pong, true, 0);
        assert_eq!(buffer[0], 0x8a);
        write_header(&mut buffer, Opcode::Continuation, false, 0);
        assert_eq!(buffer[0], 0x00);
    }

    #[test]
    fn a_close_payload_is_the_code_and_a_reason_of_up_to_123_bytes() {
        let mut buffer = [0; MAX_CONTROL];
        let length = write_close(&mut buffer, 1001, b"bye").unwrap();
        assert_eq!(&buffer[..length], b"\x03\xe9bye");
        assert_eq!(write_close(&mut buffer, 1000, &[b'x'; 123]), Some(125));
        assert_eq!(write_close(&mut buffer, 1000, &[b'x'; 124]), None);
    }

    #[test]
    fn only_the_close_codes_that_cowboy_accepts_are_accepted() {
        let accepted: Vec<u16> = (0..=u16::MAX).filter(|code| is_close_code(*code)).collect();
        let expected: Vec<u16> = (1000..=1003)
            .chain(1007..=1011)
            .chain(3000..=4999)
            .collect();
        assert_eq!(accepted, expected);
    }

    #[test]
    fn a_header_is_incomplete_until_its_last_byte() {
        let headers: [(&[u8], u64); 3] = [
            (&[0x82, 0x83, 1, 2, 3, 4], 3),
            (&[0x82, 0xfe, 0x01, 0x00, 1, 2, 3, 4], 256),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], 0x1_0000),
        ];
        for (bytes, length) in headers {
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes[..cut]), Ok(None));
            }
            let with_payload = [bytes, b"payload"].concat();
            let (header, used) = parse(&with_payload).unwrap().unwrap();
            assert_eq!(used, bytes.len());
            assert_eq!(header.length, length);
            assert_eq!(header.mask, [1, 2, 3, 4]);
            assert_eq!(header.opcode, Opcode::Binary);
            assert!(header.fin);
        }
    }

    /// What the RFC says of a first byte, independent of the parser.
    fn expected_first(first: u8, assembling: bool) -> Option<Violation> {
        let fin = first >= 0x80;
        match first & 0x7f {
            0x10.. => Some(Violation::ReservedBits),
            code @ (3..=7 | 11..=15) => Some(Violation::ReservedOpcode(code)),
            8..=10 if !fin => Some(Violation::FragmentedControl),
            0 if !assembling => Some(Violation::StrayContinuation),
            1 | 2 if assembling => Some(Violation::InterleavedMessage),
            _ => None,
        }
    }

    fn expected_second(opcode: u8, second: u8) -> Option<Violation> {
        match second {
            0..=0x7f => Some(Violation::Unmasked),
            0xfe.. if opcode >= 8 => Some(Violation::LongControl),
            0x81 if opcode == 8 => Some(Violation::ShortClose),
            _ => None,
        }
    }

    #[test]
    fn every_first_two_bytes_are_judged_as_the_rfc_says() {
        for assembling in [false, true] {
            for first in 0..=255u8 {
                let expected = expected_first(first, assembling);
                assert_eq!(parse_in(&[first], assembling).err(), expected);
                for second in 0..=255u8 {
                    let expected = expected.or_else(|| expected_second(first & 0x0f, second));
                    let result = parse_in(&[first, second], assembling);
                    assert_eq!(result.err(), expected, "{first:#x} {second:#x}");
                }
            }
        }
    }

    #[test]
    fn a_length_in_too_many_bytes_is_refused() {
        for length in 0..126u16 {
            let bytes = [&[0x82, 0xfe][..], &length.to_be_bytes()].concat();
            assert_eq!(parse(&bytes), Err(Violation::LengthNotMinimal));
        }
        for length in [0, 1, 125, 126, 0xffff_u64] {
            let bytes = [&[0x82, 0xff][..], &length.to_be_bytes()].concat();
            assert_eq!(parse(&bytes), Err(Violation::LengthNotMinimal));
        }
    }

    #[test]
    fn the_top_bit_of_a_length_is_refused_at_the_first_byte() {
        assert_eq!(parse(&[0x82, 0xff, 0x80]), Err(Violation::LengthTopBit));
        assert_eq!(parse(&[0x82, 0xff, 0x7f]), Ok(None));
    }

    #[test]
    fn violations_name_the_section_they_break() {
        let all = [
            Violation::ReservedBits,
            Violation::ReservedOpcode(3),
            Violation::FragmentedControl,
            Violation::StrayContinuation,
            Violation::InterleavedMessage,
            Violation::Unmasked,
            Violation::LongControl,
            Violation::LengthNotMinimal,
            Violation::LengthTopBit,
            Violation::ShortClose,
            Violation::CloseCode(1005),
        ];
        for violation in all {
            assert!(violation.to_string().contains("(RFC 6455 "));
        }
    }
}
