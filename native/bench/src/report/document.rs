//! The page: what came out, where, how, and how far it can be believed.

use crate::plot::bars::{times, trimmed};
use crate::results::{Cell, Group, Row, Run};

use super::figures::{Figure, kernel, timed};
use super::format::{Table, code, minutes, number, plain};
use super::{fairness, headline, median};

/// What follows a figure that is not to be relied on.
pub const NOISY: &str = " †";

/// The whole page.
pub fn document(run: &Run, figures: &[Figure]) -> String {
    let mut parts = vec![
        format!(
            "# {} against {}",
            plain(&run.title(&run.subject)),
            plain(&run.title(&run.reference))
        ),
        in_short(run),
        images(figures, &[]),
        headline_table(run),
        "## Where it was measured".to_owned(),
        machine(run),
        "## Can it be relied on?".to_owned(),
        noise(run),
    ];
    for (groups, heading, text) in SECTIONS {
        parts.extend(section(run, figures, groups, heading, text));
    }
    parts.extend(bare(run));
    parts.extend(rates(run));
    parts.push(fairness::section(run));
    parts.push(METHOD.to_owned());
    parts.extend(skipped(run));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n").replace("\n\n\n", "\n\n") + "\n"
}

const SECTIONS: [(&[Group], &str, &str); 5] = [
    (
        &[Group::Echo],
        "Echo",
        "Depth is the number of messages in flight on each connection; where none is named, it is 1.",
    ),
    (
        &[Group::Layers, Group::Fanout, Group::Connect],
        "More than an echo",
        "The echo through one more layer; broadcasts, in which one client publishes and each handler process sends what `websocket_info` gives it, \
         the next message once all have the last one (window 1); and connections that come, echo once and go.",
    ),
    (
        &[Group::Memory],
        "Memory of an idle connection",
        "Proportional set size (PSS) of all processes of the server, above the same server without connections. What the kernel \
         keeps for the two sockets of a connection, the client's and the server's, comes on top; it is read from the whole \
         machine's counters, so it is coarse, and it is about the same for all.",
    ),
    (
        &[Group::Latency],
        "Latency",
        "Rows at a fixed rate count from the moment at which a message was due, not from when it could be sent, so that a \
         server that stalls does not hide it (no coordinated omission). The others are closed loops: a message is sent when the last one is back.",
    ),
    (
        &[Group::SlowReaders],
        "Clients that do not read",
        "Clients that send and never read fill their connection until the server takes no more. What that does to the others, and \
         what the server holds for each.",
    ),
];

const METHOD: &str = "## How it was measured

- CPU: user and system time of all processes of a server and of all their threads, from `/proc`, over the operations done. \
Client and server share the machine, so rates depend on what the client leaves over; CPU per operation hardly does.
- Every figure is the median of the rounds; the small numbers are the least and the greatest. In each round every row is measured \
against every server in turn, each time against a fresh process, after a warm-up; who comes first changes from round to round.
- A ratio is the other server's median over farrier's, rounded down; for rates it is the other way round, so that more is always better. Its range \
sets the best round of the one against the worst of the other.
- Requests are as large as a browser's, frames are masked with keys that are not zero, and replies are compared with what was \
sent. A wrong, missing or reordered reply ends the measurement, which then has no figure.
- The load generator is one thread over epoll; its own CPU time is in [report.json](report.json), with every single round.

`make bench` repeats all this; `bench/README.md` names the settings. `farrier-bench report --json report.json --out DIR` draws \
this page again from the JSON.";

fn in_short(run: &Run) -> String {
    let reached = |row: &Row| {
        let target = run.target(row, &run.reference)?;
        Some(row.ratio(&run.subject, &run.reference)? >= target)
    };
    let verdicts: Vec<bool> = run.rows.iter().filter_map(reached).collect();
    let (met, all) = (verdicts.iter().filter(|met| **met).count(), verdicts.len());
    let mut parts = Vec::new();
    if run.options.quick {
        parts.push("**A short run, for a first impression.**".to_owned());
    }
    if run.noise.too_noisy {
        parts.push("**It was too noisy to be relied on.**".to_owned());
    }
    parts.push("The same handlers on both, in one run on one machine, in turn.".to_owned());
    if all > 0 {
        parts.push(format!(
            "{met} of {all} targets against {} are met.",
            plain(&run.title(&run.reference))
        ));
    }
    let (noisy, cells) = (run.noise.noisy_cells, run.noise.cells);
    parts.push(format!("{noisy} of {cells} figures are noisy. All of them, for machines: [report.json](report.json)."));
    parts.join(" ")
}

