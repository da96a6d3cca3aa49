//! A connection's socket, clear or encrypted, so that everything above reads and writes the same way.
//!
//! A WebSocket on a clear socket is written by its owner's calls themselves, so the socket is split: the connection's task
//! reads, the outbox writes. An encrypted one belongs to the task whole: encrypting takes longer than a call on a
//! scheduler may, so the outbox only queues for the task.

use crate::tls::TlsStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
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
        }
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
