//! As much of an HTTP/2 client as one WebSocket needs (RFC 9113, RFC 8441): stream 1, flow control, no header compression.

use anyhow::{Result, bail, ensure};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// RFC 9113 6.9.2.
const INITIAL_WINDOW: i64 = 65_535;

/// RFC 9113 4.2.
const FRAME_SIZE: usize = 16_384;

/// What the server may send before it needs to be given more: as much as there can be.
const RECEIVE_WINDOW: u32 = 0x7fff_ffff;

/// Windows are filled up after so many bytes.
const REFILL: usize = 1 << 30;

mod frame {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
}

const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;
const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// `:status: 200` of the static table (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;

/// One connection with one stream.
pub struct Http2 {
    /// The request's fields, until the server has said that it takes them
    request: Vec<u8>,
    /// Beginning of a frame
    partial: Vec<u8>,
    /// What the windows did not let out yet
    waiting: Vec<u8>,
    initial_window: i64,
    stream_window: i64,
    connection_window: i64,
    received: usize,
}

impl Http2 {
    /// A connection that is to ask for `path`; the bytes that open it are appended to `wire`.
    pub fn new(authority: &str, path: &str, wire: &mut Vec<u8>) -> Self {
        wire.extend_from_slice(PREFACE);
        let mut settings = SETTINGS_INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        settings.extend_from_slice(&RECEIVE_WINDOW.to_be_bytes());
        push(wire, frame::SETTINGS, 0, 0, &settings);
        let increment = RECEIVE_WINDOW - INITIAL_WINDOW as u32;
        push(wire, frame::WINDOW_UPDATE, 0, 0, &increment.to_be_bytes());
        let mut request = Vec::new();
        let origin = format!("http://{authority}");
        for (name, value) in [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", path),
            (":authority", authority),
            ("sec-websocket-version", "13"),
            ("origin", &origin),
        ] {
            literal(&mut request, name, value);
        }
        Http2 {
            request,
            partial: Vec::new(),
            waiting: Vec::new(),
            initial_window: INITIAL_WINDOW,
            stream_window: INITIAL_WINDOW,
            connection_window: INITIAL_WINDOW,
            received: 0,
        }
    }

