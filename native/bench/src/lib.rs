//! What the programs of this crate share: the load client, the view of a server's process, and the benchmark made of both.

#![forbid(unsafe_code)]

pub mod bare;
pub mod benchmark;
pub mod client;
pub mod messages;
pub mod modes;
pub mod plot;
pub mod process;
pub mod report;
pub mod results;
pub mod server;
pub mod table;
