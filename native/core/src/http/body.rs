//! Bodies: the request's as the owner asks for it, the response's as hyper asks for it.

use crate::bridge::{BodyEvent, Bridge};
use crate::handle::{Handle, StreamChunk};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes of a file read at once.
const FILE_CHUNK: usize = 64 * 1024;

/// A request body and the owner's current wish.
pub struct RequestBody<B: Bridge> {
    pub source: Source,
    pub wanted: Option<Wanted<B>>,
}

/// What the owner asked for.
pub struct Wanted<B: Bridge> {
    pub reference: B::Reference,
    pub length: usize,
    pub deadline: Option<Instant>,
}

impl<B: Bridge> Wanted<B> {
    pub fn new(reference: B::Reference, length: usize, period: Option<Duration>) -> Self {
        Wanted {
            reference,
            length,
            deadline: period.map(|period| Instant::now() + period),
        }
    }
}

impl<B: Bridge> RequestBody<B> {
    pub fn new(incoming: Incoming) -> Self {
        RequestBody {
            source: Source {
                incoming: Some(incoming),
                buffer: BytesMut::new(),
            },
            wanted: None,
        }
    }
}

/// Where the body's bytes come from.
pub struct Source {
    /// Until its end.
    incoming: Option<Incoming>,
    /// Read from hyper and not yet given to the owner.
    buffer: BytesMut,
}

impl Source {
    /// Collects `length` bytes, or what comes until the deadline or the end. Cancel safe: what was collected stays.
    pub async fn collect(&mut self, length: usize, deadline: Option<Instant>) -> BodyEvent {
        while self.buffer.len() < length
            && let Some(incoming) = &mut self.incoming
        {
            let frame = match deadline {
                Some(deadline) => match timeout_at(deadline, incoming.frame()).await {
                    Ok(frame) => frame,
                    Err(_) => break,
                },
                None => incoming.frame().await,
            };
            match frame {
                None => self.incoming = None,
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "request body ended early");
                    return BodyEvent::Error("closed");
                }
            }
        }
        // A body of announced length ends with its last byte.
        if self.incoming.as_ref().is_some_and(Incoming::is_end_stream) {
            self.incoming = None;
        }
        let data = self.buffer.split_to(length.min(self.buffer.len())).freeze();
        if self.incoming.is_none() && self.buffer.is_empty() {
            BodyEvent::Fin(data)
        } else {
            BodyEvent::More(data)
        }
    }

    /// What has not been read of it, if there is anything.
    pub fn take_unread(&mut self) -> Option<Incoming> {
        self.incoming.take().filter(|body| !body.is_end_stream())
    }
}

/// Reads and discards a body's rest of up to `most` bytes. Returns with the body's end, or gives it up: hyper then closes the
/// connection, for the next request is behind the rest.
pub async fn skip(mut body: Incoming, most: u64, time: Option<Duration>) {
    let end = async {
        let mut left = most;
        while body.size_hint().lower() <= left
            && let Some(Ok(frame)) = body.frame().await
        {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(rest) = left.checked_sub(length) else {
                return;
            };
            left = rest;
        }
    };
    match time {
        Some(time) => drop(timeout(time, end).await),
        None => end.await,
    }
}

/// A response body as hyper takes it.
pub enum Body<B: Bridge> {
    Full(Option<Bytes>),
    Stream(Stream<B>),
    File(FileBody),
}

/// Pieces that the owner sends while the client takes them.
pub struct Stream<B: Bridge> {
    handle: Arc<Handle<B>>,
    chunks: mpsc::UnboundedReceiver<StreamChunk>,
    /// Gives the owner the request's body meanwhile.
    reads: Option<Reads>,
    ended: bool,
}

/// Ends when nothing more can be asked for.
type Reads = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<B: Bridge> Drop for Stream<B> {
    fn drop(&mut self) {
        self.chunks.close();
        self.handle.http_ended();
        if !self.ended {
            self.handle.client_gone();
        }
    }
}

/// A part of a file.
pub struct FileBody {
    file: File,
    left: u64,
}

impl<B: Bridge> Body<B> {
    pub fn empty() -> Self {
        Body::Full(None)
    }

    /// One piece, even if it is empty: hyper moves the length of no body behind the other headers.
    pub fn full(bytes: Bytes) -> Self {
        Body::Full(Some(bytes))
    }

    pub fn stream(
        handle: Arc<Handle<B>>,
        chunks: mpsc::UnboundedReceiver<StreamChunk>,
        reads: Reads,
    ) -> Self {
        Body::Stream(Stream {
            handle,
            chunks,
            reads: Some(reads),
            ended: false,
        })
    }

    /// Opens `length` bytes of a file from `offset` on.
    pub async fn file(path: &Path, offset: u64, length: u64) -> io::Result<Self> {
        let mut file = File::open(path).await?;
        if offset > 0 {
            file.seek(io::SeekFrom::Start(offset)).await?;
        }
        Ok(Body::File(FileBody { file, left: length }))
    }
}

impl<B: Bridge> Stream<B> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(reads) = &mut self.reads
            && reads.as_mut().poll(cx).is_ready()
        {
            self.reads = None;
        }
        let frame = match ready!(self.chunks.poll_recv(cx)) {
            Some(StreamChunk::Data(data)) => {
                self.handle.chunk_taken(data.len());
                Some(Ok(Frame::data(data)))
            }
            Some(StreamChunk::End(trailers)) => {
                self.ended = true;
                self.reads = None;
                (!trailers.is_empty()).then(|| Ok(Frame::trailers(header_map(trailers))))
            }
            // A body that its owner never ended must not look complete.
            None => Some(Err(io::Error::other("the process of the response is gone"))),
        };
        Poll::Ready(frame)
    }
}

fn header_map(trailers: Vec<(Vec<u8>, Vec<u8>)>) -> HeaderMap {
    trailers
        .into_iter()
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(&name).ok()?;
            let value = HeaderValue::from_bytes(&value).ok()?;
            Some((name, value))
        })
        .collect()
}

impl FileBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let want = FILE_CHUNK.min(usize::try_from(self.left).unwrap_or(FILE_CHUNK));
        let mut memory = vec![0; want];
        let mut buffer = ReadBuf::new(&mut memory);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let n = buffer.filled().len();
        if n == 0 {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated");
            return Poll::Ready(Some(Err(error)));
        }
        memory.truncate(n);
        self.left -= n as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(memory)))))
    }
}

impl<B: Bridge> hyper::body::Body for Body<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Body::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Stream(stream) => stream.poll_chunk(cx),
            Body::File(file) => file.poll_chunk(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Full(bytes) => bytes.is_none(),
            Body::Stream(stream) => stream.ended,
            Body::File(file) => file.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Body::Stream(_) => SizeHint::default(),
            Body::File(file) => SizeHint::with_exact(file.left),
        }
    }
}
