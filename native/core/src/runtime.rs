//! The threads that run every socket.

use crate::clock;
use crate::config::RuntimeOptions;
use crate::reactor::{Reactor, Sitter};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Name of the threads.
const NAME: &str = "farrier";

/// Longest wait for threads to end; tasks end at their next await, so this is reached only if one hangs.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running transport.
pub struct Runtime {
    executors: Executors,
    threads: Threads,
}

/// Where tasks run.
#[derive(Clone)]
pub struct Executors {
    general: Handle,
    reactors: Arc<[Arc<Reactor>]>,
    next: Arc<AtomicUsize>,
}

impl From<Handle> for Executors {
    /// All tasks run there.
    fn from(general: Handle) -> Self {
        Executors {
            general,
            reactors: Arc::default(),
            next: Arc::default(),
        }
    }
}

impl Executors {
    /// Runs all but the tasks of reactors.
    pub fn general(&self) -> &Handle {
        &self.general
    }

    /// The next one in turn, if there are any.
    pub(crate) fn reactor(&self) -> Option<&Arc<Reactor>> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.reactors.get(next.checked_rem(self.reactors.len())?)
    }
}

enum Threads {
    /// One worker needs no scheduler that others could steal from: a message costs a few percent less.
    One {
        /// Dropped to end the thread.
        running: oneshot::Sender<()>,
        /// Closed once every task has been dropped.
        stopped: mpsc::Receiver<()>,
        thread: JoinHandle<()>,
    },
    Many(tokio::runtime::Runtime),
}

impl Runtime {
    /// Starts the worker threads, and a reactor for each of `sitters`. `idle` is called on a thread that is about to wait for its
    /// sockets.
    pub fn start(
        options: &RuntimeOptions,
        idle: impl Fn() + Clone + Send + Sync + 'static,
        sitters: Vec<Arc<dyn Sitter>>,
    ) -> io::Result<Self> {
        let workers = match options.workers {
            0 => (cores() / 2).max(1),
            workers => workers,
        };
        let mut builder = match workers {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder
            .worker_threads(workers)
            .max_blocking_threads(64)
            .thread_name(NAME)
            .on_thread_park({
                let idle = idle.clone();
                move || {
                    idle();
                    clock::forget();
                }
            })
            .enable_io()
            .enable_time()
            .build()?;
        let general = runtime.handle().clone();
        let threads = match workers {
            1 => Threads::one(runtime)?,
            _ => Threads::Many(runtime),
        };
        let executors = Executors {
            reactors: start_reactors(&idle, sitters)?,
            ..general.into()
        };
        Ok(Runtime { executors, threads })
    }

    /// For spawning from other threads.
    pub fn executors(&self) -> &Executors {
        &self.executors
    }

    /// One for each of the sitters that it was started with, in their order.
    pub fn reactors(&self) -> &[Arc<Reactor>] {
        &self.executors.reactors
    }

    /// Drops every task, which closes every socket, and joins the threads.
    pub fn stop(self) {
        match self.threads {
            Threads::One {
                running,
                stopped,
                thread,
            } => {
                drop(running);
                if stopped.recv_timeout(STOP_TIMEOUT) != Err(RecvTimeoutError::Timeout) {
                    // A panic of the thread has been reported by the hook.
                    let _ = thread.join();
                }
            }
            Threads::Many(runtime) => runtime.shutdown_timeout(STOP_TIMEOUT),
        }
        for reactor in self.executors.reactors.iter() {
            reactor.stop(STOP_TIMEOUT);
        }
    }
}

/// All of them, or none.
fn start_reactors(
    idle: &(impl Fn() + Clone + Send + Sync + 'static),
    sitters: Vec<Arc<dyn Sitter>>,
) -> io::Result<Arc<[Arc<Reactor>]>> {
    let mut started: Vec<Arc<Reactor>> = Vec::new();
    for sitter in sitters {
        match Reactor::start(idle.clone(), sitter) {
            Ok(reactor) => started.push(reactor),
            Err(error) => {
                started
                    .iter()
                    .for_each(|reactor| reactor.stop(STOP_TIMEOUT));
                return Err(error);
            }
        }
    }
    Ok(started.into())
}

/// Cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

impl Threads {
    fn one(runtime: tokio::runtime::Runtime) -> io::Result<Self> {
        let (running, end) = oneshot::channel();
        let (stopping, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name(NAME.into()).spawn(move || {
            // Ends with an error, when the sender is dropped.
            let _ = runtime.block_on(end);
            runtime.shutdown_timeout(STOP_TIMEOUT);
            drop(stopping);
        })?;
        Ok(Threads::One {
            running,
            stopped,
            thread,
        })
    }
}
