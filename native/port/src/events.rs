//! Events of a connection, written as they come.

use crate::etf::Writer;
use farrier_core::bridge::{End, Events};
use farrier_core::message::{Payload, PayloadBuf};
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

fn bytes<'a>(payload: &'a Payload<'_, VecPayload>) -> &'a [u8] {
    match payload {
        Payload::Borrowed(bytes) => bytes,
        Payload::Owned(payload) => payload.as_slice(),
    }
}

impl Events<VecPayload> for EventList<'_, '_> {
    fn text(&mut self, payload: Payload<'_, VecPayload>) {
        self.pair("text", bytes(&payload));
    }

    fn binary(&mut self, payload: Payload<'_, VecPayload>) {
        self.pair("binary", bytes(&payload));
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
