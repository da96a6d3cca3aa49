//! The rows of the report: what is measured, what is compared of it, and what farrier is meant to reach.

use anyhow::Result;

use crate::layer::Transport;
use crate::messages::{Coding, Kind};
use crate::modes::{
    Echo, Fanout, Figures, Idle, OpenLoop, SlowReaders, Span, Target, connect, echo, fanout, idle,
    open_loop, slow_readers,
};
use crate::results::{Better, Group};

/// What is measured, in one go.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Echo in a closed loop
    Echo(Echo),
    /// Echo at a fixed rate
    OpenLoop(OpenLoop),
    /// One message to all connections
    Fanout(Fanout),
    /// Memory of idle connections
    Idle(Idle),
    /// Connect, echo, close, so many at a time
    Connect(usize),
    /// Echo beside clients that do not read
    SlowReaders(SlowReaders),
}

/// Which figure is the value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// CPU of the server per operation, µs
    ServerCpu,
    /// Operations per second
    PerSecond,
    /// Median time of an operation, µs
    Median,
    /// 99th percentile of it, µs
    Percentile99,
    /// Memory in user space at the first, second… point at which it was read, KiB per connection
    Memory(usize),
}

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// Short name
    pub id: &'static str,
    /// Name for people
    pub title: &'static str,
    /// Where it belongs
    pub group: Group,
    /// What is compared
    pub value: Value,
    /// What the value is a value of, in the unit of CPU rows
    pub operation: &'static str,
    /// So many times better than Cowboy up to 2.12, and than later ones
    pub cowboy: Option<(f64, f64)>,
    /// At most so many times the cost of fastwebsockets
    pub fastwebsockets: Option<f64>,
}

/// A measurement and the rows that show it.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is measured
    pub work: Work,
    /// What is shown of it
    pub rows: Vec<Row>,
}

impl Work {
    /// Measures once.
    pub fn measure(&self, target: &Target, span: Span) -> Result<Figures> {
        let rate = |rate| Figures {
            rate: Some(rate),
            memory: Vec::new(),
        };
        Ok(match *self {
            Work::Echo(load) => rate(echo(target, load, span)?),
            Work::OpenLoop(load) => rate(open_loop(target, load, span)?),
            Work::Fanout(load) => rate(fanout(target, load, span)?),
            Work::Connect(connections) => rate(connect(target, connections, span)?),
            Work::Idle(load) => Figures {
                rate: None,
                memory: idle(target, load, span)?.to_vec(),
            },
            Work::SlowReaders(load) => {
                let (rate, memory) = slow_readers(target, load, span)?;
                Figures {
                    rate: Some(rate),
                    memory: vec![memory],
                }
            }
        })
    }

    /// What the server has to listen for.
    pub fn transport(&self) -> Transport {
        match self {
            Work::Echo(Echo { transport, .. }) | Work::Idle(Idle { transport, .. }) => *transport,
            _ => Transport::Clear,
        }
    }

    /// Why a server without handlers can't do it, if it can't.
    pub fn beyond_bare(&self) -> Option<&'static str> {
        let coding = match self {
            Work::Fanout(_) => return Some("a bare server only echoes"),
            Work::Idle(load) if load.hibernate => return Some("a bare server has no handlers"),
            Work::Echo(Echo { coding, .. }) | Work::Idle(Idle { coding, .. }) => *coding,
            _ => Coding::Plain,
        };
        match (coding, self.transport()) {
            (Coding::Deflate, _) => Some("the bare servers do not compress"),
            (_, Transport::Tls) => Some("the bare servers speak no TLS"),
            (_, Transport::Http2) => Some("the bare servers speak no HTTP/2"),
            _ => None,
        }
    }

    /// About how many seconds it takes beside the measured ones: for the progress bar alone.
    pub fn overhead(&self, span: Span) -> f64 {
        let settle = span.settle.as_secs_f64();
        match self {
            Work::Idle(load) => 0.5 + 3.0 * settle + load.connections as f64 / 4000.0,
            Work::SlowReaders(_) => 2.0,
            Work::OpenLoop(_) => 0.6,
            _ => 0.5,
        }
    }

    /// Whether the measured seconds apply to it.
    pub fn is_timed(&self) -> bool {
        !matches!(self, Work::Idle(_))
    }
}

impl Row {
    /// Unit of the values.
    pub fn unit(&self) -> String {
        match self.value {
            Value::ServerCpu => format!("µs CPU/{}", self.operation),
            Value::PerSecond => format!("{}s/s", self.operation),
            Value::Median | Value::Percentile99 => "µs".to_owned(),
            Value::Memory(_) => "KiB/connection".to_owned(),
        }
    }

    /// Which values are good.
    pub fn better(&self) -> Better {
        match self.value {
            Value::PerSecond => Better::Higher,
            _ => Better::Lower,
        }
    }

