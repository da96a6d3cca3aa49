//! The requests and connections that Erlang knows, by number.

use crate::bridge::{Number, PortBridge};
use farrier_core::handle::Handle;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

type HandleArc = Arc<Handle<PortBridge>>;

/// See the module's documentation.
#[derive(Default)]
pub struct Handles(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// The number that was given last. None is given twice.
    last: Number,
    by_number: HashMap<Number, HandleArc>,
}

impl Handles {
    fn lock(&self) -> MutexGuard<'_, Table> {
        (self.0.lock()).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Gives a handle a number, until it is removed.
    pub fn insert(&self, handle: HandleArc) -> Number {
        let mut table = self.lock();
        table.last += 1;
        let number = table.last;
        table.by_number.insert(number, handle);
        number
    }

    pub fn get(&self, number: Number) -> Option<HandleArc> {
        self.lock().by_number.get(&number).cloned()
    }

    pub fn remove(&self, number: Number) -> Option<HandleArc> {
        self.lock().by_number.remove(&number)
    }
}
