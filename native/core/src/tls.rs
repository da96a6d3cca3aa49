//! TLS by rustls: one socket whose bytes are encrypted.
//!
//! A connection that rests owns no buffer. rustls is used by its unbuffered interface: ciphertext is read into, and
//! written from, memory that a thread lends to whichever of its connections is at work. A connection keeps only what
//! can't wait elsewhere: the part of a record that has not arrived yet, plaintext that its reader had no room for,
//! ciphertext that the socket did not take. All three are freed when they are empty, and each is bounded by about one
//! of the thread's buffers.
//!
//! `options` are the options as they cross the bridge, `acceptor` makes rustls' configuration of them, `certificates`
//! loads and chooses certificates, `ciphers` knows the suites by their names.

mod acceptor;
mod certificates;
mod ciphers;
mod options;

pub use acceptor::Acceptor;
pub use options::{CertificateOptions, KeyFormat, OptionError, TlsOptions, Verify, Version};

use crate::bridge::Endpoint;
use crate::stream::Socket;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Ciphertext read at once.
const READ_BUFFER: usize = 64 * 1024;
/// What may stay unprocessed: handshake messages have up to 64 KiB, in records of their own.
const PARTIAL: usize = 80 * 1024;
/// Plaintext encrypted at once: four records (RFC 8446 5.1).
const WRITE_BUFFER: usize = 64 * 1024;

thread_local! {
    static CIPHERTEXT_IN: RefCell<Vec<u8>> = RefCell::new(vec![0; PARTIAL + READ_BUFFER]);
    static PLAINTEXT_OUT: RefCell<Vec<u8>> = RefCell::new(vec![0; WRITE_BUFFER]);
    /// Grows to what rustls asks for.
    static CIPHERTEXT_OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An encrypted connection. Read and written by one task.
pub struct TlsStream {
    socket: Socket,
    session: UnbufferedServerConnection,
    /// Ciphertext of a record or handshake message that is not complete. rustls must find it at the front of all that
    /// it is given.
    partial: Vec<u8>,
    /// Plaintext that its reader had no room for.
    plaintext: Rest,
    /// Ciphertext that the socket did not take.
    unsent: Rest,
    /// The peer sends no more.
    ended: bool,
    /// What ended the session, until it has been told.
    failure: Option<io::Error>,
    /// We send no more.
    closed: bool,
}

/// Bytes that are used up from the front; no memory once they are.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    used: usize,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
        if self.used == self.bytes.len() {
            *self = Rest::default();
        }
    }
}

/// What `write` wrote into memory that has grown to the size it asks for.
fn grown(memory: &mut Vec<u8>, mut write: impl FnMut(&mut [u8]) -> Result<usize, usize>) -> usize {
    match write(memory) {
        Ok(length) => length,
        Err(size) => {
            memory.resize(size, 0);
            write(memory).unwrap_or(0)
        }
    }
}

