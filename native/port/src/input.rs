//! Packets from Erlang, carried out as they come: a read brings many, and the messages that they cause leave together.

use crate::bridge::{Awaited, Number, PortBridge};
use crate::calls::{Calls, Unknown};
use crate::command::Command;
use bytes::{Buf, BytesMut};
use farrier_core::bridge::Closed;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// Least room for a read.
const READ: usize = 64 * 1024;
/// Memory that is kept for the next packets.
const KEPT: usize = 4 * 1024 * 1024;

/// Reads the packet that is next. `None` at the end.
pub fn read_packet(stdin: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stdin.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    stdin.read_exact(&mut packet)?;
    Ok(Some(packet))
}

/// Carries out what comes, until the end.
pub struct Input {
    bridge: Arc<PortBridge>,
    calls: Arc<Calls>,
}

impl Input {
    pub fn new(bridge: Arc<PortBridge>, calls: Arc<Calls>) -> Self {
        Input { bridge, calls }
    }

    pub async fn run(self, mut stdin: pipe::Receiver) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(READ);
        while stdin.read_buf(&mut buffer).await? > 0 {
            let missing = self.carry_out(&mut buffer);
            if buffer.is_empty() && buffer.capacity() > KEPT {
                buffer = BytesMut::new();
            }
            buffer.reserve(missing.max(READ));
        }
        Ok(())
    }

    /// Carries out the packets that are complete. Returns how many bytes the one after them lacks at least.
    fn carry_out(&self, buffer: &mut BytesMut) -> usize {
        loop {
            let Some((length, rest)) = buffer.split_first_chunk() else {
                return 0;
            };
            let length = u32::from_be_bytes(*length) as usize;
            let Some(packet) = rest.get(..length) else {
                return length - rest.len();
            };
            if self.execute(packet).is_err() {
                crate::fail(&format!("no command of this version: {}", start_of(packet)));
            }
            buffer.advance(4 + length);
        }
    }

    fn execute(&self, packet: &[u8]) -> Result<(), Unknown> {
        match Command::decode(packet).ok_or(Unknown)? {
            Command::Send {
                id,
                frames,
                handled,
                more,
            } => {
                if let Some(handle) = self.bridge.handles.get(id) {
                    // Whether it is to wait Erlang knows by itself, and of the end it is told by an event.
                    let _ = handle.send(&frames, handled, more);
                }
            }
            Command::Handled { id, bytes } => {
                if let Some(handle) = self.bridge.handles.get(id) {
                    handle.handled(bytes);
                }
            }
            Command::Close { id, frames } => {
                if let Some(handle) = self.bridge.handles.get(id) {
                    handle.close(&frames);
                }
            }
            Command::ReadBody { id, length, period } => {
                let handle = self.bridge.handles.get(id);
                let asked = handle.map(|handle| handle.read_body(Awaited::Body, length, period));
                if !matches!(asked, Some(Ok(()))) {
                    self.bridge.tell_body_error(id, "closed");
                }
            }
            Command::AwaitWritable { id } => self.await_writable(id),
            Command::AwaitClosed { id } => {
                let handle = self.bridge.handles.get(id);
                let asked = handle.map(|handle| handle.await_closed(Awaited::Closed));
                if !matches!(asked, Some(Ok(()))) {
                    self.bridge.tell_closed(id);
                }
            }
            Command::Abandon { id } => {
                if let Some(handle) = self.bridge.handles.remove(id) {
                    handle.abandon();
                }
            }
            Command::Call => self.calls.call(packet)?,
        }
        Ok(())
    }

    fn await_writable(&self, id: Number) {
        let handle = self.bridge.handles.get(id);
        match handle.map_or(Err(Closed), |handle| {
            handle.await_writable(Awaited::Writable)
        }) {
            Ok(true) => self.bridge.tell_writable(id, Ok(())),
            Ok(false) => {}
            Err(Closed) => self.bridge.tell_writable(id, Err(Closed)),
        }
    }
}

/// Enough of a packet to recognise it.
fn start_of(packet: &[u8]) -> std::slice::EscapeAscii<'_> {
    packet[..packet.len().min(60)].escape_ascii()
}
