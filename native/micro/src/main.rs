//! Counts the instructions of the hot paths and compares them with their budgets. `scripts/budgets` calls it.
#![forbid(unsafe_code)]

mod budget;
mod count;

use budget::Budgets;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
farrier-micro count DIRECTORY         print the counts of this program, using DIRECTORY for valgrind's files
farrier-micro compare BUDGETS COUNTS  print a comparison; fails with 1 if a budget is exceeded, with 3 if the two files
                                      are of different machines";

/// Status for counts that can't be compared.
const OTHER_MACHINE: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["run"] => {
            count::run();
            Ok(ExitCode::SUCCESS)
        }
        ["count", directory] => count::count(Path::new(directory)).map(|counts| {
            print!("{counts}");
            ExitCode::SUCCESS
        }),
        ["compare", budgets, counts] => compare(budgets, counts),
        _ => Err(USAGE.to_owned()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

fn compare(budgets: &str, counts: &str) -> Result<ExitCode, String> {
    let (budgets, counts) = (read(budgets)?, read(counts)?);
    if budgets.machine != counts.machine {
        return Ok(ExitCode::from(OTHER_MACHINE));
    }
    let verdict = budget::compare(&budgets, &counts);
    print!("{}", verdict.report);
    Ok(if verdict.kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(file: &str) -> Result<Budgets, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    Budgets::parse(&text).ok_or_else(|| format!("{file} is no file of budgets"))
}
