//! What a message takes across the pipes of the port.

use crate::samples::Numbers;
use crate::{HotPath, Meter};
use farrier_core::bridge::Events;
use farrier_core::message::Payload;
use farrier_port::command::Command;
use farrier_port::etf::{VERSION, Writer};
use farrier_port::events::EventList;

const CONNECTION: u64 = 123_456;
const LENGTH: usize = 64;
const MANY: usize = 16;

pub fn paths<M: Meter>() -> Vec<HotPath<M>> {
    vec![
        HotPath::new("port: write a text of 64 B", LENGTH, |m| events(m, 1)),
        HotPath::new("port: write 16 texts of 64 B", MANY * LENGTH, |m| {
            events(m, MANY);
        }),
        HotPath::new("port: read a text of 64 B", LENGTH, |m| frames(m, 1)),
        HotPath::new("port: read 16 texts of 64 B", MANY * LENGTH, |m| {
            frames(m, MANY);
        }),
    ]
}

/// As the port's bridge delivers them, into memory that is there already.
fn events(meter: impl Meter, count: usize) {
    let mut numbers = Numbers::new();
    let mut output = Vec::with_capacity(2 * MANY * LENGTH);
    meter.measure(
        || numbers.json(LENGTH),
        |text| {
            output.clear();
            let mut writer = Writer(&mut output);
            writer.tuple(3).integer(CONNECTION);
            let mut events = EventList::new(&mut writer);
            for _ in 0..count {
                events.text(Payload::Borrowed(text));
            }
            assert!(events.end());
            writer.integer((count * LENGTH) as u64);
            assert!(output.len() > count * LENGTH);
        },
    );
}

fn frames(meter: impl Meter, count: usize) {
    let mut numbers = Numbers::new();
    meter.measure(
        || packet(&numbers.json(LENGTH), count),
        |packet| match Command::decode(packet) {
            Some(Command::Send { frames, .. }) => assert_eq!(frames.len(), count),
            other => panic!("{other:?} was never sent"),
        },
    );
}

/// A `send` of the same text several times.
fn packet(text: &[u8], count: usize) -> Vec<u8> {
    const TEXT: u64 = 1;
    let mut packet = vec![VERSION];
    let mut writer = Writer(&mut packet);
    writer.tuple(5).atom("send").integer(CONNECTION);
    let list = writer.list();
    for _ in 0..count {
        writer.tuple(2).integer(TEXT).binary(text);
    }
    writer.end_list(list, count as u32);
    writer.integer((count * LENGTH) as u64).atom("false");
    packet
}
