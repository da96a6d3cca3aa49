//! The NIF bridge: farrier's transport inside the VM.
//!
//! `terms` builds what goes to Erlang, `frames` takes what comes from it, `calls` are the functions of `farrier_nif`,
//! `log` carries `tracing` events to `logger`, `sitter` has schedulers do a reactor's work. `docs/bridge.md` lists every
//! message and call.
//!
//! Threads: calls run on schedulers, everything that sends a message without having been called runs on the runtime's
//! own threads, or in a reactor's turn. In any other call a scheduler must never send through `NifBridge`; it refuses if one tries.

mod calls;
mod frames;
mod log;
mod payload;
mod sitter;
mod terms;

use farrier_core::handle::Handle;
use farrier_core::listener::Listener;
use rustler::{Env, LocalPid, Monitor, Resource, Term};
use std::sync::Arc;
use terms::NifBridge;

/// Gives back what a burst of handshakes has taken: with glibc's, thousands of connections that were upgraded at the same time
/// go on costing 40 KiB each, because the few small blocks that stay hold the arenas.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Checked when the library is loaded: both halves of the bridge must be of one build.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A handle as Erlang holds it.
pub struct HandleResource(Arc<Handle<NifBridge>>);

impl Resource for HandleResource {
    const IMPLEMENTS_DOWN: bool = true;

    /// The owner died: its socket goes along.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.0.abandon();
    }
}

impl Drop for HandleResource {
    /// No process holds the handle any more. After a regular end this finds nothing left to do.
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A listener as Erlang holds it.
pub struct ListenerResource(Listener<NifBridge>);

impl Resource for ListenerResource {}

fn load(env: Env, info: Term) -> bool {
    std::panic::set_hook(Box::new(|info| {
        tracing::error!(panic = %info, "panic in native code; it costs the connection it happened in");
    }));
    farrier_core::log::install();
    env.register::<HandleResource>().is_ok()
        && env.register::<ListenerResource>().is_ok()
        && env.register::<sitter::ReactorResource>().is_ok()
        && info
            .decode::<&str>()
            .is_ok_and(|version| version == VERSION)
}

rustler::init!("farrier_nif", load = load);
