//! The decoder that a connection's framing asks for, and how its errors are reported.

use crate::bridge::End;
use crate::config::{Framing, UpgradeOptions};
use crate::frame::{Rules, Violation};
use crate::hixie;
use crate::message::{Decoder, DecoderOptions, PayloadBuf, Progress, ProtocolError, Sink};

/// The decoder of a connection's framing.
pub enum Framed<P> {
    Rfc6455(Decoder<P>),
    Hixie76(hixie::Decoder<P>),
}

impl<P: PayloadBuf> Framed<P> {
    pub fn new(options: &UpgradeOptions) -> Self {
        let max_frame_size = options.max_frame_size.0;
        let rules = match options.framing {
            Framing::Hixie76(..) => return Framed::Hixie76(hixie::Decoder::new(max_frame_size)),
            Framing::Generation0 => Rules::Generation0,
            Framing::Rfc6455 => Rules::Rfc6455,
        };
        let options = DecoderOptions {
            max_frame_size,
            validate_utf8: options.validate_utf8,
            rules,
            compression: options.compress,
        };
        Framed::Rfc6455(Decoder::new(options))
    }

    pub fn decode(
        &mut self,
        input: &mut [u8],
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Framed::Rfc6455(decoder) => decoder.decode(input, sink),
            Framed::Hixie76(decoder) => decoder.decode(input, sink),
        }
    }

    pub fn window(&mut self, least: usize, max: usize) -> Option<&mut [u8]> {
        match self {
            Framed::Rfc6455(decoder) => decoder.window(least, max),
            Framed::Hixie76(_) => None,
        }
    }

    pub fn filled(
        &mut self,
        bytes: usize,
        sink: &mut impl Sink<P>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Framed::Rfc6455(decoder) => decoder.filled(bytes, sink),
            // It lends no window.
            Framed::Hixie76(_) => Ok(Progress::Open),
        }
    }

    pub fn set_max_frame_size(&mut self, limit: Option<u64>) {
        match self {
            Framed::Rfc6455(decoder) => decoder.set_max_frame_size(limit),
            Framed::Hixie76(decoder) => decoder.set_max_size(limit),
        }
    }

    /// How an error is reported: Cowboy 0.6 tells more kinds apart.
    pub fn end_of(&self, error: ProtocolError) -> End {
        match (self, error) {
            (Framed::Rfc6455(decoder), ProtocolError::BadFrame(violation))
                if decoder.rules() == Rules::Generation0 =>
            {
                match violation {
                    Violation::LongControl => End::Protocol,
                    Violation::Unmasked => End::Unmasked,
                    Violation::ReservedOpcode(_) => End::BadOpcode,
                    _ => End::BadFrame,
                }
            }
            (_, ProtocolError::BadFrame(_)) => End::BadFrame,
            (_, ProtocolError::BadEncoding(_)) => End::BadEncoding,
            (_, ProtocolError::BadSize { .. }) => End::BadSize,
        }
    }
}
