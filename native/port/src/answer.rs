//! Results of calls, as encoded terms without the version.

use crate::etf::Writer;
use farrier_core::bridge::{Closed, RespondError, ResponseState};
use farrier_core::listener::ListenError;
use farrier_core::posix;
use farrier_core::tls::OptionError;
use farrier_etf::Term;
use serde::Serialize;
use std::io;

/// See the module's documentation.
pub type Answer = Vec<u8>;

fn write(write: impl for<'a, 'b> FnOnce(&'a mut Writer<'b>) -> &'a mut Writer<'b>) -> Answer {
    let mut answer = Vec::new();
    write(&mut Writer(&mut answer));
    answer
}

pub fn ok() -> Answer {
    atom("ok")
}

pub fn atom(name: &str) -> Answer {
    write(|writer| writer.atom(name))
}

pub fn ok_value<T: Serialize>(value: &T) -> Answer {
    write(|writer| writer.tuple(2).atom("ok").encoded(&self::value(value)))
}

pub fn value<T: Serialize>(value: &T) -> Answer {
    without_version(farrier_etf::to_vec(value))
}

/// Our own types and errors always have a form in ETF; an empty answer would end the process at the other end of the pipe.
fn without_version<E>(term: Result<Vec<u8>, E>) -> Answer {
    let mut term = term.unwrap_or_default();
    term.drain(..1.min(term.len()));
    term
}

pub fn error(reason: &str) -> Answer {
    write(|writer| writer.tuple(2).atom("error").atom(reason))
}

pub fn error_text(reason: &str) -> Answer {
    write(|writer| writer.tuple(2).atom("error").binary(reason.as_bytes()))
}

pub fn closed() -> Answer {
    error("closed")
}

pub fn io_error(failure: &io::Error) -> Answer {
    error(posix::name(failure))
}

/// What an options' reader has to say of them.
pub fn etf_error(failure: &farrier_etf::Error) -> Answer {
    let mut reason = Vec::new();
    let encoded = Term::encode(&failure.to_term(), &mut reason);
    let reason = without_version(encoded.map(|()| reason));
    write(|writer| writer.tuple(2).atom("error").encoded(&reason))
}

pub fn option_error(failure: &OptionError) -> Answer {
    write(|writer| {
        let reason = writer.tuple(2).atom("error").tuple(4).atom("bad_option");
        reason.atom(failure.name);
        reason.binary(failure.value.as_bytes());
        reason.binary(failure.allowed.as_bytes())
    })
}

pub fn listen_error(failure: &ListenError) -> Answer {
    match failure {
        ListenError::Socket(failure) => io_error(failure),
        ListenError::Tls(failure) => option_error(failure),
    }
}

pub fn responded(result: Result<(), RespondError>) -> Answer {
    match result {
        Ok(()) => ok(),
        Err(RespondError::AlreadySent) => error("already_sent"),
        Err(RespondError::Closed) => closed(),
        Err(RespondError::InvalidHeader(name)) => write(|writer| {
            let reason = writer.tuple(2).atom("error").tuple(2);
            reason.atom("invalid_header").binary(&name)
        }),
    }
}

/// Of a piece of a body: whether its sender is to wait.
pub fn sent(result: Result<bool, Closed>) -> Answer {
    match result {
        Ok(false) => ok(),
        Ok(true) => atom("blocked"),
        Err(Closed) => closed(),
    }
}

pub fn response_state(state: ResponseState) -> Answer {
    atom(match state {
        ResponseState::None => "none",
        ResponseState::Headers => "headers",
        ResponseState::Done => "done",
        ResponseState::Upgraded => "upgraded",
    })
}
