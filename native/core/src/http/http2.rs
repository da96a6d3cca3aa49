//! HTTP/2 by hyper (RFC 9113), and WebSockets over it (RFC 8441).
//!
//! Each stream is a request like any other. hyper bounds what a hostile client can do with a connection: streams that it
//! resets before they are seen, header blocks without end, settings and pings without number. Streams that it resets
//! while their handlers work are counted here.

use super::bare;
use super::body::Body;
use super::exchange::{Abort, Answer, Exchange, Upgraded};
use super::head::{self, Origin, Refusal};
use crate::bridge::{Bridge, End};
use crate::connection;
use crate::handle::{Handle, Signals};
use crate::listener::{Admission, Shared};
use crate::stream::{Http2Stream, Rewound, Stream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};

/// What a client of HTTP/2 says first (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes that are read before it is known which HTTP they are.
const FIRST_READ: usize = 16 * 1024;
/// How long a client without a stream may take to answer the farewell (Cowboy's `goaway_complete_timeout`).
const FAREWELL: Duration = Duration::from_secs(3);
/// Bytes that a client may send on all streams together before any is handled.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

thread_local! {
    static FIRST: RefCell<Vec<u8>> = RefCell::new(vec![0; FIRST_READ]);
}

/// What a client says first on a clear socket: enough to tell the versions of HTTP apart. Over TLS nothing, because the handshake
/// has settled it (ALPN). `None` if the client has left, or was silent for `request_timeout`.
pub async fn first_bytes<B: Bridge>(stream: &mut Stream, shared: &Shared<B>) -> Option<Vec<u8>> {
    let Stream::Clear(socket) = stream else {
        return Some(Vec::new());
    };
    let read = async {
        let mut first = Vec::new();
        loop {
            socket.readable().await.ok()?;
            let read = FIRST.with_borrow_mut(|memory| {
                let read = socket.try_read(memory);
                read.inspect(|&length| first.extend_from_slice(&memory[..length]))
            });
            match read {
                Ok(0) => return None,
                Ok(_) if first.len() < PREFACE.len() && PREFACE.starts_with(&first) => {}
                Ok(_) => return Some(first),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    };
    match shared.options().request_timeout.0 {
        Some(limit) => timeout(limit, read).await.ok().flatten(),
        None => read.await,
    }
}

/// Whether the client speaks HTTP/2: chosen in the TLS handshake (ALPN), or known beforehand (RFC 9113 3.3).
pub fn is_chosen(stream: &Stream, first: &[u8]) -> bool {
    match stream {
        Stream::Tls(stream) => stream.is_http2(),
        Stream::Clear(_) => first.starts_with(PREFACE),
    }
}

/// One HTTP/2 connection: what its streams have in common.
struct Connection<B: Bridge> {
    shared: Arc<Shared<B>>,
    origin: Origin,
    streams: AtomicU64,
    /// Streams that have not ended. Each holds one reference more.
    open: Arc<()>,
    signals: Arc<Signals>,
    cancels: Mutex<Cancels>,
    /// The client has given up more requests than it may.
    abused: Notify,
}

/// Requests that the client gave up, in the period that began at `since`.
struct Cancels {
    since: Instant,
    count: u64,
}

/// Counts a request as given up if it is dropped before it is answered.
struct Unanswered<B: Bridge>(Option<Arc<Connection<B>>>);

impl<B: Bridge> Drop for Unanswered<B> {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.cancelled();
        }
    }
}

/// Serves a connection until it closes.
pub async fn serve<B: Bridge>(
    stream: Rewound,
    origin: Origin,
    shared: Arc<Shared<B>>,
    admission: Admission<B>,
) {
    let connection = Arc::new(Connection {
        shared: shared.clone(),
        origin,
        streams: AtomicU64::new(0),
        open: Arc::new(()),
        signals: Arc::default(),
        cancels: Mutex::new(Cancels {
            since: Instant::now(),
            count: 0,
        }),
        abused: Notify::new(),
    });
    let service = {
        let connection = connection.clone();
        service_fn(move |request| answer(connection.clone(), request))
    };
    let mut http = pin!(builder(&shared).serve_connection(TokioIo::new(stream), service));
    let farewell = async {
        tokio::select! {
            result = http.as_mut() => return ended(result),
            () = connection.abused.notified() => {
                tracing::debug!("HTTP/2 connection ended: too many streams were cancelled");
                return;
            }
            () = shared.draining() => {}
            () = connection.idle(shared.options().idle_timeout.0) => {}
        }
        http.as_mut().graceful_shutdown();
        tokio::select! {
            result = http.as_mut() => ended(result),
            () = connection.abused.notified() => {}
            () = connection.idle(Some(FAREWELL)) => {}
        }
    };
    farewell.await;
    drop(admission);
}

fn ended(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "HTTP/2 connection ended");
    }
}

