//! `farrier-bench`: load for WebSocket servers, alone or as a comparison of servers.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};

use farrier_bench::benchmark::Plan;
use farrier_bench::layer::Transport;
use farrier_bench::messages::{Coding, Kind};
use farrier_bench::modes::{Echo, Fanout, Idle, OpenLoop, SlowReaders, Span, Target};
use farrier_bench::process::Processes;
use farrier_bench::report::command::Arguments as ReportArguments;
use farrier_bench::results::{Family, Options};
use farrier_bench::rows::{Job, Value, Work, jobs};
use farrier_bench::server::{Server, Variant};
use farrier_bench::statistics::sample;
use farrier_bench::table::table;

#[derive(Parser)]
#[command(
    about = "Loads WebSocket servers and tells what a message, a connection and a handshake cost them."
)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Closed-loop echo against a server that runs already
    Echo {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections
        #[arg(long, default_value_t = 50)]
        connections: usize,
        /// Messages in flight on each connection
        #[arg(long, default_value_t = 1)]
        depth: usize,
        /// Payload bytes of a message
        #[arg(long, default_value_t = 64)]
        size: usize,
        /// What the messages say
        #[arg(long, value_enum, default_value_t = Kind::Text)]
        kind: Kind,
        /// Compressed (then by the handler at `/deflate`) or not
        #[arg(long, value_enum, default_value_t = Coding::Plain)]
        coding: Coding,
        /// What lies below
        #[arg(long, value_enum, default_value_t = Transport::Clear)]
        transport: Transport,
    },
    /// Echo at a fixed rate against a server that runs already; times run from when a message was due
    OpenLoop {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections, which send in turn
        #[arg(long, default_value_t = 50)]
        connections: usize,
        /// Messages per second, on all connections together
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
        per_second: u32,
        /// Payload bytes of a message
        #[arg(long, default_value_t = 64)]
        size: usize,
    },
    /// One message to all connections, against a server that runs already and serves `/fanout`
    Fanout {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections
        #[arg(long, default_value_t = 1000)]
        connections: usize,
        /// Payload bytes of a message
        #[arg(long, default_value_t = 256)]
        size: usize,
        /// Messages published before all have the first of them
        #[arg(long, default_value_t = 1)]
        window: usize,
    },
    /// Memory of idle connections of a server that runs already
    Idle {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections
        #[arg(long, default_value_t = 8000)]
        connections: usize,
        /// Of the handler at `/hibernate`
        #[arg(long)]
        hibernate: bool,
        /// Compressed (then of the handler at `/deflate`) or not
        #[arg(long, value_enum, default_value_t = Coding::Plain)]
        coding: Coding,
        /// What lies below
        #[arg(long, value_enum, default_value_t = Transport::Clear)]
        transport: Transport,
    },
    /// Connect, one echo and close against a server that runs already
    Connect {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections at a time
        #[arg(long, default_value_t = 50)]
        connections: usize,
    },
    /// Echo beside clients that send and never read, against a server that runs already
    SlowReaders {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections that never read
        #[arg(long, default_value_t = 100)]
        slow: usize,
        /// Payload bytes of their messages
        #[arg(long, default_value_t = 16_384)]
        slow_size: usize,
        /// Connections that echo 64 bytes
        #[arg(long, default_value_t = 50)]
        connections: usize,
    },
    /// Starts servers and compares them
    Compare(CompareArguments),
    /// Draws the report of an earlier run again
    Report(ReportArguments),
}

