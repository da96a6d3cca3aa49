//! What each request, and each upgrade, takes across the bridge as ETF.

use crate::{HotPath, Meter};
use farrier_core::bridge::{Endpoint, Request, ResponseHead};
use farrier_core::config::{HttpVersion, UpgradeOptions};
use farrier_etf::{from_slice, to_vec};
use serde::Serialize;
use serde_bytes::ByteBuf;
use std::net::SocketAddr;

/// A browser's, to open a WebSocket.
const REQUEST: [(&str, &str); 12] = [
    ("host", "www.example.org:8080"),
    ("connection", "Upgrade"),
    ("pragma", "no-cache"),
    ("cache-control", "no-cache"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
    ),
    ("upgrade", "websocket"),
    ("origin", "http://www.example.org:8080"),
    ("sec-websocket-version", "13"),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", "en-US,en;q=0.9"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    (
        "sec-websocket-extensions",
        "permessage-deflate; client_max_window_bits",
    ),
];

const RESPONSE: [(&str, &str); 5] = [
    ("content-length", "13"),
    ("content-type", "text/plain; charset=utf-8"),
    ("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
    ("server", "Cowboy"),
    ("set-cookie", "session=38afes7a8; Version=1; HttpOnly"),
];

pub fn paths<M: Meter>() -> Vec<HotPath<M>> {
    vec![
        HotPath::new("encode a request of 12 headers", 0, encoded),
        HotPath::new("decode a response head of 5 headers", 0, head),
        HotPath::new("decode the options of an upgrade", 0, options),
    ]
}

type Headers = Vec<(ByteBuf, ByteBuf)>;

fn headers(headers: &[(&str, &str)]) -> Headers {
    (headers.iter())
        .map(|(name, value)| (ByteBuf::from(*name), ByteBuf::from(*value)))
        .collect()
}

fn request() -> Request {
    let address = |port| Endpoint::from(SocketAddr::from(([127, 0, 0, 1], port)));
    Request {
        method: b"GET".to_vec(),
        version: HttpVersion::Http11,
        scheme: b"http".to_vec(),
        host: b"www.example.org".to_vec(),
        port: 8080,
        path: b"/chat/rooms/lobby".to_vec(),
        qs: b"token=38afes7a8&since=1700000000".to_vec(),
        headers: headers(&REQUEST),
        peer: address(50_000),
        sock: address(8080),
        cert: None,
        proxy_header: None,
        body_length: Some(0),
        protocol: None,
        stream_id: 1,
    }
}

fn encoded(meter: impl Meter) {
    meter.measure(request, |request| to_vec(request).expect("a term"));
}

/// A map as `term_to_binary/2` writes it. Encoding one of ours would put its keys into another order each time.
fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    const VERSION: u8 = 131;
    const MAP: u8 = 116;
    let mut bytes = vec![VERSION, MAP];
    bytes.extend((pairs.len() as u32).to_be_bytes());
    for (key, value) in pairs {
        bytes.extend(atom(key));
        bytes.extend(value);
    }
    bytes
}

fn atom(name: &str) -> Vec<u8> {
    const SMALL_ATOM_UTF8: u8 = 119;
    [&[SMALL_ATOM_UTF8, name.len() as u8], name.as_bytes()].concat()
}

/// A term inside another.
fn term(value: &impl Serialize) -> Vec<u8> {
    to_vec(value).expect("a term").split_off(1)
}

fn head(meter: impl Meter) {
    let bytes = map(&[
        ("headers", term(&headers(&RESPONSE))),
        ("reason", atom("undefined")),
        ("status", term(&200)),
    ]);
    meter.measure(
        || bytes.clone(),
        |bytes| {
            let head: ResponseHead = from_slice(bytes).expect("a head");
            assert_eq!((head.status, head.headers.len()), (200, RESPONSE.len()));
            head
        },
    );
}

fn options(meter: impl Meter) {
    let bytes = map(&[
        ("idle_timeout", term(&60_000)),
        ("max_frame_size", atom("infinity")),
        ("validate_utf8", atom("true")),
    ]);
    meter.measure(
        || bytes.clone(),
        |bytes| {
            let options: UpgradeOptions = from_slice(bytes).expect("options");
            assert_eq!(options.max_frame_size.0, None);
            options
        },
    );
}
