//! Medians, spread and ratios of the samples, as a table for people.

use std::fmt::Write;

use crate::benchmark::{Figures, Sample};

/// A spread above this share of the median makes a figure noisy.
const NOISY_SPREAD: f64 = 0.25;

/// Other processes that use more than this many cores make a figure noisy.
const NOISY_CORES: f64 = 0.2;

/// The figures of one row and server, over all rounds.
struct Summary<'s> {
    row: &'s str,
    server: &'s str,
    /// What is compared: CPU or memory
    cost: Vec<f64>,
    /// Further columns in the order of the table
    others: Vec<f64>,
    other_cores: f64,
}

/// The tables of all samples; costs are given as multiples of what `subject` costs.
pub fn tables(samples: &[Sample], subject: &str) -> String {
    let is_idle = |sample: &&Sample| matches!(sample.figures, Figures::Idle(_));
    let (idle, rate): (Vec<&Sample>, Vec<&Sample>) = samples.iter().partition(is_idle);
    let mut text = String::new();
    if !rate.is_empty() {
        let columns = ["CPU us", "per s", "p50 us", "p99 us", "client us"];
        table(&mut text, &columns, &summaries(&rate), subject);
    }
    if !idle.is_empty() {
        text.push('\n');
        let columns = ["PSS KiB", "echoed", "RSS KiB", "echoed"];
        table(&mut text, &columns, &summaries(&idle), subject);
    }
    text
}

fn summaries<'s>(samples: &[&'s Sample]) -> Vec<Summary<'s>> {
    let mut rows: Vec<Summary> = Vec::new();
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for sample in samples {
        let key = (sample.row.as_str(), sample.server.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    // The order of the first round is the order of the report.
    for (row, server) in keys {
        let own = samples
            .iter()
            .filter(|s| s.row == row && s.server == server);
        let columns: Vec<Vec<f64>> = own.clone().map(|s| columns(&s.figures)).collect();
        let column = |index: usize| columns.iter().map(|c| c[index]).collect::<Vec<f64>>();
        let others = (1..columns[0].len()).map(|i| median(&column(i))).collect();
        let other_cores = median(&own.map(|s| other_cores(&s.figures)).collect::<Vec<f64>>());
        let cost = column(0);
        rows.push(Summary {
            row,
            server,
            cost,
            others,
            other_cores,
        });
    }
    rows
}

fn columns(figures: &Figures) -> Vec<f64> {
    match figures {
        Figures::Rate(r) => vec![
            r.server_cpu_us,
            r.per_second,
            r.p50_us,
            r.p99_us,
            r.client_cpu_us,
        ],
        Figures::Idle(i) => vec![
            i.handshake_pss_kib,
            i.echo_pss_kib,
            i.handshake_rss_kib,
            i.echo_rss_kib,
        ],
    }
}

fn other_cores(figures: &Figures) -> f64 {
    match figures {
        Figures::Rate(rate) => rate.other_cores,
        Figures::Idle(_) => 0.0,
    }
}

fn table(text: &mut String, columns: &[&str], rows: &[Summary], subject: &str) {
    let header: String = columns.iter().map(|name| format!(" {name:>10}")).collect();
    push_line(
        text,
        format!(
            "{:<20} {:<24}{header} {:>7} {:>8}",
            "row", "server", "spread", "ratio"
        ),
    );
    for row in rows {
        let reference = rows
            .iter()
            .find(|r| r.row == row.row && r.server == subject);
        let ratio = reference.map_or("-".to_owned(), |r| {
            format!("{:.2}x", median(&row.cost) / median(&r.cost))
        });
        let cells: String = std::iter::once(median(&row.cost))
            .chain(row.others.iter().copied())
            .map(|value| format!(" {:>10}", readable(value)))
            .collect();
        let mark = if row.is_noisy() { "!" } else { "" };
        let spread = format!("{:.0} %{mark}", spread(&row.cost) * 100.0);
        push_line(
            text,
            format!(
                "{:<20} {:<24}{cells} {spread:>7} {ratio:>8}",
                row.row, row.server
            ),
        );
    }
    complain(text, rows);
}

impl Summary<'_> {
    fn is_noisy(&self) -> bool {
        spread(&self.cost) > NOISY_SPREAD || self.other_cores > NOISY_CORES
    }
}

fn complain(text: &mut String, rows: &[Summary]) {
    let noisy = rows.iter().filter(|row| row.is_noisy()).count();
    if noisy > 0 {
        let most = rows.iter().map(|row| row.other_cores).fold(0.0, f64::max);
        let all = rows.len();
        push_line(
            text,
            format!(
                "NOISY: {noisy} of {all} figures, marked !, are not to be relied on: their rounds differ by more than {:.0} %, \
                 or other processes used more than {NOISY_CORES} cores meanwhile (up to {most:.1}).",
                NOISY_SPREAD * 100.0
            ),
        );
    }
}

fn push_line(text: &mut String, line: String) {
    writeln!(text, "{}", line.trim_end()).expect("a String takes what it is given");
}

fn readable(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// The distance of the largest from the smallest, as a share of the median.
fn spread(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::MIN, f64::max);
    let smallest = values.iter().copied().fold(f64::MAX, f64::min);
    (largest - smallest) / median(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modes::Rate;

    fn sample(server: &str, round: usize, cpu: f64, other_cores: f64) -> Sample {
        let figures = Figures::Rate(Rate {
            operations: 1.0,
            per_second: 1.0,
            server_cpu_us: cpu,
            client_cpu_us: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
            other_cores,
        });
        let (row, server) = ("C1 D1 64 text".to_owned(), server.to_owned());
        Sample {
            row,
            server,
            round,
            figures,
        }
    }

    #[test]
    fn a_cost_is_given_as_a_multiple_of_the_subjects_median() {
        let samples: Vec<Sample> = [(1, 10.0), (2, 11.0), (3, 10.5)]
            .iter()
            .flat_map(|&(round, cpu)| {
                [
                    sample("cowboy", round, cpu * 2.0, 0.0),
                    sample("farrier", round, cpu, 0.0),
                ]
            })
            .collect();
        let text = tables(&samples, "farrier");
        let line = text.lines().find(|line| line.contains("cowboy")).unwrap();
        assert!(line.contains(" 21.0 ") && line.ends_with("2.00x"), "{line}");
        assert!(!text.contains("NOISY"));
    }

    #[test]
    fn noise_is_said_aloud() {
        let spread = tables(&[sample("a", 1, 10.0, 0.0), sample("a", 2, 20.0, 0.0)], "a");
        assert!(
            spread.contains("67 %!") && spread.contains("NOISY: 1 of 1"),
            "{spread}"
        );
        let busy = tables(&[sample("a", 1, 10.0, 0.5)], "a");
        assert!(
            busy.contains("0 %!") && busy.contains("(up to 0.5)"),
            "{busy}"
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }
}
