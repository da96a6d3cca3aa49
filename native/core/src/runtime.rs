//! The threads that run every socket.

use crate::clock;
use crate::config::RuntimeOptions;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Name of the threads.
const NAME: &str = "farrier";

/// Longest wait for threads to end; tasks end at their next await, so this is reached only if one hangs.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running tokio runtime.
pub struct Runtime {
    handle: Handle,
    threads: Threads,
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
    /// Starts the worker threads. `idle` is called on a thread that is about to wait for its sockets.
    pub fn start(
        options: &RuntimeOptions,
        idle: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = match options.workers {
            0 => (cores / 2).max(1),
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
            .on_thread_park(move || {
                idle();
                clock::forget();
            })
            .enable_io()
            .enable_time()
            .build()?;
        let handle = runtime.handle().clone();
        let threads = match workers {
            1 => Threads::one(runtime)?,
            _ => Threads::Many(runtime),
        };
        Ok(Runtime { handle, threads })
    }

    /// For spawning from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
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
    }
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
