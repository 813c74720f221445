//! `status`, `sections`, `map`: what only looks.

use std::fs;
use std::io::Write;

use pagewise_contract::Returned;
use serde::Serialize;

use super::{open, print_json};
use crate::cli::Map;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Kind, Machine};
use crate::map::{Glyphs, MapJson, lines, print, svg};
use crate::snapshot::{Mark, Snapshot, kind_name, printable_name};
use crate::terminal;

#[derive(Serialize)]
struct StatusJson {
    schema: u32,
    machine: Kind,
    driver: String,
    contract: String,
    kmdf: String,
    policy: &'static str,
    returned: &'static str,
    pages: u32,
    resident: usize,
    locks: u32,
    page_calls: u64,
    reset_calls: u64,
}

pub(super) fn status(
    machine: &dyn Machine,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::Read)?;
    let version = driver.version();
    let snapshot = Snapshot::take(&mut driver)?;
    let [major, minor, patch] = snapshot.version;
    let state = snapshot.state;
    let status = StatusJson {
        schema: 1,
        machine: machine.kind(),
        driver: format!("{major}.{minor}.{patch}"),
        contract: format!("{}.{}", version.contract.major, version.contract.minor),
        kmdf: format!("{}.{}", version.kmdf[0], version.kmdf[1]),
        policy: snapshot.policy(),
        returned: returned(state.returned()),
        pages: state.pages,
        resident: snapshot.resident_pages(),
        locks: state.locks,
        page_calls: state.page_calls,
        reset_calls: state.reset_calls,
    };
    if json {
        return print_json(out, &status);
    }
    writeln!(out, "machine      {}", machine.name())?;
    writeln!(
        out,
        "driver       {} (contract {}, KMDF {})",
        status.driver, status.contract, status.kmdf
    )?;
    writeln!(out, "policy       {}, {} locks", status.policy, status.locks)?;
    writeln!(out, "observed     {} of {} pages resident", status.resident, status.pages)?;
    writeln!(out, "returned     {}", status.returned)?;
    writeln!(out, "paged/reset  {}/{} times", status.page_calls, status.reset_calls)?;
    Ok(Exit::Ok)
}

const fn returned(returned: Option<Returned>) -> &'static str {
    match returned {
        Some(Returned::NotCalled) => "MmPageEntireDriver was not called",
        Some(Returned::ImageBase) => "the image base",
        Some(Returned::InsideImage) => "another address inside the image",
        Some(Returned::Elsewhere) => "an address outside the image",
        Some(Returned::Null) => "null",
        None => "unknown",
    }
}

#[derive(Serialize)]
struct SectionJson<'a> {
    index: usize,
    name: &'a str,
    kind: &'static str,
    first_page: u32,
    pages: u32,
    characteristics: u32,
    locks: u32,
    policy: Mark,
}

pub(super) fn sections(
    machine: &dyn Machine,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let snapshot = Snapshot::take(&mut open(machine, Access::Read)?)?;
    let sections = snapshot.sections.iter().enumerate();
    if json {
        let answer: Vec<_> = sections
            .map(|(index, section)| SectionJson {
                index,
                name: section.name(),
                kind: kind_name(section),
                first_page: section.first_page,
                pages: section.pages,
                characteristics: section.characteristics,
                locks: section.locks,
                policy: snapshot.mark(section),
            })
            .collect();
        return print_json(out, &answer);
    }
    writeln!(out, "   # section   kind         first pages rwx locks")?;
    for (index, section) in sections {
        writeln!(
            out,
            "{index:>4} {:<9} {:<12} {:>5} {:>5} {} {:>5}",
            printable_name(section),
            kind_name(section),
            section.first_page,
            section.pages,
            access(section.characteristics),
            section.locks
        )?;
    }
    Ok(Exit::Ok)
}

fn access(characteristics: u32) -> String {
    use pagewise_contract::Section;
    let flags = [(Section::READ, 'r'), (Section::WRITE, 'w'), (Section::EXECUTE, 'x')];
    flags.iter().map(|(bit, sign)| if characteristics & bit == 0 { '-' } else { *sign }).collect()
}

pub(super) fn map(
    machine: &dyn Machine,
    options: &Map,
    colour: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let snapshot = Snapshot::take(&mut open(machine, Access::Read)?)?;
    if let Some(path) = &options.svg {
        fs::write(path, svg(&snapshot)).map_err(|source| Error::File {
            what: "write",
            path: path.clone(),
            source,
        })?;
    }
    if options.json {
        return print_json(out, &MapJson::of(&snapshot));
    }
    if options.svg.is_none() {
        let width = options.width.unwrap_or_else(terminal::width);
        let glyphs = if colour { Glyphs::Blocks } else { Glyphs::Ascii };
        print(out, &lines(&snapshot, width.into(), glyphs), colour)?;
    }
    Ok(Exit::Ok)
}
