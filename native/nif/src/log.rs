//! `tracing` events on their way to Erlang's `logger`: a bounded queue that counts what it drops.

use crate::terms::{self, atoms};
use farrier_core::config::LogLevel;
use rustler::{Atom, Encoder, Env, LocalPid, Term};
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Events that may wait for the log process.
const QUEUE: usize = 1000;

static SENDER: Mutex<Option<mpsc::Sender<Record>>> = Mutex::new(None);
static PROCESS: Mutex<Option<LocalPid>> = Mutex::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static VERBOSITY: AtomicU8 = AtomicU8::new(0);

struct Record {
    level: &'static str,
    message: String,
    fields: Vec<(&'static str, String)>,
}

/// Makes this the subscriber of all native code, once per VM.
pub fn install() {
    // Only an earlier load can have set one, and that one is ours.
    let _ = tracing::subscriber::set_global_default(ToErlang);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Names the process that gets the events from now on.
pub fn send_to(process: LocalPid) {
    *lock(&PROCESS) = Some(process);
}

/// Forwards events from now on.
pub fn start(runtime: &Handle, level: LogLevel) {
    let (sender, mut records) = mpsc::channel::<Record>(QUEUE);
    *lock(&SENDER) = Some(sender);
    VERBOSITY.store(verbosity(level), Ordering::Relaxed);
    runtime.spawn(async move {
        while let Some(record) = records.recv().await {
            let dropped = DROPPED.swap(0, Ordering::Relaxed);
            let process = *lock(&PROCESS);
            let sent = process.is_some_and(|process| {
                terms::send(&process, |env| Some(record.encode(env, dropped)))
            });
            if !sent {
                DROPPED.fetch_add(dropped + 1, Ordering::Relaxed);
            }
        }
    });
}

/// Forwards nothing more.
pub fn stop() {
    VERBOSITY.store(0, Ordering::Relaxed);
    *lock(&SENDER) = None;
}

fn verbosity(level: LogLevel) -> u8 {
    match level {
        LogLevel::None => 0,
        LogLevel::Error => 1,
        LogLevel::Warning => 2,
        LogLevel::Info => 3,
        LogLevel::Debug => 4,
    }
}

fn rank(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Record {
    fn encode<'a>(&self, env: Env<'a>, dropped: u64) -> Term<'a> {
        let level = Atom::from_str(env, self.level).unwrap_or_else(|_| atoms::error());
        let mut metadata = Term::map_new(env);
        for (name, value) in &self.fields {
            if let Ok(name) = Atom::from_str(env, name) {
                metadata = metadata.map_put(name, value.as_str()).unwrap_or(metadata);
            }
        }
        (
            atoms::farrier_log(),
            level,
            self.message.as_str(),
            metadata,
            dropped,
        )
            .encode(env)
    }
}

struct ToErlang;

impl Subscriber for ToErlang {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("farrier")
            && rank(metadata.level()) <= VERBOSITY.load(Ordering::Relaxed)
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The level changes when the application restarts.
        tracing::subscriber::Interest::sometimes()
    }

    fn event(&self, event: &Event<'_>) {
        let mut record = Record {
            level: match *event.metadata().level() {
                Level::ERROR => "error",
                Level::WARN => "warning",
                Level::INFO => "info",
                _ => "debug",
            },
            message: String::new(),
            fields: vec![("target", event.metadata().target().to_owned())],
        };
        event.record(&mut record);
        let sender = lock(&SENDER);
        if let Some(sender) = sender.as_ref()
            && sender.try_send(record).is_err()
        {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.fields.push((field.name(), format!("{value:?}")));
        }
    }
}
