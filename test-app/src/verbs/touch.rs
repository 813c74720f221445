//! `touch`.

use std::io::Write;

use serde::Serialize;

use super::{open, print_json};
use crate::cli::Touch;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};

#[derive(Serialize)]
struct TouchJson {
    schema: u32,
    first_page: u32,
    pages: u32,
    were_resident: u32,
    nanoseconds: u64,
}

pub(super) fn touch(
    machine: &dyn Machine,
    options: &Touch,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::ReadWrite)?;
    let pages = options.range.resolve(&driver.sections()?)?;
    let reply = driver.touch(pages, options.kind.into())?;
    if options.json {
        let answer = TouchJson {
            schema: 1,
            first_page: pages.first,
            pages: reply.pages,
            were_resident: reply.were_resident,
            nanoseconds: reply.nanoseconds,
        };
        return print_json(out, &answer);
    }
    let came = reply.pages.saturating_sub(reply.were_resident);
    writeln!(
        out,
        "touched {pages}: {} were in, {came} came in, {} ns",
        reply.were_resident, reply.nanoseconds
    )?;
    Ok(Exit::Ok)
}
