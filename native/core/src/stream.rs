//! A connection's socket, clear or encrypted, so that everything above reads and writes the same way.
//!
//! A WebSocket on a clear socket is written by its owner's calls themselves, so the socket is split: the connection's task
//! reads, the outbox writes. An encrypted one belongs to the task whole: encrypting takes longer than a call on a
//! scheduler may, so the outbox only queues for the task.

use crate::tls::TlsStream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A whole connection.
pub enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream>),
}

/// The half of a WebSocket that its task holds.
pub enum TaskHalf {
    Tcp(OwnedReadHalf),
    Tls(Box<TlsStream>),
    Http2(Box<Http2Stream>),
}

/// The half of a WebSocket that its outbox holds.
pub enum OutboxHalf {
    /// Callers write to the socket themselves.
    Direct(OwnedWriteHalf),
    /// The connection's task takes what is queued.
    Task,
}

impl Stream {
    /// The address that the client connected to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr(),
            Stream::Tls(stream) => stream.local_addr(),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Stream::Tcp(_) => "http",
            Stream::Tls(_) => "https",
        }
    }

    /// The client's certificate, if it showed one: DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match self {
            Stream::Tcp(_) => None,
            Stream::Tls(stream) => stream.peer_certificate(),
        }
    }

    /// For a WebSocket.
    pub fn split(self) -> (TaskHalf, OutboxHalf) {
        match self {
            Stream::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (TaskHalf::Tcp(reader), OutboxHalf::Direct(writer))
            }
            Stream::Tls(stream) => (TaskHalf::Tls(stream), OutboxHalf::Task),
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
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
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
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, vectors),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, vectors),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
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
            TaskHalf::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            TaskHalf::Http2(stream) => stream.poll_read(cx, buffer),
        }
    }

    /// Whether the task writes as well.
    pub fn writes(&self) -> bool {
        !matches!(self, TaskHalf::Tcp(_))
    }

    /// Bytes that were taken and that the socket has not.
    pub fn unsent(&self) -> usize {
        match self {
            TaskHalf::Tcp(_) => 0,
            TaskHalf::Tls(stream) => stream.unsent(),
            TaskHalf::Http2(stream) => stream.unsent.len(),
        }
    }

    /// Sends what is unsent.
    pub fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(_) => Poll::Ready(Ok(())),
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
            TaskHalf::Tcp(_) => Poll::Ready(Ok(0)),
            TaskHalf::Tls(stream) => stream.poll_send(cx, take),
            TaskHalf::Http2(stream) => stream.poll_send(cx, take),
        }
    }

    /// Ends what the task has sent. A clear socket is shut by its outbox's half.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            TaskHalf::Tcp(_) => Poll::Ready(Ok(())),
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
            TaskHalf::Http2(stream) => stream.poll_hangup(cx),
        }
    }
}

/// A stream of an HTTP/2 connection that carries a WebSocket (RFC 8441).
pub struct Http2Stream {
    io: TokioIo<Upgraded>,
    /// Read to find out whether the peer has hung up, and not asked for yet.
    read: Vec<u8>,
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
            read: Vec::new(),
            unsent: Vec::new(),
            _open: open,
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.drain(..length);
        self.read.shrink_to_fit();
        Poll::Ready(Ok(()))
    }

    fn poll_hangup(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut memory = [0; 1024];
        while self.read.len() < FRAME {
            let mut buffer = ReadBuf::new(&mut memory);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.read.extend_from_slice(buffer.filled());
        }
        Poll::Pending
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
                let shut = Pin::new(&mut writer).poll_shutdown(cx);
                writer.forget();
                shut
            }
            OutboxHalf::Task => Poll::Ready(Ok(())),
        }
    }
}