fn images(figures: &[Figure], groups: &[Group]) -> String {
    let shown = figures.iter().filter(|figure| figure.groups == groups);
    shown
        .map(|figure| format!("![{}]({})", plain(&figure.alternative), figure.file))
        .collect::<Vec<_>>()
        .join("\n")
}

fn headline_table(run: &Run) -> String {
    let (subject, reference) = (run.title(&run.subject), run.title(&run.reference));
    let mut table = Table::new(&[
        "",
        &plain(&subject),
        &plain(&reference),
        "ratio",
        "its range",
        "target",
        "met",
    ]);
    for row in headline(run) {
        let values = [&run.subject, &run.reference]
            .map(|id| row.cell(id).map_or(String::new(), |c| measured(row, c)));
        let [own, other] = values;
        let (ratio, range, target, met) = verdict(run, row, &run.reference);
        table.row(&[plain(&row.title), own, other, ratio, range, target, met]);
    }
    table.finish()
}

/// A median with its unit.
pub fn measured(row: &Row, cell: &Cell) -> String {
    // In a rate the operation belongs to the unit; elsewhere the row's title names it.
    let unit = match row.unit.split_once('/') {
        Some((unit, operation)) if operation != "s" => unit,
        _ => row.unit.as_str(),
    };
    let mark = if cell.noisy { NOISY } else { "" };
    // No line break between a number and its unit.
    format!("{} {unit}{mark}", number(cell.median)).replace(' ', "\u{a0}")
}

/// Ratio, its range, target, and whether it is met.
fn verdict(run: &Run, row: &Row, other: &str) -> (String, String, String, String) {
    let ratio = row.ratio(&run.subject, other);
    let target = run.target(row, other);
    let range = run.range(row, other).map_or(String::new(), |(low, high)| {
        format!("{}\u{a0}to {}", times(low), times(high))
    });
    let met = match (ratio, target) {
        (Some(ratio), Some(target)) if ratio >= target => "yes",
        (Some(_), Some(_)) => "**no**",
        _ => "",
    };
    let text = |value: Option<f64>, show: fn(f64) -> String| value.map(show).unwrap_or_default();
    (
        text(ratio, times),
        range,
        text(target, |t| format!("{}×", trimmed(t))),
        met.to_owned(),
    )
}

fn machine(run: &Run) -> String {
    let machine = &run.machine;
    let options = &run.options;
    let flags = if options.vm_flags.is_empty() {
        "none: the VM's defaults".to_owned()
    } else {
        code(&options.vm_flags)
    };
    let versions: Vec<String> = run
        .versions
        .iter()
        .map(|v| format!("{} {}", v.name, v.version))
        .collect();
    let rows = if options.row.is_empty() {
        String::new()
    } else {
        format!(", only rows with {}", code(&options.row))
    };
    let gibibytes = machine.memory_mib as f64 / 1024.0;
    let mut table = Table::text(&["", ""]);
    for (name, value) in [
        ("date", plain(&run.started)),
        ("command", code(&run.command)),
        (
            "processor",
            format!("{}, {} cores", plain(&machine.cpu), machine.cores),
        ),
        ("memory", format!("{gibibytes:.0} GiB")),
        (
            "system",
            format!("{}, {}", plain(&machine.os), plain(&machine.kernel)),
        ),
        ("versions", plain(&versions.join(", "))),
        ("flags of all VMs", flags),
        (
            "rounds",
            format!(
                "{} of {} s for each row and server{rows}; {} in all",
                options.rounds,
                trimmed(options.seconds),
                minutes(run.took)
            ),
        ),
    ] {
        table.row(&[name.to_owned(), value]);
    }
    let mut servers = Table::text(&["server", "what it is", "started by"]);
    for server in &run.servers {
        servers.row(&[
            plain(&server.title),
            plain(&server.description),
            code(&server.command),
        ]);
    }
    format!(
        "{}\n\n{}",
        table.finish().trim_end(),
        servers.finish().trim_end()
    )
}

