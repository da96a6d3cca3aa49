//! HTTP/1.1 by hyper (HTTP/2 is `http2`'s): requests go to the bridge, responses come from it, an upgrade takes the socket away from hyper.

mod body;
mod exchange;
mod head;
mod http2;
mod malformed;

pub(crate) use head::{check_head, inform_head};

use crate::bridge::{Bridge, End, ResponseHead};
use crate::config::{HttpVersion, ListenerOptions};
use crate::connection;
use crate::handle::{Handle, Signals};
use crate::listener::{Admission, Client, Shared};
use crate::stream::{Rewound, Stream};
use body::{Body, skip};
use bytes::Bytes;
use exchange::{Abort, Answer, Exchange, Unread, Upgraded};
use head::{Origin, Persistence, Refusal};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use malformed::Begun;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;

/// Bytes discarded from a client that goes on sending after the last response.
const LINGER_BYTES: usize = 1024 * 1024;

/// One HTTP connection: what its requests have in common.
struct Connection<B: Bridge> {
    shared: Arc<Shared<B>>,
    origin: Origin,
    requests: AtomicU64,
    /// Set by the request that becomes a WebSocket.
    upgraded: Mutex<Option<Upgraded<B>>>,
    wire: Arc<WireState<B>>,
    /// The body that the owner of the latest request has left.
    unread: Arc<Unread>,
    signals: Arc<Signals>,
}

/// What hyper's socket tells of itself, and is told.
struct WireState<B: Bridge> {
    /// Whether hyper has bytes that the socket did not take yet.
    unflushed: AtomicBool,
    /// Whether the next response says HTTP/1.1 where hyper says HTTP/1.0.
    rename_version: AtomicBool,
    /// A request for an upgrade that was answered: until its owner is done, what the client sends may be meant for
    /// a WebSocket and is not read as HTTP.
    undecided: Mutex<Option<Arc<Handle<B>>>>,
    /// Informational responses that wait for the end of the response before them. hyper knows none.
    informs: Mutex<Vec<u8>>,
    /// Whether a request is being answered.
    answering: AtomicBool,
    /// Whether the rest of an answered request's body is being skipped.
    skipping: AtomicBool,
    /// Whether all requests have been answered, so that what hyper writes now is an answer of its own.
    idle: AtomicBool,
    next: Mutex<Next>,
}

/// What is known of a request before it is one.
struct Next {
    begun: Begun,
    /// It will be none.
    refused: Option<Refused>,
}

#[derive(Clone, Copy)]
enum Refused {
    Status(u16),
    /// hyper did not say why.
    ByHyper,
}

impl<B: Bridge> WireState<B> {
    fn new(options: &ListenerOptions) -> Self {
        WireState {
            unflushed: AtomicBool::new(false),
            rename_version: AtomicBool::new(false),
            undecided: Mutex::new(None),
            informs: Mutex::new(Vec::new()),
            answering: AtomicBool::new(false),
            skipping: AtomicBool::new(false),
            idle: AtomicBool::new(true),
            next: Mutex::new(Next {
                begun: Begun::new(options),
                refused: None,
            }),
        }
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.next
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }

