//! `tracing` events on their way to Erlang's `logger`: a bounded queue that counts what it drops.

use crate::config::LogLevel;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Events that may wait for their delivery.
const QUEUE: usize = 1000;

static SENDER: Mutex<Option<mpsc::Sender<Record>>> = Mutex::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static VERBOSITY: AtomicU8 = AtomicU8::new(0);

/// An event, in Erlang's words.
#[derive(Debug)]
pub struct Record {
    /// A level of `logger`.
    pub level: &'static str,
    pub message: String,
    pub fields: Vec<(&'static str, String)>,
}

/// Makes this the subscriber of all native code, once per process of the operating system.
pub fn install() {
    // Only an earlier call can have set one, and that one is ours.
    let _ = tracing::subscriber::set_global_default(ToErlang);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Forwards events from now on. `deliver` gets each with the number of those that were lost before it, on one of the runtime's
/// threads; its `false` means that this one is lost as well.
pub fn start(
    runtime: &Handle,
    level: LogLevel,
    deliver: impl Fn(&Record, u64) -> bool + Send + 'static,
) {
    let (sender, mut records) = mpsc::channel::<Record>(QUEUE);
    *lock(&SENDER) = Some(sender);
    VERBOSITY.store(verbosity(level), Ordering::Relaxed);
    runtime.spawn(async move {
        while let Some(record) = records.recv().await {
            let dropped = DROPPED.swap(0, Ordering::Relaxed);
            if !deliver(&record, dropped) {
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