    fn meant(mut self, than_2_8: f64, than_2_18: f64) -> Self {
        self.cowboy = Some((than_2_8, than_2_18));
        self
    }

    fn at_most(mut self, times_fastwebsockets: f64) -> Self {
        self.fastwebsockets = Some(times_fastwebsockets);
        self
    }
}

fn row(id: &'static str, title: &'static str, group: Group, value: Value) -> Row {
    let operation = match group {
        Group::Fanout => "delivery",
        Group::Connect => "connection",
        _ => "message",
    };
    Row {
        id,
        title,
        group,
        value,
        operation,
        cowboy: None,
        fastwebsockets: None,
    }
}

fn cpu(id: &'static str, title: &'static str, group: Group) -> Row {
    row(id, title, group, Value::ServerCpu)
}

const CLOSED: Echo = Echo {
    connections: 50,
    depth: 1,
    size: 64,
    kind: Kind::Text,
    coding: Coding::Plain,
    transport: Transport::Clear,
};

fn closed(load: Echo, row: Row) -> Job {
    Job {
        work: Work::Echo(load),
        rows: vec![row],
    }
}

/// All jobs, or those of a short run.
pub fn jobs(quick: bool) -> Vec<Job> {
    let mut jobs = echoes();
    jobs.extend(layers());
    jobs.extend([broadcast(), come_and_go()]);
    jobs.extend(idles(quick));
    jobs.extend(latencies());
    jobs.push(beside_slow_readers());
    if quick {
        jobs.retain(|job| QUICK.contains(&job.rows[0].id));
    }
    jobs
}

/// Jobs of a short run, by the first of their rows.
const QUICK: [&str; 12] = [
    "echo-64-c50-d1",
    "echo-64-c50-d16",
    "echo-1k-c50-d1",
    "echo-16k-c50-d1",
    "echo-1m-c10-d1",
    "deflate-1k-c50-d1",
    "tls-1k-c50-d1",
    "fanout-256-c1000-w1",
    "connect-c50",
    "idle-open",
    "latency-64-c1-d1",
    "open-loop-20k-p99",
];

#[rustfmt::skip]
fn echoes() -> Vec<Job> {
    let echo = |id, title| cpu(id, title, Group::Echo);
    let with = |connections, depth, size, kind| Echo { connections, depth, size, kind, ..CLOSED };
    vec![
        closed(with(50, 1, 64, Kind::Text),
            echo("echo-64-c50-d1", "echo 64 B, 50 connections, depth 1").meant(1.8, 2.2).at_most(1.5)),
        closed(with(50, 16, 64, Kind::Text),
            echo("echo-64-c50-d16", "echo 64 B, 50 connections, depth 16").meant(9.0, 9.0)),
        closed(with(50, 1, 1024, Kind::Text),
            echo("echo-1k-c50-d1", "echo 1 KiB text, 50 connections, depth 1").meant(3.3, 4.0)),
        closed(with(50, 16, 1024, Kind::Text),
            echo("echo-1k-c50-d16", "echo 1 KiB text, 50 connections, depth 16").meant(18.0, 9.0)),
        closed(with(50, 1, 16_384, Kind::Text),
            echo("echo-16k-c50-d1", "echo 16 KiB text, 50 connections").meant(20.0, 9.0).at_most(1.7)),
        closed(with(50, 1, 16_384, Kind::Binary),
            echo("echo-16k-binary-c50-d1", "echo 16 KiB binary, 50 connections").at_most(1.7)),
        closed(with(10, 1, 262_144, Kind::Text),
            echo("echo-256k-c10-d1", "echo 256 KiB text, 10 connections").meant(38.0, 11.0).at_most(1.3)),
        closed(with(10, 1, 1_048_576, Kind::Text),
            echo("echo-1m-c10-d1", "echo 1 MiB text, 10 connections").meant(38.0, 11.0).at_most(1.3)),
    ]
}

fn layers() -> Vec<Job> {
    let with = |kind, coding, transport| Echo {
        size: 1024,
        kind,
        coding,
        transport,
        ..CLOSED
    };
    let layer = |id, title| cpu(id, title, Group::Layers);
    vec![
        closed(
            with(Kind::Json, Coding::Deflate, Transport::Clear),
            layer(
                "deflate-1k-c50-d1",
                "echo 1 KiB compressed JSON-like text, 50 connections",
            )
            .meant(2.2, 2.2),
        ),
        closed(
            with(Kind::Text, Coding::Plain, Transport::Tls),
            layer("tls-1k-c50-d1", "TLS echo 1 KiB, 50 connections").meant(2.5, 2.5),
        ),
        closed(
            with(Kind::Text, Coding::Plain, Transport::Http2),
            layer("http2-1k-c50-d1", "HTTP/2 echo 1 KiB, 50 connections"),
        ),
    ]
}

