//! The headline of a run as a part of a README.

use anyhow::{Context, Result};

use crate::plot::bars::times;
use crate::results::{Family, Row, Run};

use super::document::{NOISY, measured};
use super::fairness;
use super::format::{Table, plain};

/// Before the part that is replaced.
const BEGIN: &str =
    "<!-- The next lines are written by `farrier-bench report`; see bench/README.md. -->";
/// After it.
const END: &str = "<!-- End of what `farrier-bench report` writes. -->";

/// Where it comes from, plot, table, and what is lost; links are those of a README one level above the report.
pub fn headline(run: &Run) -> String {
    let reference = plain(&run.title(&run.reference));
    let image = format!(
        "[![How many times less farrier costs than {reference}](bench/headline.svg)](bench/report.md)"
    );
    [origin(run), image, table(run), losses(run)].join("\n\n")
}

fn origin(run: &Run) -> String {
    let machine = &run.machine;
    let day = run.started.split('T').next().unwrap_or(&run.started);
    let noise = if run.noise.too_noisy {
        " **The run was too noisy to be believed.**"
    } else {
        ""
    };
    format!(
        "Medians of {} interleaved rounds by `{}` on {day}, on {} cores of {} that server and load generator share, {}.{noise}\n\
         [bench/report.md](bench/report.md) has all rows and servers, the method, what the figures leave out and where farrier loses.",
        run.options.rounds,
        run.command,
        machine.cores,
        plain(&machine.cpu),
        plain(&machine.os)
    )
}

fn table(run: &Run) -> String {
    let (subject, reference) = (run.title(&run.subject), run.title(&run.reference));
    let bare = run
        .servers
        .iter()
        .rfind(|server| server.family == Family::Bare);
    let mut heads = vec![String::new(), plain(&subject), plain(&reference)];
    heads.push(format!("{} / {}", plain(&reference), plain(&subject)));
    heads.extend(bare.map(|server| format!("bare {}", plain(&server.title))));
    let mut table = Table::new(&heads);
    for row in super::headline(run) {
        let value = |id: &str| {
            row.cell(id)
                .map_or(String::new(), |cell| measured(row, cell))
        };
        let ratio = row.ratio(&run.subject, &run.reference).map(times);
        let mut cells = vec![
            plain(&row.title),
            value(&run.subject),
            value(&run.reference),
        ];
        cells.push(ratio.unwrap_or_default());
        cells.extend(bare.map(|server| value(&server.id)));
        table.row(&cells);
    }
    table.finish().trim_end().to_owned()
}

fn losses(run: &Run) -> String {
    let behind = fairness::behind(run, &run.subject);
    let reference = plain(&run.title(&run.reference));
    let losses = if behind.is_empty() {
        format!("In no row of this run was {reference} ahead.")
    } else {
        format!("{reference} was ahead in: {}.", behind.join("; "))
    };
    let is_noisy = |row: &&Row| row.cells.iter().any(|cell| cell.noisy);
    match super::headline(run).iter().any(is_noisy) {
        true => format!("{losses} Figures with{NOISY} are noisy."),
        false => losses,
    }
}

/// A README in which `part` stands between the two comments.
pub fn replaced(readme: &str, part: &str) -> Result<String> {
    let (before, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("it has no line {BEGIN}"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("it has no line {END}"))?;
    Ok(format!(
        "{before}{BEGIN}\n{}\n{END}{after}",
        part.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_comments_is_replaced() {
        let readme = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let updated = replaced(&readme, "new\n").unwrap();
        assert_eq!(updated, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&updated, "new").unwrap(), updated);
    }

    #[test]
    fn a_readme_without_the_comments_is_an_error_that_names_them() {
        assert!(
            replaced("text", "new")
                .unwrap_err()
                .to_string()
                .contains(BEGIN)
        );
    }
}
