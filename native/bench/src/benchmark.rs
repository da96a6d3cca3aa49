//! The benchmark: every row against every server, in interleaved rounds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};

use crate::layer::Transport;
use crate::machine::{machine, now, versions};
use crate::modes::{Figures, Span};
use crate::results::{Family, Noise, Options, Row, Run, Sample, Skipped, Target, Version};
use crate::rows::{self, Job};
use crate::server::{Server, is_late_cowboy};
use crate::statistics::{cell, median, sample};

/// About how long a server takes to start, in seconds: for the progress bar alone.
const START: f64 = 0.6;

/// The run is too noisy as a whole if more than this share of its cells is.
const TOO_NOISY: f64 = 0.25;

/// What to run.
pub struct Plan {
    /// Servers in the order of the report
    pub servers: Vec<Server>,
    /// Measurements in the order of the report
    pub jobs: Vec<Job>,
    /// What the report says of how it was measured
    pub options: Options,
    /// The command that repeats the run
    pub command: String,
    /// Server that ratios refer to
    pub reference: String,
    /// Server that is judged
    pub subject: String,
}

/// One measurement that was made.
struct Measured {
    job: usize,
    server: usize,
    round: usize,
    figures: Figures,
}

/// All that a run gathers before its medians are known.
struct Gathered {
    measured: Vec<Measured>,
    skipped: Vec<Skipped>,
    versions: Vec<Version>,
    progress: ProgressBar,
}

impl Plan {
    /// Runs the plan.
    pub fn run(mut self) -> Result<Run> {
        let (started, clock) = (now(), Instant::now());
        let span = Span::of(Duration::try_from_secs_f64(self.options.seconds)?);
        let mut gathered = Gathered {
            measured: Vec::new(),
            skipped: Vec::new(),
            versions: Vec::new(),
            progress: ProgressBar::no_length(),
        };
        self.try_servers(&mut gathered);
        ensure!(!self.servers.is_empty(), "no server can be started");
        self.measure_all(span, &mut gathered);
        ensure!(!gathered.measured.is_empty(), "nothing could be measured");
        gathered.versions.extend(versions());
        let rows = self.rows(&gathered.measured);
        Ok(Run {
            format: crate::results::FORMAT,
            started,
            took: clock.elapsed().as_secs_f64(),
            command: self.command,
            options: self.options,
            machine: machine(),
            versions: gathered.versions,
            subject: self.subject,
            reference: self.reference,
            servers: self.servers.into_iter().map(|s| s.about).collect(),
            noise: noise(&rows),
            rows,
            skipped: gathered.skipped,
        })
    }

    /// Starts each server once, notes its versions and leaves out those that do not start.
    fn try_servers(&mut self, gathered: &mut Gathered) {
        self.servers.retain(|server| {
            let skipped = match server.start(Transport::Clear) {
                Ok(running) => {
                    for version in running.versions.clone() {
                        if !gathered.versions.contains(&version) {
                            gathered.versions.push(version);
                        }
                    }
                    return true;
                }
                Err(error) => Skipped {
                    server: server.about.id.clone(),
                    row: None,
                    reason: format!("{error:#}"),
                },
            };
            eprintln!("{} is left out: {}", server.about.title, skipped.reason);
            gathered.skipped.push(skipped);
            false
        });
    }

    fn measure_all(&self, span: Span, gathered: &mut Gathered) {
        let seconds: f64 = self.pairs().map(|(job, _)| self.seconds(job, span)).sum();
        gathered.progress = progress_bar(seconds * self.options.rounds as f64);
        let mut failed = BTreeSet::new();
        for (job, server) in self.all_pairs() {
            self.note_inability(job, server, gathered);
        }
        for round in 1..=self.options.rounds {
            for (job, server) in self.order(round) {
                if !failed.contains(&(job, server)) {
                    self.progress(&gathered.progress, round, job, server);
                    if let Err(error) = self.measure(round, job, server, span, gathered) {
                        failed.insert((job, server));
                        let error = format!("{error:#}");
                        self.note(job, server, &error, gathered);
                        gathered.progress.suspend(|| {
                            let (row, server) = self.names(job, server);
                            eprintln!("{row}, {server}: {error}");
                        });
                    }
                }
                gathered.progress.inc(units(self.seconds(job, span)));
            }
        }
        gathered.progress.finish_and_clear();
    }

    /// Every measurement gets a fresh process, so that none inherits the memory of another.
    fn measure(
        &self,
        round: usize,
        job: usize,
        server: usize,
        span: Span,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let work = &self.jobs[job].work;
        let mut running = self.servers[server].start(work.transport())?;
        let result = work.measure(&running.target, span);
        let figures = match running.ended() {
            Some(status) => result.with_context(|| format!("the server has ended ({status})")),
            None => result,
        }?;
        gathered.measured.push(Measured {
            job,
            server,
            round,
            figures,
        });
        Ok(())
    }

