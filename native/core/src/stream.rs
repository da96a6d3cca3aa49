//! A connection's socket, clear or encrypted, so that everything above reads and writes the same way.
//!
//! A WebSocket on a clear socket is written by its owner's calls themselves, so the socket is split: the connection's task
//! reads, the outbox writes. An encrypted one belongs to the task whole: encrypting takes longer than a call on a
//! scheduler may, so the outbox only queues for the task.

use crate::bridge::Endpoint;
use crate::tls::TlsStream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use rustix::net::SendFlags;
use socket2::SockRef;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpStream, UnixStream, tcp, unix};

/// What the system calls a connection.
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A whole connection.
pub enum Stream {
    Clear(Socket),
    Tls(Box<TlsStream>),
}

/// The half of a WebSocket that its task holds.
pub enum TaskHalf {
    Tcp(OwnedReadHalf),
    Unix(Box<UnixHalf>),
    Tls(Box<TlsStream>),
    Http2(Box<Http2Stream>),
}

/// The half of a WebSocket that its outbox holds.
pub enum OutboxHalf {
    /// Callers write to the socket themselves.
    Direct(SocketWriter),
    /// The connection's task takes what is queued.
    Task,
}

/// The writing half of a clear socket.
pub enum SocketWriter {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl Stream {
    /// The address that the client connected to.
    pub fn local_addr(&self) -> io::Result<Endpoint> {
        match self {
            Stream::Clear(socket) => socket.local_addr(),
            Stream::Tls(stream) => stream.local_addr(),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Stream::Clear(_) => "http",
            Stream::Tls(_) => "https",
        }
    }

    /// The client's certificate, if it showed one: DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match self {
            Stream::Clear(_) => None,
            Stream::Tls(stream) => stream.peer_certificate(),
        }
    }

    /// For a WebSocket.
    pub fn split(self) -> (TaskHalf, OutboxHalf) {
        match self {
            Stream::Clear(Socket::Tcp(stream)) => {
                let (reader, writer) = stream.into_split();
                let writer = SocketWriter::Tcp(writer);
                (TaskHalf::Tcp(reader), OutboxHalf::Direct(writer))
            }
            Stream::Clear(Socket::Unix(stream)) => {
                let (io, writer) = stream.into_split();
                let half = UnixHalf {
                    io,
                    ahead: Ahead::default(),
                };
                let writer = SocketWriter::Unix(writer);
                (TaskHalf::Unix(Box::new(half)), OutboxHalf::Direct(writer))
            }
            Stream::Tls(stream) => (TaskHalf::Tls(stream), OutboxHalf::Task),
        }
    }
}

impl Socket {
    /// The address that the client connected to.
    pub fn local_addr(&self) -> io::Result<Endpoint> {
        let address = match self {
            Socket::Tcp(stream) => SockRef::from(stream).local_addr(),
            Socket::Unix(stream) => SockRef::from(stream).local_addr(),
        };
        address.map(Endpoint::from)
    }

    /// Once there may be something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.readable().await,
            Socket::Unix(stream) => stream.readable().await,
        }
    }

    /// Reads what has come, if anything has.
    pub fn try_read(&self, memory: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_read(memory),
            Socket::Unix(stream) => stream.try_read(memory),
        }
    }
}

impl SocketWriter {
    /// Writes without asking first whether the socket takes more: a system call and nothing else.
    pub fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(self, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(written) => Ok(written),
            // Goes by what epoll has told, and so notices that it is to tell more.
            Err(Errno::WOULDBLOCK | Errno::INTR) => self.try_write(bytes),
            Err(error) => Err(error.into()),
        }
    }

    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            SocketWriter::Tcp(writer) => writer.try_write(bytes),
            SocketWriter::Unix(writer) => writer.try_write(bytes),
        }
    }

    pub fn try_write_vectored(&self, vectors: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            SocketWriter::Tcp(writer) => writer.try_write_vectored(vectors),
            SocketWriter::Unix(writer) => writer.try_write_vectored(vectors),
        }
    }

    /// Ready when the socket may take more, or is lost.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            SocketWriter::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            SocketWriter::Unix(writer) => writer.as_ref().poll_write_ready(cx),
        }
    }

    /// Lets go of the socket without shutting it.
    pub fn forget(self) {
        match self {
            SocketWriter::Tcp(writer) => writer.forget(),
            SocketWriter::Unix(writer) => writer.forget(),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            SocketWriter::Tcp(writer) => Pin::new(writer).poll_shutdown(cx),
            SocketWriter::Unix(writer) => Pin::new(writer).poll_shutdown(cx),
        }
    }
}

