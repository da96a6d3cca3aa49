//! Servers under test, each an operating-system process of its own.
//!
//! A server is started with a port as its last argument, prints the line `ready` once it listens on 127.0.0.1, and ends when
//! its standard input is closed, so that none outlives the benchmark, however that ends.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::modes::Target;
use crate::process::Processes;

/// A server must be ready within this time.
const START: Duration = Duration::from_secs(30);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name in the report
    pub name: String,
    /// Program to run
    pub program: PathBuf,
    /// Its arguments before the port
    pub arguments: Vec<String>,
    /// Whether it serves `/fanout` too, or but echoes
    pub fans_out: bool,
}

/// A server that runs; it is stopped when this is dropped.
pub struct Running {
    child: Child,
    /// Where and what it is
    pub target: Target,
}

impl Server {
    /// An Erlang node with `bench_server` and the given directories of beams in its code path, default flags otherwise.
    pub fn erlang(name: &str, beams: &[&str]) -> Self {
        let mut arguments = vec!["-noshell".to_owned(), "-pa".to_owned()];
        arguments.extend(beams.iter().map(|dir| (*dir).to_owned()));
        arguments.extend(["-run", "bench_server", "start"].map(str::to_owned));
        Server {
            name: name.to_owned(),
            program: "erl".into(),
            arguments,
            fans_out: true,
        }
    }

    /// Starts the server on a free port and waits until it is ready.
    pub fn start(&self) -> Result<Running> {
        let address = free_address()?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(address.port().to_string())
            // A node that fails says why; a dump would only litter the current directory.
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} can't be run", self.program.display()))?;
        let ready = self.forward_output(child.stdout.take().expect("stdout is piped"));
        let processes = Processes::single(child.id());
        let mut running = Running {
            child,
            target: Target { address, processes },
        };
        match ready.recv_timeout(START) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => bail!("{} was not ready after {START:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => bail!("{} ended before it was ready", self.name),
        }
        running.target.processes = Processes::tree(running.child.id())?;
        Ok(running)
    }

    /// Passes what the server prints on to standard error, but for the line that says that it is ready.
    fn forward_output(&self, output: ChildStdout) -> Receiver<()> {
        let (sender, ready) = channel();
        let name = self.name.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line == "ready" {
                    // Nobody listens any more when the server was too slow.
                    let _ = sender.send(());
                } else {
                    eprintln!("{name}: {line}");
                }
            }
        });
        ready
    }
}

impl Running {
    /// How the server has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
