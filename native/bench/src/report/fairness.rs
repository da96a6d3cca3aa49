//! What a sceptic asks: what was the same, what was not, and where farrier loses.

use std::fmt::Write;

use crate::plot::bars::{times, trimmed};
use crate::results::{Family, Row, Run, Server};

use super::document::measured;
use super::format::plain;

/// The section of the page.
pub fn section(run: &Run) -> String {
    let parts = [
        SAME.to_owned(),
        differs(run),
        tuned(run),
        LIMITS.to_owned(),
        age(run),
        losses(run),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("## Is this fair to Cowboy?\n\n{}", parts.join("\n\n"))
}

const SAME: &str = "**What is the same.** The beams of the handlers and of the module that starts the listener (`bench/*.erl`), the routes, the \
options of the listener, the VM and its flags, the machine, and every byte that the client sends. Only the code path differs. Limits that would end a run are off \
for both: the idle timeout, the limit of frame size and Ranch's limit of 1,024 connections. TLS is 1.3 with the same cipher and the same kind of \
certificate, because the client offers nothing else. Hibernating and compressing are the handler's own choice, in both.";

const LIMITS: &str = "**What the figures leave out.** The handlers do next to nothing, so what is compared is the transport. The time of a handler that does \
something comes on top for both and makes every ratio smaller: with 100 µs of work in each message, 7 µs against 23 µs is 107 against 123. Everything goes \
over loopback, where no network card, no distance and no lost packet levels the two. Server and client share the cores.";

fn differs(run: &Run) -> String {
    let port = if of_family(run, Family::Farrier).count() > 1 {
        " With the port bridge they are those of the VM and of the native process together."
    } else {
        ""
    };
    format!(
        "**What differs.** Cowboy decodes in Erlang, in the process of each connection; farrier decodes in native threads beside the schedulers and gives \
         the process one message for each read. So that nothing of this is hidden, CPU time and memory are those of all threads of all processes of a \
         server.{port} The ratios refer to Cowboy as shipped, because that is what a project has before it changes anything. \
         Where messages are compressed, farrier searches a window of 8 KiB and Cowboy one of 32 KiB: that is half of the time for about 3 % more bytes, \
         and a choice that Cowboy's option `deflate_opts` leaves to its users as well."
    )
}

fn tuned(run: &Run) -> String {
    let tuned: Vec<&Server> = of_family(run, Family::Cowboy)
        .filter(|server| server.id != run.reference)
        .collect();
    if tuned.is_empty() {
        return "**What is tuned.** Nothing: every server runs with its defaults.".to_owned();
    }
    let mut text = "**What is tuned.** farrier runs with its defaults.".to_owned();
    for server in tuned {
        let (title, description) = (plain(&server.title), plain(&server.description));
        let (ahead, rows) = better_than_reference(run, server);
        push(
            &mut text,
            &format!(
                " {title}: {description} Its median is ahead of that of {} in {ahead} of {rows} rows.",
                plain(&run.title(&run.reference))
            ),
        );
    }
    text
}

/// In how many rows a server is better than the reference, of how many that both have.
fn better_than_reference(run: &Run, server: &Server) -> (usize, usize) {
    let ratios: Vec<f64> = run
        .rows
        .iter()
        .filter_map(|row| row.ratio(&server.id, &run.reference))
        .collect();
    (
        ratios.iter().filter(|ratio| **ratio > 1.0).count(),
        ratios.len(),
    )
}

fn age(run: &Run) -> String {
    let is_old = run
        .versions
        .iter()
        .any(|v| v.name == "Cowboy" && v.version == "2.8.0");
    let text = "**What else could be compared.** Cowboy 2.8.0 is what Debian 12 ships and not the newest. Cowboys from 2.13 on read with small, growing buffers: \
                they cost more than 2.8.0 for small messages and several times less for large ones, so against them expect the ratios of small \
                messages to grow and those from 16 KiB on to shrink to about ten. `COWBOY_PATHS` names another one.";
    if is_old {
        text.to_owned()
    } else {
        String::new()
    }
}

fn losses(run: &Run) -> String {
    let mut lines = Vec::new();
    for row in &run.rows {
        lines.extend(lost_to_cowboy(run, row));
        lines.extend(missed(run, row));
    }
    lines.extend(other_bridge(run));
    lines.extend(lost_to_bare(run));
    if lines.is_empty() {
        return "**Where farrier loses.** In no row of this run was another server ahead, and no target was missed.".to_owned();
    }
    format!("**Where farrier loses.**\n\n{}", lines.join("\n"))
}

/// Rows in which a Cowboy is ahead of the subject.
fn lost_to_cowboy(run: &Run, row: &Row) -> Vec<String> {
    let lost = |server: &Server| {
        let ratio = row.ratio(&run.subject, &server.id)?;
        let (own, other) = (row.cell(&run.subject)?, row.cell(&server.id)?);
        let close = if run.range(row, &server.id)?.1 >= 1.0 {
            " The rounds of the two overlap."
        } else {
            ""
        };
        let (title, name) = (plain(&row.title), plain(&server.title));
        (ratio < 1.0).then(|| {
            format!(
                "- {title}: {} against {} with {name} ({}).{close}",
                measured(row, own),
                measured(row, other),
                times(ratio)
            )
        })
    };
    of_family(run, Family::Cowboy).filter_map(lost).collect()
}

/// A target against the reference that the subject misses although it is ahead.
fn missed(run: &Run, row: &Row) -> Option<String> {
    let (ratio, target) = (
        row.ratio(&run.subject, &run.reference)?,
        run.target(row, &run.reference)?,
    );
    let is_missed = ratio < target && ratio >= 1.0;
    is_missed.then(|| {
        format!(
            "- {}: {} where {}× was aimed at.",
            plain(&row.title),
            times(ratio),
            trimmed(target)
        )
    })
}

/// The rows in which farrier's other bridges are behind the reference.
fn other_bridge(run: &Run) -> Vec<String> {
    let others = of_family(run, Family::Farrier).filter(|server| server.id != run.subject);
    let line = |server: &Server| {
        let rows = behind(run, &server.id);
        let (name, reference) = (plain(&server.title), plain(&run.title(&run.reference)));
        (!rows.is_empty())
            .then(|| format!("- {name} is behind {reference} in: {}.", rows.join("; ")))
    };
    others.filter_map(line).collect()
}

/// The rows in which a server is behind the reference, each with its ratio.
pub fn behind(run: &Run, server: &str) -> Vec<String> {
    let ratios = run
        .rows
        .iter()
        .filter_map(|row| Some((row, row.ratio(server, &run.reference)?)));
    let behind = ratios.filter(|(_, ratio)| *ratio < 1.0);
    behind
        .map(|(row, ratio)| format!("{} ({})", plain(&row.title), times(ratio)))
        .collect()
}

/// How many times the subject's cost is that of each bare server, at worst.
fn lost_to_bare(run: &Run) -> Vec<String> {
    let line = |server: &Server| {
        let ratios = run
            .rows
            .iter()
            .filter_map(|row| Some((row.ratio(&run.subject, &server.id)?, row)));
        let all: Vec<(f64, &Row)> = ratios.collect();
        let behind = all.iter().filter(|(ratio, _)| *ratio < 1.0).count();
        let (worst, row) = all.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        (behind > 0).then(|| {
            format!(
                "- {}, which runs no handlers, is ahead in {behind} of {} rows, most in \"{}\" ({}).",
                plain(&server.title),
                all.len(),
                plain(&row.title),
                times(*worst)
            )
        })
    };
    of_family(run, Family::Bare).filter_map(line).collect()
}

fn of_family(run: &Run, family: Family) -> impl Iterator<Item = &Server> {
    run.servers
        .iter()
        .filter(move |server| server.family == family)
}

fn push(text: &mut String, more: &str) {
    text.write_str(more)
        .expect("a String takes what it is given");
}
