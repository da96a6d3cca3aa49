//! Request and response heads between hyper and the bridge, with Cowboy's limits and statuses.

use crate::bridge::{Endpoint, Request, RespondError, ResponseHead};
use crate::config::{Framing, HttpVersion, ListenerOptions, UpgradeOptions};
use crate::proxy::ProxyInfo;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use serde_bytes::ByteBuf;

/// A request that never reaches a handler, by the status that the client gets.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub u16);

/// What the requests of one connection have in common.
pub struct Origin {
    pub scheme: &'static str,
    /// The client's certificate, DER.
    pub cert: Option<Box<[u8]>>,
    /// What a proxy said of the client.
    pub proxy_header: Option<Box<ProxyInfo>>,
    pub peer: Endpoint,
    pub sock: Endpoint,
}

impl Origin {
    /// The port that a Host header without one means (RFC 9110 4.2).
    fn default_port(&self) -> u16 {
        match self.scheme {
            "https" => 443,
            _ => 80,
        }
    }
}

/// What becomes of a connection of HTTP/1 after a request, as far as its client has a say (RFC 9112 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It lives on without a word of it.
    Usual,
    /// It lives on because the client of HTTP/1.0 asked for it, which it is to be told.
    Asked,
    Close,
}

impl Persistence {
    pub fn of(version: Version, headers: &HeaderMap) -> Self {
        match version {
            _ if says(headers, "close") => Persistence::Close,
            Version::HTTP_10 if says(headers, "keep-alive") => Persistence::Asked,
            Version::HTTP_10 => Persistence::Close,
            _ => Persistence::Usual,
        }
    }

    /// Has the response say it, in Cowboy's way: whether it is the last one of its connection.
    pub fn tell<T>(self, response: &mut Response<T>) -> bool {
        let headers = response.headers_mut();
        if says(headers, "close") {
            return true;
        }
        let said = headers.get(CONNECTION).map(HeaderValue::as_bytes);
        let value = match (self, said) {
            (Persistence::Close, Some(said)) => {
                HeaderValue::from_bytes(&[b"close, ", said].concat()).ok()
            }
            (Persistence::Close, None) => Some(HeaderValue::from_static("close")),
            (Persistence::Asked, None) => Some(HeaderValue::from_static("keep-alive")),
            _ => None,
        };
        if let Some(value) = value {
            headers.insert(CONNECTION, value);
        }
        self == Persistence::Close
    }
}

/// Whether a Connection header has the option.
fn says(headers: &HeaderMap, option: &str) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case(option))
}

/// The longest request head that the limits allow, in bytes.
pub fn largest(options: &ListenerOptions) -> usize {
    let value = [
        options.max_authorization_header_value_length,
        options.max_cookie_header_value_length,
    ]
    .into_iter()
    .flatten()
    .fold(options.max_header_value_length, usize::max);
    let header = options.max_header_name_length.saturating_add(value);
    let header = header.saturating_add(4);
    options
        .max_request_line_length
        .saturating_add(header.saturating_mul(options.max_headers.saturating_add(1)))
        .min(1 << 20)
}

/// Turns hyper's request head into ours, or says why not.
pub fn request(
    parts: &Parts,
    body: &Incoming,
    origin: &Origin,
    number: u64,
    options: &ListenerOptions,
) -> Result<Request, Refusal> {
    check_limits(parts, options)?;
    let (host, port) = host(parts, origin.default_port())?;
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    let path = match parts.uri.path() {
        "" => "/",
        path => path,
    };
    Ok(Request {
        method: parts.method.as_str().into(),
        version: match parts.version {
            Version::HTTP_10 => HttpVersion::Http10,
            Version::HTTP_2 => HttpVersion::Http2,
            _ => HttpVersion::Http11,
        },
        scheme: origin.scheme.into(),
        host,
        port,
        path: path.into(),
        qs: parts.uri.query().unwrap_or_default().into(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (bytes(name.as_str().as_bytes()), bytes(value.as_bytes())))
            .collect(),
        peer: origin.peer.clone(),
        sock: origin.sock.clone(),
        cert: origin.cert.as_deref().map(bytes),
        proxy_header: origin.proxy_header.as_deref().cloned(),
        body_length: match protocol {
            // What an extended CONNECT carries has no end that is known.
            Some(_) => None,
            None => body.size_hint().exact(),
        },
        protocol: protocol.map(|protocol| bytes(protocol.as_ref())),
        stream_id: number,
    })
}

fn bytes(slice: &[u8]) -> ByteBuf {
    ByteBuf::from(slice)
}

/// Limits in the order in which Cowboy 2.18 meets them.
fn check_limits(parts: &Parts, options: &ListenerOptions) -> Result<(), Refusal> {
    let target = parts.uri.path_and_query().map_or(0, |pq| pq.as_str().len());
    let method = parts.method.as_str().len();
    if method > options.max_method_length {
        return Err(Refusal(501));
    }
    if parts.version != Version::HTTP_2 {
        check_line(parts, options)?;
    }
    if target + method + " HTTP/1.1".len() + 1 > options.max_request_line_length {
        return Err(Refusal(414));
    }
    if parts.headers.len() > options.max_headers {
        return Err(Refusal(431));
    }
    let too_long = parts.headers.iter().any(|(name, value)| {
        name.as_str().len() > options.max_header_name_length
            || value.len() > longest_value(name, options)
    });
    if too_long {
        return Err(Refusal(431));
    }
    Ok(())
}