fn builder<B: Bridge>(shared: &Shared<B>) -> http2::Builder<TokioExecutor> {
    let options = shared.options();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let window = u32::try_from(options.read_ahead).unwrap_or(u32::MAX >> 1);
    let headers = u32::try_from(head::largest(options)).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(
            (options.max_concurrent_streams.0).and_then(|streams| u32::try_from(streams).ok()),
        )
        .initial_stream_window_size(window)
        .initial_connection_window_size(window.max(CONNECTION_WINDOW))
        .max_send_buf_size(options.high_watermark)
        .max_header_list_size(headers);
    if options.enable_connect_protocol {
        builder.enable_connect_protocol();
    }
    builder
}

impl<B: Bridge> Connection<B> {
    /// Resolves once no stream has been open for `limit`; never without one.
    async fn idle(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        let pause = (limit / 10).max(Duration::from_millis(1));
        let mut seen = self.streams.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            sleep(pause).await;
            let now = self.streams.load(Ordering::Relaxed);
            if now != seen || Arc::strong_count(&self.open) > 1 {
                seen = now;
                since = Instant::now();
            } else if since.elapsed() >= limit {
                return;
            }
        }
    }

    fn cancelled(&self) {
        let (most, period) = self.shared.options().max_cancel_stream_rate;
        let mut cancels = (self.cancels.lock()).unwrap_or_else(|poisoned| poisoned.into_inner());
        if cancels.since.elapsed() > Duration::from_millis(period) {
            cancels.since = Instant::now();
            cancels.count = 0;
        }
        cancels.count += 1;
        if cancels.count > most {
            self.abused.notify_one();
        }
    }
}

/// Answers one request by asking the bridge. Dropped when the client resets the stream.
async fn answer<B: Bridge>(
    connection: Arc<Connection<B>>,
    mut request: Request<Incoming>,
) -> Result<Response<Body<B>>, Abort> {
    let number = connection.streams.fetch_add(1, Ordering::Relaxed) + 1;
    let open = connection.open.clone();
    let mut unanswered = Unanswered(Some(connection.clone()));
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, incoming) = request.into_parts();
    let options = connection.shared.options();
    // A client's streams have the odd numbers (RFC 9113 5.1.1).
    let head = head::request(
        &parts,
        &incoming,
        &connection.origin,
        2 * number - 1,
        options,
    );
    let head = match head {
        Ok(head) => head,
        Err(Refusal(status)) => {
            unanswered.0 = None;
            tracing::debug!(status, "request refused");
            return Ok(bare(status, false));
        }
    };
    let (sender, commands) = mpsc::unbounded_channel();
    let shared = connection.shared.clone();
    let handle = Handle::new(shared, head, sender, connection.signals.clone());
    let exchange = Exchange::new(handle.clone(), commands, incoming, None);
    if !connection.shared.offer(handle) {
        unanswered.0 = None;
        return Ok(bare(503, false));
    }
    // hyper can't send informational responses over HTTP/2.
    let answered = exchange.run(|_| {}).await;
    unanswered.0 = None;
    match answered? {
        Answer::Response(response) => Ok(without_connection_headers(without_empty_body(
            &parts.method,
            response,
        ))),
        Answer::Upgrade(upgraded) => Ok(upgrade(
            upgraded,
            on_upgrade,
            Admission::stream(&connection.shared),
            open,
        )),
    }
}

/// A response that ends with its head if it has no body, or may have none: that is taken from its owner and dropped.
fn without_empty_body<B: Bridge>(
    method: &Method,
    response: Response<Body<B>>,
) -> Response<Body<B>> {
    let (head, mut body) = response.into_parts();
    let body = match body {
        Body::Stream(_) if method == Method::HEAD => {
            tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
            Body::empty()
        }
        Body::Full(Some(bytes)) if bytes.is_empty() => Body::empty(),
        _ if method == Method::HEAD => Body::empty(),
        body => body,
    };
    Response::from_parts(head, body)
}

/// HTTP/2 has no headers that concern the connection (RFC 9113 8.2.2).
fn without_connection_headers<T>(mut response: Response<T>) -> Response<T> {
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ] {
        response.headers_mut().remove(name);
    }
    response
}

/// Answers 200, after which the stream is a WebSocket (RFC 8441 5).
fn upgrade<B: Bridge>(
    Upgraded { handle, upgrade }: Upgraded<B>,
    on_upgrade: OnUpgrade,
    admission: Admission<B>,
    open: Arc<()>,
) -> Response<Body<B>> {
    let options = upgrade.options;
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => {
                let stream = Http2Stream::new(upgraded, open);
                connection::start_stream(stream, handle, &options, admission);
            }
            Err(error) => {
                tracing::debug!(%error, "stream was lost before it was a WebSocket");
                handle.upgrade_lost(End::Closed);
            }
        }
    });
    let mut response = head::response(upgrade.head, Body::empty());
    *response.status_mut() = hyper::StatusCode::OK;
    without_connection_headers(response)
}
