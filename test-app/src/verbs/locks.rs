//! `lock` and `unlock`.

use std::io::Write;

use serde::Serialize;

use super::{open, print_json};
use crate::cli::Lock;
use crate::driver::Driver;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};
use crate::pages::find_section;
use crate::snapshot::printable_name;

#[derive(Serialize)]
struct LockJson {
    schema: u32,
    section: String,
    index: u32,
    locks: u32,
}

pub(super) fn lock(
    machine: &dyn Machine,
    options: &Lock,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    change(machine, options, Driver::lock, out)
}

pub(super) fn unlock(
    machine: &dyn Machine,
    options: &Lock,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    change(machine, options, Driver::unlock, out)
}

fn change(
    machine: &dyn Machine,
    options: &Lock,
    change: fn(&mut Driver, u32) -> Result<u32, Error>,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::ReadWrite)?;
    let sections = driver.sections()?;
    let index = find_section(&options.section, &sections)?;
    let locks = change(&mut driver, index)?;
    let section = sections.records().get(index as usize).map(printable_name).unwrap_or_default();
    if options.json {
        return print_json(out, &LockJson { schema: 1, section, index, locks });
    }
    writeln!(out, "{section}: {locks} locks")?;
    Ok(Exit::Ok)
}