#[derive(Args)]
struct ServerArguments {
    /// Address that the server listens on
    #[arg(long)]
    address: SocketAddr,
    /// Process of the server; its descendants are counted too
    #[arg(long)]
    pid: u32,
    /// Measured seconds
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

/// `DIRS` are directories of beams, separated by commas; `bench_server` must be in one of them.
#[derive(Args)]
struct CompareArguments {
    /// farrier
    #[arg(long, value_name = "DIRS")]
    farrier: Option<String>,
    /// farrier with the port bridge
    #[arg(long, value_name = "DIRS")]
    farrier_port: Option<String>,
    /// Cowboy as shipped; the first one is the reference of all ratios
    #[arg(long, value_name = "DIRS")]
    cowboy: Vec<String>,
    /// Cowboy, tuned
    #[arg(long, value_name = "DIRS")]
    cowboy_tuned: Vec<String>,
    /// Any server that takes a port as its argument and echoes
    #[arg(long, value_name = "NAME=PROGRAM")]
    bare: Vec<String>,
    /// Flags for all Erlang VMs, e.g. "+sbwt none"
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    vm_flags: String,
    /// Fewer rows, fewer idle connections
    #[arg(long)]
    quick: bool,
    /// Rounds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Measured seconds of each row, server and round
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only the row of this id, or those whose id or title contains this
    #[arg(long, default_value = "")]
    row: String,
    /// File for the results
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What the report names as the command that repeats the run
    #[arg(long, default_value = "farrier-bench compare")]
    command: String,
}

fn main() -> ExitCode {
    match run(Arguments::parse().mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("farrier-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode) -> Result<()> {
    // Timers of the open loop otherwise fire up to 50 µs late.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    match mode {
        Mode::Compare(arguments) => compare(arguments),
        Mode::Report(arguments) => arguments.run(),
        alone => {
            let (server, work) = alone.work();
            one(&server, work)
        }
    }
}

impl Mode {
    /// The server and the load of a mode that measures one server.
    #[rustfmt::skip]
    fn work(self) -> (ServerArguments, Work) {
        match self {
            Mode::Echo { server, connections, depth, size, kind, coding, transport } =>
                (server, Work::Echo(Echo { connections, depth, size, kind, coding, transport })),
            Mode::OpenLoop { server, connections, per_second, size } =>
                (server, Work::OpenLoop(OpenLoop { connections, per_second, size })),
            Mode::Fanout { server, connections, size, window } =>
                (server, Work::Fanout(Fanout { connections, size, window })),
            Mode::Idle { server, connections, hibernate, coding, transport } =>
                (server, Work::Idle(Idle { connections, hibernate, coding, transport })),
            Mode::Connect { server, connections } => (server, Work::Connect(connections)),
            Mode::SlowReaders { server, slow, slow_size, connections } =>
                (server, Work::SlowReaders(SlowReaders { slow, slow_size, connections })),
            Mode::Compare(_) | Mode::Report(_) => unreachable!("neither measures one server"),
        }
    }
}

/// Measures once and prints what it gave as lines of JSON, one for each value.
fn one(server: &ServerArguments, work: Work) -> Result<()> {
    let target = Target {
        address: server.address,
        processes: Processes::tree(server.pid)?,
    };
    let figures = work.measure(&target, span(server.seconds)?)?;
    if figures.rate.is_some() {
        let sample = sample(Value::ServerCpu, 1, &figures);
        println!("{}", serde_json::to_string(&sample)?);
    }
    for memory in &figures.memory {
        println!("{}", serde_json::to_string(memory)?);
    }
    Ok(())
}

fn compare(arguments: CompareArguments) -> Result<()> {
    span(arguments.seconds)?;
    let servers = servers(&arguments)?;
    let first = |family| servers.iter().find(|server| server.about.family == family);
    let subject = first(Family::Farrier)
        .unwrap_or(&servers[0])
        .about
        .id
        .clone();
    let reference = first(Family::Cowboy)
        .unwrap_or(&servers[0])
        .about
        .id
        .clone();
    let plan = Plan {
        jobs: wanted_jobs(&arguments.row, arguments.quick)?,
        options: Options {
            quick: arguments.quick,
            rounds: arguments.rounds.into(),
            seconds: arguments.seconds,
            row: arguments.row,
            vm_flags: arguments.vm_flags,
        },
        command: arguments.command,
        reference,
        subject,
        servers,
    };
    let run = plan.run()?;
    if let Some(path) = arguments.json {
        run.write(&path)?;
    }
    print!("{}", table(&run));
    Ok(())
}

fn servers(arguments: &CompareArguments) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    let erlang = [
        (Variant::Nif, arguments.farrier.as_slice()),
        (Variant::Port, arguments.farrier_port.as_slice()),
        (Variant::Shipped, &arguments.cowboy),
        (Variant::Tuned, &arguments.cowboy_tuned),
    ];
    for (variant, all) in erlang {
        for dirs in all {
            let beams: Vec<&str> = dirs.split(',').collect();
            servers.push(Server::erlang(variant, &beams, &arguments.vm_flags)?);
        }
    }
    for bare in &arguments.bare {
        let Some((name, program)) = bare.split_once('=') else {
            bail!("{bare:?} is not of the form NAME=PROGRAM");
        };
        servers.push(Server::bare(name, program));
    }
    ensure!(!servers.is_empty(), "no server given; see --help");
    for (index, server) in servers.iter().enumerate() {
        let id = &server.about.id;
        let is_twice = servers[..index].iter().any(|other| other.about.id == *id);
        ensure!(!is_twice, "{id} is given twice");
    }
    Ok(servers)
}

fn wanted_jobs(wanted: &str, quick: bool) -> Result<Vec<Job>> {
    let is_wanted = |job: &Job| {
        let mut rows = job.rows.iter();
        rows.any(|row| row.id.contains(wanted) || row.title.contains(wanted))
    };
    let all = jobs(quick);
    let is_named = |job: &&Job| job.rows.iter().any(|row| row.id == wanted);
    let chosen: Vec<Job> = match all.iter().find(is_named) {
        Some(job) => vec![job.clone()],
        None => all.iter().filter(|job| is_wanted(job)).cloned().collect(),
    };
    if chosen.is_empty() {
        let rows = all.iter().flat_map(|job| &job.rows);
        let ids: Vec<&str> = rows.map(|row| row.id).collect();
        bail!("no row contains {wanted:?}; there are: {}", ids.join(", "));
    }
    Ok(chosen)
}

fn span(seconds: f64) -> Result<Span> {
    let measured =
        Duration::try_from_secs_f64(seconds).context("seconds must be a positive number")?;
    Ok(Span::of(measured))
}
