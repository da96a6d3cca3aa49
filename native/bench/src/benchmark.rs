//! The benchmark: every row against every server, in interleaved rounds.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::messages::Kind;
use crate::modes::{Echo, Fanout, Idle, Rate, Span, Target, connect, echo, fanout, idle};
use crate::server::Server;

/// What a row of the report measures.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Echo in a closed loop
    Echo(Echo),
    /// One message to all connections, window 1
    Fanout(Fanout),
    /// Memory of so many idle connections
    Idle(usize),
    /// Connect, echo, close, so many at a time
    Connect(usize),
}

/// What measuring it once gave.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "measure", rename_all = "lowercase")]
pub enum Figures {
    /// Of echo, fan-out and connect
    Rate(Rate),
    /// Of idle
    Idle(Idle),
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Name of the row
    pub row: String,
    /// Name of the server
    pub server: String,
    /// Round, from 1
    pub round: usize,
    /// What was measured
    #[serde(flatten)]
    pub figures: Figures,
}

/// What to run.
pub struct Plan {
    /// Servers in the order of the report
    pub servers: Vec<Server>,
    /// Rows in the order of the report
    pub rows: Vec<Work>,
    /// Rounds
    pub rounds: usize,
    /// Time of each row
    pub span: Span,
}

impl Work {
    /// The name of the row.
    pub fn name(&self) -> String {
        match self {
            Work::Echo(load) => {
                let kind = match load.kind {
                    Kind::Text => "text",
                    Kind::Binary => "binary",
                };
                format!("C{} D{} {} {kind}", load.connections, load.depth, load.size)
            }
            Work::Fanout(load) => format!("fanout C{} {}", load.connections, load.size),
            Work::Idle(connections) => format!("idle {connections}"),
            Work::Connect(connections) => format!("connect C{connections}"),
        }
    }

    /// Measures once.
    pub fn measure(&self, target: &Target, span: Span) -> Result<Figures> {
        match *self {
            Work::Echo(load) => echo(target, load, span).map(Figures::Rate),
            Work::Fanout(load) => fanout(target, load, span).map(Figures::Rate),
            Work::Idle(connections) => idle(target, connections).map(Figures::Idle),
            Work::Connect(connections) => connect(target, connections, span).map(Figures::Rate),
        }
    }
}

/// The rows that are run by default.
pub fn default_rows() -> Vec<Work> {
    let echo = |connections, depth, size| {
        let kind = Kind::Text;
        Work::Echo(Echo {
            connections,
            depth,
            size,
            kind,
        })
    };
    vec![
        echo(50, 1, 64),
        echo(50, 16, 64),
        echo(1, 1, 64),
        echo(50, 1, 1024),
        echo(50, 1, 16_384),
        echo(10, 1, 262_144),
        echo(10, 1, 1_048_576),
        Work::Fanout(Fanout {
            connections: 1000,
            size: 256,
        }),
        Work::Idle(8000),
        Work::Connect(50),
    ]
}

impl Plan {
    /// Runs the plan, hands every sample to `keep`, and returns how many measurements failed; each failure is told at once.
    pub fn run(&self, keep: &mut dyn FnMut(Sample) -> Result<()>) -> Result<usize> {
        let jobs = self.jobs();
        let mut failed = 0;
        for (done, (round, work, server)) in jobs.iter().enumerate() {
            show_progress(done + 1, jobs.len(), &work.name(), &server.name);
            match self.measure(work, server) {
                Ok(figures) => keep(Sample {
                    row: work.name(),
                    server: server.name.clone(),
                    round: *round,
                    figures,
                })?,
                Err(error) => {
                    failed += 1;
                    eprintln!("{}, {}: {error:#}", work.name(), server.name);
                }
            }
        }
        if stderr().is_terminal() {
            eprintln!();
        }
        Ok(failed)
    }

    /// Round, row and server of each measurement, in the order in which they are made.
    fn jobs(&self) -> Vec<(usize, &Work, &Server)> {
        let mut jobs = Vec::new();
        for round in 1..=self.rounds {
            for work in &self.rows {
                let able = |server: &&Server| server.fans_out || !matches!(work, Work::Fanout(_));
                let servers = self.servers.iter().filter(able);
                jobs.extend(servers.map(|server| (round, work, server)));
            }
        }
        jobs
    }

    /// Every measurement gets a fresh process, so that none inherits the memory of another.
    fn measure(&self, work: &Work, server: &Server) -> Result<Figures> {
        let mut running = server.start()?;
        let result = work.measure(&running.target, self.span);
        match running.ended() {
            Some(status) => result.with_context(|| format!("the server has ended ({status})")),
            None => result,
        }
    }
}

impl Span {
    /// A second or a quarter of the measured time of warm-up, whichever is less, then `measured`.
    pub fn of(measured: Duration) -> Self {
        let warm_up = (measured / 4).min(Duration::from_secs(1));
        Span { warm_up, measured }
    }
}

fn show_progress(done: usize, all: usize, row: &str, server: &str) {
    if !stderr().is_terminal() {
        return;
    }
    let filled = done * 20 / all;
    eprint!(
        "\r[{:<20}] {done}/{all} {row:<20} {server:<24}",
        "#".repeat(filled)
    );
    // A progress bar that can't be shown is no reason to stop.
    let _ = stderr().flush();
}
