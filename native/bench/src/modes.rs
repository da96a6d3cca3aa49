//! What is measured: echo, open-loop echo, fan-out, idle connections, connections that come and go, and readers that do not read.

mod connect;
mod echo;
mod fanout;
mod idle;
mod open_loop;
mod slow_readers;

pub use connect::connect;
pub use echo::{Echo, echo};
pub use fanout::{Fanout, fanout};
pub use idle::{Idle, idle};
pub use open_loop::{OpenLoop, open_loop};
pub use slow_readers::{SlowReaders, slow_readers};

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::client::{Client, Endpoint};
use crate::layer::Transport;
use crate::messages::{Coding, Messages};
use crate::process::{KernelMemory, Memory, Processes, machine_cpu};
use crate::results;

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
    /// How long a server is given to settle before its memory is read
    pub settle: Duration,
}

impl Span {
    /// A warm-up of a quarter of the measured time, and twice as long to settle as to warm up; either has its bounds.
    pub fn of(measured: Duration) -> Self {
        let part = measured / 4;
        let bounds = |time: Duration, least, most| {
            time.clamp(Duration::from_millis(least), Duration::from_millis(most))
        };
        Span {
            warm_up: bounds(part, 200, 1000),
            measured,
            settle: bounds(2 * part, 500, 2000),
        }
    }
}

/// What measuring something once gave. Which of it a row shows, the row says.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Of what was done in the measured time
    pub rate: Option<Rate>,
    /// Memory at each point at which it was read
    pub memory: Vec<results::Memory>,
}

/// Cost of an operation: an echoed message, a delivery, or a connection's whole life.
#[derive(Clone, Debug)]
pub struct Rate {
    /// Operations per second of wall-clock time
    pub per_second: f64,
    /// CPU time of the server per operation, user and system, in microseconds
    pub server_cpu_us: f64,
    /// The same of the client
    pub client_cpu_us: f64,
    /// CPU that neither server nor client used, in cores
    pub other_cores: f64,
    /// Times of the operations in nanoseconds
    pub times: Histogram<u64>,
}

/// The longest time that a histogram tells apart: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// An empty histogram of nanoseconds, three digits exact.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are in order")
}

fn record(times: &mut Histogram<u64>, time: Duration) {
    times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

fn endpoint<'p>(target: &Target, path: &'p str, transport: Transport) -> Endpoint<'p> {
    Endpoint {
        target: target.address,
        path,
        transport,
        buffers: None,
    }
}

/// The echo handler that compresses, or the one that does not.
fn echo_path(coding: Coding) -> &'static str {
    match coding {
        Coding::Plain => "/",
        Coding::Deflate => "/deflate",
    }
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

    fn close(self, target: &Target, operations: f64, times: Histogram<u64>) -> Result<Rate> {
        let elapsed = self.started.elapsed().as_secs_f64();
        let server = (target.processes.cpu()? - self.server).as_secs_f64();
        let client = (own_cpu()? - self.client).as_secs_f64();
        let machine = (machine_cpu()? - self.machine).as_secs_f64();
        Ok(Rate {
            per_second: operations / elapsed,
            server_cpu_us: server * 1e6 / operations,
            client_cpu_us: client * 1e6 / operations,
            other_cores: ((machine - server - client) / elapsed).max(0.0),
            times,
        })
    }
}

fn own_cpu() -> Result<Duration> {
    Processes::single(std::process::id()).cpu()
}

/// Memory of the server and of the kernel before there were connections.
struct Base {
    server: Memory,
    kernel: KernelMemory,
}

impl Base {
    fn read(target: &Target) -> Result<Self> {
        Ok(Base {
            server: target.processes.memory()?,
            kernel: KernelMemory::read()?,
        })
    }

    /// What has been added since, per connection.
    fn grown(&self, target: &Target, connections: usize) -> Result<results::Memory> {
        let now = Base::read(target)?;
        let each =
            |now: u64, before: u64| (now as f64 - before as f64) / 1024.0 / connections as f64;
        Ok(results::Memory {
            connections,
            pss: each(now.server.pss, self.server.pss),
            rss: each(now.server.rss, self.server.rss),
            socket_buffers: each(now.kernel.socket_buffers, self.kernel.socket_buffers),
            kernel_structures: each(now.kernel.structures, self.kernel.structures),
        })
    }
}
