//! The bridge to the Erlang process at the other end of the pipes: what it is told.

use crate::events::EventList;
use crate::handles::Handles;
use crate::output::Output;
use farrier_core::bridge::{BodyEvent, Bridge, Closed, Events};
use farrier_core::handle::Handle;
use farrier_core::log::Record;
use farrier_core::payload::VecPayload;
use std::sync::Arc;

pub use farrier_port::Number;

/// What an owner waits for, one of each at a time.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {
    Body,
    Writable,
    Closed,
}

/// See the module's documentation.
#[derive(Default)]
pub struct PortBridge {
    pub output: Output,
    pub handles: Handles,
}

impl PortBridge {
    pub fn tell_body(&self, id: Number, kind: &str, data: &[u8]) {
        self.output.message(|writer| {
            let body = writer.tuple(4).atom("body").integer(id);
            body.atom(kind).binary(data);
            true
        });
    }

    pub fn tell_body_error(&self, id: Number, reason: &str) {
        self.output.message(|writer| {
            let body = writer.tuple(4).atom("body").integer(id);
            body.atom("error").atom(reason);
            true
        });
    }

    pub fn tell_writable(&self, id: Number, result: Result<(), Closed>) {
        self.output.message(|writer| {
            let writable = writer.tuple(3).atom("writable").integer(id);
            match result {
                Ok(()) => writable.atom("writable"),
                Err(Closed) => writable.tuple(2).atom("error").atom("closed"),
            };
            true
        });
    }

    pub fn tell_closed(&self, id: Number) {
        self.output.message(|writer| {
            writer.tuple(2).atom("closed").integer(id);
            true
        });
    }

    pub fn tell_log(&self, record: &Record, dropped: u64) {
        // A key stands once in a map; the last of the same name counts.
        let fields: Vec<_> = (record.fields.iter().enumerate())
            .filter(|(i, (name, _))| {
                !record.fields[i + 1..]
                    .iter()
                    .any(|(later, _)| later == name)
            })
            .map(|(_, field)| field)
            .collect();
        self.output.message(|writer| {
            writer.tuple(5).atom("log").atom(record.level);
            writer.binary(record.message.as_bytes());
            writer.map(fields.len() as u32);
            for (name, value) in fields {
                writer.atom(name).binary(value.as_bytes());
            }
            writer.integer(dropped);
            true
        });
    }
}

impl Bridge for PortBridge {
    type Process = Number;
    type Reference = Awaited;
    type Payload = VecPayload;

    fn offer(&self, listener: &Number, handle: Arc<Handle<Self>>) -> bool {
        let id = self.handles.insert(handle);
        self.output.message(|writer| {
            writer.tuple(3).atom("offer").integer(*listener).integer(id);
            true
        });
        true
    }

    fn full(&self, listener: &Number) {
        self.output.message(|writer| {
            writer.tuple(2).atom("full").integer(*listener);
            true
        });
    }

    fn deliver(
        &self,
        id: &Number,
        fill: &mut dyn FnMut(&mut dyn Events<VecPayload>) -> usize,
    ) -> bool {
        self.output.message(|writer| {
            writer.tuple(3).integer(*id);
            let mut events = EventList::new(writer);
            let bytes = fill(&mut events);
            let any = events.end();
            writer.integer(bytes as u64);
            any
        });
        true
    }

    fn body(&self, id: &Number, _: Awaited, event: BodyEvent) -> bool {
        match event {
            BodyEvent::More(data) => self.tell_body(*id, "nofin", &data),
            BodyEvent::Fin(data) => self.tell_body(*id, "fin", &data),
            BodyEvent::Error(reason) => self.tell_body_error(*id, reason),
        }
        true
    }

    fn writable(&self, id: &Number, awaited: Awaited, result: Result<(), Closed>) -> bool {
        match awaited {
            Awaited::Closed => self.tell_closed(*id),
            Awaited::Writable | Awaited::Body => self.tell_writable(*id, result),
        }
        true
    }
}
