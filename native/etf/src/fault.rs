//! An error of serde on its way out of a term, until every map around it has named its key.

use std::fmt;

use eetf::{Atom, Term};
use serde::de::{self, Expected, Unexpected};

use crate::error::Error;

/// What is wrong, and where.
#[derive(Debug)]
pub struct Fault {
    /// The innermost key first.
    path: Vec<String>,
    /// The value of the innermost key; `None` until the fault has left the first map.
    value: Option<Term>,
    allowed: String,
}

impl Fault {
    /// A value that should have been what `allowed` says.
    pub fn allowed(allowed: impl Into<String>) -> Self {
        Fault {
            path: Vec::new(),
            value: None,
            allowed: allowed.into(),
        }
    }

    /// The same fault, found in the value of `key`.
    pub fn under(mut self, key: &Term, value: &Term) -> Self {
        self.value.get_or_insert_with(|| value.clone());
        self.path.push(key_name(key));
        self
    }

    /// The same fault, found in the element at `position` (from 1) of a list or tuple.
    pub fn in_element(mut self, position: usize) -> Self {
        if self.value.is_none() {
            self.allowed = format!("{} as element {position}", self.allowed);
        }
        self
    }

    /// The error for the reader of `term`.
    pub fn into_error(mut self, term: &Term) -> Error {
        if self.path.is_empty() {
            self.path.push("options".into());
        }
        self.path.reverse();
        Error::BadOption {
            name: self.path.join("."),
            value: self.value.unwrap_or_else(|| term.clone()),
            allowed: self.allowed,
        }
    }
}

fn key_name(key: &Term) -> String {
    match key {
        Term::Atom(atom) => atom.name.clone(),
        Term::Binary(binary) => String::from_utf8_lossy(&binary.bytes).into_owned(),
        other => other.to_string(),
    }
}

/// The alternatives, as a sentence names them.
pub fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [name] => (*name).into(),
        names => format!("one of {}", names.join(", ")),
    }
}

/// What serde expected, in Erlang's words.
fn phrase(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    let allowed = match expected.as_str() {
        "u8" => "an integer between 0 and 255",
        "u16" => "an integer between 0 and 65535",
        "u32" => "an integer between 0 and 4294967295",
        "u64" | "usize" => "a non-negative integer of 64 bits",
        "i8" => "an integer between -128 and 127",
        "i16" => "an integer between -32768 and 32767",
        "i32" => "an integer of 32 bits",
        "i64" | "isize" => "an integer of 64 bits",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "a UTF-8 binary or an atom",
        "a character" => "a binary of one character",
        "byte array" | "bytes" | "a borrowed byte array" => "a binary",
        "a sequence" => "a list",
        "unit" => "undefined",
        "field identifier" => "an atom as its name",
        other if other == "a map" || other.starts_with("struct ") => "a map",
        other => other,
    };
    allowed.into()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.allowed)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::allowed(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Fault::allowed(phrase(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Fault::allowed(phrase(expected))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Fault::allowed(phrase(expected))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Fault::allowed(one_of(expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Fault::allowed(format!("{} as its name", one_of(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Fault {
            path: vec![field.into()],
            value: Some(Atom::from("undefined").into()),
            allowed: "a value, which is required".into(),
        }
    }
}