fn broadcast() -> Job {
    let title = "broadcast from websocket_info, 1,000 connections, window 1, 256 B";
    Job {
        work: Work::Fanout(Fanout {
            connections: 1000,
            size: 256,
            window: 1,
        }),
        rows: vec![cpu("fanout-256-c1000-w1", title, Group::Fanout).meant(1.4, 1.4)],
    }
}

fn come_and_go() -> Job {
    let title = "connect + echo + close, 50 at a time";
    Job {
        work: Work::Connect(50),
        rows: vec![cpu("connect-c50", title, Group::Connect).meant(1.3, 1.3)],
    }
}

fn idles(quick: bool) -> Vec<Job> {
    let idle = |connections, hibernate, coding, transport| {
        let connections = if quick { connections / 4 } else { connections };
        Work::Idle(Idle {
            connections,
            hibernate,
            coding,
            transport,
        })
    };
    let memory = |id, title, point| row(id, title, Group::Memory, Value::Memory(point));
    let (third, two_thirds) = (3.0, 1.5);
    vec![
        Job {
            work: idle(8000, false, Coding::Plain, Transport::Clear),
            rows: vec![
                memory("idle-open", "idle connection after the handshake", 0).meant(third, third),
                memory("idle-echoed", "idle connection after an echo", 1).meant(third, third),
            ],
        },
        Job {
            work: idle(8000, true, Coding::Plain, Transport::Clear),
            rows: vec![
                memory("idle-hibernated-open", "hibernated, after the handshake", 0)
                    .meant(two_thirds, two_thirds),
                memory("idle-hibernated-echoed", "hibernated, after an echo", 1)
                    .meant(two_thirds, two_thirds),
            ],
        },
        Job {
            work: idle(2000, false, Coding::Plain, Transport::Tls),
            rows: vec![
                memory(
                    "idle-tls-open",
                    "idle TLS connection after the handshake",
                    0,
                )
                .meant(third, third),
                memory("idle-tls-echoed", "idle TLS connection after an echo", 1)
                    .meant(third, third),
            ],
        },
        Job {
            work: idle(2000, false, Coding::Deflate, Transport::Clear),
            rows: vec![
                memory(
                    "idle-deflate-open",
                    "idle compressing connection after the handshake",
                    0,
                ),
                memory(
                    "idle-deflate-echoed",
                    "idle compressing connection after a compressed message",
                    1,
                ),
            ],
        },
    ]
}

fn latencies() -> Vec<Job> {
    let single = Echo {
        connections: 1,
        ..CLOSED
    };
    let open = |per_second| {
        Work::OpenLoop(OpenLoop {
            connections: 50,
            per_second,
            size: 64,
        })
    };
    let median = |id, title| row(id, title, Group::Latency, Value::Median);
    let high = |id, title| row(id, title, Group::Latency, Value::Percentile99);
    vec![
        Job {
            work: Work::Echo(single),
            rows: vec![
                median(
                    "latency-64-c1-d1",
                    "median round trip of a single connection, 64 B",
                )
                .meant(1.0, 1.0),
                cpu(
                    "echo-64-c1-d1",
                    "CPU of a round trip of a single connection, 64 B",
                    Group::Latency,
                ),
            ],
        },
        Job {
            work: open(20_000),
            rows: vec![
                high(
                    "open-loop-20k-p99",
                    "99th percentile at 20,000 messages/s, 50 connections, 64 B",
                ),
                cpu(
                    "open-loop-20k-cpu",
                    "CPU at 20,000 messages/s, 50 connections, 64 B",
                    Group::Latency,
                ),
            ],
        },
        Job {
            work: open(50_000),
            rows: vec![
                high(
                    "open-loop-50k-p99",
                    "99th percentile at 50,000 messages/s, 50 connections, 64 B",
                ),
                cpu(
                    "open-loop-50k-cpu",
                    "CPU at 50,000 messages/s, 50 connections, 64 B",
                    Group::Latency,
                ),
            ],
        },
    ]
}

fn beside_slow_readers() -> Job {
    let load = SlowReaders {
        slow: 100,
        slow_size: 16_384,
        connections: 50,
    };
    Job {
        work: Work::SlowReaders(load),
        rows: vec![
            row(
                "slow-readers-rate",
                "echo 64 B on 50 connections beside 100 that never read",
                Group::SlowReaders,
                Value::PerSecond,
            ),
            row(
                "slow-readers-memory",
                "memory of a connection that never reads what 16 KiB messages bring it",
                Group::SlowReaders,
                Value::Memory(0),
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_rows_have_the_same_id() {
        let ids: Vec<&str> = jobs(false)
            .iter()
            .flat_map(|job| job.rows.iter().map(|row| row.id).collect::<Vec<_>>())
            .collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn a_short_run_has_all_rows_that_it_names() {
        assert_eq!(jobs(true).len(), QUICK.len());
    }
}
