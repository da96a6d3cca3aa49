//! The port bridge: farrier's transport in an operating-system process of its own, which Erlang starts and talks to by pipes.
//!
//! `input` takes packets from stdin; `command` reads those that have no answer, `calls` carries out those that have an
//! `answer`. `bridge` writes messages, events among them (`events`), into `output`, which writes them to stdout. `handles` are
//! the connections that Erlang knows. docs/bridge.md lists what crosses.
//!
//! Threads: a worker of the runtime does all of it. The main thread waits for Erlang to hang up, and ends the process.
#![forbid(unsafe_code)]

mod answer;
mod bridge;
mod calls;
mod handles;
mod input;
mod output;

use bridge::PortBridge;
use calls::{Call, Calls};
use etf::{VERSION, Writer};
use farrier_core::config::RuntimeOptions;
use farrier_core::log;
use farrier_core::runtime::Runtime;
use farrier_port::{command, etf, events};
use input::{Input, read_packet};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::fcntl_setpipe_size;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use tokio::net::unix::pipe;

/// Gives back what a burst of handshakes has taken: with glibc's, thousands of connections that were upgraded at the same time
/// go on costing 40 KiB each, because the few small blocks that stay hold the arenas.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An error in this program, or in what it was sent (EX_SOFTWARE of sysexits.h).
const FAILED: i32 = 70;

/// Bytes that a pipe holds, which is what Linux lets anybody ask for. With its 64 KiB, messages of that size take a third more time.
const PIPE: usize = 1024 * 1024;

/// Ends the process: Erlang has hung up.
pub fn quit() -> ! {
    process::exit(0)
}

/// Ends the process with a last cry.
pub fn fail(why: &str) -> ! {
    eprintln!("farrier_port: {why}");
    process::exit(FAILED)
}

fn main() {
    std::panic::set_hook(Box::new(|info| {
        if tokio::task::try_id().is_none() {
            fail(&format!("panic outside of any connection: {info}"));
        }
        tracing::error!(panic = %info, "panic in native code; it costs the connection it happened in");
    }));
    log::install();
    match start() {
        Ok(_runtime) => await_hangup(),
        Err(error) => fail(&error.to_string()),
    }
}

/// Says hello, and starts as the first call says.
fn start() -> io::Result<Runtime> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    stdout.write_all(&hello())?;
    let bridge = Arc::new(PortBridge::default());
    loop {
        let Some(packet) = read_packet(&mut stdin)? else {
            quit();
        };
        let (from, options) = first_call(&packet);
        match options.and_then(|options| start_runtime(&bridge, &options)) {
            Ok(runtime) => {
                bridge.output.reply(&from, &answer::ok());
                serve(&runtime, &bridge, stdin.into(), stdout.into())?;
                return Ok(runtime);
            }
            Err(answer) => {
                bridge.output.reply(&from, &answer);
                stdout.write_all(&bridge.output.take())?;
            }
        }
    }
}

/// `{farrier_port, Version}`
fn hello() -> Vec<u8> {
    let mut hello = vec![VERSION];
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    (Writer(&mut hello).tuple(2).atom("farrier_port")).binary(version);
    let length = hello.len() as u32;
    [&length.to_be_bytes()[..], &hello].concat()
}

type Options = Result<RuntimeOptions, answer::Answer>;

fn first_call(packet: &[u8]) -> (Vec<u8>, Options) {
    match Call::decode(packet) {
        Ok(call) if call.name == "start" && call.arguments.len() == 1 => {
            (call.from, calls::options(&call.arguments[0]))
        }
        _ => fail("the first call is not start"),
    }
}

fn start_runtime(
    bridge: &Arc<PortBridge>,
    options: &RuntimeOptions,
) -> Result<Runtime, answer::Answer> {
    // More processes, rather than more workers, use more cores: their pipes are not shared.
    let workers = options.workers.max(1);
    let options = RuntimeOptions {
        workers,
        ..options.clone()
    };
    let (output, logged) = (bridge.clone(), bridge.clone());
    let runtime = Runtime::start(&options, move || output.output.flush(), Vec::new())
        .map_err(|failure| answer::error_text(&failure.to_string()))?;
    log::start(
        runtime.executors().general(),
        options.log_level,
        move |record, dropped| {
            logged.tell_log(record, dropped);
            true
        },
    );
    Ok(runtime)
}

fn serve(
    runtime: &Runtime,
    bridge: &Arc<PortBridge>,
    stdin: OwnedFd,
    stdout: OwnedFd,
) -> io::Result<()> {
    let executors = runtime.executors();
    let runtime = executors.general();
    let _runtime = runtime.enter();
    // Where more is not to be had, less does.
    let _ = fcntl_setpipe_size(&stdin, PIPE);
    let _ = fcntl_setpipe_size(&stdout, PIPE);
    let stdin = pipe::Receiver::from_owned_fd(stdin)?;
    let stdout = pipe::Sender::from_owned_fd(stdout)?;
    let calls = Calls::new(bridge.clone(), executors.clone());
    let input = Input::new(bridge.clone(), calls);
    let bridge = bridge.clone();
    let writing = runtime.spawn(async move { bridge.output.run(stdout).await });
    runtime.spawn(async move {
        let reading = tokio::spawn(input.run(stdin));
        match reading.await {
            Ok(_) => quit(),
            Err(panic) => fail(&format!("carrying out a command failed: {panic}")),
        }
    });
    runtime.spawn(async move {
        if let Err(panic) = writing.await {
            fail(&format!("writing failed: {panic}"));
        }
    });
    Ok(())
}

/// Ends the process once Erlang has closed its end of stdin, whatever the workers are doing.
fn await_hangup() -> ! {
    let stdin = io::stdin();
    // Hang-up is reported unasked.
    let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
    loop {
        match poll(&mut fds, None) {
            Ok(_) => quit(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => fail(&error.to_string()),
        }
    }
}
