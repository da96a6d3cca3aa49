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

/// All plots of a run, in the order of the report.
pub fn figures(run: &Run) -> Vec<Figure> {
    let mut figures = vec![headline_figure(run)];
    figures.extend(ratios(
        run,
        &[Group::Echo],
        "echo",
        "Echo: CPU of the server",
        "less",
    ));
    let others = [Group::Layers, Group::Fanout, Group::Connect];
    figures.extend(ratios(
        run,
        &others,
        "other-work",
        "More than an echo: CPU",
        "less",
    ));
    figures.extend(ratios(
        run,
        &[Group::SlowReaders],
        "slow-readers",
        "Beside clients that never read",
        "better",
    ));
    figures.extend(memory(run));
    figures.extend(
        run.rows
            .iter()
            .filter(|row| row.group == Group::Latency)
            .filter_map(|row| latency(run, row)),
    );
    figures
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

/// The ratio bars of some groups, in as many figures as it takes.
fn ratios(run: &Run, groups: &[Group], name: &str, title: &str, verb: &str) -> Vec<Figure> {
    let rows: Vec<&Row> = run
        .rows
        .iter()
        .filter(|row| groups.contains(&row.group) && row.cell(&run.subject).is_some())
        .collect();
    let figures = rows.len().div_ceil(MOST_BARS).max(1);
    let each = rows.len().div_ceil(figures).max(1);
    let mut drawn = Vec::new();
    for (index, rows) in rows.chunks(each).enumerate() {
        let others = others(run, rows);
        let bars: Vec<Bar> = rows
            .iter()
            .filter_map(|row| bar(run, row, &others))
            .collect();
        if bars.is_empty() {
            continue;
        }
        let (number, file) = match (figures, index) {
            (1, _) => (String::new(), format!("{name}.svg")),
            (_, index) => (
                format!(" ({} of {figures})", index + 1),
                format!("{name}-{}.svg", index + 1),
            ),
        };
        let figure = Bars {
            title: format!("{title}{number}"),
            scale: format!(
                "Times {verb} than with {}, logarithmic",
                run.title(&run.reference)
            ),
            subject: subject(run),
            reference: run.title(&run.reference),
            others: others
                .iter()
                .map(|id| (series(run, id), run.title(id)))
                .collect(),
            bars,
        };
        drawn.push(Figure {
            file,
            groups: groups.to_vec(),
            alternative: spoken(&figure),
            svg: figure.draw(),
        });
    }
    drawn
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

fn memory(run: &Run) -> Option<Figure> {
    let stack = |row: &Row, id: &str| {
        let cell = row.cell(id)?;
        Some(Stack {
            series: series(run, id),
            name: short(&run.title(id)),
            user: cell.median,
            kernel: kernel(cell),
        })
    };
    let rows = run.rows.iter().filter(|row| row.group == Group::Memory);
    let groups: Vec<StackGroup> = rows
        .map(|row| {
            let stacks = [&run.subject, &run.reference]
                .iter()
                .filter_map(|id| stack(row, id))
                .collect();
            StackGroup {
                label: row.title.clone(),
                stacks,
            }
        })
        .filter(|group| !group.stacks.is_empty())
        .collect();
    let scale = "KiB of the server's memory for each idle connection".to_owned();
    let figure = Stacks {
        title: "Memory of an idle connection".to_owned(),
        scale,
        groups,
    };
    let alternative = format!(
        "Bars: {}, {} and {}.",
        figure.scale,
        run.title(&run.subject),
        run.title(&run.reference)
    );
    let shown = !figure.groups.is_empty();
    shown.then(|| Figure {
        file: "memory.svg".to_owned(),
        groups: vec![Group::Memory],
        alternative,
        svg: figure.draw(),
    })
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
        title: "Latency".to_owned(),
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
    let file = format!("latency-{}.svg", row.id);
    (!figure.curves.is_empty()).then(|| Figure {
        file,
        groups: vec![Group::Latency],
        alternative,
        svg: figure.draw(),
    })
}

fn curve(run: &Run, cell: &Cell) -> Option<Curve> {
    let latency = cell
        .latency
        .as_ref()
        .filter(|latency| !latency.curve.is_empty())?;
    Some(Curve {
        series: series(run, &cell.server),
        name: short(&run.title(&cell.server)),
        points: latency
            .curve
            .iter()
            .map(|[percentile, time]| (percentile / 100.0, *time))
            .collect(),
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
