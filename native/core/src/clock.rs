//! The time of day of a worker thread, read once for what came together.

use std::cell::Cell;
use tokio::time::Instant;

/// Readings that one look at the clock answers at most.
const READINGS: u32 = 32;

thread_local! {
    static READ: Cell<Option<(Instant, u32)>> = const { Cell::new(None) };
}

/// About now: behind by no more than a few messages of this thread.
pub fn recently() -> Instant {
    READ.with(|read| {
        let (time, readings) = match read.get() {
            Some((time, readings)) if readings < READINGS => (time, readings + 1),
            _ => (Instant::now(), 0),
        };
        read.set(Some((time, readings)));
        time
    })
}

/// To be called before the thread waits: what it read is outdated after that.
pub fn forget() {
    READ.set(None);
}