fn noise(run: &Run) -> String {
    let statement = plain(&run.noise.statement);
    let mark = format!("The mark of a noisy figure is{NOISY}.");
    match (run.noise.too_noisy, run.noise.noisy_cells) {
        (true, _) => format!("**No.** {statement} {mark}"),
        (false, 0) => statement,
        (false, _) => format!("{statement} {mark}"),
    }
}

fn section(
    run: &Run,
    figures: &[Figure],
    groups: &[Group],
    heading: &str,
    text: &str,
) -> Option<String> {
    let rows: Vec<&Row> = run
        .rows
        .iter()
        .filter(|row| groups.contains(&row.group))
        .collect();
    let first = rows.first()?;
    let one_unit = rows.iter().all(|row| row.unit == first.unit);
    let mut parts = vec![
        format!("## {heading}"),
        text.to_owned(),
        images(figures, groups),
    ];
    parts.push(group_table(
        run,
        &rows,
        one_unit.then_some(first.unit.as_str()),
    ));
    match groups {
        [Group::Latency] => parts.extend(timed(run).filter_map(|row| percentiles(run, row))),
        [Group::Memory] => parts.push(kernel_table(run, &rows)),
        _ => {}
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join("\n\n"))
}

/// A row for each row, a column for each server that was measured in any of them.
fn group_table(run: &Run, rows: &[&Row], unit: Option<&str>) -> String {
    let servers: Vec<&str> = measured_servers(run, rows);
    let mut heads = vec![unit.map_or(String::new(), plain)];
    heads.extend(servers.iter().map(|id| plain(&run.title(id))));
    heads.extend([
        format!(
            "{} / {}",
            plain(&run.title(&run.reference)),
            plain(&run.title(&run.subject))
        ),
        "target".to_owned(),
        "met".to_owned(),
    ]);
    let mut table = Table::new(&heads);
    for row in rows {
        let title = if unit.is_some() {
            plain(&row.title)
        } else {
            format!("{}, {}", plain(&row.title), plain(&row.unit))
        };
        let mut cells = vec![title];
        cells.extend(
            servers
                .iter()
                .map(|id| row.cell(id).map_or(String::new(), with_range)),
        );
        let (ratio, range, target, met) = verdict(run, row, &run.reference);
        let ratio = if range.is_empty() {
            ratio
        } else {
            format!("**{ratio}**<br><sub>{range}</sub>")
        };
        cells.extend([ratio, target, met]);
        table.row(&cells);
    }
    table.finish()
}

fn measured_servers<'r>(run: &'r Run, rows: &[&Row]) -> Vec<&'r str> {
    let ids = run.servers.iter().map(|server| server.id.as_str());
    ids.filter(|id| rows.iter().any(|row| row.cell(id).is_some()))
        .collect()
}

fn with_range(cell: &Cell) -> String {
    let mark = if cell.noisy { NOISY } else { "" };
    format!(
        "{}{mark}<br><sub>{} to {}</sub>",
        number(cell.median),
        number(cell.low),
        number(cell.high)
    )
}

fn percentiles(run: &Run, row: &Row) -> Option<String> {
    let mut table = Table::new(&[
        "µs", "median", "90 %", "99 %", "99.9 %", "longest", "messages",
    ]);
    let mut any = false;
    for cell in &row.cells {
        let Some(latency) = &cell.latency else {
            continue;
        };
        any = true;
        let mut cells = vec![plain(&run.title(&cell.server))];
        cells.extend(
            [
                latency.p50,
                latency.p90,
                latency.p99,
                latency.p999,
                latency.max,
            ]
            .map(number),
        );
        cells.push(number(latency.count as f64));
        table.row(&cells);
    }
    any.then(|| {
        format!(
            "Within how many µs so many messages were answered, {}:\n\n{}",
            plain(&row.title),
            table.finish()
        )
    })
}

