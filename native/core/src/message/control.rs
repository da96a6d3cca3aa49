//! Control frames.

use super::{BAD_REASON, Checks, Progress, ProtocolError, Sink, deliver_lent};
use crate::frame::{Header, MAX_CONTROL, Opcode, Rules, Violation, is_close_code};
use crate::mask::unmask;
use crate::utf8::Validator;

/// A control frame that did not arrive in one piece.
#[derive(Debug)]
pub struct ControlFrame {
    opcode: Opcode,
    /// The mask of the next byte.
    mask: [u8; 4],
    filled: u8,
    /// 125 at most, by the header's checks.
    length: u8,
    bytes: [u8; MAX_CONTROL],
}

impl ControlFrame {
    pub fn new(header: Header) -> Self {
        ControlFrame {
            opcode: header.opcode,
            mask: header.mask,
            filled: 0,
            length: header.length as u8,
            bytes: [0; MAX_CONTROL],
        }
    }

    pub fn missing(&self) -> usize {
        usize::from(self.length - self.filled)
    }

    /// Stores what belongs to this frame at the start of `input`; returns how many bytes that are.
    pub fn receive(&mut self, input: &mut [u8], checks: Checks) -> Result<usize, ProtocolError> {
        let length = self.missing().min(input.len());
        let piece = &mut input[..length];
        self.mask = unmask(piece, self.mask);
        self.bytes[usize::from(self.filled)..][..length].copy_from_slice(piece);
        self.filled += length as u8;
        if self.opcode == Opcode::Close {
            check_close(self.payload(), checks)?;
        }
        Ok(length)
    }

    /// Delivers the frame if it is complete.
    pub fn deliver<P>(
        &self,
        checks: Checks,
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        if self.missing() > 0 {
            return Ok(Progress::Open);
        }
        deliver_lent(self.opcode, self.payload(), checks, sink)
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[..usize::from(self.filled)]
    }
}

/// The code and the reason in as much of a close frame's payload as has arrived.
pub fn split_close(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (code, reason) = payload.split_first_chunk()?;
    Some((u16::from_be_bytes(*code), reason))
}

/// Checks as much of a close frame's payload as has arrived.
pub fn check_close(payload: &[u8], checks: Checks) -> Result<Validator, ProtocolError> {
    let mut validator = Validator::default();
    if checks.rules == Rules::Generation0 {
        return Ok(validator);
    }
    if let Some((code, reason)) = split_close(payload) {
        if !is_close_code(code) {
            return Err(Violation::CloseCode(code).into());
        }
        if checks.utf8 {
            validator.push(reason).map_err(|_| BAD_REASON)?;
        }
    }
    Ok(validator)
}
