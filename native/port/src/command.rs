//! Commands of Erlang's that have no answer of their own, which are most: read from their packets without a copy.

use crate::bridge::Number;
use crate::etf::Reader;
use farrier_core::frame::Opcode;
use farrier_core::outbox::{Held, Outgoing};
use smallvec::SmallVec;
use std::time::Duration;

/// See the module's documentation.
#[derive(Debug)]
pub enum Command<'a> {
    Send {
        id: Number,
        frames: Frames<'a>,
        handled: usize,
        more: bool,
    },
    Handled {
        id: Number,
        bytes: usize,
    },
    Close {
        id: Number,
        frames: Frames<'a>,
    },
    SetActive {
        id: Number,
        active: bool,
    },
    ReadBody {
        id: Number,
        length: usize,
        period: Option<Duration>,
    },
    AwaitWritable {
        id: Number,
    },
    AwaitClosed {
        id: Number,
    },
    Abandon {
        id: Number,
    },
    /// It has an answer; `crate::calls` reads the packet.
    Call,
}

pub type Frames<'a> = SmallVec<[Frame<'a>; 2]>;

/// A frame that Erlang has checked.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    opcode: Opcode,
    payload: &'a [u8],
}

impl Outgoing for Frame<'_> {
    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn payload(&self) -> &[u8] {
        self.payload
    }

    fn hold(&self) -> Box<dyn Held> {
        Box::new(self.payload.to_vec())
    }
}

impl<'a> Command<'a> {
    /// `None` if the packet is no command.
    pub fn decode(packet: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(packet);
        reader.version()?;
        let arity = reader.tuple()?;
        let name = reader.atom()?;
        if (name, arity) == (b"call", 3) {
            return Some(Command::Call);
        }
        let id = reader.integer()?;
        let command = match (name, arity) {
            (b"send", 5) => Command::Send {
                id,
                frames: frames(&mut reader)?,
                handled: size(&mut reader)?,
                more: reader.boolean()?,
            },
            (b"handled", 3) => Command::Handled {
                id,
                bytes: size(&mut reader)?,
            },
            (b"close", 3) => Command::Close {
                id,
                frames: frames(&mut reader)?,
            },
            (b"set_active", 3) => Command::SetActive {
                id,
                active: reader.boolean()?,
            },
            (b"read_body", 4) => Command::ReadBody {
                id,
                length: size(&mut reader)?,
                period: reader.limit()?.map(Duration::from_millis),
            },
            (b"await_writable", 2) => Command::AwaitWritable { id },
            (b"await_closed", 2) => Command::AwaitClosed { id },
            (b"abandon", 2) => Command::Abandon { id },
            _ => return None,
        };
        reader.end()?;
        Some(command)
    }
}

fn size(reader: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(reader.integer()?).ok()
}

fn frames<'a>(reader: &mut Reader<'a>) -> Option<Frames<'a>> {
    let mut frames = Frames::new();
    reader.list(|reader| {
        if reader.tuple()? != 2 {
            return None;
        }
        let opcode = match reader.integer()? {
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        };
        let payload = reader.binary()?;
        frames.push(Frame { opcode, payload });
        Some(())
    })?;
    Some(frames)
}
