//! Many WebSocket connections on one thread: epoll, one `read` and one `write` per turn of a connection, nothing parsed twice.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustls::ClientConfig;

use crate::connection::{Connection, Progress, connect};
use crate::http2::Http2;
use crate::layer::{Layer, Transport, tls, tls_config};
use crate::messages::{Coding, Messages};

/// Key of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A server must move within this time, or the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Loopback addresses that connections come from, so that ephemeral ports do not run out.
const SOURCES: usize = 200;

/// How many connections are opened at the same time at most.
const OPENING: usize = 100;

const READ_BUFFER: usize = 256 * 1024;

/// What kind of connections a client opens.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'p> {
    /// Address of the server
    pub target: SocketAddr,
    /// Path of the handler
    pub path: &'p str,
    /// What lies between
    pub transport: Transport,
    /// Bytes of each of the client's socket buffers; by default the kernel's choice
    pub buffers: Option<usize>,
}

/// All connections of a run and the epoll instance that drives them.
pub struct Client<'m> {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    connections: Vec<Connection>,
    messages: &'m Messages,
    buffer: Vec<u8>,
    plain: Vec<u8>,
    endpoint: Endpoint<'m>,
    request: Vec<u8>,
    tls: Arc<ClientConfig>,
    begun: usize,
    /// Bytes of frames read so far
    pub bytes: u64,
}

impl<'m> Client<'m> {
    /// A client without any connection.
    pub fn new(endpoint: Endpoint<'m>, messages: &'m Messages) -> Result<Self> {
        Ok(Client {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(1024),
            connections: Vec::new(),
            messages,
            buffer: vec![0; READ_BUFFER],
            plain: Vec::new(),
            endpoint,
            request: request(&endpoint, messages.coding()),
            tls: tls_config()?,
            begun: 0,
            bytes: 0,
        })
    }

    /// The connections in the order in which they were begun; a reopened one keeps its place.
    pub fn connections(&mut self) -> &mut [Connection] {
        &mut self.connections
    }

    /// The messages that the connections send.
    pub fn messages(&self) -> &'m Messages {
        self.messages
    }

    /// Begins another connection.
    pub fn begin(&mut self) -> Result<()> {
        let connection = self.connect(self.connections.len())?;
        self.connections.push(connection);
        Ok(())
    }

    /// Puts a new connection in the place of a closed one.
    pub fn reopen(&mut self, index: usize) -> Result<()> {
        self.connections[index] = self.connect(index)?;
        Ok(())
    }

    /// Opens `count` connections and returns once all are upgraded.
    pub fn open(&mut self, count: usize) -> Result<()> {
        let mut opened = 0;
        while opened < count {
            while self.connections.len() < count.min(opened + OPENING) {
                self.begin()?;
            }
            self.turn(|_, _, progress, _| {
                opened += usize::from(progress.opened);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Waits for events and hands each connection that moved to `react`, with its index and what happened.
    pub fn turn<F>(&mut self, react: F) -> Result<()>
    where
        F: FnMut(usize, &mut Connection, Progress, &'m Messages) -> Result<()>,
    {
        let count = self.turn_for(PATIENCE, react)?;
        ensure!(count > 0, "the server has sent nothing for {PATIENCE:?}");
        Ok(())
    }

    /// The same, for no longer than `time`; returns how many connections moved.
    pub fn turn_for<F>(&mut self, time: Duration, mut react: F) -> Result<usize>
    where
        F: FnMut(usize, &mut Connection, Progress, &'m Messages) -> Result<()>,
    {
        let timeout = Timespec::try_from(time)?;
        self.events.clear();
        let buffer = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, buffer, Some(&timeout)) {
            Err(Errno::INTR) => return Ok(0),
            other => other.context("epoll failed")?,
        };
        for event in &self.events {
            let (flags, index) = (event.flags, usize::try_from(event.data.u64())?);
            let connection = &mut self.connections[index];
            if flags.contains(epoll::EventFlags::OUT) {
                connection.flush(self.messages)?;
            }
            if flags.intersects(READABLE) {
                let ended = flags.intersects(ENDED);
                let (progress, bytes) =
                    connection.read(ended, self.messages, &mut self.buffer, &mut self.plain)?;
                self.bytes += bytes;
                react(index, connection, progress, self.messages)?;
            }
        }
        Ok(self.events.len())
    }

    fn connect(&mut self, index: usize) -> Result<Connection> {
        let host = 2 + u8::try_from(self.begun % SOURCES)?;
        self.begun += 1;
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
        let Endpoint {
            target,
            path,
            transport,
            buffers,
        } = self.endpoint;
        let stream = connect(target, source, buffers)?;
        let mut hello = Vec::new();
        let layer = match transport {
            Transport::Clear => Layer::None,
            Transport::Tls => tls(&self.tls)?,
            Transport::Http2 => {
                let authority = target.to_string();
                Layer::Http2(Box::new(Http2::new(&authority, path, &mut hello)))
            }
        };
        if transport != Transport::Http2 {
            hello.extend_from_slice(&self.request);
        }
        let connection = Connection::new(stream, layer, &hello, self.messages, index)?;
        let interest = READABLE | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, connection.stream(), data, interest)?;
        Ok(connection)
    }
}

const ENDED: epoll::EventFlags = epoll::EventFlags::RDHUP
    .union(epoll::EventFlags::HUP)
    .union(epoll::EventFlags::ERR);
const READABLE: epoll::EventFlags = epoll::EventFlags::IN.union(ENDED);

/// A request as browsers send it, in size and number of headers.
fn request(endpoint: &Endpoint, coding: Coding) -> Vec<u8> {
    let Endpoint { target, path, .. } = endpoint;
    let extensions = match coding {
        Coding::Plain => "",
        Coding::Deflate => {
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        }
    };
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {target}\r\n\
         Connection: Upgrade\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         Upgrade: websocket\r\n\
         Origin: http://{target}\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
         Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark\r\n\
         Sec-WebSocket-Key: {KEY}\r\n\
         {extensions}\r\n"
    )
    .into_bytes()
}
