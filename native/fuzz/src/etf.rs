//! Terms of the control plane.

use crate::within;
use farrier_core::bridge::ResponseHead;
use farrier_core::config::{ConnectionChange, ListenerOptions, RuntimeOptions, UpgradeOptions};
use farrier_etf::{Term, from_slice, from_term, to_vec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A term takes more bytes than its external form, and an error says it in words.
const RATIO: usize = 512;
const FIXED: usize = 64 * 1024;

/// A bit of everything.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Sample {
    Unit,
    Number(i64),
    Text(String),
    Many(Vec<Sample>),
    Pair(u8, Option<bool>),
    Struct { float: f64, inner: Box<Sample> },
}

/// All of it is the encoded term.
pub fn run(input: &[u8]) {
    let most = FIXED + RATIO * input.len();
    within(most, || refused_or_read::<ListenerOptions>(input));
    refused_or_read::<UpgradeOptions>(input);
    refused_or_read::<ConnectionChange>(input);
    refused_or_read::<RuntimeOptions>(input);
    refused_or_read::<ResponseHead>(input);
    if let Ok(sample) = from_slice::<Sample>(input) {
        let bytes = to_vec(&sample).expect("what was decoded can be encoded");
        assert_eq!(from_slice::<Sample>(&bytes).ok(), Some(sample));
    }
}

/// An error must be one that can be told to Erlang.
fn refused_or_read<T: DeserializeOwned>(input: &[u8]) {
    if let Err(error) = from_slice::<T>(input) {
        let _ = error.to_string();
        let told: Term = error.to_term();
        assert!(from_term::<T>(&told).is_err());
    }
}
