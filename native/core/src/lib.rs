//! farrier's transport: WebSocket codec, HTTP upgrade, listeners and connections. Knows nothing of Erlang; what it
//! needs of it is the trait [`bridge::Bridge`].
//!
//! Storeys, each calls only downward: `runtime` (`reactor`), `listener`, `http`, `connection`, `outbox`, `stream` (`tls`, `proxy`), the
//! codec (`message`, `frame`, `mask`, `utf8`, `deflate`, `hixie`, chosen by `framing`), `config`. `bridge` and `handle` are what
//! the Erlang side sees. `log` and `posix` are what its bridges have in common.
#![forbid(unsafe_code)]

pub mod bridge;
mod clock;
pub mod config;
mod connection;
mod cpu_time;
pub mod deflate;
pub mod frame;
mod framing;
pub mod handle;
pub mod hixie;
mod http;
pub mod listener;
pub mod log;
pub mod mask;
pub mod message;
pub mod outbox;
pub mod payload;
pub mod posix;
pub mod proxy;
pub mod reactor;
pub mod runtime;
pub mod stream;
pub mod tls;
pub mod utf8;