impl AsFd for SocketWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            SocketWriter::Tcp(writer) => writer.as_ref().as_fd(),
            SocketWriter::Unix(writer) => writer.as_ref().as_fd(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, vectors),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, vectors),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Clear(socket) => Pin::new(socket).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Clear(socket) => Pin::new(socket).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Clear(socket) => Pin::new(socket).poll_write_vectored(cx, vectors),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, vectors),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Clear(socket) => Pin::new(socket).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Clear(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A connection of which the first bytes have been read already.
pub struct Rewound {
    pub first: Vec<u8>,
    pub stream: Stream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..length]);
        if length == self.first.len() {
            self.first = Vec::new();
        } else {
            self.first.drain(..length);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, vectors)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl TaskHalf {
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            TaskHalf::Unix(half) => half.ahead.poll_read(&mut half.io, cx, buffer),
            TaskHalf::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            TaskHalf::Http2(stream) => stream.ahead.poll_read(&mut stream.io, cx, buffer),
        }
    }

    /// Whether the task writes as well.
    pub fn writes(&self) -> bool {
        !matches!(self, TaskHalf::Tcp(_) | TaskHalf::Unix(_))
    }

    /// Bytes that were taken and that the socket has not.
    pub fn unsent(&self) -> usize {
        match self {
            TaskHalf::Tcp(_) | TaskHalf::Unix(_) => 0,
            TaskHalf::Tls(stream) => stream.unsent(),
            TaskHalf::Http2(stream) => stream.unsent.len(),
        }
    }

    /// Sends what is unsent.
    pub fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(_) | TaskHalf::Unix(_) => Poll::Ready(Ok(())),
            TaskHalf::Tls(stream) => stream.poll_unsent(cx),
            TaskHalf::Http2(stream) => stream.poll_unsent(cx),
        }
    }

    /// Sends what `take` puts into the memory that it is lent, and gives its length. What the socket does not take is kept.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        match self {
            TaskHalf::Tcp(_) | TaskHalf::Unix(_) => Poll::Ready(Ok(0)),
            TaskHalf::Tls(stream) => stream.poll_send(cx, take),
            TaskHalf::Http2(stream) => stream.poll_send(cx, take),
        }
    }

    /// Ends what the task has sent. A clear socket is shut by its outbox's half.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(_) | TaskHalf::Unix(_) => Poll::Ready(Ok(())),
            TaskHalf::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            TaskHalf::Http2(stream) => Pin::new(&mut stream.io).poll_shutdown(cx),
        }
    }

    /// Ready when the peer has hung up, once no unread byte is left.
    pub fn poll_hangup(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(stream) => {
                let mut byte = [0; 1];
                let mut buffer = ReadBuf::new(&mut byte);
                match ready!(Pin::new(stream).poll_peek(cx, &mut buffer))? {
                    0 => Poll::Ready(Ok(())),
                    _ => Poll::Pending,
                }
            }
            TaskHalf::Tls(stream) => stream.poll_hangup(cx),
            TaskHalf::Unix(half) => half.ahead.poll_hangup(&mut half.io, cx),
            TaskHalf::Http2(stream) => stream.ahead.poll_hangup(&mut stream.io, cx),
        }
    }
}

/// The reading half of a Unix socket, which can't be looked at without taking what it has.
pub struct UnixHalf {
    io: unix::OwnedReadHalf,
    ahead: Ahead,
}

/// What was read to find out whether the peer has hung up, and was not asked for yet.
#[derive(Default)]
struct Ahead(Vec<u8>);

impl Ahead {
    fn poll_read(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Pin::new(io).poll_read(cx, buffer);
        }
        let length = self.0.len().min(buffer.remaining());
        buffer.put_slice(&self.0[..length]);
        self.0.drain(..length);
        self.0.shrink_to_fit();
        Poll::Ready(Ok(()))
    }

    fn poll_hangup(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut memory = [0; 1024];
        while self.0.len() < FRAME {
            let mut buffer = ReadBuf::new(&mut memory);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.0.extend_from_slice(buffer.filled());
        }
        Poll::Pending
    }
}

/// A stream of an HTTP/2 connection that carries a WebSocket (RFC 8441).
pub struct Http2Stream {
    io: TokioIo<Upgraded>,
    ahead: Ahead,
    unsent: Vec<u8>,
    /// Counts as an open stream of its connection.
    _open: Arc<()>,
}

/// Bytes sent, or read ahead, at once: a frame of HTTP/2.
const FRAME: usize = 16 * 1024;

impl Http2Stream {
    pub fn new(upgraded: Upgraded, open: Arc<()>) -> Self {
        Http2Stream {
            io: TokioIo::new(upgraded),
            ahead: Ahead::default(),
            unsent: Vec::new(),
            _open: open,
        }
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.unsent))?;
            self.unsent.drain(..written);
        }
        self.unsent.shrink_to_fit();
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_unsent(cx))?;
        self.unsent.resize(FRAME, 0);
        let length = take(&mut self.unsent);
        self.unsent.truncate(length);
        if length == 0 {
            self.unsent = Vec::new();
        } else if let Poll::Ready(Err(error)) = self.poll_unsent(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(length))
    }
}

impl OutboxHalf {
    /// Shuts the write side of a socket that callers wrote to. The task shuts its own.
    pub fn poll_shutdown(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            OutboxHalf::Direct(mut writer) => {
                let shut = writer.poll_shutdown(cx);
                writer.forget();
                shut
            }
            OutboxHalf::Task => Poll::Ready(Ok(())),
        }
    }
}
