//! What crosses the pipes of the port, as bytes: apart from the program that reads and writes them, so that it can be measured.
#![forbid(unsafe_code)]

pub mod command;
pub mod etf;
pub mod events;

/// Names a connection or, where one is offered, a listener.
pub type Number = u64;
