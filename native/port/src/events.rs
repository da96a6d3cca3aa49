//! Events of a connection, written as they come.

use crate::etf::Writer;
use farrier_core::bridge::{End, Events};
use farrier_core::message::Payload;
use farrier_core::payload::VecPayload;

/// Collects the events of one read as a list.
pub struct EventList<'a, 'b> {
    writer: &'a mut Writer<'b>,
    begin: usize,
    count: u32,
}

impl<'a, 'b> EventList<'a, 'b> {
    pub fn new(writer: &'a mut Writer<'b>) -> Self {
        let begin = writer.list();
        EventList {
            writer,
            begin,
            count: 0,
        }
    }

    /// Ends the list. False if it is empty, and then what was written is none.
    pub fn end(self) -> bool {
        if self.count > 0 {
            self.writer.end_list(self.begin, self.count);
        }
        self.count > 0
    }

    fn pair(&mut self, tag: &str, payload: &[u8]) {
        self.count += 1;
        self.writer.tuple(2).atom(tag).binary(payload);
    }
}

impl Events<VecPayload> for EventList<'_, '_> {
    fn text(&mut self, payload: Payload<'_, VecPayload>) {
        self.pair("text", payload.as_slice());
    }

    fn binary(&mut self, payload: Payload<'_, VecPayload>) {
        self.pair("binary", payload.as_slice());
    }

    fn ping(&mut self, payload: &[u8]) {
        self.pair("ping", payload);
    }

    fn pong(&mut self, payload: &[u8]) {
        self.pair("pong", payload);
    }

    fn close(&mut self, reason: Option<(u16, &[u8])>) {
        self.count += 1;
        match reason {
            None => self.writer.atom("close"),
            Some((code, text)) => {
                let close = self.writer.tuple(3).atom("close");
                close.integer(code.into()).binary(text)
            }
        };
    }

    fn end(&mut self, end: End) {
        self.count += 1;
        let reason = match end {
            End::Timeout => {
                self.writer.atom("timeout");
                return;
            }
            End::BadFrame => "badframe",
            End::BadEncoding => "badencoding",
            End::BadSize => "badsize",
            End::Protocol => "protocol",
            End::Unmasked => "unmasked",
            End::BadOpcode => "badopcode",
            End::Challenge => "challenge",
            End::Closed => "closed",
            End::Posix(name) => name,
        };
        self.writer.tuple(2).atom("error").atom(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farrier_core::message::PayloadBuf;
    use farrier_etf::eetf::{Atom, BigInteger, Binary, FixInteger, List, Tuple};
    use farrier_etf::{Term, term_from_slice};

    fn written(write: impl FnOnce(&mut EventList<'_, '_>)) -> Option<Term> {
        let mut bytes = vec![crate::etf::VERSION];
        let mut writer = Writer(&mut bytes);
        let mut events = EventList::new(&mut writer);
        write(&mut events);
        events.end().then(|| term_from_slice(&bytes).unwrap())
    }

    fn atom(name: &str) -> Term {
        Atom::from(name).into()
    }

    fn binary(bytes: &[u8]) -> Term {
        Binary::from(bytes).into()
    }

    fn tuple(elements: Vec<Term>) -> Term {
        Tuple::from(elements).into()
    }

    #[test]
    fn events_are_what_erlang_reads() {
        let mut payload = VecPayload::with_capacity(100_000);
        payload.extend_from_slice(&[7; 100_000]);
        let list = written(|events| {
            events.text(Payload::Borrowed(b"a"));
            events.binary(Payload::Owned(payload));
            events.ping(b"");
            events.pong(b"p");
            events.close(Some((1000, b"bye")));
            events.close(None);
            events.end(End::Timeout);
            events.end(End::BadFrame);
            events.end(End::Posix("ehostunreach"));
        });
        let expected = vec![
            tuple(vec![atom("text"), binary(b"a")]),
            tuple(vec![atom("binary"), binary(&[7; 100_000])]),
            tuple(vec![atom("ping"), binary(b"")]),
            tuple(vec![atom("pong"), binary(b"p")]),
            tuple(vec![
                atom("close"),
                FixInteger::from(1000).into(),
                binary(b"bye"),
            ]),
            atom("close"),
            atom("timeout"),
            tuple(vec![atom("error"), atom("badframe")]),
            tuple(vec![atom("error"), atom("ehostunreach")]),
        ];
        assert_eq!(list, Some(List::from(expected).into()));
    }

    #[test]
    fn no_event_is_no_list() {
        assert_eq!(written(|_| {}), None);
    }

    #[test]
    fn integers_of_every_size_are_read_as_they_were_written() {
        let (byte, word) = (0xff, 0x7fff_ffff);
        for value in [0, byte, byte + 1, word, word + 1, 1 << 59, u64::MAX] {
            let mut bytes = vec![crate::etf::VERSION];
            Writer(&mut bytes).integer(value);
            let read = match term_from_slice(&bytes).unwrap() {
                Term::FixInteger(read) => read.value as u64,
                Term::BigInteger(BigInteger { value }) => u64::try_from(value).unwrap(),
                other => panic!("{other} is no integer"),
            };
            assert_eq!(read, value);
            assert_eq!(crate::etf::Reader(&bytes[1..]).integer(), Some(value));
        }
    }
}