/// Gives the payload to the reader as far as it has room.
fn put(payload: &[u8], out: &mut ReadBuf<'_>, plaintext: &mut Rest) {
    let fits = match plaintext.is_empty() {
        true => payload.len().min(out.remaining()),
        false => 0,
    };
    out.put_slice(&payload[..fits]);
    plaintext.push(&payload[fits..]);
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl TlsStream {
    /// Shakes hands. The alert that tells of a failure has been written once this returns, if the socket took it.
    pub(crate) async fn accept(
        socket: Socket,
        config: Arc<rustls::ServerConfig>,
    ) -> io::Result<Self> {
        let mut stream = TlsStream {
            socket,
            session: UnbufferedServerConnection::new(config).map_err(invalid)?,
            partial: Vec::new(),
            plaintext: Rest::default(),
            unsent: Rest::default(),
            ended: false,
            failure: None,
            closed: false,
        };
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_unsent(cx))?;
            if let Some(error) = self.failure.take() {
                return Poll::Ready(Err(error));
            }
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            ready!(self.poll_receive(cx, &mut ReadBuf::new(&mut [])))?;
        }
    }

    /// Whether HTTP/2 was agreed on (ALPN).
    pub fn is_http2(&self) -> bool {
        self.session.alpn_protocol() == Some(b"h2")
    }

    /// The address that the client connected to.
    pub fn local_addr(&self) -> io::Result<Endpoint> {
        self.socket.local_addr()
    }

    /// The client's certificate, if it showed one: DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        let certificates = self.session.peer_certificates()?;
        certificates.first().map(|certificate| certificate.as_ref())
    }

    /// Processes records: plaintext goes to `out` and, what does not fit, to `self.plaintext`; what the protocol answers
    /// goes to `self.unsent`. `idle` is called once nothing is left to process, if data may be sent. Gives how much of
    /// the input is done with.
    fn process(
        &mut self,
        input: &mut [u8],
        out: &mut ReadBuf<'_>,
        mut idle: impl FnMut(WriteTraffic<'_, ServerConnectionData>),
    ) -> (usize, Result<(), rustls::Error>) {
        let mut used = 0;
        loop {
            let rest = &mut input[used..];
            let UnbufferedStatus { discard, state } = self.session.process_tls_records(rest);
            let mut done = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        put(record.payload, out, &mut self.plaintext);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    let mut memory = Vec::new();
                    let length = grown(&mut memory, |memory| match message.encode(memory) {
                        Err(EncodeError::InsufficientSize(size)) => Err(size.required_size),
                        Err(EncodeError::AlreadyEncoded) => Ok(0),
                        Ok(length) => Ok(length),
                    });
                    self.unsent.push(&memory[..length]);
                    if self.failure.is_some() {
                        // The alert was all that was still to come.
                        done = Some(Ok(()));
                    }
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    idle(traffic);
                    done = Some(Ok(()));
                }
                Ok(_) => done = Some(Ok(())),
                Err(error) => done = Some(Err(error)),
            }
            used += discard;
            if let Some(result) = done {
                return (used, result);
            }
        }
    }

    /// Reads from the socket once and processes what came. A failure is kept until all before it has been read.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        CIPHERTEXT_IN.with_borrow_mut(|memory| {
            let kept = self.partial.len();
            let end = memory.len().min(kept + READ_BUFFER);
            let mut buffer = ReadBuf::new(&mut memory[kept..end]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            let read = buffer.filled().len();
            if read == 0 {
                // Often without a close_notify. WebSocket and HTTP tell the end of their messages themselves.
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
            memory[..kept].copy_from_slice(&self.partial);
            let input = &mut memory[..kept + read];
            let (used, result) = self.process(input, out, |_| {});
            let rest = &mut input[used..];
            if let Err(error) = result {
                self.failure = Some(invalid(error));
                self.ended = true;
                self.closed = true;
                // The alert waits for the next call.
                let _ = self.process(rest, out, |_| {});
            }
            self.partial = rest.to_vec();
            Poll::Ready(Ok(()))
        })
    }

    /// Bytes of ciphertext that wait for the socket.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.as_slice().len()
    }

    /// Sends the ciphertext that waits.
    pub(crate) fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let unsent = self.unsent.as_slice();
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, unsent))?;
            self.unsent.consume(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what `take` puts into the memory that it is lent, and gives its length. What the socket does not take is
    /// kept.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_unsent(cx))?;
        PLAINTEXT_OUT.with_borrow_mut(|memory| {
            let length = take(memory);
            if length == 0 {
                return Poll::Ready(Ok(0));
            }
            let plaintext = &memory[..length];
            self.encrypt(cx, |traffic, memory| traffic.encrypt(plaintext, memory))?;
            Poll::Ready(Ok(length))
        })
    }

    fn encrypt(
        &mut self,
        cx: &mut Context<'_>,
        mut encrypt: impl FnMut(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        if self.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        CIPHERTEXT_OUT.with_borrow_mut(|memory| {
            let mut written: io::Result<usize> = Err(io::ErrorKind::BrokenPipe.into());
            let mut partial = std::mem::take(&mut self.partial);
            let mut nowhere = ReadBuf::new(&mut []);
            let (used, _) = self.process(&mut partial, &mut nowhere, |mut traffic| {
                let mut exhausted = false;
                let length = grown(memory, |memory| match encrypt(&mut traffic, memory) {
                    Err(EncryptError::InsufficientSize(size)) => Err(size.required_size),
                    Err(EncryptError::EncryptExhausted) => {
                        exhausted = true;
                        Ok(0)
                    }
                    Ok(length) => Ok(length),
                });
                if !exhausted {
                    written = Ok(length);
                }
            });
            partial.drain(..used);
            self.partial = partial;
            self.write(cx, &memory[..written?])
        })
    }

    fn write(&mut self, cx: &mut Context<'_>, ciphertext: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while self.unsent.is_empty() && sent < ciphertext.len() {
            match Pin::new(&mut self.socket).poll_write(cx, &ciphertext[sent..]) {
                Poll::Ready(written) => sent += written?,
                Poll::Pending => break,
            }
        }
        self.unsent.push(&ciphertext[sent..]);
        Ok(())
    }

    /// Ready when the peer has hung up. What it sent before is read as far as one buffer holds it.
    pub(crate) fn poll_hangup(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.plaintext.is_empty() {
                return Poll::Pending;
            }
            if self.ended {
                return Poll::Ready(self.failure.take().map_or(Ok(()), Err));
            }
            ready!(self.poll_receive(cx, &mut ReadBuf::new(&mut [])))?;
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = out.filled().len();
        loop {
            if !this.plaintext.is_empty() {
                let waiting = this.plaintext.as_slice();
                let length = waiting.len().min(out.remaining());
                out.put_slice(&waiting[..length]);
                this.plaintext.consume(length);
            }
            if out.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                return Poll::Ready(this.failure.take().map_or(Ok(()), Err));
            }
            ready!(this.poll_receive(cx, out))?;
            // What the protocol had to answer; if that fails, the next write says so.
            let _ = this.poll_unsent(cx);
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |memory| {
            let mut length = 0;
            for vector in vectors {
                let part = vector.len().min(memory.len() - length);
                memory[length..length + part].copy_from_slice(&vector[..part]);
                length += part;
            }
            length
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_unsent(cx)
    }

    /// Says that no more is sent (RFC 8446 6.1) and shuts the socket's write side.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.closed {
            this.encrypt(cx, |traffic, memory| traffic.queue_close_notify(memory))?;
            this.closed = true;
        }
        ready!(this.poll_unsent(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