/// Methods that only proxies answer to, and targets with a host too long.
fn check_line(parts: &Parts, options: &ListenerOptions) -> Result<(), Refusal> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal(501));
    }
    let authority = parts.uri.authority().map_or(0, |host| host.as_str().len());
    if authority >= options.max_authority_length.unwrap_or(255) {
        return Err(Refusal(414));
    }
    Ok(())
}

fn longest_value(name: &HeaderName, options: &ListenerOptions) -> usize {
    let own = match *name {
        hyper::header::AUTHORIZATION => options.max_authorization_header_value_length,
        hyper::header::COOKIE => options.max_cookie_header_value_length,
        _ => None,
    };
    own.unwrap_or(options.max_header_value_length)
}

/// Host (lower case, without port) and port: from the Host header (RFC 9110 7.2), of which HTTP/1.1 requires exactly one, or
/// from `:authority` (RFC 9113 8.3.1).
fn host(parts: &Parts, default_port: u16) -> Result<(Vec<u8>, u16), Refusal> {
    if let (Version::HTTP_2, Some(authority)) = (parts.version, parts.uri.authority()) {
        let port = authority.port_u16().unwrap_or(default_port);
        return Ok((authority.host().to_ascii_lowercase().into_bytes(), port));
    }
    let mut values = parts.headers.get_all(hyper::header::HOST).iter();
    let Some(value) = values.next() else {
        return match parts.version {
            Version::HTTP_10 if !is_authority(&parts.uri) => Ok((Vec::new(), default_port)),
            _ => Err(Refusal(400)),
        };
    };
    if values.next().is_some() {
        return Err(Refusal(400));
    }
    let value = value.to_str().map_err(|_| Refusal(400))?;
    check_target(parts, value)?;
    let (host, port) = match value.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, port.parse().map_err(|_| Refusal(400))?)
        }
        _ => (value, default_port),
    };
    Ok((host.to_ascii_lowercase().into_bytes(), port))
}

/// A target is absolute, a path or, of OPTIONS alone, `*` (RFC 9112 3.2), and the Host of an absolute one repeats its authority (3.2.2). Where
/// they name different hosts, whoever stands in front may have meant either: refused, as Cowboy does.
fn check_target(parts: &Parts, host: &str) -> Result<(), Refusal> {
    if parts.uri.path() == "*" && parts.method != hyper::Method::OPTIONS {
        return Err(Refusal(400));
    }
    let Some(authority) = parts.uri.authority() else {
        return Ok(());
    };
    if !is_authority(&parts.uri) && authority.as_str().eq_ignore_ascii_case(host.trim()) {
        return Ok(());
    }
    Err(Refusal(400))
}

/// Whether it is an authority alone, the form of CONNECT.
fn is_authority(target: &hyper::Uri) -> bool {
    target.authority().is_some() && target.scheme().is_none()
}

/// Refuses headers that would let a value break out of its line (RFC 9112 11.1).
pub fn check_head(head: &ResponseHead) -> Result<(), RespondError> {
    for (name, value) in &head.headers {
        let valid = HeaderName::from_bytes(name).is_ok() && HeaderValue::from_bytes(value).is_ok();
        if !valid {
            return Err(RespondError::InvalidHeader(name.to_vec()));
        }
    }
    let reason = head.reason.as_deref().map(|r| &r[..]).unwrap_or_default();
    if !(100..=999).contains(&head.status) || HeaderValue::from_bytes(reason).is_err() {
        return Err(RespondError::InvalidHeader(b":status".to_vec()));
    }
    Ok(())
}

/// hyper's form of a checked response head.
pub fn response<T>(head: ResponseHead, body: T) -> Response<T> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = match head.reason {
        Some(reason) => hyper::ext::ReasonPhrase::try_from(reason.into_vec()).ok(),
        None => phrase(head.status).map(hyper::ext::ReasonPhrase::from_static),
    };
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    for (name, value) in head.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(&name),
            HeaderValue::from_bytes(&value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Reason phrases that Cowboy and hyper know in different words.
pub fn phrase(status: u16) -> Option<&'static [u8]> {
    match status {
        203 => Some(b"Non-Authoritative Information"),
        413 => Some(b"Request Entity Too Large"),
        414 => Some(b"Request-URI Too Long"),
        416 => Some(b"Requested Range Not Satisfiable"),
        _ => None,
    }
}

/// The bytes of an informational response.
pub fn inform_head(head: &ResponseHead) -> Vec<u8> {
    let reason = StatusCode::from_u16(head.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    head_bytes(HttpVersion::Http11, head, reason.as_bytes())
}

/// The bytes of a 101: our own, because hyper would change the case of the handler's header names.
pub fn upgrade_head(head: &ResponseHead, options: &UpgradeOptions) -> Vec<u8> {
    let reason: &[u8] = match options.framing {
        Framing::Hixie76(..) => b"WebSocket Protocol Handshake",
        _ => b"Switching Protocols",
    };
    head_bytes(options.version, head, reason)
}

pub fn head_bytes(version: HttpVersion, head: &ResponseHead, usual_reason: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(match version {
        HttpVersion::Http10 => b"HTTP/1.0 ",
        _ => b"HTTP/1.1 ",
    });
    bytes.extend_from_slice(head.status.to_string().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(head.reason.as_deref().map_or(usual_reason, |reason| reason));
    bytes.extend_from_slice(b"\r\n");
    for (name, value) in &head.headers {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
