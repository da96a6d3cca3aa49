//! What is written is read back as the same value.

use std::collections::BTreeMap;

use farrier_etf::{Error, from_slice, from_term, to_term, to_vec};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapper(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(i8, Option<char>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Variant {
    Plain,
    Wrapped(Wrapper),
    Tuple(f64, bool),
    Struct { list: Vec<Pair>, unit: Unit },
    Nested(Box<Variant>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    integers: (i8, i16, i32, i64, u8, u16, u32, u64),
    signed: Vec<i64>,
    small: Vec<u8>,
    floats: Vec<f64>,
    single: f32,
    text: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    map: BTreeMap<String, Option<Variant>>,
    by_number: BTreeMap<i16, bool>,
    array: [u32; 3],
    unit: (),
    variants: Vec<Variant>,
}

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("Erlang has finite floats only", |float| float.is_finite())
}

fn variant() -> impl Strategy<Value = Variant> {
    let pair = (any::<i8>(), any::<Option<char>>()).prop_map(|(a, b)| Pair(a, b));
    let leaf = prop_oneof![
        Just(Variant::Plain),
        any::<u64>().prop_map(|n| Variant::Wrapped(Wrapper(n))),
        (finite(), any::<bool>()).prop_map(|(a, b)| Variant::Tuple(a, b)),
        vec(pair, 0..4).prop_map(|list| Variant::Struct { list, unit: Unit }),
    ];
    leaf.prop_recursive(3, 4, 1, |inner| {
        inner.prop_map(|inner| Variant::Nested(Box::new(inner)))
    })
}

type Integers = (i8, i16, i32, i64, u8, u16, u32, u64);

fn everything() -> impl Strategy<Value = Everything> {
    let numbers = (
        any::<Integers>(),
        vec(any::<i64>(), 0..5),
        vec(any::<u8>(), 0..5),
        vec(finite(), 0..5),
        -1e9f32..1e9,
    );
    let strings = (any::<String>(), vec(any::<u8>(), 0..9));
    let maps = (
        btree_map("\\PC{0,20}", proptest::option::of(variant()), 0..4),
        btree_map(any::<i16>(), any::<bool>(), 0..4),
    );
    let array = any::<[u32; 3]>();
    (numbers, strings, maps, array, vec(variant(), 0..4)).prop_map(
        |(numbers, strings, maps, array, variants)| Everything {
            integers: numbers.0,
            signed: numbers.1,
            small: numbers.2,
            floats: numbers.3,
            single: numbers.4,
            text: strings.0,
            bytes: strings.1,
            map: maps.0,
            by_number: maps.1,
            array,
            unit: (),
            variants,
        },
    )
}

proptest! {
    #[test]
    fn every_value_comes_back(value in everything()) {
        let bytes = to_vec(&value).unwrap();
        prop_assert_eq!(&from_slice::<Everything>(&bytes), &Ok(value.clone()));
        let term = to_term(&value).unwrap();
        prop_assert_eq!(&from_term::<Everything>(&term), &Ok(value));
    }

    #[test]
    fn a_damaged_map_is_read_or_refused(
        value in everything(),
        at in any::<prop::sample::Index>(),
        byte in 0..100u8,
    ) {
        let mut bytes = to_vec(&value.map).unwrap();
        bytes.truncate(at.index(bytes.len()));
        prop_assert!(matches!(
            from_slice::<BTreeMap<String, Option<Variant>>>(&bytes),
            Err(Error::Malformed(_))
        ));
        bytes = to_vec(&value.map).unwrap();
        bytes.push(byte);
        prop_assert!(matches!(
            from_slice::<BTreeMap<String, Option<Variant>>>(&bytes),
            Err(Error::Malformed(_))
        ));
    }
}

#[test]
fn what_no_term_can_hold_is_refused() {
    assert!(matches!(to_vec(&f64::INFINITY), Err(Error::Malformed(_))));
    assert!(matches!(to_vec(&f64::NAN), Err(Error::Malformed(_))));
    let longest = "é".repeat(255);
    let map = BTreeMap::from([(longest.clone(), 1)]);
    assert_eq!(from_slice(&to_vec(&map).unwrap()), Ok(map));
    let map = BTreeMap::from([(longest + "x", 1)]);
    assert!(matches!(to_vec(&map), Err(Error::Malformed(_))));
}
