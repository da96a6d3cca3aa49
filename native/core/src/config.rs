//! Options as they cross the bridge: serde types that refuse what they don't know and say what is allowed.

use crate::deflate::Compression;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_bytes::ByteBuf;
use socket2::SockAddr;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// A duration in milliseconds, or `infinity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(pub Option<Duration>);

/// A count or a number of bytes, or `infinity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<u64>);

struct IntegerOrInfinity(&'static str);

impl Visitor<'_> for IntegerOrInfinity {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        u64::try_from(value)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        match value {
            "infinity" => Ok(None),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(IntegerOrInfinity(
                "milliseconds (a non-negative integer) or infinity",
            ))
            .map(|ms| Timeout(ms.map(Duration::from_millis)))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(IntegerOrInfinity("a non-negative integer or infinity"))
            .map(Limit)
    }
}

/// An `inet:ip_address()`: a tuple of 4 bytes or of 8 16-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub IpAddr);

struct AddressVisitor;

impl<'de> Visitor<'de> for AddressVisitor {
    type Value = Address;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an IPv4 or IPv6 address as inet:ip_address() gives it")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Address, A::Error> {
        let mut parts: Vec<u16> = Vec::with_capacity(8);
        while let Some(part) = seq.next_element()? {
            parts.push(part);
        }
        if let Ok(words) = <[u16; 8]>::try_from(parts.as_slice()) {
            return Ok(Address(IpAddr::V6(Ipv6Addr::from(words))));
        }
        let bytes: Option<Vec<u8>> = parts.iter().map(|p| u8::try_from(*p).ok()).collect();
        match bytes.and_then(|b| <[u8; 4]>::try_from(b).ok()) {
            Some(bytes) => Ok(Address(IpAddr::V4(Ipv4Addr::from(bytes)))),
            None => Err(de::Error::invalid_length(parts.len(), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressVisitor)
    }
}

/// What a client gets whose request's process died without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerDeath {
    /// 500, and the connection lives on (Cowboy 2).
    InternalServerError,
    /// The connection is closed without a byte (Cowboy 1).
    Close,
}

/// Options of the runtime, given once when the application starts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeOptions {
    /// Threads that run sockets. 0 means half of the available cores, at least one.
    pub workers: usize,
    /// Threads that clear WebSockets have for themselves, where the bridge has a use for them. `None` means as many as
    /// half of the available cores, at least one; with 0 the workers run all.
    pub reactors: Option<usize>,
    /// The least severe level that is reported.
    pub log_level: LogLevel,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions {
            workers: 0,
            reactors: None,
            log_level: LogLevel::Warning,
        }
    }
}

/// Levels as Erlang's `logger` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    None,
    Error,
    Warning,
    Info,
    Debug,
}

