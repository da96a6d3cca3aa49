//! From serde's data model to terms.

use std::collections::HashMap;

use eetf::{Atom, BigInteger, Binary, Float, List, Map, Term, Tuple};
use serde::ser::{self, Serialize};

use crate::error::{Error, MAX_ATOM, integer};

/// Makes one term.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serializer {
    /// Whether the term is the key of a map: a string becomes an atom.
    key: bool,
}

/// Collects the elements of a list, of a tuple (with its tag, if it has one), or the pairs of a map.
pub struct Collector {
    tag: Option<Term>,
    form: Form,
    elements: Vec<Term>,
    map: HashMap<Term, Term>,
    /// The key whose value comes next.
    key: Option<Term>,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    List,
    Tuple,
    Map,
}

impl Collector {
    fn new(form: Form, tag: Option<Term>) -> Self {
        Collector {
            tag,
            form,
            elements: Vec::new(),
            map: HashMap::new(),
            key: None,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.elements.push(crate::to_term(value)?);
        Ok(())
    }

    fn pair<T: Serialize + ?Sized>(&mut self, key: Term, value: &T) -> Result<(), Error> {
        self.map.insert(key, crate::to_term(value)?);
        Ok(())
    }

    fn term(self) -> Term {
        match (self.form, self.tag) {
            (Form::List, _) => List::from(self.elements).into(),
            (Form::Tuple, None) => Tuple::from(self.elements).into(),
            (Form::Tuple, Some(tag)) => Tuple::from([vec![tag], self.elements].concat()).into(),
            (Form::Map, None) => Map::from(self.map).into(),
            (Form::Map, Some(tag)) => tagged(tag, Map::from(self.map).into()),
        }
    }
}

fn tagged(tag: Term, value: Term) -> Term {
    Tuple::from(vec![tag, value]).into()
}

fn atom(name: &str) -> Result<Term, Error> {
    if name.chars().count() > MAX_ATOM {
        let message = format!("an atom holds {MAX_ATOM} characters at most: {name}");
        return Err(Error::Malformed(message));
    }
    Ok(Atom::from(name).into())
}

impl ser::Serializer for Serializer {
    type Ok = Term;
    type Error = Error;
    type SerializeSeq = Collector;
    type SerializeTuple = Collector;
    type SerializeTupleStruct = Collector;
    type SerializeTupleVariant = Collector;
    type SerializeMap = Collector;
    type SerializeStruct = Collector;
    type SerializeStructVariant = Collector;

    fn serialize_bool(self, value: bool) -> Result<Term, Error> {
        atom(if value { "true" } else { "false" })
    }

    fn serialize_i8(self, value: i8) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u8(self, value: u8) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<Term, Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<Term, Error> {
        Ok(integer(value))
    }

    fn serialize_u64(self, value: u64) -> Result<Term, Error> {
        Ok(i64::try_from(value).map_or_else(|_| BigInteger::from(value).into(), integer))
    }

    fn serialize_f32(self, value: f32) -> Result<Term, Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Term, Error> {
        let float = Float::try_from(value)
            .map_err(|_| Error::Malformed(format!("Erlang has no float {value}")))?;
        Ok(float.into())
    }

    fn serialize_char(self, value: char) -> Result<Term, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Term, Error> {
        if self.key {
            atom(value)
        } else {
            self.serialize_bytes(value.as_bytes())
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Term, Error> {
        Ok(Binary::from(value).into())
    }

    fn serialize_none(self) -> Result<Term, Error> {
        atom("undefined")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Term, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Term, Error> {
        atom("undefined")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Term, Error> {
        atom(name)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Term, Error> {
        atom(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Term, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Term, Error> {
        Ok(tagged(atom(variant)?, crate::to_term(value)?))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Collector, Error> {
        Ok(Collector::new(Form::List, None))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Tuple, None))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Tuple, None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Tuple, Some(atom(variant)?)))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Map, None))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Map, None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Collector, Error> {
        Ok(Collector::new(Form::Map, Some(atom(variant)?)))
    }
}

impl ser::SerializeSeq for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeTuple for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeTupleStruct for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeTupleVariant for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeMap for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(key.serialize(Serializer { key: true })?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        match self.key.take() {
            Some(key) => self.pair(key, value),
            None => Err(Error::Malformed("a map's value without a key".into())),
        }
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeStruct for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.pair(atom(name)?, value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}

impl ser::SerializeStructVariant for Collector {
    type Ok = Term;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.pair(atom(name)?, value)
    }

    fn end(self) -> Result<Term, Error> {
        Ok(self.term())
    }
}
