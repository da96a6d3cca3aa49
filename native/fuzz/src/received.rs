//! What a decoder handed over.

use farrier_core::message::{Message, Progress, ProtocolError, Sink, VecPayload};

/// A message, owned.
#[derive(Debug, PartialEq)]
pub enum Received {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, Vec<u8>)>),
}

/// Keeps every message.
#[derive(Debug, Default, PartialEq)]
pub struct Kept(pub Vec<Received>);

impl Sink<VecPayload> for Kept {
    fn message(&mut self, message: Message<'_, VecPayload>) {
        self.0.push(match message {
            Message::Text(payload) => Received::Text(payload.as_slice().to_vec()),
            Message::Binary(payload) => Received::Binary(payload.as_slice().to_vec()),
            Message::Ping(payload) => Received::Ping(payload.to_vec()),
            Message::Pong(payload) => Received::Pong(payload.to_vec()),
            Message::Close(close) => {
                Received::Close(close.map(|(code, reason)| (code, reason.to_vec())))
            }
        });
    }
}

/// Forgets every message, so that a decoder's memory is its own.
pub struct Dropped;

impl Sink<VecPayload> for Dropped {
    fn message(&mut self, _message: Message<'_, VecPayload>) {}
}

/// All that can be seen of a decoder.
pub type Outcome = (Vec<Received>, Result<Progress, ProtocolError>);
