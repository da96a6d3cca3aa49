//! What one run of the benchmark writes as JSON: all that a report needs, measured once, rendered as often as wanted.
//!
//! Every row has one value that is compared. Ratios are given so that more than 1 is better than the reference, whatever the unit.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The version of this format; a report of another one can't be rendered.
pub const FORMAT: u32 = 1;

/// One run: where, with what, and all that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`FORMAT`] of the program that wrote this
    pub format: u32,
    /// Start of the run in UTC, as RFC 3339
    pub started: String,
    /// How long it took, in seconds
    pub took: f64,
    /// The command that repeats it, e.g. `QUICK=1 make bench`
    pub command: String,
    /// How it was measured
    pub options: Options,
    /// Where it was measured
    pub machine: Machine,
    /// Name and version of whatever may matter, in the order in which to show them
    pub versions: Vec<Version>,
    /// `id` of the server that is to be judged
    pub subject: String,
    /// `id` of the server that ratios refer to
    pub reference: String,
    /// Servers in the order in which to show them
    pub servers: Vec<Server>,
    /// Rows in the order in which to show them; those of a group follow one another
    pub rows: Vec<Row>,
    /// Whether the run can be relied on
    pub noise: Noise,
    /// Servers and rows that could not be measured, each with its reason
    pub skipped: Vec<Skipped>,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Short run with fewer rows, for a first impression
    pub quick: bool,
    /// Rounds; each measures every row against every server
    pub rounds: usize,
    /// Measured seconds of each row, server and round
    pub seconds: f64,
    /// Only rows whose id or title contains this; empty: all
    pub row: String,
    /// Further flags of all Erlang VMs; empty: defaults
    pub vm_flags: String,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor
    pub cpu: String,
    /// Cores that the kernel offers
    pub cores: usize,
    /// Memory in MiB
    pub memory_mib: u64,
    /// Name and version of the kernel, e.g. `Linux 6.1.0`
    pub kernel: String,
    /// Name of the system, e.g. `Debian GNU/Linux 12 (bookworm)`
    pub os: String,
}

/// Version of something that was part of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// What it is, e.g. `OTP`, `Cowboy`, `rustc`
    pub name: String,
    /// Its version as it names itself
    pub version: String,
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Handlers on farrier
    Farrier,
    /// The same handlers on Cowboy
    Cowboy,
    /// An echo in Rust without VM and handlers
    Bare,
}

/// One of the servers that were compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Short name that cells refer to, e.g. `farrier-port`
    pub id: String,
    /// Name for people, e.g. `Cowboy 2.8.0, tuned`
    pub title: String,
    /// Kind of server
    pub family: Family,
    /// A sentence: what it is, and how it is configured where that differs from the defaults
    pub description: String,
    /// The command that started it, without paths of this machine
    pub command: String,
}

/// Rows of a group share a table or a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// CPU of an echoed message
    Echo,
    /// CPU of an echoed message with compression, TLS or HTTP/2
    Layers,
    /// CPU of a delivery of a broadcast
    Fanout,
    /// CPU of a connection that comes, echoes once and goes
    Connect,
    /// Memory of an idle connection in user space
    Memory,
    /// Round trip of a message
    Latency,
    /// What clients that do not read do to others and to memory
    SlowReaders,
}

/// Which values are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Costs and times
    Lower,
    /// Rates
    Higher,
}

/// One kind of work, measured against each server that can do it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Short name without spaces, e.g. `echo-64-c50-d16`
    pub id: String,
    /// Name for people, e.g. `echo 64 B, 50 connections, depth 16`
    pub title: String,
    /// Where it belongs
    pub group: Group,
    /// Unit of the values: `µs CPU/message`, `µs CPU/delivery`, `µs CPU/connection`, `KiB/connection`, `µs`, `messages/s`
    pub unit: String,
    /// Which values are good
    pub better: Better,
    /// What the subject is meant to reach
    pub targets: Vec<Target>,
    /// What was measured, in the order of the servers; servers that can't do it have none
    pub cells: Vec<Cell>,
}

/// A ratio that the subject is meant to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// `id` of the server that it refers to
    pub server: String,
    /// So many times better than that server, at least; below 1: not more than so much worse
    pub ratio: f64,
}