/// Options of a listener. Defaults are Cowboy 2.18's where it has the option.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerOptions {
    /// Address to bind. Default: any IPv4 address.
    pub ip: Address,
    /// Port to bind, 0 for any free one.
    pub port: u16,
    /// Path of a Unix socket to bind instead; one that begins with a zero is Linux' abstract name.
    pub local: Option<ByteBuf>,
    /// Listening sockets that share the port; more than one implies `reuse_port`.
    pub num_listen_sockets: usize,
    /// SO_REUSEPORT: whether others may listen on the same port, if they say so too.
    pub reuse_port: bool,
    /// Length of the kernel's queue of connections that wait to be accepted.
    pub backlog: u32,
    /// TCP_NODELAY on accepted sockets.
    pub nodelay: bool,
    /// SO_KEEPALIVE on accepted sockets.
    pub keepalive: bool,
    /// IPV6_V6ONLY on the listening socket; the system's default when absent.
    pub ipv6_v6only: Option<bool>,
    /// SO_SNDBUF in bytes; the system's default when absent.
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF in bytes; the system's default when absent.
    pub recbuf: Option<usize>,
    /// SO_LINGER: whether, and for how many seconds, closing a socket waits for its bytes to be sent.
    pub linger: Option<(bool, u64)>,
    /// SO_PRIORITY.
    pub priority: Option<u32>,
    /// IP_TOS, of IPv4.
    pub tos: Option<u32>,
    /// IPV6_TCLASS, of IPv6.
    pub tclass: Option<u32>,
    /// SO_BINDTODEVICE: the network interface.
    pub bind_to_device: Option<ByteBuf>,
    /// Connections, WebSockets included, that are served at once; more wait in the backlog.
    pub max_connections: Limit,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_header: bool,
    /// Time for a complete request head, counted from the accept or the end of the previous request.
    pub request_timeout: Timeout,
    /// Requests on one connection before it is closed.
    pub max_keepalive: u64,
    /// Most empty lines before a request: 400 beyond.
    pub max_empty_lines: usize,
    /// Longest request line in bytes: 414 beyond.
    pub max_request_line_length: usize,
    /// Longest method in bytes: 501 beyond.
    pub max_method_length: usize,
    /// Longest header name in bytes: 431 beyond.
    pub max_header_name_length: usize,
    /// Longest header value in bytes: 431 beyond.
    pub max_header_value_length: usize,
    /// The same for `authorization`, where it differs.
    pub max_authorization_header_value_length: Option<usize>,
    /// The same for `cookie`, where it differs.
    pub max_cookie_header_value_length: Option<usize>,
    /// Longest host with its port in an absolute target, in bytes: 414 from there on. Default: 255.
    pub max_authority_length: Option<usize>,
    /// Most headers of a request: 431 beyond.
    pub max_headers: usize,
    /// Longest time for which a closing socket is still drained so that the last bytes reach the client.
    pub linger_timeout: Timeout,
    /// Bytes of a body left unread that are skipped to reach the connection's next request.
    pub max_skip_body_length: u64,
    /// Bytes that may be delivered but not yet handled before the socket is no longer read.
    pub read_ahead: usize,
    /// Bytes queued for a client above which its handler is held.
    pub high_watermark: usize,
    /// Bytes queued at which a held handler goes on.
    pub low_watermark: usize,
    /// Whether clients may open WebSockets over HTTP/2 (RFC 8441).
    pub enable_connect_protocol: bool,
    /// HTTP/2 streams that a connection may have open at once.
    pub max_concurrent_streams: Limit,
    /// Requests of an HTTP/2 connection that its client may give up, and in how many milliseconds, before it is closed.
    pub max_cancel_stream_rate: (u64, u64),
    /// Time for which an HTTP/2 connection may be without a stream.
    pub idle_timeout: Timeout,
    /// What becomes of a request whose process dies.
    pub owner_death: OwnerDeath,
    /// Version that the status lines of answers to HTTP/1.0 requests name: 1.1 in Cowboy 2, 1.0 in Cowboy 1.
    pub http10_status_line: HttpVersion,
    /// Present if the listener speaks TLS.
    pub tls: Option<crate::tls::TlsOptions>,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        ListenerOptions {
            ip: Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            port: 0,
            local: None,
            backlog: 1024,
            num_listen_sockets: 1,
            reuse_port: false,
            linger: None,
            priority: None,
            tos: None,
            tclass: None,
            bind_to_device: None,
            nodelay: true,
            keepalive: false,
            ipv6_v6only: None,
            sndbuf: None,
            recbuf: None,
            max_connections: Limit(None),
            proxy_header: false,
            request_timeout: Timeout(Some(Duration::from_secs(5))),
            max_keepalive: 1000,
            max_empty_lines: 5,
            max_request_line_length: 8000,
            max_method_length: 32,
            max_header_name_length: 64,
            max_header_value_length: 4096,
            max_authorization_header_value_length: None,
            max_cookie_header_value_length: None,
            max_authority_length: None,
            max_headers: 100,
            linger_timeout: Timeout(Some(Duration::from_secs(1))),
            max_skip_body_length: 1_000_000,
            read_ahead: 128 * 1024,
            high_watermark: 64 * 1024,
            low_watermark: 32 * 1024,
            enable_connect_protocol: false,
            max_concurrent_streams: Limit(Some(100)),
            max_cancel_stream_rate: (500, 10_000),
            idle_timeout: Timeout(Some(Duration::from_secs(60))),
            owner_death: OwnerDeath::InternalServerError,
            http10_status_line: HttpVersion::Http11,
            tls: None,
        }
    }
}

impl ListenerOptions {
    /// The address to bind.
    pub fn address(&self) -> io::Result<SockAddr> {
        match &self.local {
            Some(path) => SockAddr::unix(OsStr::from_bytes(path)),
            None => Ok(SocketAddr::new(self.ip.0, self.port).into()),
        }
    }
}

/// The HTTP version of a request, as Erlang names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub enum HttpVersion {
    #[serde(rename = "HTTP/1.0")]
    Http10,
    #[serde(rename = "HTTP/1.1")]
    Http11,
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// What becomes of bytes that came along with the upgrade request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyData {
    Deliver,
    Discard,
}

/// How a connection's bytes become messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// RFC 6455.
    Rfc6455,
    /// RFC 6455 as Cowboy 0.6 read it ([`crate::frame::Rules::Generation0`]).
    #[serde(rename = "generation_0")]
    Generation0,
    /// draft-hixie-thewebsocketprotocol-76, with the numbers of the first two keys.
    Hixie76(u32, u32),
}

/// Options of one WebSocket connection, given with the upgrade.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpgradeOptions {
    /// Version that the status line of the 101 names.
    pub version: HttpVersion,
    /// Time without a received byte after which `timeout` is reported.
    pub idle_timeout: Timeout,
    /// Longest frame payload and longest message, in bytes.
    pub max_frame_size: Limit,
    /// Whether text and close reasons are checked to be UTF-8.
    pub validate_utf8: bool,
    pub early_data: EarlyData,
    pub framing: Framing,
    /// What was negotiated (RFC 7692). Absent: nothing is compressed.
    pub compress: Option<Compression>,
}

impl Default for UpgradeOptions {
    fn default() -> Self {
        UpgradeOptions {
            version: HttpVersion::Http11,
            idle_timeout: Timeout(Some(Duration::from_secs(60))),
            max_frame_size: Limit(Some(1_000_000)),
            validate_utf8: true,
            early_data: EarlyData::Deliver,
            framing: Framing::Rfc6455,
            compress: None,
        }
    }
}

/// Changes to a running WebSocket connection; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionChange {
    /// New idle timeout; the time that has passed is forgotten.
    pub idle_timeout: Option<Timeout>,
    /// New limit on frames and messages.
    pub max_frame_size: Option<Limit>,
    /// Whether messages that are sent from now on are compressed, if that was negotiated.
    pub deflate: Option<bool>,
}
