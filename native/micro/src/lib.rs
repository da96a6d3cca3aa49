//! The hot paths of farrier's native part: what it does for every message, and for every request.
//!
//! They are written once and measured twice. `benches/hot_paths.rs` times them (`make microbench`). The program of this
//! crate has valgrind count their instructions, which do not vary from run to run, and the tests hold these counts to
//! `budgets.txt`.
#![forbid(unsafe_code)]

mod codec;
mod control_plane;
mod deflate;
mod outbox;
mod port;
mod samples;

/// As in the libraries that are shipped, so that an allocation costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures one hot path.
pub trait Meter {
    /// Measures `run` on what `prepare` gives, which itself is not measured. Both may be called any number of times,
    /// `prepare` ahead of several calls of `run`.
    fn measure<I, O>(self, prepare: impl FnMut() -> I, run: impl FnMut(&mut I) -> O);
}

/// A hot path.
pub struct HotPath<M> {
    /// What is done, in words: also the key of its budget.
    pub name: &'static str,
    /// Bytes that each run handles; 0 where bytes are not what it costs.
    pub bytes: usize,
    /// Has the meter measure it.
    pub measure: fn(M),
}

impl<M> HotPath<M> {
    fn new(name: &'static str, bytes: usize, measure: fn(M)) -> Self {
        HotPath {
            name,
            bytes,
            measure,
        }
    }
}

/// All of them. The order is that of `budgets.txt`.
pub fn hot_paths<M: Meter>() -> Vec<HotPath<M>> {
    let mut paths = codec::paths();
    paths.extend(outbox::paths());
    paths.extend(deflate::paths());
    paths.extend(control_plane::paths());
    paths.extend(port::paths());
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a path a few times, prepared ahead as meters do.
    struct Rehearsal;

    impl Meter for Rehearsal {
        fn measure<I, O>(self, prepare: impl FnMut() -> I, mut run: impl FnMut(&mut I) -> O) {
            let inputs: Vec<I> = std::iter::repeat_with(prepare).take(5).collect();
            for mut input in inputs {
                run(&mut input);
            }
        }
    }

    #[test]
    fn every_hot_path_does_what_its_name_says() {
        for path in hot_paths() {
            // Each asserts its own result.
            (path.measure)(Rehearsal);
        }
    }

    #[test]
    fn no_two_hot_paths_share_a_name() {
        let mut names: Vec<&str> = hot_paths::<Rehearsal>().iter().map(|p| p.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
