//! The WebSocket decoder as a connection sees it: bytes in, messages and errors out.

mod compressed;
mod errors;
mod limits;
mod peer;
mod splits;
