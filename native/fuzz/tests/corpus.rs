//! Every target survives its corpus and, for a moment, variations of it. `FUZZ_MILLISECONDS` (1000) is that moment.

use farrier_fuzz::{TARGETS, Target};
use std::panic;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

/// One after another, because targets measure the memory of the process.
#[test]
fn every_target_survives_its_corpus_and_variations_of_it() {
    let moment = env::var("FUZZ_MILLISECONDS").map_or(1000, |ms| ms.parse().expect("a number"));
    for target in TARGETS {
        let corpus = corpus(target.name);
        for input in &corpus {
            run(target, input);
        }
        let end = Instant::now() + Duration::from_millis(moment);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        while Instant::now() < end {
            let mut input = dice.pick(&corpus).clone();
            for _ in 0..=dice.below(4) {
                vary(&mut input, &corpus, &mut dice);
            }
            run(target, &input);
        }
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("readable"))
        .collect()
}

/// A failure names its input, so that it can be kept.
fn run(target: Target, input: &[u8]) {
    if panic::catch_unwind(|| (target.run)(input)).is_err() {
        panic!("{} fails for {input:?}", target.name);
    }
}

fn vary(input: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    match dice.below(5) {
        0 => input.truncate(at),
        1 => input.insert(at, dice.byte()),
        2 => {
            let other = dice.pick(corpus);
            let from = dice.below(other.len() + 1);
            input.splice(at.., other[from..].iter().copied());
        }
        _ if at == input.len() => {}
        3 => input[at] ^= 1 << dice.below(8),
        _ => input[at] = dice.byte(),
    }
}

/// The same numbers every time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn byte(&mut self) -> u8 {
        const TELLING: [u8; 8] = [0, 1, 0x7e, 0x7f, 0x80, 0xfe, 0xff, 0x0a];
        match self.below(2) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.below(256) as u8,
        }
    }

    fn pick<'a>(&mut self, inputs: &'a [Vec<u8>]) -> &'a Vec<u8> {
        &inputs[self.below(inputs.len())]
    }
}
