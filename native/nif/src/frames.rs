//! Frames and bodies that Erlang sends, and how they outlive the call that brought them.

use crate::terms::atoms;
use bytes::Bytes;
use farrier_core::frame::{MAX_CONTROL, Opcode, write_close};
use farrier_core::outbox::{Held, Outgoing};
use rustler::sys::{ErlNifTerm, enif_get_tuple};
use rustler::{Atom, Binary, Error, NifResult, OwnedEnv, Term};
use smallvec::SmallVec;

/// Code of a close frame that a handler gave a reason but no code (RFC 6455 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;
/// Bodies up to this size are copied; larger ones stay in Erlang's memory.
const COPIED_BODY: usize = 4096;

/// A frame of a list that a handler returned.
pub struct Frame<'a> {
    opcode: Opcode,
    payload: Payload<'a>,
}

enum Payload<'a> {
    Term(Binary<'a>),
    Bytes(Vec<u8>),
}

pub type Frames<'a> = SmallVec<[Frame<'a>; 2]>;

/// Decodes every frame before any is sent.
pub fn decode<'a>(frames: Term<'a>) -> NifResult<Frames<'a>> {
    let mut decoded = Frames::new();
    let mut rest = frames;
    while let Ok((frame, tail)) = rest.list_get_cell() {
        decoded.push(Frame::decode(frame)?);
        rest = tail;
    }
    if !rest.is_empty_list() {
        return Err(Error::BadArg);
    }
    Ok(decoded)
}

impl<'a> Frame<'a> {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let at = |element: ErlNifTerm| element_term(term, element);
        match *elements(term) {
            [tag, payload] => Self::pair(tag, at(payload)),
            [tag, code, reason] if tag == atoms::close().as_c_arg() => {
                Self::close(at(code).decode()?, iodata(at(reason))?)
            }
            [] => Self::bare(term.decode()?),
            _ => Err(Error::BadArg),
        }
    }

    fn bare(tag: Atom) -> NifResult<Self> {
        let opcode = match tag {
            tag if tag == atoms::ping() => Opcode::Ping,
            tag if tag == atoms::pong() => Opcode::Pong,
            tag if tag == atoms::close() => Opcode::Close,
            _ => return Err(Error::BadArg),
        };
        let payload = Payload::Bytes(Vec::new());
        Ok(Frame { opcode, payload })
    }

    fn pair(tag: ErlNifTerm, payload: Term<'a>) -> NifResult<Self> {
        let payload = iodata(payload)?;
        let opcode = match tag {
            tag if tag == atoms::text().as_c_arg() => Opcode::Text,
            tag if tag == atoms::binary().as_c_arg() => Opcode::Binary,
            tag if tag == atoms::ping().as_c_arg() => Opcode::Ping,
            tag if tag == atoms::pong().as_c_arg() => Opcode::Pong,
            tag if tag == atoms::close().as_c_arg() => return Self::close(NORMAL_CLOSURE, payload),
            _ => return Err(Error::BadArg),
        };
        if opcode.is_control() && payload.len() > MAX_CONTROL {
            return Err(Error::BadArg);
        }
        let payload = Payload::Term(payload);
        Ok(Frame { opcode, payload })
    }

    fn close(code: u16, reason: Binary<'_>) -> NifResult<Self> {
        let mut payload = [0; MAX_CONTROL];
        let length = write_close(&mut payload, code, &reason).ok_or(Error::BadArg)?;
        Ok(Frame {
            opcode: Opcode::Close,
            payload: Payload::Bytes(payload[..length].to_vec()),
        })
    }
}

/// The elements of a tuple of up to three; of anything else, none. Spares the vector that decoding to a Rust tuple allocates.
fn elements<'a>(term: Term<'a>) -> &'a [ErlNifTerm] {
    let env = term.get_env();
    let mut arity = 0;
    let mut array = std::ptr::null();
    // SAFETY: the out pointers are valid; on success the array has `arity` terms of `env` and lives as long as `env`'s terms
    // are not moved, which they aren't during a call.
    unsafe {
        if enif_get_tuple(env.as_c_arg(), term.as_c_arg(), &mut arity, &mut array) == 0
            || !(1..=3).contains(&arity)
        {
            return &[];
        }
        std::slice::from_raw_parts(array, arity as usize)
    }
}

/// An element of `tuple`.
fn element_term<'a>(tuple: Term<'a>, element: ErlNifTerm) -> Term<'a> {
    // SAFETY: the elements of a tuple are terms of its environment.
    unsafe { Term::new(tuple.get_env(), element) }
}

fn iodata(term: Term<'_>) -> NifResult<Binary<'_>> {
    Binary::from_term(term).or_else(|_| Binary::from_iolist(term))
}

impl Outgoing for Frame<'_> {
    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Term(binary) => binary.as_slice(),
            Payload::Bytes(bytes) => bytes,
        }
    }

    fn hold(&self) -> Box<dyn Held> {
        match &self.payload {
            Payload::Term(binary) => Box::new(HeldBinary::new(binary)),
            Payload::Bytes(bytes) => Box::new(bytes.clone()),
        }
    }
}

/// A binary of Erlang's that is kept alive without a copy of its bytes.
struct HeldBinary {
    _env: OwnedEnv,
    bytes: *const u8,
    length: usize,
}

// SAFETY: the bytes of a binary never change, and nobody but the drop touches the environment.
unsafe impl Send for HeldBinary {}
// SAFETY: as above; shared access only reads the bytes.
unsafe impl Sync for HeldBinary {}

impl HeldBinary {
    fn new(binary: &Binary<'_>) -> Self {
        let env = OwnedEnv::new();
        let (bytes, length) = env.run(|env| {
            match Binary::from_term(binary.to_term(env)) {
                Ok(copy) => (copy.as_ptr(), copy.len()),
                // A copy of a binary is a binary.
                Err(_) => (std::ptr::NonNull::<u8>::dangling().as_ptr().cast_const(), 0),
            }
        });
        HeldBinary {
            _env: env,
            bytes,
            length,
        }
    }

    fn slice(&self) -> &[u8] {
        // SAFETY: the term lives in `_env`, which is never cleared and has no garbage collection; whether its bytes
        // lie on the environment's heap or in a reference-counted binary, they neither move nor go before `_env` does.
        unsafe { std::slice::from_raw_parts(self.bytes, self.length) }
    }
}

impl Held for HeldBinary {
    fn bytes(&self) -> &[u8] {
        self.slice()
    }
}

impl AsRef<[u8]> for HeldBinary {
    fn as_ref(&self) -> &[u8] {
        self.slice()
    }
}

/// A response body, or a piece of one.
pub fn body(term: Term<'_>) -> NifResult<Bytes> {
    let binary = iodata(term)?;
    if binary.len() <= COPIED_BODY {
        return Ok(Bytes::copy_from_slice(&binary));
    }
    Ok(Bytes::from_owner(HeldBinary::new(&binary)))
}
