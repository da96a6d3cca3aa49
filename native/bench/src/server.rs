//! Servers under test, each an operating-system process of its own.
//!
//! A server is started with a port as an argument, prints the line `ready` once it listens on 127.0.0.1, and ends when
//! its standard input is closed, so that none outlives the benchmark, however that ends. Before `ready` it may print lines
//! `version NAME VERSION`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::layer::Transport;
use crate::modes::Target;
use crate::process::Processes;
use crate::results::{Family, Server as Description, Version};

/// A server must be ready within this time.
const START: Duration = Duration::from_secs(30);

/// The program that the port bridge of farrier runs.
const PORT_PROGRAM: &str = "farrier_port";

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Server {
    /// What the report says about it
    pub about: Description,
    /// Program to run
    pub program: PathBuf,
    /// Its arguments before the port
    pub arguments: Vec<String>,
    /// Its arguments after port and transport
    pub configuration: Vec<String>,
    /// A program that the server must have started, or else it is not what it is called
    pub child: Option<&'static str>,
}

/// A server that runs; it is stopped when this is dropped.
pub struct Running {
    child: Child,
    /// Where and what it is
    pub target: Target,
    /// What it says of its versions
    pub versions: Vec<Version>,
}

/// How an Erlang server is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// farrier with all defaults
    Nif,
    /// farrier with its native code in another process
    Port,
    /// Cowboy with all defaults
    Shipped,
    /// Cowboy with the options of `bench_server:tuned/1`
    Tuned,
}

impl Server {
    /// An Erlang node with `bench_server` and the given directories of beams in its code path, and default flags unless others are given.
    pub fn erlang(variant: Variant, beams: &[&str], vm_flags: &str) -> Result<Self> {
        let mut arguments: Vec<String> = vm_flags.split_whitespace().map(str::to_owned).collect();
        arguments.push("-noshell".to_owned());
        if variant == Variant::Port {
            arguments.extend(["-farrier", "bridge", "port"].map(str::to_owned));
        }
        let shown = arguments.join(" ");
        arguments.push("-pa".to_owned());
        arguments.extend(beams.iter().map(|dir| (*dir).to_owned()));
        arguments.extend(["-run", "bench_server", "start"].map(str::to_owned));
        let configuration = if variant == Variant::Tuned {
            "tuned"
        } else {
            "shipped"
        };
        Ok(Server {
            about: Description {
                command: format!(
                    "erl {shown} -pa EBIN... -run bench_server start PORT TRANSPORT {configuration}"
                ),
                ..described(variant, beams)?
            },
            program: "erl".into(),
            arguments,
            configuration: vec![configuration.to_owned()],
            child: (variant == Variant::Port).then_some(PORT_PROGRAM),
        })
    }

    /// A server without handlers, which only echoes.
    pub fn bare(name: &str, program: &str) -> Self {
        let description = match name {
            "tungstenite" => {
                "tokio-tungstenite with its defaults: multi-thread runtime, a task per connection, every reply flushed."
            }
            "fastwebsockets" => "fastwebsockets on one thread: a task per connection.",
            _ => "A bare echo server.",
        };
        Server {
            about: Description {
                id: name.to_owned(),
                title: name.replace("tungstenite", "tokio-tungstenite"),
                family: Family::Bare,
                description: description.to_owned(),
                command: format!("bare-{name} PORT"),
            },
            program: program.into(),
            arguments: Vec::new(),
            configuration: Vec::new(),
            child: None,
        }
    }

    /// Whether it is a Cowboy that is not as shipped.
    pub fn is_tuned(&self) -> bool {
        self.configuration.iter().any(|word| word == "tuned")
    }

