//! Which plots a run gets, and what is on them.

use crate::plot::Series;
use crate::plot::bars::{Bar, Bars, times};
use crate::plot::curves::{Curve, Curves};
use crate::plot::stacks::{Group as StackGroup, Stack, Stacks};
use crate::results::{Cell, Family, Group, Row, Run};

use super::headline;

/// More bars than this make a figure too long for a phone.
const MOST_BARS: usize = 8;

/// A plot of the report.
pub struct Figure {
    /// Name of its file
    pub file: String,
    /// The groups of rows that it shows, none for the headline
    pub groups: Vec<Group>,
    /// What it shows, for those who do not see it
    pub alternative: String,
    /// The SVG
    pub svg: String,
}

/// Rows whose ratios are shown together.
struct Topic {
    groups: &'static [Group],
    /// Of its files
    name: &'static str,
    title: &'static str,
    /// What it is to be above 1
    verb: &'static str,
}

const TOPICS: [Topic; 4] = [
    Topic {
        groups: &[Group::Echo],
        name: "echo",
        title: "Echo: CPU of the server",
        verb: "less",
    },
    Topic {
        groups: &[Group::Layers, Group::Fanout, Group::Connect],
        name: "other-work",
        title: "More than an echo: CPU",
        verb: "less",
    },
    Topic {
        groups: &[Group::Latency],
        name: "latency",
        title: "Waiting for an answer",
        verb: "less",
    },
    Topic {
        groups: &[Group::SlowReaders],
        name: "slow-readers",
        title: "Beside clients that never read",
        verb: "better",
    },
];

/// All plots of a run.
pub fn figures(run: &Run) -> Vec<Figure> {
    let mut figures = vec![headline_figure(run)];
    figures.extend(TOPICS.iter().flat_map(|topic| ratios(run, topic)));
    figures.extend(memory(run));
    figures.extend(timed(run).filter_map(|row| latency(run, row)));
    figures
}

/// The rows whose percentiles are shown.
pub fn timed(run: &Run) -> impl Iterator<Item = &Row> {
    let rows = run.rows.iter().filter(|row| row.group == Group::Latency);
    rows.filter(|row| row.unit == "µs")
}

/// Items in parts of at most `most`, each with the title and the file of its figure.
fn split<'i, T>(
    items: &'i [T],
    most: usize,
    title: &str,
    name: &str,
) -> Vec<(String, String, &'i [T])> {
    let parts = items.len().div_ceil(most).max(1);
    let each = items.len().div_ceil(parts).max(1);
    let numbered = items.chunks(each).enumerate().map(|(index, items)| {
        let number = index + 1;
        match parts {
            1 => (title.to_owned(), format!("{name}.svg"), items),
            _ => (
                format!("{title} {number}/{parts}"),
                format!("{name}-{number}.svg"),
                items,
            ),
        }
    });
    numbered.collect()
}

fn headline_figure(run: &Run) -> Figure {
    let title = format!(
        "{} against {}",
        run.title(&run.subject),
        run.title(&run.reference)
    );
    let rows = headline(run);
    let bars = rows.iter().filter_map(|row| bar(run, row, &[])).collect();
    let scale = format!(
        "Times less CPU, time or memory than with {}, logarithmic",
        run.title(&run.reference)
    );
    let figure = Bars {
        title,
        scale,
        subject: subject(run),
        reference: run.title(&run.reference),
        others: Vec::new(),
        bars,
    };
    Figure {
        file: "headline.svg".to_owned(),
        groups: Vec::new(),
        alternative: spoken(&figure),
        svg: figure.draw(),
    }
}

/// The ratio bars of a topic, in as many figures as it takes.
fn ratios(run: &Run, topic: &Topic) -> Vec<Figure> {
    let own = run
        .rows
        .iter()
        .filter(|row| topic.groups.contains(&row.group));
    let rows: Vec<&Row> = own
        .filter(|row| row.ratio(&run.subject, &run.reference).is_some())
        .collect();
    let parts = split(&rows, MOST_BARS, topic.title, topic.name).into_iter();
    parts
        .map(|(title, file, rows)| {
            let others = others(run, rows);
            let figure = Bars {
                title,
                scale: format!(
                    "Times {} than with {}, logarithmic",
                    topic.verb,
                    run.title(&run.reference)
                ),
                subject: subject(run),
                reference: run.title(&run.reference),
                bars: rows
                    .iter()
                    .filter_map(|row| bar(run, row, &others))
                    .collect(),
                others: others
                    .iter()
                    .map(|id| (series(run, id), run.title(id)))
                    .collect(),
            };
            Figure {
                file,
                groups: topic.groups.to_vec(),
                alternative: spoken(&figure),
                svg: figure.draw(),
            }
        })
        .collect()
}

/// The servers that get a marker: those measured in any of the rows, but for the subject and the reference.
fn others<'r>(run: &'r Run, rows: &[&Row]) -> Vec<&'r str> {
    let ids = run.servers.iter().map(|server| server.id.as_str());
    ids.filter(|id| *id != run.subject && *id != run.reference)
        .filter(|id| rows.iter().any(|row| row.cell(id).is_some()))
        .collect()
}

