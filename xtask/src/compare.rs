//! `cargo xtask compare`: the results of several machines side by side.
//!
//! Machines disagree where one passed a check and another failed it. A machine that skipped a
//! check, or never had it, decided nothing and disagrees with nobody.

mod result;
mod show;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::exit::Exit;
pub use result::{Decision, Results};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Results, as `cargo xtask verify --json FILE` writes them.
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print the comparison.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    form: Form,
    /// Print only the checks on which machines disagree.
    #[arg(long)]
    disagreements: bool,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A table for a terminal.
    Text,
    /// A Markdown table, check by check.
    Markdown,
    /// A Markdown table, theme by theme.
    Themes,
    /// JSON for programs.
    Json,
}

/// Compares, and says by the exit code whether machines disagree.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let machines: Vec<Results> =
        arguments.files.iter().map(|file| Results::read(file)).collect::<Result<_>>()?;
    let comparison = Comparison::of(&machines);
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let only = arguments.disagreements;
    let text = match arguments.form {
        Form::Text => show::text(&comparison, only, colour),
        Form::Markdown => show::markdown(&comparison, only),
        Form::Themes => show::themes(&comparison),
        Form::Json => show::json(&comparison, only)?,
    };
    match io::stdout().write_all(text.as_bytes()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let disagreements = comparison.rows.iter().filter(|row| row.disagree()).count();
    if disagreements > 0 {
        eprintln!("error: the machines disagree on {disagreements} checks");
        return Ok(Exit::Disagreement.into());
    }
    if !comparison.same_driver() {
        eprintln!("error: these are results of different drivers; verify the same pagewise.sys");
        return Ok(Exit::Failed.into());
    }
    Ok(Exit::Done.into())
}

/// Several machines' results.
pub struct Comparison<'a> {
    /// The machines, in the order in which they were named.
    machines: &'a [Results],
    /// A row for each check that any of them has.
    rows: Vec<Row<'a>>,
}

/// What each machine says of one check.
struct Row<'a> {
    id: &'a str,
    /// One for each machine; none where it does not have the check.
    decisions: Vec<Option<&'a result::Check>>,
}

impl<'a> Comparison<'a> {
    /// Lines the checks up: in the first machine's order, then what only later ones have.
    fn of(machines: &'a [Results]) -> Self {
        let mut rows: Vec<Row<'a>> = Vec::new();
        for check in machines.iter().flat_map(|machine| &machine.checks) {
            if rows.iter().all(|row| row.id != check.id) {
                let decisions = machines.iter().map(|machine| machine.check(&check.id)).collect();
                rows.push(Row { id: &check.id, decisions });
            }
        }
        Self { machines, rows }
    }

    /// Whether every result is of the same file, as far as the results tell.
    fn same_driver(&self) -> bool {
        let mut hashes = self.machines.iter().filter_map(|machine| machine.driver.sha256.as_ref());
        let first = hashes.next();
        hashes.all(|hash| Some(hash) == first)
    }
}

impl Row<'_> {
    /// Whether one machine says yes and another no.
    fn disagree(&self) -> bool {
        let says = |wanted| {
            self.decisions.iter().flatten().any(|check: &&result::Check| check.status == wanted)
        };
        says(Decision::Passed) && says(Decision::Failed)
    }
}

#[cfg(test)]
mod tests;
