//! What is measured: echo, fan-out, idle connections, and connections that come and go.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::client::Client;
use crate::messages::{Kind, Messages};
use crate::process::{Processes, machine_cpu};

/// Where the server is and what it consists of.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address that it listens on
    pub address: SocketAddr,
    /// Processes whose CPU time and memory are its cost
    pub processes: Processes,
}

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Load before the measured time
    pub warm_up: Duration,
    /// Measured time
    pub measured: Duration,
}

/// Load of an echo run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Echo {
    /// Connections
    pub connections: usize,
    /// Messages in flight on each
    pub depth: usize,
    /// Payload bytes of a message
    pub size: usize,
    /// Text or binary
    pub kind: Kind,
}

/// Load of a fan-out run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fanout {
    /// Subscribers, the publisher among them
    pub connections: usize,
    /// Payload bytes of a message
    pub size: usize,
}

/// Cost of an operation: an echoed message, a delivery, or a connection's whole life.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rate {
    /// Operations done in the measured time
    pub operations: f64,
    /// Operations per second of wall-clock time
    pub per_second: f64,
    /// CPU time of the server per operation, user and system, in microseconds
    pub server_cpu_us: f64,
    /// The same of the client
    pub client_cpu_us: f64,
    /// Median time of an operation in microseconds
    pub p50_us: f64,
    /// 99th percentile
    pub p99_us: f64,
    /// CPU that neither server nor client used, in cores
    pub other_cores: f64,
}

/// Memory of a server with idle connections, in KiB per connection above the same server without.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// Connections held
    pub connections: usize,
    /// PSS after the handshake
    pub handshake_pss_kib: f64,
    /// RSS after the handshake
    pub handshake_rss_kib: f64,
    /// PSS after one echo on each connection
    pub echo_pss_kib: f64,
    /// RSS after one echo on each connection
    pub echo_rss_kib: f64,
}

