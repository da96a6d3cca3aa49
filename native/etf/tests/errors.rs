//! An error names the option, its value and what is allowed.

use std::collections::HashMap;
use std::fmt;

use farrier_etf::eetf::{Atom, Binary, FixInteger, List, Map, Tuple};
use farrier_etf::{Error, Term, from_slice, from_term};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)]
struct Options {
    port: u16,
    nodelay: bool,
    name: String,
    sndbuf: Option<u32>,
    level: Option<Level>,
    ip: Option<(u8, u8, u8, u8)>,
    limits: Limits,
    rules: Vec<Rule>,
    idle_timeout: Option<Timeout>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)]
struct Limits {
    headers: u8,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Rule {
    path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
enum Level {
    Warning,
    Error(u8),
}

/// Milliseconds or `infinity`.
#[derive(Debug, PartialEq)]
struct Timeout(Option<u64>);

struct TimeoutVisitor;

impl Visitor<'_> for TimeoutVisitor {
    type Value = Timeout;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds or infinity")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Timeout, E> {
        Ok(Timeout(Some(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Timeout, E> {
        match value {
            "infinity" => Ok(Timeout(None)),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeoutVisitor)
    }
}

fn atom(name: &str) -> Term {
    Atom::from(name).into()
}

fn int(value: i32) -> Term {
    FixInteger::from(value).into()
}

fn binary(bytes: &str) -> Term {
    Binary::from(bytes.as_bytes()).into()
}

fn tuple(elements: &[Term]) -> Term {
    Tuple::from(elements.to_vec()).into()
}

fn list(elements: &[Term]) -> Term {
    List::from(elements.to_vec()).into()
}

fn map(pairs: &[(&str, Term)]) -> Term {
    let pairs = pairs.iter().map(|(key, value)| (atom(key), value.clone()));
    Map::from(pairs.collect::<HashMap<Term, Term>>()).into()
}

/// Asserts that `options` are refused with these three.
fn refused(options: Term, name: &str, value: Term, allowed: &str) {
    let expected = Error::BadOption {
        name: name.into(),
        value,
        allowed: allowed.into(),
    };
    assert_eq!(from_term::<Options>(&options).unwrap_err(), expected);
}

#[test]
fn a_value_of_the_wrong_type_or_range_is_named() {
    let cases = [
        ("port", int(-1), "an integer between 0 and 65535"),
        ("port", int(65_536), "an integer between 0 and 65535"),
        ("port", binary("80"), "an integer between 0 and 65535"),
        ("port", atom("undefined"), "an integer between 0 and 65535"),
        ("nodelay", int(1), "true or false"),
        ("nodelay", atom("yes"), "true or false"),
        ("name", int(1), "a UTF-8 binary or an atom"),
        ("name", list(&[int(97)]), "a UTF-8 binary or an atom"),
        ("sndbuf", atom("big"), "an integer between 0 and 4294967295"),
        ("level", atom("loud"), "one of warning, error"),
        ("level", int(3), "one of warning, error"),
        (
            "level",
            tuple(&[atom("loud"), int(1)]),
            "one of warning, error",
        ),
        ("level", tuple(&[]), "one of warning, error"),
        ("level", tuple(&[atom("warning"), int(1)]), "'warning'"),
        ("level", atom("error"), "{'error', Value}"),
        (
            "level",
            tuple(&[atom("error"), int(256)]),
            "an integer between 0 and 255",
        ),
        ("limits", list(&[]), "a map"),
        ("rules", atom("none"), "a list"),
        ("idle_timeout", atom("never"), "milliseconds or infinity"),
        ("idle_timeout", int(-5), "milliseconds or infinity"),
        (
            "idle_timeout",
            binary("infinity"),
            "milliseconds or infinity",
        ),
    ];
    for (name, value, allowed) in cases {
        refused(map(&[(name, value.clone())]), name, value, allowed);
    }
}

#[test]
fn the_elements_of_a_list_or_tuple_are_counted() {
    let ip = |elements: &[Term]| tuple(elements);
    let five = ip(&[int(1), int(2), int(3), int(4), int(5)]);
    refused(map(&[("ip", five.clone())]), "ip", five, "4 elements");
    let three = ip(&[int(1), int(2), int(3)]);
    refused(
        map(&[("ip", three.clone())]),
        "ip",
        three,
        "a tuple of size 4",
    );
    let wrong = ip(&[int(1), int(2), int(300), int(4)]);
    let allowed = "an integer between 0 and 255 as element 3";
    refused(map(&[("ip", wrong.clone())]), "ip", wrong, allowed);
}

#[test]
fn an_unknown_option_is_named_with_those_that_are_known() {
    let known =
        "one of port, nodelay, name, sndbuf, level, ip, limits, rules, idle_timeout as its name";
    refused(
        map(&[("port", int(80)), ("prot", int(81))]),
        "prot",
        int(81),
        known,
    );
    let inner = map(&[("header", int(1))]);
    refused(
        map(&[("limits", inner)]),
        "limits.header",
        int(1),
        "headers as its name",
    );
}

#[test]
fn the_path_to_an_inner_value_is_told() {
    let inner = map(&[("headers", int(256))]);
    refused(
        map(&[("limits", inner)]),
        "limits.headers",
        int(256),
        "an integer between 0 and 255",
    );
    let rules = list(&[map(&[("path", atom("x"))]), map(&[("path", int(1))])]);
    refused(
        map(&[("rules", rules)]),
        "rules.path",
        int(1),
        "a UTF-8 binary or an atom",
    );
}

#[test]
fn a_missing_option_is_named() {
    let rules = list(&[map(&[])]);
    let allowed = "a value, which is required";
    refused(
        map(&[("rules", rules)]),
        "rules.path",
        atom("undefined"),
        allowed,
    );
}

#[test]
fn options_that_are_no_map_are_refused() {
    refused(int(3), "options", int(3), "a map");
    refused(list(&[]), "options", list(&[]), "a map");
}

#[test]
fn a_key_that_is_no_atom_is_refused() {
    let options = Map::from([(binary("port"), int(80))]).into();
    refused(options, "port", int(80), "an atom as its name");
    let options = Map::from([(int(0), int(80))]).into();
    refused(options, "0", int(80), "an atom as its name");
}

#[test]
fn infinity_and_numbers_are_told_apart_by_the_type_itself() {
    let read = |value| {
        from_term::<Options>(&map(&[("idle_timeout", value)]))
            .unwrap()
            .idle_timeout
    };
    assert_eq!(read(atom("infinity")), Some(Timeout(None)));
    assert_eq!(read(int(5)), Some(Timeout(Some(5))));
    assert_eq!(read(atom("undefined")), None);
}

#[test]
fn bytes_that_are_no_term_are_malformed() {
    for bytes in [
        &[][..],
        &[131],
        &[130, 97, 1],
        &[131, 97, 1, 0],
        &[131, 255],
        &[131, 109, 0, 0, 0, 2, 1],
    ] {
        assert!(
            matches!(from_slice::<u8>(bytes), Err(Error::Malformed(_))),
            "{bytes:?}"
        );
    }
    assert_eq!(
        Error::Malformed("why".into()).to_term(),
        tuple(&[atom("malformed"), binary("why")])
    );
}

#[test]
fn what_bytes_announce_or_nest_costs_nothing_before_it_is_there() {
    let nested = |depth: usize| [&[131][..], &[104, 1].repeat(depth), &[106]].concat();
    let announced = [
        vec![131, 108, 255, 255, 255, 255, 97, 1],
        vec![131, 105, 255, 255, 255, 255, 97, 1],
        vec![131, 109, 255, 255, 255, 255, 97, 1],
        vec![131, 111, 255, 255, 255, 255, 0, 1],
        vec![131, 116, 255, 255, 255, 255, 97, 1],
        vec![131, 112, 255, 255, 255, 255, 97, 1],
        nested(64),
        nested(1_000_000),
    ];
    // Tags and bit strings at which the decoder would panic, and a compressed term.
    let unread = [
        vec![131, 68, 0],
        vec![131, 82, 0],
        vec![131, 77, 0, 0, 0, 1, 9, 255],
        vec![131, 77, 0, 0, 0, 1, 0, 255],
        vec![131, 80, 255, 255, 255, 255, 120, 156],
    ];
    for bytes in announced.iter().chain(&unread) {
        let result = from_slice::<u8>(bytes);
        assert!(matches!(result, Err(Error::Malformed(_))), "{result:?}");
    }
    let read = from_slice::<u8>(&nested(63));
    assert!(matches!(read, Err(Error::BadOption { .. })), "{read:?}");
}

#[test]
fn an_error_as_a_term_keeps_name_value_and_allowed() {
    let error = from_term::<Options>(&map(&[("port", atom("http"))])).unwrap_err();
    let allowed = "an integer between 0 and 65535";
    let expected = [
        atom("bad_option"),
        atom("port"),
        atom("http"),
        binary(allowed),
    ];
    assert_eq!(error.to_term(), tuple(&expected));
    assert_eq!(
        error.to_string(),
        format!("bad option port: 'http', allowed is {allowed}")
    );
}
