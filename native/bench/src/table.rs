//! The rows of a run as a table for the terminal.

use std::fmt::Write;

use crate::results::{Cell, Row, Run};

/// All rows, then what is to be known about them.
pub fn table(run: &Run) -> String {
    let mut text = String::new();
    for row in &run.rows {
        push_row(&mut text, row, run);
    }
    for skipped in run.skipped.iter().filter(|skipped| skipped.row.is_none()) {
        push_line(
            &mut text,
            &format!("not run: {}: {}", skipped.server, skipped.reason),
        );
    }
    push_line(&mut text, &run.noise.statement);
    text
}

fn push_row(text: &mut String, row: &Row, run: &Run) {
    let title = format!("{} ({})", row.title, row.unit);
    push_line(
        text,
        &format!(
            "{title:<78} {:>9} {:>9} {:>9} {:>9}",
            "ratio", "per s", "p50 us", "p99 us"
        ),
    );
    for cell in &row.cells {
        push_cell(text, row, cell, run);
    }
    text.push('\n');
}

fn push_cell(text: &mut String, row: &Row, cell: &Cell, run: &Run) {
    let name = run.server(&cell.server).map_or(&*cell.server, |s| &s.title);
    let spread = format!(
        "{}..{}{}",
        readable(cell.low),
        readable(cell.high),
        if cell.noisy { " noisy" } else { "" }
    );
    let ratio = cell
        .ratio
        .map_or(String::new(), |ratio| format!("{ratio:.2}x"));
    let rates: Vec<f64> = cell.samples.iter().filter_map(|s| s.per_second).collect();
    let mut line = format!(
        "  {name:<24} {:>10}  {spread:<38} {ratio:>9}",
        readable(cell.median)
    );
    if let Some(latency) = &cell.latency {
        let rate = crate::statistics::median(&rates);
        for value in [rate, latency.p50, latency.p99] {
            write!(line, " {:>9}", readable(value)).expect("a String takes what it is given");
        }
    }
    if cell.server == run.subject {
        for target in &row.targets {
            let reached = row.ratio(&run.subject, &target.server);
            if reached.is_some_and(|reached| reached < target.ratio) {
                write!(line, "  (meant: {:.2}x {})", target.ratio, target.server)
                    .expect("a String takes what it is given");
            }
        }
    }
    push_line(text, &line);
}

fn push_line(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("a String takes what it is given");
}

fn readable(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_row_and_server_stands_in_the_table() {
        let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sample.json"));
        let run = Run::read(sample).unwrap();
        let text = table(&run);
        assert!(run.rows.iter().all(|row| text.contains(&row.title)));
        let first = text.lines().nth(1).unwrap();
        assert!(first.contains("6.40") && first.contains("1.84x"), "{first}");
        assert!(text.contains(&run.noise.statement));
    }
}
