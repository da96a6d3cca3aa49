//! The subcommand that draws the report of an earlier run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::results::Run;

/// Arguments of `farrier-bench report`.
#[derive(Args)]
pub struct Arguments {
    /// File that a run has written
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// Directory that gets report.md, the plots and report.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// README whose headline is replaced too; it links to `bench/` beside it
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
}

impl Arguments {
    /// Draws the report.
    pub fn run(&self) -> Result<()> {
        let run = Run::read(&self.json)?;
        super::write(&run, &self.out)?;
        match &self.readme {
            Some(readme) => super::update_readme(&run, readme),
            None => Ok(()),
        }
    }
}