fn bar(run: &Run, row: &Row, others: &[&str]) -> Option<Bar> {
    Some(Bar {
        label: row.title.clone(),
        ratio: row.ratio(&run.subject, &run.reference)?,
        range: run.range(row, &run.reference)?,
        target: run.target(row, &run.reference),
        others: others
            .iter()
            .filter_map(|id| Some((series(run, id), row.ratio(id, &run.reference)?)))
            .collect(),
        noisy: [&run.subject, &run.reference]
            .iter()
            .any(|id| row.cell(id).is_some_and(|cell| cell.noisy)),
    })
}

/// The memory of subject and reference, side by side.
fn memory(run: &Run) -> Vec<Figure> {
    let rows = run.rows.iter().filter(|row| row.group == Group::Memory);
    let groups: Vec<StackGroup> = rows
        .map(|row| stacks(run, row))
        .filter(|group| !group.stacks.is_empty())
        .collect();
    let parts = split(
        &groups,
        MOST_BARS / 2,
        "Memory of an idle connection",
        "memory",
    )
    .into_iter();
    parts
        .map(|(title, file, groups)| {
            let figure = Stacks {
                title,
                scale: "KiB of the server for each idle connection".to_owned(),
                groups: groups.to_vec(),
            };
            Figure {
                file,
                groups: vec![Group::Memory],
                alternative: figure.description(),
                svg: figure.draw(),
            }
        })
        .collect()
}

fn stacks(run: &Run, row: &Row) -> StackGroup {
    let stack = |id: &String| {
        let cell = row.cell(id)?;
        Some(Stack {
            series: series(run, id),
            name: short(&run.title(id)),
            user: cell.median,
            kernel: kernel(cell),
        })
    };
    StackGroup {
        label: row.title.clone(),
        stacks: [&run.subject, &run.reference]
            .into_iter()
            .filter_map(stack)
            .collect(),
    }
}

/// Median of what the kernel holds for a connection, in KiB.
pub fn kernel(cell: &Cell) -> f64 {
    let memories = cell
        .samples
        .iter()
        .filter_map(|sample| sample.memory.as_ref());
    super::median(
        memories
            .map(|memory| memory.socket_buffers + memory.kernel_structures)
            .collect(),
    )
    .unwrap_or(0.0)
}

fn latency(run: &Run, row: &Row) -> Option<Figure> {
    let curves: Vec<Curve> = row
        .cells
        .iter()
        .filter_map(|cell| curve(run, cell))
        .collect();
    let figure = Curves {
        title: "Latency by percentile".to_owned(),
        scale: row.title.clone(),
        curves,
    };
    let names: Vec<&str> = figure
        .curves
        .iter()
        .map(|curve| curve.name.as_str())
        .collect();
    let alternative = format!(
        "Curves of latency over percentiles: {}; {}.",
        row.title,
        names.join(", ")
    );
    let file = format!("curve-{}.svg", row.id);
    (!figure.curves.is_empty()).then(|| Figure {
        file,
        groups: vec![Group::Latency],
        alternative,
        svg: figure.draw(),
    })
}

/// The curve of a server, as far to the right as there were messages enough.
fn curve(run: &Run, cell: &Cell) -> Option<Curve> {
    let latency = cell.latency.as_ref()?;
    let last = (100.0 - 100.0 / latency.count.max(1) as f64).min(99.99);
    let points = latency
        .curve
        .iter()
        .filter(|[percentile, _]| *percentile <= last);
    let points: Vec<(f64, f64)> = points
        .map(|[percentile, time]| (percentile / 100.0, *time))
        .collect();
    (!points.is_empty()).then(|| Curve {
        series: series(run, &cell.server),
        name: short(&run.title(&cell.server)),
        points,
    })
}

/// The look of a server, the same in every figure.
fn series(run: &Run, id: &str) -> Series {
    let looks: &[usize] = match run.server(id).map(|server| server.family) {
        Some(Family::Farrier) => &[0, 1],
        Some(Family::Cowboy) => &[2, 3, 6],
        Some(Family::Bare) | None => &[4, 5],
    };
    let family = run.server(id).map(|server| server.family);
    let before = run
        .servers
        .iter()
        .filter(|server| Some(server.family) == family);
    let place = before.take_while(|server| server.id != id).count();
    Series::new(looks[place % looks.len()])
}

fn subject(run: &Run) -> (Series, String) {
    (series(run, &run.subject), run.title(&run.subject))
}

/// A title as long as there is room for beside a bar.
fn short(title: &str) -> String {
    title.strip_prefix("tokio-").unwrap_or(title).to_owned()
}

fn spoken(figure: &Bars) -> String {
    let bars = figure
        .bars
        .iter()
        .map(|bar| format!("{}: {}", bar.label, times(bar.ratio)));
    format!("{}. {}.", figure.scale, bars.collect::<Vec<_>>().join("; "))
}
