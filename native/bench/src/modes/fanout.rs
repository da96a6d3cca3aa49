//! One message to all connections.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Rate, Span, Target, Window, echo_once, endpoint, histogram, record};
use crate::client::Client;
use crate::layer::Transport;
use crate::messages::{Kind, Messages};

/// Load of a fan-out run.
#[derive(Clone, Copy, Debug)]
pub struct Fanout {
    /// Subscribers, the publisher among them
    pub connections: usize,
    /// Payload bytes of a message
    pub size: usize,
    /// Messages that are published before all have the first of them
    pub window: usize,
}

/// One connection publishes to all. An operation is a delivery, its time that from publishing until it arrives.
pub fn fanout(target: &Target, load: Fanout, span: Span) -> Result<Rate> {
    let messages = Messages::new(Kind::Text, load.size, load.window);
    let endpoint = endpoint(target, "/fanout", Transport::Clear);
    let mut client = Client::new(endpoint, &messages)?;
    client.open(load.connections)?;
    // The first message of a client subscribes it.
    echo_once(&mut client, &messages)?;
    let mut publisher = Publisher {
        window: load.window as u64,
        subscribers: load.connections as u64,
        published: 0,
        deliveries: 0,
        at: vec![Instant::now(); load.window + 1],
    };
    publisher.run_for(&mut client, span.warm_up, &mut |_| {})?;
    let mut times = histogram();
    let window = Window::open(target)?;
    publisher.run_for(&mut client, span.measured, &mut |time| {
        record(&mut times, time);
    })?;
    window.close(target, times.len() as f64, times)
}

struct Publisher {
    window: u64,
    subscribers: u64,
    published: u64,
    deliveries: u64,
    /// When the last messages were published, by their number modulo the length of this
    at: Vec<Instant>,
}

impl Publisher {
    fn run_for(
        &mut self,
        client: &mut Client,
        time: Duration,
        recorder: &mut dyn FnMut(Duration),
    ) -> Result<()> {
        let end = Instant::now() + time;
        let slots = self.at.len() as u64;
        while Instant::now() < end {
            self.publish(client)?;
            let (at, deliveries) = (&self.at, &mut self.deliveries);
            client.turn(|_, connection, progress, _| {
                // What subscribes a client is its reply 0.
                let last = connection.received() - 1;
                for number in last - progress.replies as u64..last {
                    recorder(at[(number % slots) as usize].elapsed());
                }
                *deliveries += progress.replies as u64;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn publish(&mut self, client: &mut Client) -> Result<()> {
        let messages = client.messages();
        let slots = self.at.len() as u64;
        while self.deliveries >= (self.published + 1).saturating_sub(self.window) * self.subscribers
        {
            self.at[(self.published % slots) as usize] = Instant::now();
            self.published += 1;
            let publisher = &mut client.connections()[0];
            publisher.send(1, messages)?;
            publisher.pop_sent_at();
        }
        Ok(())
    }
}
