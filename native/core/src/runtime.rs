//! The threads that run every socket.

use crate::config::RuntimeOptions;
use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

/// Longest wait for threads to end; tasks end at their next await, so this is reached only if one hangs.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running tokio runtime.
pub struct Runtime(tokio::runtime::Runtime);

impl Runtime {
    /// Starts the worker threads. `idle` is called on a thread that is about to wait for its sockets.
    pub fn start(
        options: &RuntimeOptions,
        idle: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = match options.workers {
            0 => (cores / 2).max(1),
            workers => workers,
        };
        Builder::new_multi_thread()
            .worker_threads(workers)
            .max_blocking_threads(64)
            .thread_name("farrier")
            .on_thread_park(idle)
            .enable_io()
            .enable_time()
            .build()
            .map(Runtime)
    }

    /// For spawning from other threads.
    pub fn handle(&self) -> Handle {
        self.0.handle().clone()
    }

    /// Drops every task, which closes every socket, and joins the threads.
    pub fn stop(self) {
        self.0.shutdown_timeout(STOP_TIMEOUT);
    }
}