    /// A request has come.
    fn request(self: &Arc<Self>) -> Answering<B> {
        self.answering.store(true, Ordering::Relaxed);
        self.idle.store(false, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Nothing is left to be sent.
    fn flushed(&self) {
        self.unflushed.store(false, Ordering::Relaxed);
        self.settle();
    }

    /// What comes from now on until `skipped` belongs to the request that has been answered.
    fn skips(&self) {
        self.skipping.store(true, Ordering::Relaxed);
        self.idle.store(false, Ordering::Relaxed);
    }

    fn skipped(&self) {
        self.skipping.store(false, Ordering::Relaxed);
        self.settle();
    }

    /// What comes next belongs to the next request, if nothing is left to do for the one before.
    fn settle(&self) {
        let busy = [&self.unflushed, &self.answering, &self.skipping];
        if !busy.iter().any(|busy| busy.load(Ordering::Relaxed))
            && !self.idle.swap(true, Ordering::Relaxed)
        {
            self.next().begun.reset();
        }
    }

    /// A final response begins. What should have come before it, but is behind an earlier one that the client has not taken
    /// yet, is left out: it would come too late.
    fn answer(&self) {
        if self.unflushed.load(Ordering::Relaxed) {
            self.informs().clear();
        }
    }

    fn informs(&self) -> MutexGuard<'_, Vec<u8>> {
        self.informs
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn undecided(&self) -> MutexGuard<'_, Option<Arc<Handle<B>>>> {
        self.undecided
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether nothing is to be read for now. The connection is woken when that changes.
    fn holds_reads(&self) -> bool {
        let mut undecided = self.undecided();
        if undecided
            .as_ref()
            .is_some_and(|handle| handle.is_released())
        {
            *undecided = None;
        }
        undecided.is_some()
    }
}

/// Goes along with a response's body, which hyper drops once it has all of it.
struct Answering<B: Bridge>(Arc<WireState<B>>);

impl<B: Bridge> Drop for Answering<B> {
    fn drop(&mut self) {
        self.0.answering.store(false, Ordering::Relaxed);
    }
}

/// A response's body, and that it is being sent.
struct Answered<B: Bridge> {
    body: Body<B>,
    _answering: Answering<B>,
}

impl<B: Bridge> hyper::body::Body for Answered<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves one accepted socket until it closes or becomes a WebSocket.
pub(crate) async fn serve<B: Bridge>(
    mut stream: Stream,
    client: Client,
    shared: Arc<Shared<B>>,
    admission: Admission<B>,
) {
    let Ok(sock) = stream.local_addr() else {
        return;
    };
    let origin = Origin {
        scheme: stream.scheme(),
        cert: stream.peer_certificate().map(Into::into),
        proxy_header: client.proxy_header,
        peer: client.peer,
        sock,
    };
    let first = tokio::select! {
        first = http2::first_bytes(&mut stream, &shared) => first,
        () = shared.draining() => return,
    };
    let Some(first) = first else {
        return;
    };
    let is_http2 = http2::is_chosen(&stream, &first);
    let stream = Rewound { first, stream };
    if is_http2 {
        // On the heap, so that a connection of HTTP/1.1 doesn't carry its state.
        return Box::pin(http2::serve(stream, origin, shared, admission)).await;
    }
    let wire = Arc::new(WireState::new(shared.options()));
    let connection = Arc::new(Connection {
        shared: shared.clone(),
        origin,
        requests: AtomicU64::new(0),
        upgraded: Mutex::new(None),
        wire: wire.clone(),
        unread: Arc::default(),
        signals: Arc::default(),
    });
    let service = {
        let connection = connection.clone();
        service_fn(move |request| {
            let answering = connection.wire.request();
            let response = persistent_answer(connection.clone(), request);
            Box::pin(async move {
                let body = |body| Answered {
                    body,
                    _answering: answering,
                };
                response.await.map(|response| response.map(body))
            })
        })
    };
    let io = TokioIo::new(Wire {
        stream,
        state: wire,
    });
    let mut http = builder(&shared).serve_connection(io, service);
    let mut last = std::pin::pin!(connection.last_request());
    let mut is_last = false;
    let mut too_slow = false;
    let mut too_large = false;
    let mut skipping = None;
    let upgraded = poll_fn(|cx| {
        if !is_last && last.as_mut().poll(cx).is_ready() {
            is_last = true;
            skipping = None;
            Pin::new(&mut http).graceful_shutdown();
        }
        let finished = Pin::new(&mut http).poll_without_shutdown(cx);
        if let Some(upgraded) = connection.take_upgraded() {
            return Poll::Ready(Some(upgraded));
        }
        if let Some(body) = connection.unread.take().filter(|_| !is_last) {
            skipping = Some(Box::pin(connection.skip(body)));
        }
        if let Some(skip) = &mut skipping
            && skip.as_mut().poll(cx).is_ready()
        {
            skipping = None;
        }
        finished.map(|result| {
            if let Err(error) = result {
                too_slow = error.is_timeout();
                too_large = error.is_parse_too_large();
                tracing::debug!(%error, peer = ?connection.origin.peer, "HTTP connection ended");
            }
            None
        })
    })
    .await;
    let parts = http.into_parts();
    let Rewound { first, mut stream } = parts.io.into_inner().stream;
    match upgraded {
        Some(Upgraded { handle, upgrade }) => {
            let early = [&parts.read_buf[..], &first].concat();
            // Our own bytes, because hyper would change the case of the handler's header names.
            let head = head::upgrade_head(&upgrade.head, &upgrade.options);
            let admission = admission.into_websocket();
            connection::start(stream, head, early, handle, &upgrade.options, admission);
        }
        None => {
            if let Some(Upgraded { handle, .. }) = connection.abandoned_upgrade() {
                handle.upgrade_lost(End::Closed);
            }
            let refused = connection.wire.next().refused;
            let status = match refused {
                Some(Refused::Status(status)) => Some(status),
                Some(Refused::ByHyper) => Some(malformed::status(&parts.read_buf, too_large)),
                None if too_slow && malformed::has_request_line(&parts.read_buf) => Some(408),
                None => None,
            };
            if let Some(status) = status {
                // Whatever happens to it, the connection ends.
                let _ = stream.write_all(&malformed::refusal(status)).await;
            }
            linger(stream, &shared).await;
        }
    }
}

fn builder<B: Bridge>(shared: &Shared<B>) -> http1::Builder {
    let options = shared.options();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.request_timeout.0)
        .auto_date_header(false)
        // hyper's own answer to too large a head is the same 431; room for one more header lets us give it.
        .max_buf_size(head::largest(options).max(8192));
    if options.max_headers > 100 {
        builder.max_headers(options.max_headers + 1);
    }
    builder
}

/// Shuts the write side and discards what arrives, so that the last response is not lost to a reset.
async fn linger<B: Bridge>(mut stream: Stream, shared: &Shared<B>) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let discard = async {
        let mut buffer = [0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(n) = stream.read(&mut buffer).await {
            left = left.saturating_sub(n);
            if n == 0 || left == 0 {
                return;
            }
        }
    };
    match shared.options().linger_timeout.0 {
        Some(timeout) => drop(tokio::time::timeout(timeout, discard).await),
        None => discard.await,
    }
}

impl<B: Bridge> Connection<B> {
    /// The upgrade, once nothing of earlier responses is left in hyper.
    fn take_upgraded(&self) -> Option<Upgraded<B>> {
        if self.wire.unflushed.load(Ordering::Relaxed) {
            return None;
        }
        self.abandoned_upgrade()
    }

