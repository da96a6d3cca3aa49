//! Memory of connections that have nothing to do.

use std::thread;

use anyhow::Result;

use super::{Base, Span, Target, echo_once, echo_path, endpoint};
use crate::client::Client;
use crate::layer::Transport;
use crate::messages::{Coding, Kind, Messages};
use crate::results;

/// Which connections idle.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// So many
    pub connections: usize,
    /// Whether their handler hibernates
    pub hibernate: bool,
    /// Compressed or not
    pub coding: Coding,
    /// TCP, TLS or HTTP/2
    pub transport: Transport,
}

/// Connections that come and go before the measurement, so that code is loaded and pools are filled.
const FIRST: usize = 20;

/// Payload of the message that each connection has echoed; one that servers do compress.
const SIZE: usize = 256;

/// Memory per connection after the handshake, then after one echo on each.
pub fn idle(target: &Target, load: Idle, span: Span) -> Result<[results::Memory; 2]> {
    let kind = match load.coding {
        Coding::Plain => Kind::Text,
        Coding::Deflate => Kind::Json,
    };
    let messages = Messages::coded(kind, SIZE, 1, load.coding);
    let path = if load.hibernate {
        "/hibernate"
    } else {
        echo_path(load.coding)
    };
    let endpoint = endpoint(target, path, load.transport);
    let mut first = Client::new(endpoint, &messages)?;
    first.open(FIRST)?;
    echo_once(&mut first, &messages)?;
    drop(first);
    thread::sleep(span.settle);
    let base = Base::read(target)?;
    let mut client = Client::new(endpoint, &messages)?;
    client.open(load.connections)?;
    thread::sleep(span.settle);
    let handshake = base.grown(target, load.connections)?;
    echo_once(&mut client, &messages)?;
    thread::sleep(span.settle);
    let echo = base.grown(target, load.connections)?;
    Ok([handshake, echo])
}
