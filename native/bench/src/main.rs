//! `farrier-bench`: load for WebSocket echo servers, alone or as a comparison of servers.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};

use farrier_bench::benchmark::{Plan, Sample, Work, default_rows};
use farrier_bench::messages::Kind;
use farrier_bench::modes::{Echo, Fanout, Span, Target};
use farrier_bench::process::Processes;
use farrier_bench::table::tables;
use farrier_bench::server::Server;

#[derive(Parser)]
#[command(
    about = "Loads WebSocket echo servers and tells what a message, a connection and a handshake cost them."
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
        /// Type of the messages
        #[arg(long, value_enum, default_value_t = Kind::Text)]
        kind: Kind,
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
    },
    /// Memory of idle connections of a server that runs already
    Idle {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections
        #[arg(long, default_value_t = 8000)]
        connections: usize,
    },
    /// Connect, one echo and close against a server that runs already
    Connect {
        #[command(flatten)]
        server: ServerArguments,
        /// Connections at a time
        #[arg(long, default_value_t = 50)]
        connections: usize,
    },
    /// Starts servers and compares them
    Compare(CompareArguments),
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

#[derive(Args)]
struct CompareArguments {
    /// Erlang server: a name and its directories of beams, `NAME=DIR,DIR`; `bench_server` must be in one of them
    #[arg(long, value_name = "NAME=DIRS")]
    erlang: Vec<String>,
    /// Any other server that takes a port as its argument, `NAME=PROGRAM`
    #[arg(long, value_name = "NAME=PROGRAM")]
    program: Vec<String>,
    /// Server whose costs are the unit of the ratios
    #[arg(long, default_value = "farrier")]
    subject: String,
    /// Rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measured seconds of each echo and connect row
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    row: String,
    /// File that takes every sample as a line of JSON
    #[arg(long)]
    json: Option<PathBuf>,
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
    match mode {
        Mode::Echo {
            server,
            connections,
            depth,
            size,
            kind,
        } => {
            ensure!(
                connections > 0 && depth > 0,
                "connections and depth must be at least 1"
            );
            one(
                &server,
                Work::Echo(Echo {
                    connections,
                    depth,
                    size,
                    kind,
                }),
            )
        }
        Mode::Fanout {
            server,
            connections,
            size,
        } => {
            ensure!(connections > 0, "connections must be at least 1");
            one(&server, Work::Fanout(Fanout { connections, size }))
        }
        Mode::Idle {
            server,
            connections,
        } => one(&server, Work::Idle(connections)),
        Mode::Connect {
            server,
            connections,
        } => one(&server, Work::Connect(connections)),
        Mode::Compare(arguments) => compare(&arguments),
    }
}

fn one(server: &ServerArguments, work: Work) -> Result<()> {
    let target = Target {
        address: server.address,
        processes: Processes::tree(server.pid)?,
    };
    let figures = work.measure(&target, span(server.seconds)?)?;
    let sample = Sample {
        row: work.name(),
        server: server.address.to_string(),
        round: 1,
        figures,
    };
    println!("{}", serde_json::to_string(&sample)?);
    print!("{}", tables(&[sample], ""));
    Ok(())
}

fn compare(arguments: &CompareArguments) -> Result<()> {
    let plan = Plan {
        servers: servers(arguments)?,
        rows: rows(&arguments.row)?,
        rounds: arguments.rounds,
        span: span(arguments.seconds)?,
    };
    let mut file = match &arguments.json {
        Some(path) => Some(
            File::create(path).with_context(|| format!("{} can't be written", path.display()))?,
        ),
        None => None,
    };
    let mut samples = Vec::new();
    let failed = plan.run(&mut |sample| {
        if let Some(file) = &mut file {
            writeln!(file, "{}", serde_json::to_string(&sample)?)?;
        }
        samples.push(sample);
        Ok(())
    })?;
    print!("{}", tables(&samples, &arguments.subject));
    ensure!(failed == 0, "{failed} measurements failed");
    Ok(())
}

fn servers(arguments: &CompareArguments) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for erlang in &arguments.erlang {
        let (name, beams) = named(erlang)?;
        servers.push(Server::erlang(name, &beams.split(',').collect::<Vec<_>>()));
    }
    for program in &arguments.program {
        let (name, path) = named(program)?;
        servers.push(Server {
            name: name.to_owned(),
            program: path.into(),
            arguments: Vec::new(),
            fans_out: false,
        });
    }
    ensure!(
        !servers.is_empty(),
        "no server given: use --erlang or --program"
    );
    Ok(servers)
}

fn named(argument: &str) -> Result<(&str, &str)> {
    match argument.split_once('=') {
        Some(pair) => Ok(pair),
        None => bail!("{argument:?} is not of the form NAME=VALUE"),
    }
}

fn rows(wanted: &str) -> Result<Vec<Work>> {
    let mut rows = default_rows();
    rows.retain(|work| work.name().contains(wanted));
    if rows.is_empty() {
        let names: Vec<String> = default_rows().iter().map(Work::name).collect();
        bail!(
            "no row's name contains {wanted:?}; there are: {}",
            names.join(", ")
        );
    }
    Ok(rows)
}

fn span(seconds: f64) -> Result<Span> {
    let measured =
        Duration::try_from_secs_f64(seconds).context("seconds must be a positive number")?;
    Ok(Span::of(measured))
}
