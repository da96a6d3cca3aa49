//! Messages on their way to Erlang: encoded one behind the other, and written when a thread has nothing left to do.
//!
//! A packet is a list of messages. It stays open for more until it is written, so that the busier this process is the fewer
//! packets, system calls and wake-ups of Erlang's a message costs. While the pipe is full nothing is written and messages
//! collect; what connections may have outstanding bounds them.

use crate::etf::{VERSION, Writer};
use crate::quit;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock};
use tokio::net::unix::pipe;
use tokio::sync::Notify;

/// Bytes that wait for a thread to run out of work at most.
const BURST: usize = 32 * 1024;
/// Bytes after which a packet is ended: Erlang handles the first messages while the next are on their way.
const PACKET: usize = 64 * 1024;
/// Memory that is kept for the next messages.
const KEPT: usize = 4 * 1024 * 1024;
/// A packet's length, the version and the head of a list.
const HEAD: usize = 4 + 1 + 5;

/// See the module's documentation.
#[derive(Default)]
pub struct Output {
    messages: Mutex<Messages>,
    pipe: OnceLock<pipe::Sender>,
    /// The pipe was full.
    stalled: Notify,
}

#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    /// What the pipe has taken.
    written: usize,
    /// Up to here messages are complete. What lies behind is of one whose writing has failed.
    complete: usize,
    /// Where the last packet begins, if more messages fit in.
    open: Option<usize>,
    /// Messages of the open packet.
    count: u32,
    /// The pipe is full.
    stalled: bool,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Messages> {
        // A message that was being written when a thread panicked is not complete, and so is overwritten.
        (self.messages.lock()).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Appends the message that `write` writes; none if it returns false.
    pub fn message(&self, write: impl FnOnce(&mut Writer<'_>) -> bool) {
        let mut messages = self.lock();
        messages.append(write);
        if messages.complete - messages.written > BURST {
            self.write(&mut messages);
        }
    }

    /// Answers a call with an encoded term.
    pub fn reply(&self, from: &[u8], result: &[u8]) {
        self.message(|writer| {
            writer.tuple(3).atom("reply").binary(from).encoded(result);
            true
        });
    }

    /// Writes what waits, as far as the pipe takes it.
    pub fn flush(&self) {
        self.write(&mut self.lock());
    }

    fn write(&self, messages: &mut Messages) {
        let Some(pipe) = self.pipe.get() else {
            return;
        };
        if messages.stalled {
            return;
        }
        messages.end_packet();
        while messages.written < messages.complete {
            match pipe.try_write(&messages.bytes[messages.written..messages.complete]) {
                Ok(written) => messages.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    messages.stalled = true;
                    self.stalled.notify_one();
                    return;
                }
                // Nobody listens any more.
                Err(_) => quit(),
            }
        }
        messages.forget_written();
    }

    /// Takes what waits, for a caller that writes it itself.
    pub fn take(&self) -> Vec<u8> {
        let mut messages = self.lock();
        messages.end_packet();
        let mut messages = std::mem::take(&mut *messages);
        messages.bytes.truncate(messages.complete);
        messages.bytes
    }

    /// Writes to `pipe` from now on. This is a task of its own: it goes on writing when the pipe was full and takes more.
    pub async fn run(&self, pipe: pipe::Sender) {
        let pipe = self.pipe.get_or_init(|| pipe);
        self.flush();
        loop {
            self.stalled.notified().await;
            if pipe.writable().await.is_err() {
                quit();
            }
            self.lock().stalled = false;
            self.flush();
        }
    }
}

impl Messages {
    fn append(&mut self, write: impl FnOnce(&mut Writer<'_>) -> bool) {
        self.bytes.truncate(self.complete);
        let begin = self.open.unwrap_or(self.complete);
        if self.open.is_none() {
            self.bytes.extend_from_slice(&[0; 4]);
            self.bytes.push(VERSION);
            Writer(&mut self.bytes).list();
        }
        if !write(&mut Writer(&mut self.bytes)) {
            self.bytes.truncate(self.complete);
            return;
        }
        self.open = Some(begin);
        self.count += 1;
        self.complete = self.bytes.len();
        if self.complete - begin > PACKET {
            self.end_packet();
        }
    }

    fn end_packet(&mut self) {
        let Some(begin) = self.open.take() else {
            return;
        };
        self.bytes.truncate(self.complete);
        Writer(&mut self.bytes).end_list(begin + HEAD - 5, self.count);
        self.count = 0;
        self.complete = self.bytes.len();
        let length = (self.complete - begin - 4) as u32;
        self.bytes[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
        self.forget_written();
    }

    /// Gives memory back that holds nothing which is still to be written.
    fn forget_written(&mut self) {
        if self.written == self.complete {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
        } else if self.written > KEPT && self.written > self.complete / 2 {
            self.bytes.drain(..self.written);
        } else {
            return;
        }
        self.complete -= self.written;
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farrier_etf::Term;
    use farrier_etf::eetf::{FixInteger, List};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn number(output: &Output, number: u64) {
        output.message(|writer| {
            writer.integer(number);
            true
        });
    }

    /// The packets that wait, as lists.
    fn packets(output: &Output) -> Vec<Term> {
        let bytes = output.take();
        let mut rest = &bytes[..];
        let mut packets = Vec::new();
        while let Some((length, packet)) = rest.split_first_chunk() {
            let (packet, next) = packet.split_at(u32::from_be_bytes(*length) as usize);
            packets.push(farrier_etf::term_from_slice(packet).unwrap());
            rest = next;
        }
        packets
    }

    fn list(numbers: &[i32]) -> Term {
        let numbers = numbers.iter().map(|n| FixInteger::from(*n).into());
        List::from(numbers.collect::<Vec<Term>>()).into()
    }

    #[test]
    fn messages_leave_together_and_in_order() {
        let output = Output::default();
        (300..310).for_each(|n| number(&output, n));
        assert_eq!(packets(&output), [list(&(300..310).collect::<Vec<_>>())]);
        assert_eq!(packets(&output), []);
        number(&output, 300);
        assert_eq!(packets(&output), [list(&[300])]);
    }

    #[test]
    fn a_message_that_is_not_finished_leaves_no_trace() {
        let output = Output::default();
        let unfinished = || {
            output.message(|writer| {
                writer.tuple(3).atom("unfinished");
                false
            });
            let panicking = || {
                output.message(|writer| {
                    writer.tuple(3).atom("unfinished");
                    panic!("while it is written");
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
        };
        unfinished();
        assert_eq!(packets(&output), []);
        unfinished();
        number(&output, 300);
        unfinished();
        number(&output, 301);
        unfinished();
        assert_eq!(packets(&output), [list(&[300, 301])]);
    }

    #[test]
    fn a_large_packet_is_ended() {
        let output = Output::default();
        for _ in 0..4 {
            output.message(|writer| {
                writer.binary(&[0; PACKET]);
                true
            });
        }
        assert_eq!(packets(&output).len(), 4);
    }
}
