//! From terms to serde's data model.

use std::vec;

use eetf::Term;
use serde::de::value::SeqDeserializer;
use serde::de::{self, DeserializeSeed, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::fault::{Fault, one_of};

/// Reads one term.
#[derive(Debug, Clone, Copy)]
pub struct Deserializer<'de>(pub &'de Term);

impl<'de> Deserializer<'de> {
    fn is_atom(self, name: &str) -> bool {
        matches!(self.0, Term::Atom(atom) if atom.name == name)
    }

    /// The error that says what `expected` would have taken.
    fn refuse<T>(self, expected: &dyn Expected) -> Result<T, Fault> {
        Err(de::Error::invalid_type(Unexpected::Other("term"), expected))
    }
}

impl<'de> de::Deserializer<'de> for Deserializer<'de> {
    type Error = Fault;

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Term::Atom(atom) => match atom.name.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                "undefined" => visitor.visit_none(),
                name => visitor.visit_borrowed_str(name),
            },
            Term::FixInteger(integer) => match u64::try_from(integer.value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(integer.value.into()),
            },
            Term::BigInteger(integer) => {
                match (u64::try_from(&integer.value), i64::try_from(&integer.value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => self.refuse(&visitor),
                }
            }
            Term::Float(float) => visitor.visit_f64(float.value),
            Term::Binary(binary) => visitor.visit_borrowed_bytes(&binary.bytes),
            Term::List(_) | Term::ByteList(_) => self.deserialize_seq(visitor),
            Term::Tuple(tuple) => elements(&tuple.elements, visitor),
            Term::Map(_) => self.deserialize_map(visitor),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Term::Atom(atom) => visitor.visit_borrowed_str(&atom.name),
            Term::Binary(binary) => match std::str::from_utf8(&binary.bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => self.refuse(&visitor),
            },
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Term::Binary(binary) => visitor.visit_borrowed_bytes(&binary.bytes),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_atom("undefined") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit_struct("undefined", visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.is_atom(name) {
            visitor.visit_unit()
        } else {
            Err(Fault::allowed(name))
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Term::List(list) => elements(&list.elements, visitor),
            Term::ByteList(list) => {
                let mut bytes = SeqDeserializer::new(list.bytes.iter().copied());
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.end()?;
                Ok(value)
            }
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Term::Tuple(tuple) => elements(&tuple.elements, visitor),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Term::Map(map) = self.0 else {
            return self.refuse(&visitor);
        };
        let mut pairs: Vec<(&Term, &Term)> = map.map.iter().collect();
        // Of several errors, it is always the same one that is reported.
        pairs.sort_by_cached_key(|(key, _)| key.to_string());
        visitor.visit_map(Pairs {
            rest: pairs.into_iter(),
            current: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (tag, content) = match self.0 {
            Term::Atom(_) => (self.0, &[][..]),
            Term::Tuple(tuple) => match tuple.elements.split_first() {
                Some((tag, content)) if !content.is_empty() => (tag, content),
                _ => return Err(Fault::allowed(one_of(variants))),
            },
            _ => return Err(Fault::allowed(one_of(variants))),
        };
        visitor.visit_enum(Variant { tag, content })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Term::Atom(atom) => visitor.visit_borrowed_str(&atom.name),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// Reads all of `terms`.
fn elements<'de, V: Visitor<'de>>(terms: &'de [Term], visitor: V) -> Result<V::Value, Fault> {
    let mut elements = Elements {
        rest: terms,
        read: 0,
    };
    let value = visitor.visit_seq(&mut elements)?;
    if elements.rest.is_empty() {
        Ok(value)
    } else {
        Err(Fault::allowed(format!("{} elements", elements.read)))
    }
}

/// The elements of a list or tuple.
struct Elements<'de> {
    rest: &'de [Term],
    read: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((next, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        self.read += 1;
        let value = seed.deserialize(Deserializer(next));
        value.map(Some).map_err(|fault| fault.in_element(self.read))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The pairs of a map.
struct Pairs<'de> {
    rest: vec::IntoIter<(&'de Term, &'de Term)>,
    /// The pair whose key has been read, and whose value comes next.
    current: Option<(&'de Term, &'de Term)>,
}

impl<'de> de::MapAccess<'de> for Pairs<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.rest.next();
        let Some((key, value)) = self.current else {
            return Ok(None);
        };
        let read = seed.deserialize(Deserializer(key));
        read.map(Some).map_err(|fault| fault.under(key, value))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.current.take() else {
            return Err(Fault::allowed("a key before a value"));
        };
        let read = seed.deserialize(Deserializer(value));
        read.map_err(|fault| fault.under(key, value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// `Tag`, or `{Tag, Content, ...}`.
struct Variant<'de> {
    tag: &'de Term,
    content: &'de [Term],
}

impl<'de> Variant<'de> {
    /// The only element besides the tag.
    fn single(&self) -> Result<Deserializer<'de>, Fault> {
        match self.content {
            [value] => Ok(Deserializer(value)),
            _ => Err(Fault::allowed(format!("{{{}, Value}}", self.tag))),
        }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let variant = seed.deserialize(Deserializer(self.tag))?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        if self.content.is_empty() {
            Ok(())
        } else {
            Err(Fault::allowed(self.tag.to_string()))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.single()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        if self.content.len() != length {
            let allowed = format!("a tuple of {} and {length} elements", self.tag);
            return Err(Fault::allowed(allowed));
        }
        elements(self.content, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        de::Deserializer::deserialize_map(self.single()?, visitor)
    }
}
