//! Echo in a closed loop.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Rate, Span, Target, Window, echo_path, endpoint, histogram, record};
use crate::client::Client;
use crate::layer::Transport;
use crate::messages::{Coding, Kind, Messages};

/// Load of an echo run.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Connections
    pub connections: usize,
    /// Messages in flight on each
    pub depth: usize,
    /// Payload bytes of a message
    pub size: usize,
    /// What the messages say
    pub kind: Kind,
    /// Compressed or not
    pub coding: Coding,
    /// TCP, TLS or HTTP/2
    pub transport: Transport,
}

/// Each connection sends a message for each reply.
pub fn echo(target: &Target, load: Echo, span: Span) -> Result<Rate> {
    let messages = Messages::coded(load.kind, load.size, load.depth, load.coding);
    let endpoint = endpoint(target, echo_path(load.coding), load.transport);
    let mut client = Client::new(endpoint, &messages)?;
    client.open(load.connections)?;
    for connection in client.connections() {
        connection.send(load.depth, &messages)?;
    }
    measure(&mut client, target, &messages, span)
}

/// Measures a client whose connections are open and have sent their first messages.
pub fn measure(
    client: &mut Client,
    target: &Target,
    messages: &Messages,
    span: Span,
) -> Result<Rate> {
    echo_for(client, span.warm_up, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    let before = client.bytes;
    echo_for(client, span.measured, &mut |time| record(&mut times, time))?;
    let echoed = match messages.coding() {
        // Whole replies would be too coarse a count where few and large ones are measured.
        Coding::Plain => (client.bytes - before) as f64 / messages.reply_length() as f64,
        Coding::Deflate => times.len() as f64,
    };
    window.close(target, echoed, times)
}

fn echo_for(client: &mut Client, time: Duration, recorder: &mut dyn FnMut(Duration)) -> Result<()> {
    let end = Instant::now() + time;
    let mut now = Instant::now();
    while now < end {
        client.turn(|_, connection, progress, messages| {
            if progress.replies == 0 {
                return Ok(());
            }
            now = Instant::now();
            for _ in 0..progress.replies {
                if let Some(sent) = connection.pop_sent_at() {
                    recorder(now - sent);
                }
            }
            connection.send_as_of(now, progress.replies, messages)
        })?;
        now = Instant::now();
    }
    Ok(())
}
