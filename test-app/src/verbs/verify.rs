//! `verify`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Verify;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::Machine;
use crate::terminal;
use crate::verify::{DriverFile, Options, Output, matching, run};

pub(super) fn verify(
    connect: &dyn Fn() -> Result<Arc<dyn Machine>, Error>,
    verb: &Verify,
    out: &mut dyn Write,
    colour: bool,
) -> Result<Exit, Error> {
    let checks = matching(&verb.only);
    if checks.is_empty() {
        return Err(Error::Usage("no check matches; `verify --list` lists them".to_owned()));
    }
    if verb.list {
        for check in checks {
            writeln!(out, "{:<26} {}", check.id, check.title)?;
        }
        return Ok(Exit::Ok);
    }
    let driver = match &verb.driver {
        Some(path) => DriverFile::read(path)?,
        None => DriverFile::default(),
    };
    let options = Options {
        checks,
        seed: verb.seed,
        driver,
        bug_check: verb.report.clone(),
        timeout: Duration::from_secs(verb.timeout),
    };
    let machine = connect()?;
    let mut output = Output::new(out, colour, terminal::has_bar());
    let (report, exit) = run(&machine, options, &mut output)?;
    if let Some(path) = &verb.json {
        report.write(path)?;
    }
    Ok(exit)
}
