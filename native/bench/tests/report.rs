//! The report of a run: every plot is sound SVG, and nothing that was measured is missing.

use std::fs;
use std::path::{Path, PathBuf};

use farrier_bench::report;
use farrier_bench::report::document::document;
use farrier_bench::report::figures::{Figure, figures};
use farrier_bench::results::{Group, Run};

fn sample() -> Run {
    Run::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/sample.json"
    )))
    .unwrap()
}

fn figure<'f>(figures: &'f [Figure], file: &str) -> &'f Figure {
    figures
        .iter()
        .find(|figure| figure.file == file)
        .unwrap_or_else(|| panic!("there is no {file}"))
}

/// All text of a drawing, pieces joined by blanks, because long labels are broken into lines.
fn words(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    texts
        .filter_map(|node| node.text().map(str::to_owned))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // What an earlier run has left.
    let _ = fs::remove_dir_all(&directory);
    directory
}

#[test]
fn every_plot_is_well_formed_and_has_a_title_and_a_description() {
    for figure in figures(&sample()) {
        let document = roxmltree::Document::parse(&figure.svg)
            .unwrap_or_else(|error| panic!("{}: {error}", figure.file));
        let root = document.root_element();
        assert!(
            root.has_tag_name(("http://www.w3.org/2000/svg", "svg"))
                && root.attribute("viewBox").is_some()
        );
        for name in ["title", "desc"] {
            let element = root.children().find(|node| node.tag_name().name() == name);
            assert!(
                element
                    .and_then(|node| node.text())
                    .is_some_and(|text| text.len() > 5),
                "{}: {name}",
                figure.file
            );
        }
        assert!(
            !document
                .descendants()
                .any(|node| ["script", "image", "a"].contains(&node.tag_name().name()))
        );
    }
}

#[test]
fn nothing_is_drawn_outside_of_a_plot() {
    for figure in figures(&sample()) {
        let document = roxmltree::Document::parse(&figure.svg).unwrap();
        let bounds: Vec<f64> = document
            .root_element()
            .attribute("viewBox")
            .unwrap()
            .split(' ')
            .map(|n| n.parse().unwrap())
            .collect();
        for node in document.descendants() {
            for (name, bound) in [("x", bounds[2]), ("y", bounds[3])] {
                if let Some(value) = node.attribute(name) {
                    let value: f64 = value.parse().unwrap();
                    assert!(
                        (0.0..=bound).contains(&value),
                        "{}: {name}={value}",
                        figure.file
                    );
                }
            }
        }
    }
}

#[test]
fn every_row_is_on_the_page_and_in_a_plot() {
    let run = sample();
    let figures = figures(&run);
    let page = document(&run, &figures);
    for row in &run.rows {
        assert!(
            page.contains(&row.title.replace('_', "\\_")),
            "the page lacks {}",
            row.title
        );
        let own = figures
            .iter()
            .filter(|figure| figure.groups.contains(&row.group));
        assert!(
            own.map(|figure| words(&figure.svg))
                .any(|words| words.contains(&row.title)),
            "no plot has {}",
            row.title
        );
    }
    for figure in &figures {
        assert!(
            page.contains(&format!("]({})", figure.file)),
            "the page does not show {}",
            figure.file
        );
    }
}

#[test]
fn a_plot_has_at_most_eight_bars() {
    let mut run = sample();
    let echoes: Vec<_> = run
        .rows
        .iter()
        .filter(|row| row.group == Group::Echo)
        .cloned()
        .collect();
    for copy in 0..3 {
        run.rows.extend(echoes.iter().cloned().map(|mut row| {
            row.title = format!("{} again {copy}", row.title);
            row
        }));
    }
    let figures = figures(&run);
    let echo: Vec<&Figure> = figures
        .iter()
        .filter(|figure| figure.groups == [Group::Echo])
        .collect();
    assert_eq!(echo.len(), 2, "16 rows make two plots");
    for row in run.rows.iter().filter(|row| row.group == Group::Echo) {
        assert!(
            echo.iter()
                .any(|figure| words(&figure.svg).contains(&row.title)),
            "{}",
            row.title
        );
    }
}

