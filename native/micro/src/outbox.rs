//! From a handler's frames to the socket. What the peer's end of the socket takes to read them back is measured along: a
//! constant, and next to nothing in instructions, because the kernel's are not counted.

use crate::samples::Numbers;
use crate::{HotPath, Meter};
use farrier_core::bridge::{BodyEvent, Bridge, Closed, Events};
use farrier_core::frame::Opcode;
use farrier_core::handle::Handle;
use farrier_core::message::VecPayload;
use farrier_core::outbox::{Accepted, Held, Outbox, Outgoing};
use farrier_core::stream::{Socket, Stream, TaskHalf};
use std::io::Read;
use std::os::unix::net::UnixStream as Peer;
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

const HIGH_WATERMARK: usize = 64 * 1024;
const DONE: Result<Accepted, Closed> = Ok(Accepted {
    blocked: false,
    wake: false,
});

pub fn paths<M: Meter>() -> Vec<HotPath<M>> {
    vec![
        HotPath::new("send a text of 64 B", 64, |m| sent(m, 64)),
        HotPath::new("send a text of 16 KiB", 16 * 1024, |m| sent(m, 16 * 1024)),
        HotPath::new("send 16 texts of 64 B, call by call", 16 * 64, corked),
    ]
}

/// Nothing is ever delivered.
struct NoBridge;

impl Bridge for NoBridge {
    type Process = ();
    type Reference = ();
    type Payload = VecPayload;

    fn offer(&self, _: &(), _: Arc<Handle<Self>>) -> bool {
        false
    }

    fn deliver(&self, _: &(), _: &mut dyn FnMut(&mut dyn Events<VecPayload>) -> usize) -> bool {
        false
    }

    fn body(&self, _: &(), _: (), _: BodyEvent) -> bool {
        false
    }

    fn writable(&self, _: &(), _: (), _: Result<(), Closed>) -> bool {
        false
    }
}

struct Frame(Vec<u8>);

impl Outgoing for Frame {
    fn opcode(&self) -> Opcode {
        Opcode::Text
    }

    fn payload(&self) -> &[u8] {
        &self.0
    }

    fn hold(&self) -> Box<dyn Held> {
        Box::new(self.0.clone())
    }
}

/// An open connection.
struct Connection {
    outbox: Outbox<NoBridge>,
    peer: Peer,
    read: Vec<u8>,
    _task: TaskHalf,
    _runtime: Runtime,
}

impl Connection {
    fn open() -> Self {
        let runtime = (Builder::new_current_thread().enable_io().build()).expect("a runtime");
        let (ours, peer) = runtime.block_on(async {
            let (ours, peer) = UnixStream::pair().expect("a pair of sockets");
            ours.writable().await.expect("a writable socket");
            (ours, peer.into_std().expect("a socket"))
        });
        peer.set_nonblocking(false).expect("a socket");
        let (task, writer) = Stream::Clear(Socket::Unix(ours)).split();
        let mut outbox = Outbox::new();
        let head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
        let length = head.len();
        outbox.attach(writer, head);
        assert!(outbox.drain().expect("a writable socket"));
        let mut connection = Connection {
            outbox,
            peer,
            read: vec![0; 64 * 1024],
            _task: task,
            _runtime: runtime,
        };
        connection.read(length);
        connection
    }

    fn read(&mut self, length: usize) {
        self.peer
            .read_exact(&mut self.read[..length])
            .expect("what was sent");
    }
}

/// Written by the caller itself.
fn sent(meter: impl Meter, length: usize) {
    let mut connection = Connection::open();
    let header = if length < 126 { 2 } else { 4 };
    let mut numbers = Numbers::new();
    meter.measure(
        || [Frame(numbers.json(length))],
        |frames| {
            let sent = connection.outbox.send(frames, false, HIGH_WATERMARK);
            assert_eq!(sent, DONE);
            connection.read(header + length);
        },
    );
}

/// Collected until the caller has no more.
fn corked(meter: impl Meter) {
    let mut connection = Connection::open();
    connection.outbox.allow_cork();
    let mut numbers = Numbers::new();
    meter.measure(
        || [(); 16].map(|()| [Frame(numbers.json(64))]),
        |calls| {
            for (i, frames) in calls.iter().enumerate() {
                let more = i + 1 < calls.len();
                let sent = connection.outbox.send(frames, more, HIGH_WATERMARK);
                assert_eq!(sent, DONE);
            }
            connection.read(16 * (2 + 64));
        },
    );
}
