//! `ballast fill` and `ballast checksum`.

use std::io::Write;

use pagewise_contract::BallastRegion;
use serde::Serialize;

use super::{open, print_json};
use crate::cli::Ballast;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};

#[derive(Serialize)]
struct SumJson {
    region: &'static str,
    checksum: String,
    expected: String,
    right: bool,
}

#[derive(Serialize)]
struct FillJson {
    region: &'static str,
    seed: u64,
}

pub(super) fn ballast(
    machine: &dyn Machine,
    what: &Ballast,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    match *what {
        Ballast::Fill { region, seed, json } => fill(machine, region, seed, json, out),
        Ballast::Checksum { region, seed, json } => checksum(machine, region, seed, json, out),
    }
}

fn fill(
    machine: &dyn Machine,
    region: Option<BallastRegion>,
    seed: u64,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::ReadWrite)?;
    let mut filled = Vec::new();
    let wanted = |candidate: &BallastRegion| match region {
        Some(region) => region == *candidate,
        None => candidate.is_writable(),
    };
    for region in BallastRegion::ALL.into_iter().filter(wanted) {
        driver.fill(region, seed)?;
        filled.push(FillJson { region: region.section_name(), seed });
    }
    if json {
        return print_json(out, &filled);
    }
    for FillJson { region, seed } in filled {
        writeln!(out, "{region}: filled with seed {seed:#x}")?;
    }
    Ok(Exit::Ok)
}

/// Ends with [`Exit::CheckFailed`] where a region does not add up.
fn checksum(
    machine: &dyn Machine,
    region: Option<BallastRegion>,
    seed: u64,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::ReadWrite)?;
    let mut sums = Vec::new();
    let wanted = |candidate: &BallastRegion| region.is_none_or(|region| region == *candidate);
    for region in BallastRegion::ALL.into_iter().filter(wanted) {
        let got = driver.checksum(region)?;
        let expected = match region.is_writable() {
            true => region.filled_checksum(seed),
            false => region.linked_checksum(),
        };
        sums.push(SumJson {
            region: region.section_name(),
            checksum: format!("{got:016x}"),
            expected: format!("{expected:016x}"),
            right: got == expected,
        });
    }
    let exit = if sums.iter().all(|sum| sum.right) { Exit::Ok } else { Exit::CheckFailed };
    if json {
        print_json(out, &sums)?;
        return Ok(exit);
    }
    for SumJson { region, checksum, expected, right } in sums {
        let word = if right { "as expected".to_owned() } else { format!("NOT {expected}") };
        writeln!(out, "{region:<9} {checksum} {word}")?;
    }
    Ok(exit)
}