/// How long a server is given to settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// The longest time that a histogram tells apart: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// Echoes in a closed loop: each connection sends a message for each reply.
pub fn echo(target: &Target, load: Echo, span: Span) -> Result<Rate> {
    let messages = Messages::new(load.kind, load.size, load.depth);
    let mut client = Client::new(target.address, "/", &messages)?;
    client.open(load.connections)?;
    for connection in client.connections() {
        connection.send(load.depth, &messages)?;
    }
    echo_for(&mut client, span.warm_up, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    let before = client.bytes;
    echo_for(&mut client, span.measured, &mut |time| {
        record(&mut times, time)
    })?;
    // Whole replies would be too coarse a count where few and large ones are measured.
    let echoed = (client.bytes - before) as f64 / messages.reply_length() as f64;
    window.close(target, echoed, &times)
}

fn echo_for(client: &mut Client, time: Duration, recorder: &mut dyn FnMut(Duration)) -> Result<()> {
    let end = Instant::now() + time;
    let mut now = Instant::now();
    while now < end {
        client.turn(|_, connection, progress, messages| {
            if progress.replies == 0 {
                return Ok(());
            }
            now = Instant::now();
            for _ in 0..progress.replies {
                if let Some(sent) = connection.pop_sent_at() {
                    recorder(now - sent);
                }
            }
            connection.send(progress.replies, messages)
        })?;
        now = Instant::now();
    }
    Ok(())
}

/// One connection publishes a message to all; once all have it, the next. An operation is a delivery, its time that until it arrives.
pub fn fanout(target: &Target, load: Fanout, span: Span) -> Result<Rate> {
    let messages = Messages::new(Kind::Text, load.size, 1);
    let mut client = Client::new(target.address, "/fanout", &messages)?;
    client.open(load.connections)?;
    // The first message of a client subscribes it.
    echo_once(&mut client, &messages)?;
    fanout_for(&mut client, span.warm_up, &messages, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    fanout_for(&mut client, span.measured, &messages, &mut |time| {
        record(&mut times, time);
    })?;
    window.close(target, times.len() as f64, &times)
}

fn fanout_for(
    client: &mut Client,
    time: Duration,
    messages: &Messages,
    recorder: &mut dyn FnMut(Duration),
) -> Result<()> {
    let end = Instant::now() + time;
    let subscribers = client.connections().count();
    while Instant::now() < end {
        let published = Instant::now();
        if let Some(publisher) = client.connections().next() {
            publisher.send(1, messages)?;
        }
        let mut deliveries = 0;
        while deliveries < subscribers {
            client.turn(|_, connection, progress, _| {
                for _ in 0..progress.replies {
                    recorder(published.elapsed());
                }
                connection.pop_sent_at();
                deliveries += progress.replies;
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Holds `connections` and reads the server's memory: after the handshake, then after one 64-byte echo on each.
pub fn idle(target: &Target, connections: usize) -> Result<Idle> {
    let messages = Messages::new(Kind::Text, 64, 1);
    let mut client = Client::new(target.address, "/", &messages)?;
    let base = target.processes.memory()?;
    client.open(connections)?;
    thread::sleep(SETTLE);
    let handshake = target.processes.memory()?;
    echo_once(&mut client, &messages)?;
    thread::sleep(SETTLE);
    let echo = target.processes.memory()?;
    let each = |now: u64, before: u64| (now as f64 - before as f64) / 1024.0 / connections as f64;
    Ok(Idle {
        connections,
        handshake_pss_kib: each(handshake.pss, base.pss),
        handshake_rss_kib: each(handshake.rss, base.rss),
        echo_pss_kib: each(echo.pss, base.pss),
        echo_rss_kib: each(echo.rss, base.rss),
    })
}

/// Has one message echoed on each connection.
fn echo_once(client: &mut Client, messages: &Messages) -> Result<()> {
    let mut replies = 0;
    for connection in client.connections() {
        connection.send(1, messages)?;
        replies += 1;
    }
    while replies > 0 {
        client.turn(|_, connection, progress, _| {
            replies -= progress.replies;
            connection.pop_sent_at();
            Ok(())
        })?;
    }
    Ok(())
}

/// Connects, echoes 64 bytes and closes, `connections` at a time. The time of an operation runs from connect to the server's end.
pub fn connect(target: &Target, connections: usize, span: Span) -> Result<Rate> {
    let messages = Messages::new(Kind::Text, 64, 1);
    let mut client = Client::new(target.address, "/", &messages)?;
    for _ in 0..connections {
        client.begin()?;
    }
    connect_for(&mut client, span.warm_up, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    connect_for(&mut client, span.measured, &mut |time| {
        record(&mut times, time)
    })?;
    window.close(target, times.len() as f64, &times)
}

fn connect_for(
    client: &mut Client,
    time: Duration,
    recorder: &mut dyn FnMut(Duration),
) -> Result<()> {
    let end = Instant::now() + time;
    let mut closed = Vec::new();
    while Instant::now() < end {
        client.turn(|index, connection, progress, messages| {
            if progress.closed {
                recorder(connection.since.elapsed());
                closed.push(index);
            } else if progress.replies > 0 {
                connection.close(messages)?;
            } else if progress.opened {
                connection.send(1, messages)?;
            }
            Ok(())
        })?;
        for index in closed.drain(..) {
            client.reopen(index)?;
        }
    }
    Ok(())
}

/// CPU times at the start of the measured time.
struct Window {
    started: Instant,
    server: Duration,
    client: Duration,
    machine: Duration,
}

impl Window {
    fn open(target: &Target) -> Result<Self> {
        Ok(Window {
            started: Instant::now(),
            server: target.processes.cpu()?,
            client: own_cpu()?,
            machine: machine_cpu()?,
        })
    }

    fn close(self, target: &Target, operations: f64, times: &Histogram<u64>) -> Result<Rate> {
        let elapsed = self.started.elapsed().as_secs_f64();
        let server = (target.processes.cpu()? - self.server).as_secs_f64();
        let client = (own_cpu()? - self.client).as_secs_f64();
        let machine = (machine_cpu()? - self.machine).as_secs_f64();
        Ok(Rate {
            operations,
            per_second: operations / elapsed,
            server_cpu_us: server * 1e6 / operations,
            client_cpu_us: client * 1e6 / operations,
            p50_us: times.value_at_quantile(0.5) as f64 / 1e3,
            p99_us: times.value_at_quantile(0.99) as f64 / 1e3,
            other_cores: ((machine - server - client) / elapsed).max(0.0),
        })
    }
}

fn own_cpu() -> Result<Duration> {
    Processes::single(std::process::id()).cpu()
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are in order")
}

fn record(times: &mut Histogram<u64>, time: Duration) {
    times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}
