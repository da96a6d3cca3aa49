//! Where the run took place: processor, memory, kernel, system, time and versions.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::results::{Machine, Version};

/// The packages of the lock file that bare servers are made of, and what farrier stands on.
const CRATES: [&str; 7] = [
    "tokio-tungstenite",
    "fastwebsockets",
    "tokio",
    "hyper",
    "rustls",
    "zlib-rs",
    "rustler",
];

const LOCK: &str = include_str!("../../../Cargo.lock");

const UNKNOWN: &str = "unknown";

/// This machine.
pub fn machine() -> Machine {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let memory = field("/proc/meminfo", "MemTotal:", ':');
    let kib = memory.split_whitespace().next().map(str::parse::<u64>);
    Machine {
        cpu: field("/proc/cpuinfo", "model name", ':'),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mib: kib.and_then(Result::ok).unwrap_or(0) / 1024,
        kernel: format!("{} {}", text(uname.sysname()), text(uname.release())),
        os: field("/etc/os-release", "PRETTY_NAME", '=')
            .trim_matches('"')
            .to_owned(),
    }
}

/// The compiler, if it is found, and the crates.
pub fn versions() -> Vec<Version> {
    let version = |name: &str, version: &str| Version {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let mut versions: Vec<Version> = rustc
        .iter()
        .filter_map(|text| text.split_whitespace().nth(1))
        .map(|number| version("rustc", number))
        .collect();
    versions.extend(CRATES.iter().filter_map(|name| {
        let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(version(name, rest.split_once('"')?.0))
    }));
    versions
}

/// The present time in UTC, as RFC 3339.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    rfc3339(since.map_or(0, |time| time.as_secs()))
}

fn field(path: &str, name: &str, separator: char) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with(name))
        .and_then(|line| line.split_once(separator))
        .map_or(UNKNOWN.to_owned(), |(_, value)| value.trim().to_owned())
}

/// Seconds since 1970 as a date of the Gregorian calendar, counted in years that begin in March, so that leap days come last.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_new_year() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(951_868_800), "2000-03-01T00:00:00Z");
        assert_eq!(rfc3339(1_767_225_599), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn the_crates_of_the_bare_servers_are_found() {
        let versions = versions();
        for name in CRATES {
            assert!(versions.iter().any(|v| v.name == name), "{name}");
        }
    }
}
