//! What Cowboy answers to bytes that are no request: hyper has one status for nearly all of them.

use super::head;
use crate::bridge::ResponseHead;
use crate::config::{HttpVersion, ListenerOptions};
use hyper::StatusCode;

/// Counts what comes before a request's headers, while it comes.
pub struct Begun {
    max_empty_lines: usize,
    max_line: usize,
    empty_lines: usize,
    /// Bytes of the line that has not ended.
    line: usize,
    /// The request line has come.
    complete: bool,
}

impl Begun {
    pub fn new(options: &ListenerOptions) -> Self {
        Begun {
            max_empty_lines: options.max_empty_lines,
            max_line: options.max_request_line_length,
            empty_lines: 0,
            line: 0,
            complete: false,
        }
    }

    /// The next request is to come.
    pub fn reset(&mut self) {
        self.empty_lines = 0;
        self.line = 0;
        self.complete = false;
    }

    /// The status of what goes beyond a limit.
    pub fn count(&mut self, bytes: &[u8]) -> Result<(), u16> {
        for &byte in bytes {
            if self.complete {
                break;
            }
            match byte {
                // A line of no more than the CR is empty.
                b'\n' if self.line <= 1 => {
                    self.empty_lines += 1;
                    self.line = 0;
                    if self.empty_lines > self.max_empty_lines {
                        return Err(400);
                    }
                }
                b'\n' => self.complete = true,
                _ => self.line += 1,
            }
        }
        if self.line > self.max_line && !self.complete {
            return Err(414);
        }
        Ok(())
    }
}

/// The first line that is not empty, without its end, if that has come.
fn request_line(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte))?;
    let line = &bytes[start..];
    let end = line.iter().position(|&byte| byte == b'\n')?;
    let line = &line[..end];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether the client has said enough to be told that it was too slow.
pub fn has_request_line(bytes: &[u8]) -> bool {
    request_line(bytes).is_some()
}

/// The status for what hyper does not take for a request, because it is too large or for another reason.
pub fn status(bytes: &[u8], is_too_large: bool) -> u16 {
    match request_line(bytes).map(line_status) {
        Some(Err(status)) => status,
        // The line is good, so it was a header.
        Some(Ok(())) if is_too_large => 431,
        _ => 400,
    }
}

/// In the order in which Cowboy 2 looks at a line's parts.
fn line_status(line: &[u8]) -> Result<(), u16> {
    let (method, rest) = split(line).ok_or(400_u16)?;
    if hyper::Method::from_bytes(method).is_err() {
        return Err(400);
    }
    let asterisk = method == b"OPTIONS" && rest.starts_with(b"* ");
    let scheme = rest.split(|&byte| byte == b':').next().unwrap_or_default();
    let absolute = [&b"http"[..], b"https"]
        .iter()
        .any(|name| scheme.eq_ignore_ascii_case(name));
    if !(asterisk || absolute || rest.starts_with(b"/")) {
        return Err(400);
    }
    let (_, version) = split(rest).ok_or(400_u16)?;
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => Ok(()),
        [b' ' | b'\t', ..] => Err(400),
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            _,
            b' ' | b'\t',
            ..,
        ] => Err(400),
        _ => Err(505),
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    Some((&bytes[..space], &bytes[space + 1..]))
}

/// The bytes of a response that ends the connection.
pub fn refusal(status: u16) -> Vec<u8> {
    let head = ResponseHead {
        status,
        reason: None,
        headers: [("connection", "close"), ("content-length", "0")]
            .map(|(name, value)| {
                (
                    name.as_bytes().to_vec().into(),
                    value.as_bytes().to_vec().into(),
                )
            })
            .into(),
    };
    let canonical = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let reason = head::phrase(status).unwrap_or(canonical.as_bytes());
    head::head_bytes(HttpVersion::Http11, &head, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_none_has_cowboys_status() {
        for (expected, bytes) in [
            (505, &b"GET / HTTP/1.2\r\n\r\n"[..]),
            (505, b"\r\nGET / HTTP/2.0\r\n\r\n"),
            (505, b"GET http://a/ HTTX/1.1\r\n\r\n"),
            (505, b"OPTIONS * HTTP/3\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nhost\r\n\r\n"),
            (400, b"GET / HTTP/1.1 \r\n\r\n"),
            (400, b"GET /  HTTP/1.1\r\n\r\n"),
            (400, b"GET  / HTTP/1.1\r\n\r\n"),
            (400, b"GET /\r\n\r\n"),
            (400, b"GET a HTTP/1.2\r\n\r\n"),
            (400, b" / HTTP/1.2\r\n\r\n"),
            (400, b"G\x00T / HTTP/1.2\r\n\r\n"),
            (400, b"\x16\x03\x01"),
            (400, b""),
        ] {
            assert_eq!(status(bytes, false), expected, "{bytes:?}");
        }
    }

    #[test]
    fn limits_before_the_headers_hold_however_the_bytes_come() {
        let options = ListenerOptions {
            max_empty_lines: 2,
            max_request_line_length: 10,
            ..ListenerOptions::default()
        };
        for (expected, bytes) in [
            (Ok(()), &b"\r\n\r\nGET / HTT\r\n\r\n\r\n\r\n"[..]),
            (Ok(()), b"0123456789"),
            (Err(414), b"\r\n01234567890"),
            (Err(400), b"\r\n\r\n\r\n"),
        ] {
            let mut begun = Begun::new(&options);
            assert_eq!(begun.count(bytes), expected, "{bytes:?}");
            begun.reset();
            let one_by_one = bytes.chunks(1).try_for_each(|byte| begun.count(byte));
            assert_eq!(one_by_one, expected, "{bytes:?}");
        }
    }
}
