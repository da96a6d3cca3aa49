//! Budgets: instructions for each hot path on one machine, as a file that people can read.

use std::fmt::{self, Write};

/// How much more than its budget a path may take, in percent.
const TOLERANCE: u64 = 5;

const PREAMBLE: &str = "\
# Instructions that one run of each hot path takes on this machine. Tests fail where one takes 5 % more; those that take
# more for a good reason, or less, are recorded by `make budgets`. docs/performance.md says how it works.
";
/// What the line of the machine begins with.
const MACHINE: &str = "machine: ";

/// Counts, or budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// All that counts depend on besides the code.
    pub machine: String,
    /// Names of paths, with instructions of one run.
    pub paths: Vec<(String, u64)>,
}

impl Budgets {
    /// Reads a file. `None` if it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let machine = lines.next()?.strip_prefix(MACHINE)?.to_owned();
        let paths = lines.map(parse_path).collect::<Option<_>>()?;
        Some(Budgets { machine, paths })
    }

    fn of(&self, path: &str) -> Option<u64> {
        (self.paths.iter()).find_map(|(name, count)| (name == path).then_some(*count))
    }
}

fn parse_path(line: &str) -> Option<(String, u64)> {
    let (count, name) = line.trim_start().split_once(' ')?;
    Some((name.trim_start().to_owned(), count.parse().ok()?))
}

impl fmt::Display for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PREAMBLE}\n{MACHINE}{}\n", self.machine)?;
        for (name, count) in &self.paths {
            writeln!(f, "{count:>9}  {name}")?;
        }
        Ok(())
    }
}

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A line for each path, and the line that counts them.
    pub report: String,
    /// Whether every path keeps its budget.
    pub kept: bool,
}

/// Compares counts with budgets of the same machine.
pub fn compare(budgets: &Budgets, counts: &Budgets) -> Verdict {
    let mut report = String::new();
    let (mut kept, mut exceeded, mut cheaper) = (0, 0, 0);
    for (name, count) in &counts.paths {
        let (good, remark) = judge(budgets.of(name), *count);
        cheaper += usize::from(remark == CHEAPER);
        *(if good { &mut kept } else { &mut exceeded }) += 1;
        let change = change(budgets.of(name), *count);
        let line = format!("{count:>9} {change:>8}  {name}");
        let _ = writeln!(report, "{}{remark}", line.trim_end());
    }
    for (name, _) in (budgets.paths.iter()).filter(|(name, _)| counts.of(name).is_none()) {
        exceeded += 1;
        let _ = writeln!(
            report,
            "{:>9} {:>8}  {name}: has a budget but is not measured",
            "", ""
        );
    }
    if exceeded > 0 {
        report += "A path that takes more for a good reason, a new one or one that is gone: make budgets\n";
    } else if cheaper > 0 {
        report += "Keep what was gained: make budgets\n";
    }
    let _ = writeln!(report, "budgets: {kept} kept, {exceeded} exceeded");
    let kept = exceeded == 0;
    Verdict { report, kept }
}

const CHEAPER: &str = ": cheaper than its budget";

fn judge(budget: Option<u64>, count: u64) -> (bool, &'static str) {
    match budget {
        None => (false, ": has no budget"),
        Some(budget) if count * 100 > budget * (100 + TOLERANCE) => {
            (false, ": MORE THAN ITS BUDGET ALLOWS")
        }
        Some(budget) if count * (100 + TOLERANCE) < budget * 100 => (true, CHEAPER),
        Some(_) => (true, ""),
    }
}

fn change(budget: Option<u64>, count: u64) -> String {
    match budget {
        Some(budget) if budget > 0 => {
            let percent = (count as f64 / budget as f64 - 1.0) * 100.0;
            // No minus before a zero.
            format!("{:+.1} %", if percent.abs() < 0.05 { 0.0 } else { percent })
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(paths: &[(&str, u64)]) -> Budgets {
        Budgets {
            machine: "rustc 1.95.0, x86_64".to_owned(),
            paths: (paths.iter())
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        }
    }

    fn kept(budgets: &[(&str, u64)], now: &[(&str, u64)]) -> bool {
        compare(&counts(budgets), &counts(now)).kept
    }

    #[test]
    fn a_file_reads_as_it_was_written() {
        let budgets = counts(&[("decode a text", 123), ("send 16 texts", 4_567_890)]);
        assert_eq!(Budgets::parse(&budgets.to_string()), Some(budgets));
        assert_eq!(
            Budgets::parse("machine: x\n\n  many  decode a text\n"),
            None
        );
        assert_eq!(Budgets::parse("decode a text"), None);
    }

    #[test]
    fn five_percent_more_are_allowed_and_not_an_instruction_beyond() {
        assert!(kept(&[("path", 1000)], &[("path", 1050)]));
        assert!(!kept(&[("path", 1000)], &[("path", 1051)]));
        assert!(kept(&[("path", 1000)], &[("path", 10)]));
    }

    #[test]
    fn one_path_too_dear_is_one_too_many() {
        let budgets = [("a", 100), ("b", 100)];
        let verdict = compare(&counts(&budgets), &counts(&[("a", 50), ("b", 106)]));
        assert!(!verdict.kept);
        assert!(verdict.report.ends_with("budgets: 1 kept, 1 exceeded\n"));
        assert!(verdict.report.contains("+6.0 %  b: MORE"));
    }

    #[test]
    fn a_path_without_a_budget_and_a_budget_without_a_path_are_found() {
        assert!(!kept(&[("a", 100)], &[("a", 100), ("b", 1)]));
        assert!(!kept(&[("a", 100), ("b", 1)], &[("a", 100)]));
    }

    #[test]
    fn what_was_gained_is_to_be_recorded() {
        let verdict = compare(&counts(&[("a", 100)]), &counts(&[("a", 90)]));
        assert!(verdict.kept && verdict.report.contains("make budgets"));
        let verdict = compare(&counts(&[("a", 100)]), &counts(&[("a", 96)]));
        assert!(verdict.kept && !verdict.report.contains("make budgets"));
    }
}