#[test]
fn the_head_names_machine_versions_date_flags_and_command() {
    let mut run = sample();
    run.options.vm_flags = "+S 1".to_owned();
    let page = document(&run, &[]);
    for part in [
        "Intel(R) Xeon(R) &lt;sample&gt; &amp; Co.",
        "2 cores",
        "Linux 6.1.0",
        "OTP 25",
        "rustc 1.95.0",
        "2026-11-21",
        "`+S 1`",
        "`make bench`",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_missed_target_and_a_lost_row_are_named() {
    let mut run = sample();
    let row = run
        .rows
        .iter_mut()
        .find(|row| row.id == "connect-c50")
        .unwrap();
    row.cells
        .iter_mut()
        .find(|cell| cell.server == "farrier")
        .unwrap()
        .median = 332.0;
    let page = document(&run, &[]);
    let lost = page.split("**Where farrier loses.**").nth(1).unwrap();
    assert!(lost.contains("- connect + echo + close, 50 at a time: 332\u{a0}µs\u{a0}CPU against 166\u{a0}µs\u{a0}CPU with Cowboy 2.8.0 (0.50×)."), "{lost}");
    assert!(lost.contains("8.5× where 9× was aimed at"), "{lost}");
}

#[test]
fn a_noisy_run_says_so_at_its_head() {
    let mut run = sample();
    run.noise.too_noisy = true;
    run.noise.statement = "Other programs took both cores.".to_owned();
    let page = document(&run, &[]);
    let head = page.split("## ").next().unwrap();
    assert!(
        head.contains("**It was too noisy to be relied on.**"),
        "{head}"
    );
    assert!(page.contains("**No.** Other programs took both cores."));
    assert!(page.contains("13.0 †"), "a noisy figure has a mark");
}

#[test]
fn what_was_not_measured_is_named_with_its_reason() {
    let page = document(&sample(), &[]);
    let line = "- tokio-tungstenite 0.30.0, because a bare server only echoes: broadcast 256 B to 1,000 connections, window 1";
    assert!(page.contains(line), "{page}");
}

#[test]
fn a_run_of_one_row_and_one_server_can_be_rendered() {
    let mut run = sample();
    for row in 0..run.rows.len() {
        let mut one = run.clone();
        one.rows = vec![run.rows[row].clone()];
        one.rows[0].cells.truncate(1);
        one.servers.truncate(1);
        assert!(document(&one, &figures(&one)).contains(&one.rows[0].title));
    }
    run.rows.clear();
    run.servers.clear();
    let svgs = figures(&run);
    assert!(
        svgs.iter()
            .all(|figure| roxmltree::Document::parse(&figure.svg).is_ok())
    );
}

#[test]
fn names_are_escaped_in_plots_and_on_the_page() {
    let mut run = sample();
    run.servers[0].title = "<b>&\"farrier\"|".to_owned();
    run.rows[0].title = "echo <script> & 'more'".to_owned();
    let figures = figures(&run);
    let echo = words(&figure(&figures, "echo.svg").svg);
    assert!(
        echo.contains("echo <script> & 'more'") && echo.contains("<b>&\"farrier\"|"),
        "{echo}"
    );
    let page = document(&run, &figures);
    assert!(page.contains("&lt;b&gt;&amp;\"farrier\"\\|") && !page.contains("<script>"));
}

#[test]
fn a_report_can_be_drawn_again_from_its_own_json() {
    let (first, second) = (directory("first"), directory("second"));
    report::write(&sample(), &first).unwrap();
    report::write(&Run::read(&first.join("report.json")).unwrap(), &second).unwrap();
    for entry in fs::read_dir(&first).unwrap() {
        let name = entry.unwrap().file_name();
        assert_eq!(
            fs::read(first.join(&name)).unwrap(),
            fs::read(second.join(&name)).unwrap(),
            "{}",
            name.display()
        );
    }
}

#[test]
fn plots_of_a_former_report_do_not_stay() {
    let directory = directory("former");
    let mut run = sample();
    report::write(&run, &directory).unwrap();
    let own = directory.join("own.svg");
    fs::write(&own, "somebody's").unwrap();
    run.rows.retain(|row| row.group == Group::Echo);
    report::write(&run, &directory).unwrap();
    assert!(
        !directory.join("memory.svg").exists(),
        "it shows what was not measured"
    );
    assert!(directory.join("echo.svg").exists() && own.exists());
}

#[test]
fn a_curve_ends_where_messages_are_too_few() {
    let mut run = sample();
    let marked = |run: &Run| {
        words(&figure(&figures(run), "curve-latency-64-c1-d1.svg").svg).contains("99.9")
    };
    assert!(marked(&run));
    for row in &mut run.rows {
        for latency in row
            .cells
            .iter_mut()
            .filter_map(|cell| cell.latency.as_mut())
        {
            latency.count = 500;
        }
    }
    assert!(!marked(&run), "the slowest of 500 is no 99.9th percentile");
}

/// Who measures anew has to draw the README again, too: `farrier-bench report --readme`.
#[test]
fn the_projects_readme_shows_the_figures_of_its_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run = Run::read(&root.join("bench/report.json")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let updated = report::readme::replaced(&readme, &report::readme::headline(&run)).unwrap();
    assert_eq!(readme, updated);
}

#[test]
fn the_readme_gets_the_rows_of_the_headline() {
    let part = report::readme::headline(&sample());
    for text in [
        "bench/headline.svg",
        "(bench/report.md)",
        "| echo 64 B, 50 connections, depth 1 | 6.4\u{a0}µs\u{a0}CPU | 11.8\u{a0}µs\u{a0}CPU | 1.83× | 4.5\u{a0}µs\u{a0}CPU |",
    ] {
        assert!(part.contains(text), "{text} in {part}");
    }
}
