//! Processes of the VM that read a reactor's sockets on their scheduler (`farrier_reactor` in Erlang).

use crate::terms::{self, Messages, atoms};
use farrier_core::reactor::{Reactor, Sitter};
use rustler::{Atom, Env, LocalPid, Resource, ResourceArc};
use std::panic::RefUnwindSafe;
use std::sync::{Arc, Mutex};

/// What a reactor knows of its process.
pub struct ProcessSitter {
    /// The process, and the number of its scheduler.
    process: Mutex<Option<(LocalPid, u32)>>,
    messages: Arc<Mutex<Messages>>,
}

impl ProcessSitter {
    pub fn new() -> Self {
        ProcessSitter {
            process: Mutex::new(None),
            messages: Arc::new(Mutex::new(Messages::new())),
        }
    }
}

impl Sitter for ProcessSitter {
    fn call(&self) -> bool {
        let process = *terms::lock(&self.process);
        process.is_some_and(|(pid, _)| {
            terms::send(&pid, |env| Some(atoms::farrier_turn().to_term(env)))
        })
    }

    fn flush(&self) {
        terms::lock(&self.messages).flush();
    }
}

/// A reactor as Erlang holds it.
pub struct ReactorResource {
    pub reactor: Arc<Reactor>,
    pub sitter: Arc<ProcessSitter>,
}

impl Resource for ReactorResource {}

/// Its locks may be taken after a panic: what they hold is usable at every point.
impl RefUnwindSafe for ReactorResource {}

/// Makes the caller, which runs on the scheduler of this number, the one that is called.
#[rustler::nif]
fn sit(env: Env<'_>, reactor: ResourceArc<ReactorResource>, scheduler: u32) -> Atom {
    *terms::lock(&reactor.sitter.process) = Some((env.pid(), scheduler));
    atoms::ok()
}

/// A turn of the process that was called. False if it is to wait until it is called again.
#[rustler::nif]
fn turn(env: Env<'_>, reactor: ResourceArc<ReactorResource>) -> bool {
    let sitter = &reactor.sitter;
    let scheduler = match *terms::lock(&sitter.process) {
        Some((pid, scheduler)) if pid == env.pid() => scheduler,
        _ => return false,
    };
    let Some(mut turn) = reactor.reactor.begin() else {
        return false;
    };
    let messages = &sitter.messages;
    terms::on_scheduler(env, scheduler, messages, || {
        let mut sent = terms::lock(messages).send_portion();
        let stays = (sent.0 > 0 || turn.run()) && !turn.is_late();
        if !stays {
            terms::lock(messages).flush();
            turn.leave();
            return false;
        }
        if sent.0 == 0 {
            sent = terms::lock(messages).send_portion();
        }
        turn.rest(sent.0, sent.1);
        true
    })
}
