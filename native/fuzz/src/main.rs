//! libFuzzer over one of [`farrier_fuzz::TARGETS`], which the environment variable `FUZZ_TARGET` names.
#![no_main]

use farrier_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is {name:?}, but may be one of {TARGETS:?}"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
