//! Many WebSocket connections on one thread: epoll, one `read` and one `write` per turn of a connection, nothing parsed twice.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::messages::{Messages, close_frame};

/// Key and answer of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A server must move within this time, or the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Loopback addresses that connections come from, so that ephemeral ports do not run out.
const SOURCES: usize = 200;

/// How many connections are opened at the same time at most.
const OPENING: usize = 100;

const READ_BUFFER: usize = 256 * 1024;

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
    phase: Phase,
    /// When the connection was begun
    pub since: Instant,
    /// Request head or close frame that is still to be written
    control: Vec<u8>,
    /// Messages written or begun, the queued ones not counted
    written: u64,
    /// Messages to write from number `written` on, and how much of them has gone out
    queued: usize,
    queued_offset: usize,
    received: u64,
    received_offset: usize,
    sent_at: VecDeque<Instant>,
}

impl Connection {
    fn start(target: SocketAddr, source: IpAddr, request: &[u8]) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if target.ip().is_loopback() && target.is_ipv4() {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&target.into()) {
            Err(error) if error.raw_os_error() != Some(EINPROGRESS) => {
                return Err(error).with_context(|| format!("no connection to {target}"));
            }
            _ => {}
        }
        Ok(Connection {
            stream: TcpStream::from_std(socket.into()),
            phase: Phase::Handshake(Vec::new()),
            since: Instant::now(),
            control: request.to_vec(),
            written: 0,
            queued: 0,
            queued_offset: 0,
            received: 0,
            received_offset: 0,
            sent_at: VecDeque::new(),
        })
    }

    /// Sends the next `count` messages. Never more may be in flight than `messages` was laid out for.
    pub fn send(&mut self, count: usize, messages: &Messages) -> Result<()> {
        let now = Instant::now();
        self.sent_at.extend(std::iter::repeat_n(now, count));
        self.queued += count;
        self.flush(messages)
    }

    /// Begins the closing handshake.
    pub fn close(&mut self, messages: &Messages) -> Result<()> {
        self.phase = Phase::Closing(Vec::new());
        self.control = close_frame();
        self.flush(messages)
    }

    /// Takes the time at which the oldest unanswered message was sent.
    pub fn pop_sent_at(&mut self) -> Option<Instant> {
        self.sent_at.pop_front()
    }

    fn flush(&mut self, messages: &Messages) -> Result<()> {
        while !self.control.is_empty() {
            match write(&self.stream, &self.control)? {
                Some(written) => drop(self.control.drain(..written)),
                None => return Ok(()),
            }
        }
        while self.queued > 0 {
            let frames = &messages.frames(self.written, self.queued)[self.queued_offset..];
            let length = frames.len();
            match write(&self.stream, frames)? {
                Some(written) if written == length => {
                    self.written += self.queued as u64;
                    self.queued = 0;
                    self.queued_offset = 0;
                }
                Some(written) => self.skip_written(written, messages),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Forgets the messages that a short write has finished, so that never more than the depth are laid out in a row.
    fn skip_written(&mut self, written: usize, messages: &Messages) {
        let frame_length = messages.frames(0, 1).len();
        self.queued_offset += written;
        let whole = self.queued_offset / frame_length;
        self.written += whole as u64;
        self.queued -= whole;
        self.queued_offset -= whole * frame_length;
    }

    /// Reads what has arrived. Edge-triggered: a short read has emptied the socket, unless the peer has closed it too.
    fn read(
        &mut self,
        ended: bool,
        messages: &Messages,
        buffer: &mut [u8],
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
                    bytes += length as u64;
                    self.accept(&buffer[..length], messages, &mut progress)?;
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
                    check_response(head)?;
                    self.phase = Phase::Open;
                    progress.opened = true;
                }
            }
            Phase::Open => progress.replies += self.check(received, messages)?,
            Phase::Closing(frame) => frame.extend_from_slice(received),
            Phase::Closed => bail!("the server sent data after its end"),
        }
        Ok(())
    }

    fn check(&mut self, mut received: &[u8], messages: &Messages) -> Result<usize> {
        let length = messages.reply_length();
        let mut replies = 0;
        while !received.is_empty() {
            let (piece, rest) =
                received.split_at(received.len().min(length - self.received_offset));
            ensure!(
                messages.matches(self.received, self.received_offset, piece),
                "reply {} differs from the message at or after byte {}: {:02x?}",
                self.received,
                self.received_offset,
                &piece[..piece.len().min(16)]
            );
            self.received_offset += piece.len();
            if self.received_offset == length {
                self.received += 1;
                self.received_offset = 0;
                replies += 1;
            }
            received = rest;
        }
        Ok(replies)
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
                self.received
            ),
            Phase::Closed => Ok(()),
        }
    }
}

