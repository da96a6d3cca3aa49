//! Counts instructions: this program runs itself in callgrind, which sees every instruction of user space and lets none
//! depend on time or on other load.
//!
//! Callgrind counts only inside [`counted`] and writes what it has counted to a file of its own each time that returns:
//! [`ROUNDS`] for each path, in their order.

use crate::budget::Budgets;
use farrier_micro::{Meter, hot_paths};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

/// How callgrind knows [`counted`].
const COUNTED: &str = "farrier_micro::count::counted";
/// glibc copies and clears long memory by string instructions, which callgrind counts byte by byte: 16 KiB would hide all
/// else. Below these lengths it uses vectors.
const TUNABLES: &str =
    "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_rep_stosb_threshold=0x40000000";
/// mimalloc gives memory back when some time has passed: never, here.
const NO_PURGE: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");
/// Runs before those that count: memory is allocated, features of the CPU are looked up.
const WARM_UP: usize = 16;
/// Runs that are counted together. Hash maps of the control plane are seeded at random: the mean varies less.
const RUNS: usize = 32;
/// How often they are counted. The median stands for all: now and then the allocator has to fetch a page.
const ROUNDS: usize = 9;

/// Runs all paths to be counted, and tells what the CPU shows itself as.
pub fn run() {
    for path in hot_paths() {
        (path.measure)(Counter);
    }
    println!("{}", cpu());
}

struct Counter;

impl Meter for Counter {
    fn measure<I, O>(self, mut prepare: impl FnMut() -> I, mut run: impl FnMut(&mut I) -> O) {
        for _ in 0..WARM_UP {
            run(&mut prepare());
        }
        for _ in 0..ROUNDS {
            let mut inputs: Vec<I> = std::iter::repeat_with(&mut prepare).take(RUNS).collect();
            counted(&mut || {
                for input in &mut inputs {
                    drop(black_box(run(black_box(input))));
                }
            });
        }
    }
}

/// Takes no type parameters: they would be part of its name.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
}

/// The architecture, and of the features that change how a path is run the best one.
fn cpu() -> String {
    let arch = std::env::consts::ARCH;
    #[cfg(target_arch = "x86_64")]
    for (feature, there) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
    ] {
        if there {
            return format!("{arch} with {feature}");
        }
    }
    arch.to_owned()
}

/// Counts all paths. `directory` is for callgrind's files and is emptied first.
pub fn count(directory: &Path) -> Result<Budgets, String> {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let out = directory.join("counts");
    let cpu = answer(
        Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet", "--compress-strings=no"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(format!("--toggle-collect={COUNTED}"))
            .arg(format!("--dump-after={COUNTED}"))
            .env("GLIBC_TUNABLES", TUNABLES)
            .env(NO_PURGE.0, NO_PURGE.1)
            .arg(this)
            .arg("run"),
    )?;
    let valgrind = answer(Command::new("valgrind").arg("--version"))?;
    let libc = answer(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let mut paths = Vec::new();
    for (i, path) in hot_paths::<Counter>().into_iter().enumerate() {
        let rounds =
            (1..=ROUNDS).map(|n| total(&directory.join(format!("counts.{}", i * ROUNDS + n))));
        let mut rounds = (rounds.collect::<Option<Vec<u64>>>())
            .ok_or_else(|| format!("callgrind did not count: {}", path.name))?;
        rounds.sort_unstable();
        let runs = RUNS as u64;
        paths.push((path.name.to_owned(), (rounds[ROUNDS / 2] + runs / 2) / runs));
    }
    let machine = format!("{}, {libc}, {valgrind}, {cpu}", env!("COMPILER"));
    Ok(Budgets { machine, paths })
}

fn answer(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_owned();
    let output =
        (command.output()).map_err(|e| format!("{} does not run: {e}", program.display()))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed: {complaint}", program.display()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What callgrind has counted in all functions together.
fn total(dump: &Path) -> Option<u64> {
    let text = fs::read_to_string(dump).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok().filter(|count| *count > 0)
}
