//! One WebSocket connection: what goes out, what comes back, when it was sent.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use socket2::{Domain, Socket, Type};

use crate::layer::Layer;
use crate::messages::{Coding, Messages, close_frame};
use crate::replies::Replies;

/// Answer to the key of RFC 6455 section 1.3.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What an event did to a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The handshake was completed
    pub opened: bool,
    /// So many replies were completed
    pub replies: usize,
    /// The server closed the connection after the closing handshake
    pub closed: bool,
}

enum Phase {
    Handshake(Vec<u8>),
    Open,
    Closing(Vec<u8>),
    Closed,
}

/// One WebSocket connection to the server.
pub struct Connection {
    stream: TcpStream,
    layer: Layer,
    phase: Phase,
    /// When the connection was begun
    pub since: Instant,
    /// Bytes that go out before any message: request head, close frame, or what the layer has made of messages
    control: Vec<u8>,
    /// Messages written or begun, the queued ones not counted
    written: u64,
    /// Messages to write from number `written` on, and how much of the first has gone out
    queued: usize,
    queued_offset: usize,
    replies: Replies,
    sent_at: VecDeque<Instant>,
}

/// A socket whose connection is under way.
pub fn connect(target: SocketAddr, source: IpAddr, buffers: Option<usize>) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = buffers {
        socket.set_recv_buffer_size(bytes)?;
        socket.set_send_buffer_size(bytes)?;
    }
    if target.ip().is_loopback() && target.is_ipv4() {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => {
            Err(error).with_context(|| format!("no connection to {target}"))
        }
        _ => Ok(socket.into()),
    }
}

/// `connect` goes on in the background (asm-generic/errno.h).
const EINPROGRESS: i32 = 115;

impl Connection {
    /// A connection that sends `hello` first: the request, unless the layer sends that itself.
    pub fn new(
        stream: TcpStream,
        mut layer: Layer,
        hello: &[u8],
        messages: &Messages,
        index: usize,
    ) -> Result<Self> {
        let mut control = Vec::new();
        match &mut layer {
            // The layer's own beginning, not a payload of it.
            Layer::Http2(_) => control.extend_from_slice(hello),
            layer => layer.wrap(hello, &mut control)?,
        }
        Ok(Connection {
            stream,
            layer,
            phase: Phase::Handshake(Vec::new()),
            since: Instant::now(),
            control,
            written: 0,
            queued: 0,
            queued_offset: 0,
            replies: Replies::new(messages, index),
            sent_at: VecDeque::new(),
        })
    }

    /// The socket, for epoll.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// How many replies have come.
    pub fn received(&self) -> u64 {
        self.replies.count()
    }

    /// Sends the next `count` messages.
    pub fn send(&mut self, count: usize, messages: &Messages) -> Result<()> {
        self.send_as_of(Instant::now(), count, messages)
    }

    /// The same; their times run from `intended`, when they were meant to be sent.
    pub fn send_as_of(
        &mut self,
        intended: Instant,
        count: usize,
        messages: &Messages,
    ) -> Result<()> {
        self.sent_at.extend(std::iter::repeat_n(intended, count));
        self.queued += count;
        self.flush(messages)
    }

    /// Writes messages until the socket takes no more; returns how many bytes went out. Nothing is read, no time is kept.
    pub fn flood(&mut self, messages: &Messages) -> Result<usize> {
        let progress = |own: &Connection| (own.written, own.queued_offset);
        let before = progress(self);
        loop {
            self.queued = self.queued.max(messages.depth());
            let last = progress(self);
            self.flush(messages)?;
            if progress(self) == last {
                break;
            }
        }
        let after = progress(self);
        let length = messages.frame_length(0);
        Ok(usize::try_from(after.0 - before.0)? * length + after.1 - before.1)
    }

    /// Begins the closing handshake.
    pub fn close(&mut self, messages: &Messages) -> Result<()> {
        self.phase = Phase::Closing(Vec::new());
        self.layer.wrap(&close_frame(), &mut self.control)?;
        self.flush(messages)
    }

    /// Takes the time at which the oldest unanswered message was sent.
    pub fn pop_sent_at(&mut self) -> Option<Instant> {
        self.sent_at.pop_front()
    }

