//! `trim`.

use std::io::Write;

use serde::Serialize;

use super::{open, print_json};
use crate::cli::Trim;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Asked, How, Lab, Machine};
use crate::snapshot::Snapshot;

/// What the lab moved.
#[derive(Serialize)]
struct MovedJson {
    schema: u32,
    moved: u64,
}

/// What a system was asked for, and what the driver saw before and after.
#[derive(Serialize)]
struct AskedJson {
    schema: u32,
    asked: Vec<Asked>,
    pages: usize,
    resident_before: usize,
    resident_after: usize,
}

pub(super) fn trim(
    machine: &dyn Machine,
    options: &Trim,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    match machine.lab() {
        Some(lab) => order(lab, options, out),
        None => ask(machine, options, out),
    }
}

/// The lab takes orders, and tells what it did.
fn order(lab: &dyn Lab, options: &Trim, out: &mut dyn Write) -> Result<Exit, Error> {
    let moved = match options.how {
        How::Trim => lab.trim()?,
        How::Purge => lab.purge()?,
        How::Evict => lab.evict()?,
    };
    if options.json {
        return print_json(out, &MovedJson { schema: 1, moved });
    }
    writeln!(out, "{moved} pages moved")?;
    Ok(Exit::Ok)
}

/// Others are asked, and only the driver can tell what it sees.
fn ask(machine: &dyn Machine, options: &Trim, out: &mut dyn Write) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::Read)?;
    let before = Snapshot::take(&mut driver)?;
    let asked = machine.ask_to_trim(options.how)?;
    let after = Snapshot::take(&mut driver)?;
    let answer = AskedJson {
        schema: 1,
        asked,
        pages: before.resident.len(),
        resident_before: before.resident_pages(),
        resident_after: after.resident_pages(),
    };
    if options.json {
        return print_json(out, &answer);
    }
    for Asked { call, effect, documented } in &answer.asked {
        let documented = if *documented { "documented" } else { "undocumented" };
        writeln!(out, "asked        {call}\n             {effect} ({documented})")?;
    }
    writeln!(
        out,
        "observed     {} of {} pages resident before, {} after",
        answer.resident_before, answer.pages, answer.resident_after
    )?;
    Ok(Exit::Ok)
}