/// One server in one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// `id` of the server
    pub server: String,
    /// Median of the samples' values
    pub median: f64,
    /// Least value
    pub low: f64,
    /// Greatest value
    pub high: f64,
    /// Greatest minus least value, as a share of the median
    pub spread: f64,
    /// How many times better than the reference the median is; `null` if the reference was not measured
    pub ratio: Option<f64>,
    /// The rounds differ too much, or other programs were busy meanwhile: not to be relied on
    pub noisy: bool,
    /// Time of an operation over all rounds, with the curve; `null` in rows of memory
    pub latency: Option<Latency>,
    /// What each round gave
    pub samples: Vec<Sample>,
}

/// One row of one server in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Round, from 1
    pub round: usize,
    /// The value that is compared
    pub value: f64,
    /// Operations per second of wall-clock time; `null` in rows of memory
    pub per_second: Option<f64>,
    /// CPU of the server's processes per operation, user and system, in µs; `null` in rows of memory
    pub server_cpu_us: Option<f64>,
    /// The same of the load generator
    pub client_cpu_us: Option<f64>,
    /// CPU that neither server nor load generator used, in cores
    pub other_cores: f64,
    /// Time of an operation in this round, without the curve
    pub latency: Option<Latency>,
    /// Memory of the server; `null` where it was not read
    pub memory: Option<Memory>,
}

/// Times of operations in µs, without gaps where the server did not answer: those of open-loop rows count from the intended send time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were counted
    pub count: u64,
    /// Median
    pub p50: f64,
    /// 90th percentile
    pub p90: f64,
    /// 99th percentile
    pub p99: f64,
    /// 99.9th percentile
    pub p999: f64,
    /// The longest
    pub max: f64,
    /// About forty points `[percentile, µs]`, dense towards 100; empty in samples
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<[f64; 2]>,
}

/// Memory in KiB per connection above the same server without connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Connections held
    pub connections: usize,
    /// Proportional set size of all processes of the server
    pub pss: f64,
    /// Resident set size of the same
    pub rss: f64,
    /// Buffers of TCP sockets in the kernel, of both ends, by `/proc/net/sockstat`
    pub socket_buffers: f64,
    /// Structures of the kernel that can't be reclaimed, of both ends, by `/proc/meminfo`; coarse
    pub kernel_structures: f64,
}

/// Whether the run can be relied on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Cells that are marked noisy
    pub noisy_cells: usize,
    /// All cells
    pub cells: usize,
    /// Median over all samples of the CPU that other programs used, in cores
    pub other_cores_median: f64,
    /// The largest of them
    pub other_cores_max: f64,
    /// The run as a whole is too noisy to be believed
    pub too_noisy: bool,
    /// The same as a sentence or two for people
    pub statement: String,
}

/// Something that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// `id` of the server
    pub server: String,
    /// `id` of the row; `null`: the whole server
    pub row: Option<String>,
    /// Why
    pub reason: String,
}

impl Run {
    /// Reads the run that an earlier one has written.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{name} can't be read"))?;
        let run: Run = serde_json::from_str(&text)
            .with_context(|| format!("{name} is not the result of a run"))?;
        ensure!(
            run.format == FORMAT,
            "{name} is of format {}, and this program reads format {FORMAT}",
            run.format
        );
        Ok(run)
    }

    /// Writes the run for later.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)? + "\n";
        fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))
    }

    /// The server with this `id`.
    pub fn server(&self, id: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.id == id)
    }
}

impl Row {
    /// What was measured of the server with this `id`.
    pub fn cell(&self, server: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.server == server)
    }

    /// How many times better than `other` the server is, by their medians.
    pub fn ratio(&self, server: &str, other: &str) -> Option<f64> {
        let (own, other) = (self.cell(server)?.median, self.cell(other)?.median);
        Some(match self.better {
            Better::Lower => other / own,
            Better::Higher => own / other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sample.json"));
        let run = Run::read(sample).unwrap();
        let again = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&again).unwrap(), run);
    }

    #[test]
    fn a_ratio_above_one_is_better_whatever_the_unit() {
        let cell = |server: &str, median| Cell {
            server: server.to_owned(),
            median,
            low: median,
            high: median,
            spread: 0.0,
            ratio: None,
            noisy: false,
            latency: None,
            samples: Vec::new(),
        };
        let mut row = Row {
            id: "row".to_owned(),
            title: "row".to_owned(),
            group: Group::Echo,
            unit: "µs".to_owned(),
            better: Better::Lower,
            targets: Vec::new(),
            cells: vec![cell("a", 2.0), cell("b", 8.0)],
        };
        assert_eq!(row.ratio("a", "b"), Some(4.0));
        row.better = Better::Higher;
        assert_eq!(row.ratio("a", "b"), Some(0.25));
        assert_eq!(row.ratio("a", "c"), None);
    }
}
