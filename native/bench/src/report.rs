//! The report of a run: a page of Markdown with plots, the run itself as JSON, and the headline for the README.
//!
//! Nothing is measured here, and the same run always gives the same report.

pub mod command;
pub mod document;
pub mod fairness;
pub mod figures;
pub mod format;
pub mod readme;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::results::{Row, Run};

/// The rows of the headline: each kind of work once, also where little is gained.
const HEADLINE: [&str; 8] = [
    "echo-64-c50-d1",
    "echo-64-c50-d16",
    "echo-1k-c50-d1",
    "echo-16k-c50-d1",
    "fanout-256-c1000-w1",
    "connect-c50",
    "latency-64-c1-d1",
    "idle-open",
];

/// Writes `report.md`, its plots and `report.json` into a directory, which is made where it is missing.
pub fn write(run: &Run, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("{} can't be made", directory.display()))?;
    let figures = figures::figures(run);
    let page = directory.join("report.md");
    if let Ok(former) = fs::read_to_string(&page) {
        remove_figures(&former, directory)?;
    }
    for figure in &figures {
        put(&directory.join(&figure.file), &figure.svg)?;
    }
    put(&page, &document::document(run, &figures))?;
    run.write(&directory.join("report.json"))
}

/// Replaces the part of a README that lies between its two comments about the benchmark.
pub fn update_readme(run: &Run, readme: &Path) -> Result<()> {
    let name = readme.display();
    let text = fs::read_to_string(readme).with_context(|| format!("{name} can't be read"))?;
    let updated = readme::replaced(&text, &readme::headline(run))
        .with_context(|| format!("{name} can't be updated"))?;
    put(readme, &updated)
}

/// Removes the plots that a former page shows: a run with other rows has others.
fn remove_figures(page: &str, directory: &Path) -> Result<()> {
    for link in page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        let path = directory.join(link);
        if link.ends_with(".svg") && !link.contains('/') && path.exists() {
            fs::remove_file(&path)
                .with_context(|| format!("{} can't be removed", path.display()))?;
        }
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))
}

/// The rows of the headline; those of the whole run that have a target, where a run has none of them.
fn headline(run: &Run) -> Vec<&Row> {
    let chosen: Vec<&Row> = HEADLINE
        .iter()
        .filter_map(|id| run.rows.iter().find(|row| row.id == *id))
        .collect();
    if chosen.is_empty() {
        let with_target = run.rows.iter().filter(|row| !row.targets.is_empty());
        return with_target.take(HEADLINE.len()).collect();
    }
    chosen
}

impl Run {
    /// The name of a server for people.
    fn title(&self, id: &str) -> String {
        self.server(id)
            .map_or_else(|| id.to_owned(), |server| server.title.clone())
    }

    /// The least and the greatest ratio of the subject to another server that the rounds allow.
    fn range(&self, row: &Row, other: &str) -> Option<(f64, f64)> {
        let (own, other) = (row.cell(&self.subject)?, row.cell(other)?);
        Some(match row.better {
            crate::results::Better::Lower => (other.low / own.high, other.high / own.low),
            crate::results::Better::Higher => (own.low / other.high, own.high / other.low),
        })
    }

    /// What the subject was meant to reach against another server.
    fn target(&self, row: &Row, other: &str) -> Option<f64> {
        row.targets
            .iter()
            .find(|target| target.server == other)
            .map(|target| target.ratio)
    }
}

/// The value in the middle; none of no values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (
        values.get(values.len().checked_sub(1)? / 2)?,
        values.get(values.len() / 2)?,
    );
    Some(f64::midpoint(*low, *high))
}