    /// The upgrade, whatever hyper still has to send: for when it will send no more.
    fn abandoned_upgrade(&self) -> Option<Upgraded<B>> {
        self.upgraded
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take()
    }

    fn set_upgraded(&self, upgraded: Upgraded<B>) {
        *self
            .upgraded
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(upgraded);
    }

    /// Resolves when no further request is to be read: the listener was closed, or a handler ended the connection.
    fn last_request(&self) -> impl Future<Output = ()> + use<B> {
        let draining = self.shared.draining();
        let signals = self.signals.clone();
        async move {
            let released = async {
                // Each wakes the task, which then looks whether it may read again.
                loop {
                    signals.released.notified().await;
                }
            };
            tokio::select! {
                () = draining => {}
                () = signals.last.notified() => {}
                () = released => {}
            }
        }
    }

    /// Skips a body that nobody reads. The time is that in which the next request is to come.
    fn skip(&self, body: Incoming) -> impl Future<Output = ()> + Send + use<B> {
        let options = self.shared.options();
        let skip = skip(
            body,
            options.max_skip_body_length,
            options.request_timeout.0,
        );
        let wire = self.wire.clone();
        async move {
            wire.skips();
            skip.await;
            wire.skipped();
        }
    }
}

fn close_after<T>(response: &mut Response<T>) {
    response.headers_mut().insert(
        hyper::header::CONNECTION,
        hyper::header::HeaderValue::from_static("close"),
    );
}

/// A response without a body that the transport itself gives.
fn bare<B: Bridge>(status: u16, close: bool) -> Response<Body<B>> {
    let length = (b"content-length".to_vec().into(), b"0".to_vec().into());
    let head = ResponseHead {
        status,
        reason: None,
        headers: vec![length],
    };
    let mut response = head::response(head, Body::empty());
    if close {
        close_after(&mut response);
    }
    response
}

/// The answer to a request, which says what becomes of the connection. Dropped when the client goes away.
async fn persistent_answer<B: Bridge>(
    connection: Arc<Connection<B>>,
    request: Request<Incoming>,
) -> Result<Response<Body<B>>, Abort> {
    let number = connection.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let mut persistence = Persistence::of(request.version(), request.headers());
    let options = connection.shared.options();
    let is_old = request.version() == Version::HTTP_10;
    let mut response = answer(connection.clone(), request, number).await?;
    if is_old {
        // hyper adds words of its own where the versions differ.
        *response.version_mut() = Version::HTTP_10;
        if ends_with_connection(&response) {
            persistence = Persistence::Close;
        }
    }
    if number >= options.max_keepalive {
        close_after(&mut response);
    }
    // Cowboy 0 and 1 say HTTP/1.0 to such a client, and do not say what it expects anyway.
    let renames = options.http10_status_line == HttpVersion::Http11;
    let silent = is_old && !renames && persistence == Persistence::Close;
    if silent || persistence.tell(&mut response) {
        // Nothing comes behind it.
        connection.unread.take();
    }
    connection.wire.answer();
    let renamed = &connection.wire.rename_version;
    renamed.store(is_old && renames, Ordering::Relaxed);
    Ok(response)
}

/// Whether only the connection's end tells a client of HTTP/1.0 where the body ends.
fn ends_with_connection<B: Bridge>(response: &Response<Body<B>>) -> bool {
    let has_length = response
        .headers()
        .contains_key(hyper::header::CONTENT_LENGTH);
    matches!(response.body(), Body::Stream(_)) && !has_length
}

/// Answers one request by asking the bridge.
async fn answer<B: Bridge>(
    connection: Arc<Connection<B>>,
    request: Request<Incoming>,
    number: u64,
) -> Result<Response<Body<B>>, Abort> {
    let (parts, incoming) = request.into_parts();
    let head = head::request(
        &parts,
        &incoming,
        &connection.origin,
        number,
        connection.shared.options(),
    );
    let head = match head {
        Ok(head) => head,
        Err(Refusal(status)) => {
            tracing::debug!(status, "request refused");
            return Ok(bare(status, true));
        }
    };
    let (sender, commands) = mpsc::unbounded_channel();
    let version = head.version;
    let handle = Handle::new(
        connection.shared.clone(),
        head,
        sender,
        connection.signals.clone(),
    );
    let wants_upgrade = parts.headers.contains_key(hyper::header::UPGRADE);
    let undecided = wants_upgrade.then(|| handle.clone());
    let unread = Some(connection.unread.clone());
    let exchange = Exchange::new(handle.clone(), commands, incoming, unread);
    if !connection.shared.offer(handle) {
        return Ok(bare(503, true));
    }
    let inform = |head: &[u8]| {
        if version == HttpVersion::Http11 {
            // hyper flushes the socket after each turn.
            connection.wire.informs().extend_from_slice(head);
        }
    };
    let response = match exchange.run(inform).await? {
        Answer::Response(response) => response,
        Answer::Upgrade(upgraded) => {
            connection.set_upgraded(upgraded);
            // The connection's task takes the socket now and drops this future.
            return std::future::pending().await;
        }
    };
    *connection.wire.undecided() = undecided;
    Ok(response)
}

/// The socket as hyper sees it. Notices whether hyper's bytes are all out.
struct Wire<B: Bridge> {
    stream: Rewound,
    state: Arc<WireState<B>>,
}

impl<B: Bridge> Wire<B> {
    /// Writes the informational responses that wait. To be called between two responses only.
    fn poll_inform(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut informs = self.state.informs();
            if informs.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &informs))?;
            informs.drain(..written);
        }
    }

    /// Called before every write: a response begins, or goes on.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.state.unflushed.load(Ordering::Relaxed) {
            ready!(self.poll_inform(cx))?;
        }
        self.state.unflushed.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    /// Whether this write is hyper's own answer to what is no request. It is kept from the client, who gets one that says more.
    fn refuses(&self) -> bool {
        let refuses = self.state.is_idle();
        if refuses {
            self.state.next().refused.get_or_insert(Refused::ByHyper);
        }
        refuses
    }

    /// Cowboy 2 answers HTTP/1.0 requests with HTTP/1.1 in the status line, which hyper can't.
    fn poll_write_renamed(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        const SAID: &[u8] = b"HTTP/1.0 ";
        if !self.state.rename_version.load(Ordering::Relaxed) || !bytes.starts_with(SAID) {
            return None;
        }
        let mut renamed = bytes.to_vec();
        renamed[..SAID.len()].copy_from_slice(b"HTTP/1.1 ");
        let written = Pin::new(&mut self.stream).poll_write(cx, &renamed);
        if matches!(written, Poll::Ready(Ok(n)) if n > 0) {
            self.state.rename_version.store(false, Ordering::Relaxed);
        }
        Some(written)
    }
}

impl<B: Bridge> AsyncRead for Wire<B> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.holds_reads() {
            return Poll::Pending;
        }
        if !self.state.is_idle() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let mut next = self.state.next();
        next.begun
            .count(&buffer.filled()[before..])
            .map_err(|status| {
                next.refused = Some(Refused::Status(status));
                io::Error::from(io::ErrorKind::InvalidData)
            })?;
        Poll::Ready(Ok(()))
    }
}

impl<B: Bridge> AsyncWrite for Wire<B> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refuses() {
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_begin(cx))?;
        if let Some(written) = self.poll_write_renamed(cx, bytes) {
            return written;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        vectors: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.refuses() {
            return Poll::Ready(Ok(vectors.iter().map(|vector| vector.len()).sum()));
        }
        ready!(self.poll_begin(cx))?;
        if let Some(first) = vectors.first()
            && let Some(written) = self.poll_write_renamed(cx, first)
        {
            return written;
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, vectors)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the socket only when its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.flushed();
        ready!(self.poll_inform(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