    /// Writes what is queued, as far as the socket takes it.
    pub fn flush(&mut self, messages: &Messages) -> Result<()> {
        if !matches!(self.layer, Layer::None) {
            self.wrap_queued(messages)?;
        }
        while !self.control.is_empty() {
            match write(&self.stream, &self.control)? {
                Some(written) if written == self.control.len() => self.control.clear(),
                Some(written) => drop(self.control.drain(..written)),
                None => return Ok(()),
            }
        }
        while self.queued > 0 {
            let count = self.queued.min(messages.depth());
            let frames = &messages.frames(self.written, count)[self.queued_offset..];
            let length = frames.len();
            match write(&self.stream, frames)? {
                Some(written) if written == length => {
                    self.written += count as u64;
                    self.queued -= count;
                    self.queued_offset = 0;
                }
                Some(written) => self.skip_written(written, messages),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn wrap_queued(&mut self, messages: &Messages) -> Result<()> {
        while self.queued > 0 {
            let count = self.queued.min(messages.depth());
            let frames = messages.frames(self.written, count);
            self.layer.wrap(frames, &mut self.control)?;
            self.written += count as u64;
            self.queued -= count;
        }
        Ok(())
    }

    /// Forgets the messages that a short write has finished.
    fn skip_written(&mut self, written: usize, messages: &Messages) {
        self.queued_offset += written;
        while self.queued_offset >= messages.frame_length(self.written) {
            self.queued_offset -= messages.frame_length(self.written);
            self.written += 1;
            self.queued -= 1;
        }
    }

    /// Reads what has arrived. Edge-triggered: a short read has emptied the socket, unless the peer has closed it too.
    pub fn read(
        &mut self,
        ended: bool,
        messages: &Messages,
        buffer: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<(Progress, u64)> {
        let mut progress = Progress::default();
        let mut bytes = 0;
        loop {
            match (&self.stream).read(buffer) {
                Ok(0) => {
                    self.end()?;
                    progress.closed = true;
                    break;
                }
                Ok(length) => {
                    let received = &buffer[..length];
                    bytes += if let Layer::None = self.layer {
                        self.accept(received, messages, &mut progress)?;
                        length as u64
                    } else {
                        self.accept_layered(received, messages, plain, &mut progress)?
                    };
                    if length < buffer.len() && !ended {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading from the server failed"),
            }
        }
        Ok((progress, bytes))
    }

    fn accept_layered(
        &mut self,
        received: &[u8],
        messages: &Messages,
        plain: &mut Vec<u8>,
        progress: &mut Progress,
    ) -> Result<u64> {
        plain.clear();
        if self.layer.unwrap(received, plain, &mut self.control)? {
            self.phase = Phase::Open;
            progress.opened = true;
        }
        if !self.control.is_empty() {
            self.flush(messages)?;
        }
        if !plain.is_empty() {
            self.accept(plain, messages, progress)?;
        }
        Ok(plain.len() as u64)
    }

    fn accept(
        &mut self,
        received: &[u8],
        messages: &Messages,
        progress: &mut Progress,
    ) -> Result<()> {
        match &mut self.phase {
            Phase::Handshake(head) => {
                head.extend_from_slice(received);
                if head.ends_with(b"\r\n\r\n") {
                    check_response(head, messages.coding())?;
                    self.phase = Phase::Open;
                    progress.opened = true;
                }
            }
            Phase::Open => progress.replies += self.replies.take(received, messages)?,
            Phase::Closing(frame) => frame.extend_from_slice(received),
            Phase::Closed => bail!("the server sent data after its end"),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        match &self.phase {
            Phase::Closing(frame) => {
                ensure!(
                    frame.first() == Some(&0x88),
                    "instead of a close frame the server sent {frame:02x?}"
                );
                self.phase = Phase::Closed;
                Ok(())
            }
            Phase::Handshake(head) => bail!(
                "the server closed the connection in the handshake after {:?}",
                String::from_utf8_lossy(head)
            ),
            Phase::Open => bail!(
                "the server closed a connection after {} replies",
                self.received()
            ),
            Phase::Closed => Ok(()),
        }
    }
}

fn write(mut stream: &TcpStream, bytes: &[u8]) -> Result<Option<usize>> {
    loop {
        match stream.write(bytes) {
            Ok(written) => return Ok(Some(written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("writing to the server failed"),
        }
    }
}

fn check_response(head: &[u8], coding: Coding) -> Result<()> {
    let text = String::from_utf8_lossy(head);
    ensure!(
        text.starts_with("HTTP/1.1 101 ") && text.contains(ACCEPT),
        "the server refused the upgrade: {text:?}"
    );
    ensure!(
        coding == Coding::Plain || text.contains("permessage-deflate"),
        "the server does not compress: {text:?}"
    );
    Ok(())
}
