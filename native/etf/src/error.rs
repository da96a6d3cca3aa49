//! What can be wrong with a term, told so that its author can put it right.

use std::fmt;

use eetf::{Atom, BigInteger, Binary, Term, Tuple};

/// Most characters of an atom.
pub const MAX_ATOM: usize = 255;

/// Why a value cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// A well-formed term that says something else than what the type wants.
    BadOption {
        /// Keys from the outermost map to the value, joined by dots; `options` if the term as a whole is wrong.
        name: String,
        /// The value of that key; `undefined` if it is required and absent.
        value: Term,
        /// What would be right, e.g. `an integer between 0 and 65535`.
        allowed: String,
    },
    /// Not a term, or a value that no term can hold.
    Malformed(String),
}

impl Error {
    /// `{bad_option, Name, Value, Allowed}` or `{malformed, Message}`: `Name` is an atom, `Allowed` and `Message` are
    /// binaries.
    pub fn to_term(&self) -> Term {
        let elements = match self {
            Error::BadOption {
                name,
                value,
                allowed,
            } => {
                let name: String = name.chars().take(MAX_ATOM).collect();
                vec![
                    Atom::from("bad_option").into(),
                    Atom::from(name).into(),
                    encodable(value.clone()),
                    Binary::from(allowed.as_bytes()).into(),
                ]
            }
            Error::Malformed(message) => vec![
                Atom::from("malformed").into(),
                Binary::from(message.as_bytes()).into(),
            ],
        };
        Tuple::from(elements).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadOption {
                name,
                value,
                allowed,
            } => write!(f, "bad option {name}: {value}, allowed is {allowed}"),
            Error::Malformed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::Malformed(message.to_string())
    }
}

/// An integer as a term.
///
/// `eetf` writes a list of integers below 256 as a string, negative ones included, whose sign is lost. A big integer
/// is never part of a string, and Erlang reads it as the same number.
pub fn integer(value: i64) -> Term {
    match i32::try_from(value) {
        Ok(value) if value >= 0 => Term::from(eetf::FixInteger::from(value)),
        _ => BigInteger::from(value).into(),
    }
}

/// The same term, with every integer as [`integer`] makes it.
fn encodable(term: Term) -> Term {
    let all = |terms: Vec<Term>| terms.into_iter().map(encodable).collect::<Vec<Term>>();
    match term {
        Term::FixInteger(value) => integer(value.value.into()),
        Term::List(list) => eetf::List::from(all(list.elements)).into(),
        Term::ImproperList(list) => {
            eetf::ImproperList::from((all(list.elements), encodable(*list.last))).into()
        }
        Term::Tuple(tuple) => Tuple::from(all(tuple.elements)).into(),
        Term::Map(map) => {
            let pairs =
                (map.map.into_iter()).map(|(key, value)| (encodable(key), encodable(value)));
            eetf::Map::from(pairs.collect::<std::collections::HashMap<Term, Term>>()).into()
        }
        other => other,
    }
}
