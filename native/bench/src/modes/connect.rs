//! Connections that come and go.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;

use super::{Rate, Span, Target, Window, endpoint, histogram, record};
use crate::client::Client;
use crate::layer::Transport;
use crate::messages::{Kind, Messages};

/// Connects, echoes 64 bytes and closes, `connections` at a time. The time of an operation runs from connect to the server's end.
pub fn connect(target: &Target, connections: usize, span: Span) -> Result<Rate> {
    let messages = Messages::new(Kind::Text, 64, 1);
    let mut client = Client::new(endpoint(target, "/", Transport::Clear), &messages)?;
    for _ in 0..connections {
        client.begin()?;
    }
    connect_for(&mut client, span.warm_up, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    connect_for(&mut client, span.measured, &mut |time| {
        record(&mut times, time)
    })?;
    window.close(target, times.len() as f64, times)
}

fn connect_for(
    client: &mut Client,
    time: Duration,
    recorder: &mut dyn FnMut(Duration),
) -> Result<()> {
    let end = Instant::now() + time;
    let mut closed = Vec::new();
    while Instant::now() < end {
        client.turn(|index, connection, progress, messages| {
            if progress.closed {
                recorder(connection.since.elapsed());
                closed.push(index);
            } else if progress.replies > 0 {
                connection.close(messages)?;
            } else if progress.opened {
                connection.send(1, messages)?;
            }
            Ok(())
        })?;
        for index in closed.drain(..) {
            client.reopen(index)?;
        }
    }
    Ok(())
}
