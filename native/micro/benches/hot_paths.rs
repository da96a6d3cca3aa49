//! Times the hot paths: `make microbench`.

use divan::Bencher;
use divan::counter::BytesCount;
use farrier_micro::{Meter, hot_paths};

fn main() {
    divan::main();
}

struct Stopwatch<'a, 'b> {
    bencher: Bencher<'a, 'b>,
    bytes: usize,
}

impl Meter for Stopwatch<'_, '_> {
    fn measure<I, O>(self, prepare: impl FnMut() -> I, run: impl FnMut(&mut I) -> O) {
        let bytes = self.bytes;
        let bencher = self.bencher.with_inputs(prepare);
        if bytes == 0 {
            bencher.bench_local_refs(run);
        } else {
            (bencher.counter(BytesCount::new(bytes))).bench_local_refs(run);
        }
    }
}

fn names() -> Vec<&'static str> {
    hot_paths::<Stopwatch>()
        .iter()
        .map(|path| path.name)
        .collect()
}

#[divan::bench(args = names())]
fn hot_path(bencher: Bencher, name: &str) {
    for path in hot_paths() {
        if path.name == name {
            let bytes = path.bytes;
            return (path.measure)(Stopwatch { bencher, bytes });
        }
    }
}
