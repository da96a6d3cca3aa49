//! Rust values to Erlang terms and back, by serde and the external term format: the control plane of farrier.
//!
//! | Rust | Erlang |
//! |---|---|
//! | struct, map | map; a key that is a string becomes an atom |
//! | unit variant, unit struct, `bool` | atom |
//! | newtype and tuple variant | `{Tag, Value, ...}` |
//! | struct variant | `{Tag, #{...}}` |
//! | `None`, `()` | `undefined` |
//! | `str`, `char`, bytes (`serde_bytes`) | binary; where a string is wanted an atom is accepted, too |
//! | sequence | list |
//! | tuple, tuple struct, array | tuple |
//! | integers of up to 64 bits, floats | integer, float |
//!
//! A newtype struct is what it wraps. A list of integers is a sequence of integers, never a string. A type that takes an
//! atom besides something else (`infinity` besides an integer) reads it with `deserialize_any`, which shows
//! an atom as a string, `true` and `false` as `bool`, and `undefined` as `None`.
//!
//! # Limits
//!
//! Atoms in Latin-1, which `term_to_binary/1` writes before OTP 26, are read if they are ASCII, else refused:
//! `term_to_binary(Term, [{minor_version, 2}])` writes UTF-8 in every release.
//!
//! # Trust
//!
//! This crate decodes what our own Erlang side wrote with `term_to_binary/2`, never bytes that came from a client. Should it
//! ever read others, they cost no more than a multiple of their length: a term that is compressed, cut short, or nested more
//! than 64 deep is refused before anything is allocated. Maps turn strings into atoms: their keys must not come from a
//! client.
#![forbid(unsafe_code)]

mod de;
mod error;
mod fault;
mod ser;
mod shape;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use eetf;
pub use eetf::Term;
pub use error::Error;

/// Encodes a value for `binary_to_term/1`. Fails for what Erlang cannot hold: infinite floats, atoms of more than 255
/// characters.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    (to_term(value)?.encode(&mut bytes)).map_err(|error| Error::Malformed(error.to_string()))?;
    Ok(bytes)
}

/// Decodes what `term_to_binary/2` wrote.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    from_term(&term_from_slice(bytes)?)
}

/// Decodes what `term_to_binary/2` wrote, whatever it is.
pub fn term_from_slice(mut bytes: &[u8]) -> Result<Term, Error> {
    shape::check(bytes).map_err(|why| Error::Malformed(why.to_owned()))?;
    let term = Term::decode(&mut bytes).map_err(|error| Error::Malformed(error.to_string()))?;
    if !bytes.is_empty() {
        let message = format!("{} bytes follow the term", bytes.len());
        return Err(Error::Malformed(message));
    }
    Ok(term)
}

/// Turns a value into a term. Fails as [`to_vec`] does.
pub fn to_term<T: Serialize + ?Sized>(value: &T) -> Result<Term, Error> {
    value.serialize(ser::Serializer::default())
}

/// Turns a term into a value. An error names the key, the value and what is allowed.
pub fn from_term<T: DeserializeOwned>(term: &Term) -> Result<T, Error> {
    T::deserialize(de::Deserializer(term)).map_err(|fault| fault.into_error(term))
}