    /// Sends what the windows let out; the rest follows when they open.
    pub fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        if self.waiting.is_empty() {
            let sent = self.push_data(plain, wire);
            self.waiting.extend_from_slice(&plain[sent..]);
        } else {
            self.waiting.extend_from_slice(plain);
        }
    }

    fn push_data(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> usize {
        let window = self.stream_window.min(self.connection_window).max(0);
        let sent = plain.len().min(usize::try_from(window).unwrap_or(0));
        for piece in plain[..sent].chunks(FRAME_SIZE) {
            push(wire, frame::DATA, 0, 1, piece);
        }
        self.stream_window -= sent as i64;
        self.connection_window -= sent as i64;
        sent
    }

    /// Takes frames; returns whether the WebSocket is open now and was not before.
    pub fn receive(
        &mut self,
        received: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<bool> {
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(received);
        let (mut opened, mut at) = (false, 0);
        while let Some(head) = partial.get(at..at + 9) {
            let length =
                usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let (kind, flags, stream) = (head[3], head[4], number(&head[5..9]));
            let Some(payload) = partial.get(at + 9..at + 9 + length) else {
                break;
            };
            opened |= self.frame(kind, flags, stream, payload, plain, wire)?;
            at += 9 + length;
        }
        partial.drain(..at);
        self.partial = partial;
        Ok(opened)
    }

    fn frame(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<bool> {
        match kind {
            frame::DATA => self.data(flags, payload, plain, wire)?,
            frame::HEADERS => return is_accepted(flags, payload),
            frame::SETTINGS if flags & ACK == 0 => self.settings(payload, wire)?,
            frame::PING if flags & ACK == 0 => push(wire, frame::PING, ACK, 0, payload),
            frame::WINDOW_UPDATE => self.window_update(stream, payload, wire),
            frame::RST_STREAM => bail!("the server reset the stream with code {}", number(payload)),
            frame::GOAWAY => bail!("the server ended the connection with {payload:02x?}"),
            _ => {}
        }
        Ok(false)
    }

    fn data(
        &mut self,
        flags: u8,
        payload: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<()> {
        ensure!(flags & PADDED == 0, "the server padded a frame");
        plain.extend_from_slice(payload);
        self.received += payload.len();
        if self.received >= REFILL {
            let increment = u32::try_from(self.received)?.to_be_bytes();
            push(wire, frame::WINDOW_UPDATE, 0, 0, &increment);
            push(wire, frame::WINDOW_UPDATE, 0, 1, &increment);
            self.received = 0;
        }
        Ok(())
    }

    fn settings(&mut self, payload: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        let mut takes_websockets = false;
        for setting in payload.chunks_exact(6) {
            let value = number(&setting[2..]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                SETTINGS_INITIAL_WINDOW_SIZE => {
                    self.stream_window += i64::from(value) - self.initial_window;
                    self.initial_window = i64::from(value);
                }
                SETTINGS_ENABLE_CONNECT_PROTOCOL => takes_websockets = value == 1,
                _ => {}
            }
        }
        push(wire, frame::SETTINGS, ACK, 0, &[]);
        let request = std::mem::take(&mut self.request);
        if !request.is_empty() {
            ensure!(
                takes_websockets,
                "the server does not take WebSockets over HTTP/2"
            );
            push(wire, frame::HEADERS, END_HEADERS, 1, &request);
        }
        Ok(())
    }

    fn window_update(&mut self, stream: u32, payload: &[u8], wire: &mut Vec<u8>) {
        let increment = i64::from(number(payload));
        match stream {
            0 => self.connection_window += increment,
            _ => self.stream_window += increment,
        }
        let waiting = std::mem::take(&mut self.waiting);
        let sent = self.push_data(&waiting, wire);
        self.waiting = waiting;
        self.waiting.drain(..sent);
    }
}

fn is_accepted(flags: u8, payload: &[u8]) -> Result<bool> {
    // What may stand before the first field is an update of the dynamic table's size (RFC 7541 6.3).
    let block: Vec<u8> = payload
        .iter()
        .copied()
        .skip_while(|byte| byte & 0xe0 == 0x20)
        .collect();
    ensure!(
        flags & END_HEADERS != 0 && block.first() == Some(&STATUS_200),
        "the server refused the WebSocket: {payload:02x?}"
    );
    Ok(true)
}

fn push(wire: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a frame is short");
    wire.extend_from_slice(&length.to_be_bytes()[1..]);
    wire.extend([kind, flags]);
    wire.extend_from_slice(&stream.to_be_bytes());
    wire.extend_from_slice(payload);
}

/// A field that enters no table (RFC 7541 6.2.2); name and value are shorter than 127 bytes.
fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        block.push(u8::try_from(text.len()).expect("short"));
        block.extend_from_slice(text.as_bytes());
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        push(&mut wire, kind, flags, stream, payload);
        wire
    }

    fn settings(takes_websockets: bool) -> Vec<u8> {
        frame(4, 0, 0, &[0, 8, 0, 0, 0, u8::from(takes_websockets)])
    }

    #[test]
    fn the_request_waits_for_the_settings_and_the_websocket_for_the_answer() {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        let mut http2 = Http2::new("localhost", "/", &mut wire);
        assert!(wire.starts_with(PREFACE) && !wire.windows(7).any(|w| w == b"CONNECT"));
        wire.clear();
        for byte in settings(true) {
            assert!(!http2.receive(&[byte], &mut plain, &mut wire).unwrap());
        }
        assert!(wire.windows(7).any(|w| w == b"CONNECT"));
        let answer = frame(1, 4, 1, &[0x88]);
        assert!(http2.receive(&answer, &mut plain, &mut wire).unwrap());
        http2
            .receive(&frame(0, 0, 1, b"hello"), &mut plain, &mut wire)
            .unwrap();
        assert_eq!(plain, b"hello");
    }

    #[test]
    fn a_server_without_extended_connect_is_named() {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        let mut http2 = Http2::new("localhost", "/", &mut wire);
        let error = http2
            .receive(&settings(false), &mut plain, &mut wire)
            .unwrap_err();
        assert!(error.to_string().contains("does not take"), "{error}");
    }

    #[test]
    fn what_exceeds_the_window_follows_when_it_opens() {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        let mut http2 = Http2::new("localhost", "/", &mut wire);
        wire.clear();
        http2.send(&[7; 70_000], &mut wire);
        let payload = |wire: &[u8]| wire.iter().filter(|byte| **byte == 7).count();
        assert_eq!(payload(&wire), 65_535);
        for stream in [0, 1] {
            let update = frame(8, 0, stream, &[0, 1, 0, 0]);
            http2.receive(&update, &mut plain, &mut wire).unwrap();
        }
        assert_eq!(payload(&wire), 70_000);
    }
}
