//! What the programs of this crate share: the load client, the view of a server's process, and the benchmark made of both.

#![forbid(unsafe_code)]

pub mod bare;
pub mod benchmark;
pub mod client;
pub mod connection;
pub mod http2;
pub mod layer;
pub mod machine;
pub mod messages;
pub mod modes;
pub mod plot;
pub mod process;
pub mod replies;
pub mod report;
pub mod results;
pub mod rows;
pub mod server;
pub mod statistics;
pub mod table;