fn kernel_table(run: &Run, rows: &[&Row]) -> String {
    let servers = measured_servers(run, rows);
    let mut heads = vec!["KiB in the kernel, both ends".to_owned()];
    heads.extend(servers.iter().map(|id| plain(&run.title(id))));
    let mut table = Table::new(&heads);
    for row in rows {
        let mut cells = vec![plain(&row.title)];
        cells.extend(servers.iter().map(|id| {
            row.cell(id)
                .map_or(String::new(), |cell| number(kernel(cell)))
        }));
        table.row(&cells);
    }
    table.finish()
}

/// What the subject costs beside servers other than the reference, where a bound was set.
fn bare(run: &Run) -> Option<String> {
    let mut table = Table::new(&[
        "",
        "farrier",
        "the other",
        "times its cost",
        "allowed",
        "kept",
    ]);
    let mut any = false;
    for row in &run.rows {
        for target in row
            .targets
            .iter()
            .filter(|target| target.server != run.reference)
        {
            let (Some(own), Some(other)) = (row.cell(&run.subject), row.cell(&target.server))
            else {
                continue;
            };
            let Some(ratio) = row.ratio(&run.subject, &target.server) else {
                continue;
            };
            any = true;
            table.row(&[
                format!(
                    "{}, {}",
                    plain(&row.title),
                    plain(&run.title(&target.server))
                ),
                measured(row, own),
                measured(row, other),
                format!("{:.2}", 1.0 / ratio),
                trimmed(1.0 / target.ratio),
                if ratio >= target.ratio {
                    "yes".to_owned()
                } else {
                    "**no**".to_owned()
                },
            ]);
        }
    }
    let text = "These servers echo in Rust and do nothing else: no handler, no process, no VM. What farrier costs more is what an Erlang \
                handler costs on it.";
    any.then(|| {
        format!(
            "## Beside bare Rust servers\n\n{text}\n\n{}",
            table.finish()
        )
    })
}

/// The groups whose servers are kept as busy as the load generator can.
const LOADS: [Group; 4] = [Group::Echo, Group::Layers, Group::Fanout, Group::Connect];

fn rates(run: &Run) -> Option<String> {
    let rate = |cell: &Cell| {
        median(
            cell.samples
                .iter()
                .filter_map(|sample| sample.per_second)
                .collect(),
        )
    };
    let rows: Vec<&Row> = run
        .rows
        .iter()
        .filter(|row| LOADS.contains(&row.group))
        .filter(|row| row.cells.iter().any(|cell| rate(cell).is_some()))
        .collect();
    let servers = measured_servers(run, &rows);
    let mut heads = vec!["operations per second".to_owned()];
    heads.extend(servers.iter().map(|id| plain(&run.title(id))));
    let mut table = Table::new(&heads);
    for row in &rows {
        let mut cells = vec![plain(&row.title)];
        cells.extend(
            servers
                .iter()
                .map(|id| row.cell(id).and_then(rate).map_or(String::new(), number)),
        );
        table.row(&cells);
    }
    let text = "The load generator takes its share of the same cores, so these are what was left over, and a server that is \
                cheaper leaves more. They are not what a server can do on a machine of its own.";
    (!rows.is_empty()).then(|| {
        format!("## Messages per second\n\n{text}\n\n<details><summary>Table</summary>\n\n{}\n</details>", table.finish())
    })
}

/// A line for each server and reason.
fn skipped(run: &Run) -> Option<String> {
    let mut lines: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for skipped in &run.skipped {
        let row = skipped.row.as_ref().map(|id| {
            let row = run.rows.iter().find(|row| row.id == *id);
            plain(row.map_or(id, |row| &row.title))
        });
        let known = lines.iter_mut().find(|(server, reason, rows)| {
            *server == skipped.server && *reason == skipped.reason && !rows.is_empty()
        });
        match known {
            Some((_, _, rows)) => rows.extend(row),
            None => lines.push((&skipped.server, &skipped.reason, row.into_iter().collect())),
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|(server, reason, rows)| {
            let rows = if rows.is_empty() {
                "everything".to_owned()
            } else {
                rows.join("; ")
            };
            format!(
                "- {}, because {}: {rows}",
                plain(&run.title(server)),
                plain(reason)
            )
        })
        .collect();
    (!lines.is_empty()).then(|| format!("## What was not measured\n\n{}", lines.join("\n")))
}
