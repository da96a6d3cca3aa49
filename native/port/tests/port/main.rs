//! The program as Erlang knows it: packets by pipes on one side, real clients on the other.

mod erlang;
mod process;
mod requests;
mod websockets;
