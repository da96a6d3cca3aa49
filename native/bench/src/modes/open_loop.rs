//! Echo in an open loop: messages are sent when they are due, whether or not the replies to earlier ones have come.
//!
//! The time of a message runs from when it was due, not from when it was sent. A server that stalls for a second thus pays for all messages
//! that fell due in that second, as it would with clients who do not know of one another ("coordinated omission").

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Rate, Span, Target, Window, endpoint, histogram, record};
use crate::client::Client;
use crate::layer::Transport;
use crate::messages::{Kind, Messages};

/// Load of an open-loop run.
#[derive(Clone, Copy, Debug)]
pub struct OpenLoop {
    /// Connections, which send in turn
    pub connections: usize,
    /// Messages that fall due each second, on all connections together
    pub per_second: u32,
    /// Payload bytes of a message
    pub size: usize,
}

/// How long the last replies are waited for. What has not come by then counts as long as it has been waited for.
const LAST_REPLIES: Duration = Duration::from_secs(2);

/// How many messages are written at once on a connection that lags behind.
const DEPTH: usize = 64;

/// When messages are due.
struct Schedule {
    start: Instant,
    interval: Duration,
    sent: u32,
}

impl Schedule {
    fn next(&self) -> Instant {
        self.start + self.interval * self.sent
    }
}

/// Sends at a fixed rate and times each reply from when its message was due.
pub fn open_loop(target: &Target, load: OpenLoop, span: Span) -> Result<Rate> {
    let messages = Messages::new(Kind::Text, load.size, DEPTH);
    let mut client = Client::new(endpoint(target, "/", Transport::Clear), &messages)?;
    client.open(load.connections)?;
    let mut schedule = Schedule {
        start: Instant::now(),
        interval: Duration::from_secs(1) / load.per_second,
        sent: 0,
    };
    let measured = schedule.start + span.warm_up;
    run_until(&mut client, &mut schedule, measured, &mut |_, _| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    let end = measured + span.measured;
    let mut recorder = |sent: Instant, time| {
        if sent >= measured {
            record(&mut times, time);
        }
    };
    run_until(&mut client, &mut schedule, end, &mut recorder)?;
    // The costs are those of the measured time, the times those of all messages that were due in it.
    let replies = client
        .connections()
        .iter()
        .map(|c| c.received())
        .sum::<u64>();
    let mut rate = window.close(target, 1.0, histogram())?;
    collect(&mut client, schedule.sent, &mut recorder)?;
    let before = span.warm_up.as_secs_f64() * f64::from(load.per_second);
    let operations = (replies as f64 - before).max(1.0);
    rate.per_second *= operations;
    rate.server_cpu_us /= operations;
    rate.client_cpu_us /= operations;
    rate.times = times;
    Ok(rate)
}

fn run_until(
    client: &mut Client,
    schedule: &mut Schedule,
    end: Instant,
    recorder: &mut dyn FnMut(Instant, Duration),
) -> Result<()> {
    loop {
        let now = Instant::now();
        if now >= end {
            return Ok(());
        }
        send_due(client, schedule, now)?;
        let wait = schedule
            .next()
            .min(end)
            .saturating_duration_since(Instant::now());
        client.turn_for(wait, |_, connection, progress, _| {
            let now = Instant::now();
            for _ in 0..progress.replies {
                if let Some(due) = connection.pop_sent_at() {
                    recorder(due, now - due);
                }
            }
            Ok(())
        })?;
    }
}

fn send_due(client: &mut Client, schedule: &mut Schedule, now: Instant) -> Result<()> {
    let messages = client.messages();
    while schedule.next() <= now {
        let due = schedule.next();
        let connections = client.connections();
        let index = schedule.sent as usize % connections.len();
        connections[index].send_as_of(due, 1, messages)?;
        schedule.sent += 1;
    }
    Ok(())
}

fn collect(
    client: &mut Client,
    sent: u32,
    recorder: &mut dyn FnMut(Instant, Duration),
) -> Result<()> {
    let end = Instant::now() + LAST_REPLIES;
    let mut replies: u64 = client.connections().iter().map(|c| c.received()).sum();
    while replies < u64::from(sent) && Instant::now() < end {
        let wait = end.saturating_duration_since(Instant::now());
        client.turn_for(wait, |_, connection, progress, _| {
            replies += progress.replies as u64;
            for _ in 0..progress.replies {
                if let Some(due) = connection.pop_sent_at() {
                    recorder(due, due.elapsed());
                }
            }
            Ok(())
        })?;
    }
    for connection in client.connections() {
        while let Some(due) = connection.pop_sent_at() {
            recorder(due, due.elapsed());
        }
    }
    Ok(())
}
