//! The seam to Erlang as the transport sees it. `docs/bridge.md` lists every message and call.

use crate::handle::Handle;
use crate::message::PayloadBuf;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Why a WebSocket connection has nothing more to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// RFC 6455 5.2, 5.4, 5.5 or 7.4 was violated.
    BadFrame,
    /// Text or a close reason is not UTF-8 (RFC 6455 8.1).
    BadEncoding,
    /// `max_frame_size` was exceeded.
    BadSize,
    /// Generation 0 only: a control frame with a 16- or 64-bit length.
    Protocol,
    /// Generation 0 only: an unmasked frame with a payload.
    Unmasked,
    /// Generation 0 only: a reserved opcode.
    BadOpcode,
    /// Draft 76 only: the bytes that complete the challenge did not come.
    Challenge,
    /// Nothing was received for `idle_timeout`.
    Timeout,
    /// The peer closed the socket, or reset it.
    Closed,
    /// Any other socket error, by its POSIX name.
    Posix(&'static str),
}

/// Collects the events of one read, in the order in which they stood on the wire.
pub trait Events<P> {
    fn text(&mut self, payload: crate::message::Payload<'_, P>);
    fn binary(&mut self, payload: crate::message::Payload<'_, P>);
    fn ping(&mut self, payload: &[u8]);
    fn pong(&mut self, payload: &[u8]);
    fn close(&mut self, reason: Option<(u16, &[u8])>);
    fn end(&mut self, end: End);
}

/// The answer to a request for a piece of the request body.
#[derive(Debug)]
pub enum BodyEvent {
    /// More is to come.
    More(Bytes),
    /// This completes the body.
    Fin(Bytes),
    /// The body can't be completed.
    Error(&'static str),
}

/// How the transport talks to Erlang. All methods are called on the runtime's own threads and never block.
/// A `false` means that the receiver is gone.
pub trait Bridge: Sized + Send + Sync + 'static {
    /// Names a process.
    type Process: Clone + Send + Sync + 'static;
    /// A reference that an answer carries back.
    type Reference: Send + 'static;
    /// Memory that a received payload is collected in and that the handler then owns.
    type Payload: PayloadBuf + Sync + Unpin + 'static;

    /// Offers a request to an acceptor.
    fn offer(&self, acceptor: &Self::Process, handle: Arc<Handle<Self>>) -> bool;

    /// Tells that a listener has as many connections as it may have, once each time that this comes about.
    fn full(&self, _acceptor: &Self::Process) {}

    /// Delivers what `fill` collects as one message; `fill` returns the bytes that the message stands for. Nothing
    /// is sent if nothing was collected.
    fn deliver(
        &self,
        owner: &Self::Process,
        fill: &mut dyn FnMut(&mut dyn Events<Self::Payload>) -> usize,
    ) -> bool;

    /// Answers a request for a piece of the request body.
    fn body(&self, owner: &Self::Process, reference: Self::Reference, event: BodyEvent) -> bool;

    /// Tells a held owner that it may go on; `Err` if the socket is lost.
    fn writable(
        &self,
        owner: &Self::Process,
        reference: Self::Reference,
        result: Result<(), Closed>,
    ) -> bool;
}

/// A command came after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// A request as Erlang gets it.
#[derive(Debug, Serialize)]
pub struct Request {
    #[serde(with = "serde_bytes")]
    pub method: Vec<u8>,
    pub version: crate::config::HttpVersion,
    #[serde(with = "serde_bytes")]
    pub scheme: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub host: Vec<u8>,
    pub port: u16,
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub qs: Vec<u8>,
    pub headers: Vec<(serde_bytes::ByteBuf, serde_bytes::ByteBuf)>,
    pub peer: Endpoint,
    pub sock: Endpoint,
    /// The client's certificate, DER, if it showed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<serde_bytes::ByteBuf>,
    /// What a proxy said of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_header: Option<crate::proxy::ProxyInfo>,
    /// `None` for a body of unknown length (chunked).
    pub body_length: Option<u64>,
    /// Of an extended CONNECT (RFC 8441): what it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<serde_bytes::ByteBuf>,
    pub stream_id: u64,
}

/// `{inet:ip_address(), inet:port_number()}`, or `{local, Path}` as `inet:local_address()` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Endpoint {
    Ip(IpTuple, u16),
    Local(Local, serde_bytes::ByteBuf),
}

/// The name of Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Local {
    Local,
}

/// `inet:ip_address()`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpTuple(pub std::net::IpAddr);

impl Serialize for IpTuple {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        match self.0 {
            std::net::IpAddr::V4(ip) => ip.octets().serialize(serializer),
            std::net::IpAddr::V6(ip) => {
                let mut tuple = serializer.serialize_tuple(8)?;
                for word in ip.segments() {
                    tuple.serialize_element(&word)?;
                }
                tuple.end()
            }
        }
    }
}

impl From<std::net::SocketAddr> for Endpoint {
    fn from(address: std::net::SocketAddr) -> Self {
        Endpoint::Ip(IpTuple(address.ip()), address.port())
    }
}

impl From<socket2::SockAddr> for Endpoint {
    fn from(address: socket2::SockAddr) -> Self {
        if let Some(address) = address.as_socket() {
            return address.into();
        }
        let path = match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => path.as_os_str().as_bytes().to_vec(),
            // Linux' names that are no files begin with a zero.
            (None, Some(name)) => [&[0], name].concat(),
            (None, None) => Vec::new(),
        };
        Endpoint::Local(Local::Local, path.into())
    }
}

/// Status line and headers of a response, in the order in which they are sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseHead {
    pub status: u16,
    /// Reason phrase, where it is not the usual one.
    pub reason: Option<serde_bytes::ByteBuf>,
    pub headers: Vec<(serde_bytes::ByteBuf, serde_bytes::ByteBuf)>,
}

/// The body of a response that is sent in one piece.
#[derive(Debug)]
pub enum ResponseBody {
    Bytes(Bytes),
    File {
        path: std::path::PathBuf,
        offset: u64,
        length: u64,
    },
}

/// How far the response to a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseState {
    None,
    Headers,
    Done,
    Upgraded,
}

/// Why a response could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RespondError {
    AlreadySent,
    InvalidHeader(Vec<u8>),
    Closed,
}

/// Counters of one listener.
#[derive(Clone, Debug, Serialize)]
pub struct ListenerInfo {
    pub address: Option<Endpoint>,
    pub connections: u64,
    pub websockets: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// TLS handshakes, and headers of proxies, that were bad or took too long.
    pub failed_handshakes: u64,
}