    /// Starts the server on a free port and waits until it is ready.
    pub fn start(&self, transport: Transport) -> Result<Running> {
        let address = free_address()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(address.port().to_string());
        if self.about.family != Family::Bare {
            let listener = match transport {
                Transport::Tls => "tls",
                Transport::Clear | Transport::Http2 => "clear",
            };
            command.arg(listener).args(&self.configuration);
        }
        let mut child = command
            // A node that fails says why; a dump would only litter the current directory.
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} can't be run", self.program.display()))?;
        let lines = self.forward_output(child.stdout.take().expect("stdout is piped"));
        let processes = Processes::single(child.id());
        let mut running = Running {
            child,
            target: Target { address, processes },
            versions: Vec::new(),
        };
        running.versions = self.wait_until_ready(&lines)?;
        running.target.processes = Processes::tree(running.child.id())?;
        if let Some(program) = self.child {
            ensure!(
                running.target.processes.run(program),
                "no process {program} was started: this build has no port bridge"
            );
        }
        Ok(running)
    }

    fn wait_until_ready(&self, lines: &Receiver<String>) -> Result<Vec<Version>> {
        let name = &self.about.title;
        let deadline = Instant::now() + START;
        let mut versions = Vec::new();
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(wait) {
                Ok(line) if line == "ready" => return Ok(versions),
                Ok(line) => versions.extend(version(&line)),
                Err(RecvTimeoutError::Timeout) => bail!("{name} was not ready after {START:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("{name} ended before it was ready"),
            }
        }
    }

    /// Passes what the server prints on to standard error, but for the lines that are meant for the benchmark.
    fn forward_output(&self, output: ChildStdout) -> Receiver<String> {
        let (sender, lines) = channel();
        let name = self.about.id.clone();
        thread::spawn(move || forward(output, &name, sender));
        lines
    }
}

fn forward(output: ChildStdout, name: &str, sender: Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if line == "ready" || version(&line).is_some() {
            // Nobody listens any more when the server was too slow.
            let _ = sender.send(line);
        } else {
            eprintln!("{name}: {line}");
        }
    }
}

fn version(line: &str) -> Option<Version> {
    let (name, version) = line.strip_prefix("version ")?.split_once(' ')?;
    Some(Version {
        name: name.to_owned(),
        version: version.to_owned(),
    })
}

fn described(variant: Variant, beams: &[&str]) -> Result<Description> {
    let (id, title, family, description) = match variant {
        Variant::Nif => (
            "farrier".to_owned(),
            "farrier".to_owned(),
            Family::Farrier,
            "The handlers on farrier, native code inside the VM, all options at their defaults.",
        ),
        Variant::Port => (
            "farrier-port".to_owned(),
            "farrier, port".to_owned(),
            Family::Farrier,
            "The same with the native code in a process of its own (-farrier bridge port), whose CPU and memory count too.",
        ),
        Variant::Shipped => {
            let vsn = app_version(beams, "cowboy")?;
            (
                format!("cowboy-{vsn}"),
                format!("Cowboy {vsn}"),
                Family::Cowboy,
                "The same handlers on Cowboy, all options at their defaults.",
            )
        }
        Variant::Tuned => {
            let vsn = app_version(beams, "cowboy")?;
            (
                format!("cowboy-{vsn}-tuned"),
                format!("Cowboy {vsn}, tuned"),
                Family::Cowboy,
                tuning(&vsn),
            )
        }
    };
    Ok(Description {
        id,
        title,
        family,
        description: description.to_owned(),
        command: String::new(),
    })
}

/// What `bench_server:tuned/1` does.
fn tuning(cowboy: &str) -> &'static str {
    if is_late_cowboy(cowboy) {
        "The same with active_n 100 and a fixed buffer of 64 KiB for each socket (buffer, dynamic_buffer false)."
    } else {
        "The same with a buffer of 64 KiB for each socket (buffer); active_n is 100 by default, and more makes no difference."
    }
}

/// Whether it is Cowboy 2.13 or later, which sizes its buffers as it goes and reads packet by packet.
pub fn is_late_cowboy(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(13))
}

/// The version in `NAME.app` of the directory that has it.
pub fn app_version(beams: &[&str], name: &str) -> Result<String> {
    let text = beams
        .iter()
        .find_map(|dir| fs::read_to_string(PathBuf::from(dir).join(format!("{name}.app"))).ok())
        .with_context(|| format!("none of the directories has a {name}.app"))?;
    let (_, rest) = text
        .split_once("vsn")
        .with_context(|| format!("{name}.app names no version"))?;
    let version = rest
        .split('"')
        .nth(1)
        .with_context(|| format!("{name}.app names no version"))?;
    Ok(version.to_owned())
}

impl Running {
    /// How the server has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has ended by itself. Its own children end when it does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cowboys_are_told_apart_by_number_not_by_letter() {
        assert!(is_late_cowboy("2.13.0") && is_late_cowboy("2.18.0") && is_late_cowboy("3.0.0"));
        assert!(!is_late_cowboy("2.8.0") && !is_late_cowboy("2.9.0") && !is_late_cowboy("1.1.2"));
    }
}