/// `connect` goes on in the background (asm-generic/errno.h).
const EINPROGRESS: i32 = 115;

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

fn check_response(head: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(head);
    ensure!(
        text.starts_with("HTTP/1.1 101 ") && text.contains(ACCEPT),
        "the server refused the upgrade: {text:?}"
    );
    Ok(())
}

/// A request as browsers send it, in size and number of headers.
fn request(target: SocketAddr, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {target}\r\n\
         Connection: Upgrade\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         Upgrade: websocket\r\n\
         Origin: http://{target}\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
         Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark\r\n\
         Sec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// All connections of a run and the poll that drives them.
pub struct Client<'m> {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    messages: &'m Messages,
    buffer: Vec<u8>,
    target: SocketAddr,
    request: Vec<u8>,
    begun: usize,
    /// Bytes of frames read so far
    pub bytes: u64,
}

impl<'m> Client<'m> {
    /// A client of the handler at `path` of the server at `target`, without any connection.
    pub fn new(target: SocketAddr, path: &str, messages: &'m Messages) -> io::Result<Self> {
        Ok(Client {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            connections: Vec::new(),
            messages,
            buffer: vec![0; READ_BUFFER],
            target,
            request: request(target, path),
            begun: 0,
            bytes: 0,
        })
    }

    /// The connections in the order in which they were begun; a reopened one keeps its place.
    pub fn connections(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.connections.iter_mut()
    }

    /// Begins another connection.
    pub fn begin(&mut self) -> Result<()> {
        let connection = self.connect(self.connections.len())?;
        self.connections.push(connection);
        Ok(())
    }

    /// Puts a new connection in the place of a closed one.
    pub fn reopen(&mut self, index: usize) -> Result<()> {
        self.connections[index] = self.connect(index)?;
        Ok(())
    }

    /// Opens `count` connections and returns once all are upgraded.
    pub fn open(&mut self, count: usize) -> Result<()> {
        let mut opened = 0;
        while opened < count {
            while self.connections.len() < count.min(opened + OPENING) {
                self.begin()?;
            }
            self.turn(|_, _, progress, _| {
                opened += usize::from(progress.opened);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Waits for events and hands each connection that moved to `react`, with its index and what happened.
    pub fn turn<F>(&mut self, mut react: F) -> Result<()>
    where
        F: FnMut(usize, &mut Connection, Progress, &'m Messages) -> Result<()>,
    {
        match self.poll.poll(&mut self.events, Some(PATIENCE)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other.context("epoll failed")?,
        }
        ensure!(
            !self.events.is_empty(),
            "the server has sent nothing for {PATIENCE:?}"
        );
        for event in &self.events {
            let Token(index) = event.token();
            let connection = &mut self.connections[index];
            if event.is_writable() {
                connection.flush(self.messages)?;
            }
            if event.is_readable() || event.is_read_closed() {
                let ended = event.is_read_closed();
                let (progress, bytes) = connection.read(ended, self.messages, &mut self.buffer)?;
                self.bytes += bytes;
                react(index, connection, progress, self.messages)?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, index: usize) -> Result<Connection> {
        let host = 2 + u8::try_from(self.begun % SOURCES)?;
        self.begun += 1;
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
        let mut connection = Connection::start(self.target, source, &self.request)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut connection.stream, Token(index), interest)?;
        Ok(connection)
    }
}
