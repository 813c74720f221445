//! `trim`.

use std::io::Write;

use serde::Serialize;

use super::print_json;
use crate::cli::{How, Trim};
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::Machine;

#[derive(Serialize)]
struct TrimJson {
    schema: u32,
    moved: u64,
}

pub(super) fn trim(
    machine: &dyn Machine,
    options: &Trim,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let lab = machine.lab().ok_or_else(|| {
        let name = machine.name();
        Error::Skipped(format!("trimming on {name} comes in a later release; the lab can do it"))
    })?;
    let moved = match options.how {
        How::Trim => lab.trim()?,
        How::Purge => lab.purge()?,
        How::Evict => lab.evict()?,
    };
    if options.json {
        return print_json(out, &TrimJson { schema: 1, moved });
    }
    writeln!(out, "{moved} pages moved")?;
    Ok(Exit::Ok)
}
