//! Clients that send and never read, beside others that echo.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::echo::measure;
use super::{Base, Rate, Span, Target, endpoint};
use crate::client::{Client, Endpoint};
use crate::layer::Transport;
use crate::messages::{Kind, Messages};
use crate::results;

/// Who does not read, and who does.
#[derive(Clone, Copy, Debug)]
pub struct SlowReaders {
    /// Connections that never read
    pub slow: usize,
    /// Payload bytes of their messages
    pub slow_size: usize,
    /// Connections that echo in a closed loop, 64 bytes each
    pub connections: usize,
}

/// Socket buffers of the slow clients: small, so that what the server holds shows.
const BUFFERS: usize = 16 * 1024;

/// The slow clients are full once none has taken a byte for so long.
const FULL: Duration = Duration::from_millis(300);

/// A server that takes all that is sent is left alone after so long.
const FLOODING: Duration = Duration::from_secs(4);

/// What one slow connection sends at most.
const MOST: usize = 32 << 20;

/// Lets slow clients fill whatever takes bytes, reads the server's memory, and then measures the others.
pub fn slow_readers(
    target: &Target,
    load: SlowReaders,
    span: Span,
) -> Result<(Rate, results::Memory)> {
    let clear = endpoint(target, "/", Transport::Clear);
    let messages = Messages::new(Kind::Text, 64, 1);
    let mut client = Client::new(clear, &messages)?;
    client.open(load.connections)?;
    let flood = Messages::new(Kind::Text, load.slow_size, 4);
    let mut slow = Client::new(
        Endpoint {
            buffers: Some(BUFFERS),
            ..clear
        },
        &flood,
    )?;
    slow.open(load.slow)?;
    let base = Base::read(target)?;
    fill(&mut slow, &flood)?;
    let memory = base.grown(target, load.slow)?;
    for connection in client.connections() {
        connection.send(1, &messages)?;
    }
    Ok((measure(&mut client, target, &messages, span)?, memory))
}

fn fill(slow: &mut Client, messages: &Messages) -> Result<()> {
    let started = Instant::now();
    let mut moved = started;
    let mut sent = vec![0; slow.connections().len()];
    while moved.elapsed() < FULL && started.elapsed() < FLOODING {
        for (connection, sent) in slow.connections().iter_mut().zip(&mut sent) {
            let bytes = if *sent < MOST {
                connection.flood(messages)?
            } else {
                0
            };
            if bytes > 0 {
                *sent += bytes;
                moved = Instant::now();
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