    fn all_pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let servers = self.servers.len();
        (0..self.jobs.len()).flat_map(move |job| (0..servers).map(move |server| (job, server)))
    }

    /// Jobs and the servers that can do them.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.all_pairs()
            .filter(|(job, server)| self.inability(*job, *server).is_none())
    }

    /// The same; who comes first changes from round to round.
    fn order(&self, round: usize) -> Vec<(usize, usize)> {
        let servers = self.servers.len();
        let mut pairs: Vec<(usize, usize)> = self.pairs().collect();
        pairs.sort_by_key(|(job, server)| (*job, (server + round - 1) % servers));
        pairs
    }

    fn inability(&self, job: usize, server: usize) -> Option<&'static str> {
        match self.servers[server].about.family {
            Family::Bare => self.jobs[job].work.beyond_bare(),
            Family::Farrier | Family::Cowboy => None,
        }
    }

    fn note_inability(&self, job: usize, server: usize, gathered: &mut Gathered) {
        if let Some(reason) = self.inability(job, server) {
            self.note(job, server, reason, gathered);
        }
    }

    fn note(&self, job: usize, server: usize, reason: &str, gathered: &mut Gathered) {
        let rows = self.jobs[job].rows.iter();
        gathered.skipped.extend(rows.map(|row| Skipped {
            server: self.servers[server].about.id.clone(),
            row: Some(row.id.to_owned()),
            reason: reason.to_owned(),
        }));
    }

    fn names(&self, job: usize, server: usize) -> (&'static str, &str) {
        (self.jobs[job].rows[0].id, &self.servers[server].about.title)
    }

    fn seconds(&self, job: usize, span: Span) -> f64 {
        let work = &self.jobs[job].work;
        let timed = if work.is_timed() {
            (span.warm_up + span.measured).as_secs_f64()
        } else {
            0.0
        };
        START + timed + work.overhead(span)
    }

    fn progress(&self, bar: &ProgressBar, round: usize, job: usize, server: usize) {
        let (row, server) = self.names(job, server);
        let rounds = self.options.rounds;
        bar.set_message(format!("round {round} of {rounds}: {row}, {server}"));
    }

    fn rows(&self, measured: &[Measured]) -> Vec<Row> {
        let rows = self.jobs.iter().enumerate().flat_map(|(index, job)| {
            job.rows
                .iter()
                .map(move |row| self.row(row, index, measured))
        });
        rows.filter(|row| !row.cells.is_empty()).collect()
    }

    fn row(&self, row: &rows::Row, job: usize, measured: &[Measured]) -> Row {
        let cells = self
            .servers
            .iter()
            .enumerate()
            .filter_map(|(index, server)| {
                let own: Vec<&Measured> = measured
                    .iter()
                    .filter(|m| m.job == job && m.server == index)
                    .collect();
                let samples: Vec<Sample> = own
                    .iter()
                    .map(|m| sample(row.value, m.round, &m.figures))
                    .collect();
                let times: Vec<&Histogram<u64>> = own
                    .iter()
                    .filter_map(|m| Some(&m.figures.rate.as_ref()?.times))
                    .collect();
                (!samples.is_empty()).then(|| cell(&server.about.id, row.value, samples, &times))
            });
        let mut result = Row {
            id: row.id.to_owned(),
            title: row.title.to_owned(),
            group: row.group,
            unit: row.unit(),
            better: row.better(),
            targets: self.targets(row),
            cells: cells.collect(),
        };
        let servers: Vec<String> = result.cells.iter().map(|c| c.server.clone()).collect();
        for (index, server) in servers.iter().enumerate() {
            result.cells[index].ratio = result.ratio(server, &self.reference);
        }
        result
    }

    fn targets(&self, row: &rows::Row) -> Vec<Target> {
        let targets = self.servers.iter().filter_map(|server| {
            let about = &server.about;
            let ratio = match about.family {
                Family::Cowboy if !server.is_tuned() => row.cowboy.map(|(early, late)| {
                    let version = about.id.trim_start_matches("cowboy-");
                    if is_late_cowboy(version) { late } else { early }
                }),
                Family::Bare if about.id == "fastwebsockets" => {
                    row.fastwebsockets.map(|times| 1.0 / times)
                }
                _ => None,
            }?;
            Some(Target {
                server: about.id.clone(),
                ratio,
            })
        });
        targets.collect()
    }
}

fn noise(rows: &[Row]) -> Noise {
    let cells: Vec<_> = rows.iter().flat_map(|row| &row.cells).collect();
    let noisy = cells.iter().filter(|cell| cell.noisy).count();
    let others: Vec<f64> = cells
        .iter()
        .flat_map(|cell| cell.samples.iter().map(|sample| sample.other_cores))
        .collect();
    let (middle, most) = (median(&others), others.iter().copied().fold(0.0, f64::max));
    let too_noisy = noisy as f64 > cells.len() as f64 * TOO_NOISY;
    let verdict = if too_noisy {
        "The run was too noisy to be relied on: repeat it on a quiet machine."
    } else {
        "The other figures can be relied on."
    };
    let all = cells.len();
    let statement = if noisy == 0 {
        format!(
            "None of {all} figures is noisy; other programs used {middle:.2} cores in the median, {most:.2} at most."
        )
    } else {
        format!(
            "{noisy} of {all} figures are noisy, and marked so: their rounds differ by more than 25 %, or other programs used more than 0.2 cores meanwhile ({middle:.2} in the median of all, {most:.2} at most). {verdict}"
        )
    };
    Noise {
        noisy_cells: noisy,
        cells: all,
        other_cores_median: middle,
        other_cores_max: most,
        too_noisy,
        statement,
    }
}

/// The bar counts tenths of seconds as they were planned, so that the remaining time is that of the rows that remain.
fn units(seconds: f64) -> u64 {
    (seconds * 10.0).round() as u64
}

fn progress_bar(seconds: f64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:20} {percent:>3} %, {eta} left, {wide_msg}")
        .expect("the template is well-formed")
        .progress_chars("=> ");
    let bar = ProgressBar::new(units(seconds)).with_style(style);
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}
