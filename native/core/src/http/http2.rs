//! HTTP/2 by hyper (RFC 9113), and WebSockets over it (RFC 8441).
//!
//! Each stream is a request like any other. hyper bounds what a hostile client can do with a connection: streams that it
//! resets at once, header blocks without end, settings and pings without number.

use super::bare;
use super::body::Body;
use super::exchange::{Abort, Answer, Exchange, Upgraded};
use super::head::{self, Origin, Refusal};
use crate::bridge::{Bridge, End};
use crate::connection;
use crate::handle::{Handle, Signals};
use crate::listener::{Admission, Shared};
use crate::stream::{Http2Stream, Stream};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// What a client of HTTP/2 says first (RFC 9113 3.4), as much of it as no other client says.
const PREFACE: &[u8] = b"PRI";
/// Pause before a look at whether more of a preface has come.
const PREFACE_PAUSE: Duration = Duration::from_millis(10);
/// A connection on which nothing happens for so long is closed (Cowboy's `idle_timeout`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that a client may send on all streams together before any is handled.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Whether the client speaks HTTP/2: chosen in the TLS handshake (ALPN), or known beforehand (RFC 9113 3.3).
pub async fn is_chosen<B: Bridge>(stream: &Stream, shared: &Shared<B>) -> bool {
    match stream {
        Stream::Tls(stream) => stream.is_http2(),
        Stream::Tcp(stream) => {
            let look = async {
                let mut bytes = [0; PREFACE.len()];
                loop {
                    let length = stream.peek(&mut bytes).await.unwrap_or(0);
                    if length == PREFACE.len()
                        || length == 0
                        || !PREFACE.starts_with(&bytes[..length])
                    {
                        return bytes == PREFACE;
                    }
                    sleep(PREFACE_PAUSE).await;
                }
            };
            match shared.options().request_timeout.0 {
                Some(limit) => timeout(limit, look).await.unwrap_or(false),
                None => look.await,
            }
        }
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
}

/// Serves a connection until it closes.
pub async fn serve<B: Bridge>(
    stream: Stream,
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
    });
    let service = {
        let connection = connection.clone();
        service_fn(move |request| answer(connection.clone(), request))
    };
    let mut http = pin!(builder(&shared).serve_connection(TokioIo::new(stream), service));
    let mut last = pin!(async {
        tokio::select! {
            () = shared.draining() => {}
            () = connection.idle() => {}
        }
    });
    let mut is_last = false;
    let result = std::future::poll_fn(|cx| {
        if !is_last && last.as_mut().poll(cx).is_ready() {
            is_last = true;
            http.as_mut().graceful_shutdown();
        }
        http.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "HTTP/2 connection ended");
    }
    drop(admission);
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
    /// Resolves once no stream is open, and none has been for a while.
    async fn idle(&self) {
        let mut seen = self.streams.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            sleep(IDLE_TIMEOUT / 10).await;
            let now = self.streams.load(Ordering::Relaxed);
            if now != seen || Arc::strong_count(&self.open) > 1 {
                seen = now;
                since = Instant::now();
            } else if since.elapsed() >= IDLE_TIMEOUT {
                return;
            }
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
            tracing::debug!(status, "request refused");
            return Ok(bare(status, false));
        }
    };
    let (sender, commands) = mpsc::unbounded_channel();
    let shared = connection.shared.clone();
    let handle = Handle::new(shared, head, sender, connection.signals.clone());
    let exchange = Exchange::new(handle.clone(), commands, incoming);
    if !connection.shared.offer(handle) {
        return Ok(bare(503, false));
    }
    // hyper can't send informational responses over HTTP/2.
    match exchange.run(|_| {}).await? {
        Answer::Response(response) => Ok(without_connection_headers(response)),
        Answer::Upgrade(upgraded) => Ok(upgrade(
            upgraded,
            on_upgrade,
            Admission::stream(&connection.shared),
            open,
        )),
    }
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
