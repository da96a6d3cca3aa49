//! Commands of Erlang's that have no answer of their own, which are most: read from their packets without a copy.

use crate::Number;
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

#[cfg(test)]
mod tests {
    use super::*;
    use farrier_etf::Term;
    use farrier_etf::eetf::{Atom, BigInteger, Binary, FixInteger, List, Tuple};

    fn packet(elements: Vec<Term>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let term: Term = Tuple::from(elements).into();
        term.encode(&mut bytes).unwrap();
        // As `term_to_binary/2` writes atoms.
        short_atoms(bytes)
    }

    /// `eetf` writes the length of an atom in two bytes.
    fn short_atoms(mut bytes: Vec<u8>) -> Vec<u8> {
        for name in ["send", "true", "false", "read_body", "infinity", "text"] {
            let long = [&[100, 0, name.len() as u8], name.as_bytes()].concat();
            while let Some(at) = bytes.windows(long.len()).position(|part| part == long) {
                bytes.splice(at..at + 3, [119, name.len() as u8]);
            }
        }
        bytes
    }

    fn atom(name: &str) -> Term {
        Atom::from(name).into()
    }

    fn integer(value: i32) -> Term {
        FixInteger::from(value).into()
    }

    fn frame(opcode: i32, payload: &[u8]) -> Term {
        Tuple::from(vec![integer(opcode), Binary::from(payload).into()]).into()
    }

    fn send(frames: Vec<Term>) -> Vec<u8> {
        let id = BigInteger::from(1u64 << 40).into();
        let frames = List::from(frames).into();
        packet(vec![atom("send"), id, frames, integer(300), atom("true")])
    }

    #[test]
    fn frames_are_read_where_they_are() {
        let packet = send(vec![
            frame(1, b"hello"),
            frame(2, &[0; 5000]),
            frame(8, b""),
        ]);
        let Some(Command::Send {
            id,
            frames,
            handled,
            more,
        }) = Command::decode(&packet)
        else {
            panic!("no send");
        };
        assert_eq!((id, handled, more), (1 << 40, 300, true));
        let read: Vec<_> = frames.iter().map(|f| (f.opcode(), f.payload())).collect();
        let expected: [(Opcode, &[u8]); 3] = [
            (Opcode::Text, b"hello"),
            (Opcode::Binary, &[0; 5000]),
            (Opcode::Close, b""),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_send_without_frames_is_one() {
        let packet = send(vec![]);
        let command = Command::decode(&packet);
        assert!(matches!(command, Some(Command::Send { frames, .. }) if frames.is_empty()));
    }

    #[test]
    fn a_period_may_be_infinite() {
        let read_body = |period| packet(vec![atom("read_body"), integer(1), integer(9), period]);
        let packet = read_body(atom("infinity"));
        let command = Command::decode(&packet);
        assert!(matches!(
            command,
            Some(Command::ReadBody { period: None, .. })
        ));
        let packet = read_body(integer(15));
        let command = Command::decode(&packet);
        let expected = Some(Duration::from_millis(15));
        assert!(matches!(command, Some(Command::ReadBody { period, .. }) if period == expected));
    }

    #[test]
    fn what_is_no_command_is_refused_wherever_it_is_cut() {
        let packet = send(vec![frame(1, b"hello")]);
        assert!(Command::decode(&packet).is_some());
        for length in 0..packet.len() {
            assert!(Command::decode(&packet[..length]).is_none(), "{length}");
        }
        assert!(Command::decode(&[&packet[..], b"x"].concat()).is_none());
        assert!(Command::decode(&send(vec![frame(3, b"")])).is_none());
        assert!(Command::decode(&send(vec![atom("text")])).is_none());
    }
}
