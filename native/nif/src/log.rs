//! What native code has to say, on its way to the process that hands it to Erlang's `logger`.

use crate::terms::{self, atoms};
use farrier_core::config::LogLevel;
use farrier_core::log::{self, Record};
use rustler::{Atom, Encoder, Env, LocalPid, Term};
use std::sync::{Mutex, MutexGuard};
use tokio::runtime::Handle;

static PROCESS: Mutex<Option<LocalPid>> = Mutex::new(None);

fn process() -> MutexGuard<'static, Option<LocalPid>> {
    PROCESS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Names the process that gets the events from now on.
pub fn send_to(receiver: LocalPid) {
    *process() = Some(receiver);
}

/// Forwards events from now on.
pub fn start(runtime: &Handle, level: LogLevel) {
    log::start(runtime, level, |record, dropped| {
        let process = *process();
        process
            .is_some_and(|process| terms::send(&process, |env| Some(encode(record, env, dropped))))
    });
}

fn encode<'a>(record: &Record, env: Env<'a>, dropped: u64) -> Term<'a> {
    let level = Atom::from_str(env, record.level).unwrap_or_else(|_| atoms::error());
    let mut metadata = Term::map_new(env);
    for (name, value) in &record.fields {
        if let Ok(name) = Atom::from_str(env, name) {
            metadata = metadata.map_put(name, value.as_str()).unwrap_or(metadata);
        }
    }
    (
        atoms::farrier_log(),
        level,
        record.message.as_str(),
        metadata,
        dropped,
    )
        .encode(env)
}
