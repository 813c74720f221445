//! From a crash to its report.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pagewise_lab_wire::{BugCheck, Detail, Frame, Module};

use super::crash::Crash;
use super::names;
use super::stack::Walker;
use super::symbols::{Pdbs, Symbols};
use super::{advice, meaning, text};
use crate::exports::KERNEL;
use crate::image;
use crate::mm;

static PATH: Mutex<Option<PathBuf>> = Mutex::new(None);
/// The text of the report, as far as it was finished.
static FINISHED: Mutex<Option<String>> = Mutex::new(None);

pub(super) fn set_path(path: &Path) {
    *PATH.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
}

/// Reports: first the bare numbers, which nothing can keep from being written; then the whole
/// without names, since a broken PDB may panic its reader; then the whole.
pub(super) fn report(crash: &Crash) {
    let mut report = bare(crash);
    write(&report);
    for pdbs in [Pdbs::Closed, Pdbs::Read] {
        complete(&mut report, crash, pdbs);
        write(&report);
        let text = rendered(&report);
        *FINISHED.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
    print_what_there_is();
}

/// Shows as much of the report as was finished. A report that is being finished may have the lock.
pub(super) fn print_what_there_is() {
    if let Ok(mut text) = FINISHED.try_lock()
        && let Some(text) = text.take()
    {
        print(&text);
    }
}

fn rendered(report: &BugCheck) -> String {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|no| !no.is_empty());
    text::render(report, io::stderr().is_terminal() && !no_colour)
}

/// Writes to stderr without Rust's lock on it, which the failing thread may hold.
fn print(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(written @ 1..) = rustix::io::write(rustix::stdio::stderr(), rest) {
        rest = &rest[written..];
    }
}

/// Writes the report as a whole or not at all.
fn write(report: &BugCheck) {
    let path = PATH.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(path) = &*path else { return };
    let unfinished = path.with_extension("tmp");
    let written = serde_json::to_vec_pretty(report)
        .map_err(io::Error::from)
        .and_then(|json| fs::write(&unfinished, json))
        .and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        print(&format!("cannot write the report to {}: {error}\n", path.display()));
    }
}

/// What needs no looking around.
fn bare(crash: &Crash) -> BugCheck {
    BugCheck {
        code: crash.code,
        name: names::name(crash.code).map_or_else(|| "(no documented name)".into(), Into::into),
        parameters: crash.parameters,
        meaning: meaning::meaning(crash.code, crash.parameters),
        blamed: None,
        victim: None,
        section: None,
        irql: crash.irql,
        processor: crash.processor,
        stack: Vec::new(),
        modules: Vec::new(),
        advice: String::new(),
        details: Vec::new(),
    }
}

fn complete(report: &mut BugCheck, crash: &Crash, pdbs: Pdbs) {
    report.modules = image::loaded()
        .map(|image| Module {
            name: image.name().to_owned(),
            base: image.base() as u64,
            size: u32::try_from(image.size()).unwrap_or(u32::MAX),
        })
        .collect();
    let meant = meaning::subject(crash.code, crash.parameters);
    if let Some(address) = meant.address {
        report.victim = owner(address);
        report.section = section(address);
    }
    let mut walker = Walker::new();
    let stack = walker.walk(crash.registers);
    let mut symbols = Symbols::new(walker.into_host(), pdbs);
    report.stack =
        stack.iter().enumerate().map(|(depth, &at)| frame(at, depth, &mut symbols)).collect();
    report.details = super::details::details(crash)
        .into_iter()
        .map(|(what, address)| Detail {
            what,
            at: address.map(|address| frame(address, CALLED, &mut symbols)),
        })
        .collect();
    // What called the thread's own first function is Rust's runtime, and nobody's mistake.
    let is_runtime = |frame: &Frame| {
        frame.function.as_ref().is_some_and(|name| name.contains("__rust_begin_short_backtrace"))
    };
    if let Some(depth) = report.stack.iter().position(is_runtime) {
        report.stack.truncate(depth);
    }
    let named = match meant.program_counter {
        Some(program_counter) => Some(owner(program_counter).unwrap_or_else(|| KERNEL.to_owned())),
        // Whoever called the routine that found fault.
        None => report
            .stack
            .iter()
            .find_map(|frame| frame.module.clone().filter(|module| module != KERNEL)),
    };
    report.blamed = if meant.names_victim { report.victim.clone() } else { named };
    report.advice = advice::advice(report, meant.address.map(mm::describe).as_ref());
}

/// The image, loaded or not any more, that holds an address.
fn owner(address: u64) -> Option<String> {
    let address = usize::try_from(address).ok()?;
    match image::find(address) {
        Some(image) => Some(image.name().to_owned()),
        None => mm::unloaded_name(address),
    }
}

fn section(address: u64) -> Option<String> {
    let address = usize::try_from(address).ok()?;
    Some(image::find(address)?.section_at(address)?.to_owned())
}

/// The depth of a frame that has called another.
const CALLED: usize = 1;

fn frame(address: u64, depth: usize, symbols: &mut Symbols) -> Frame {
    // A return address may be the first of the next function.
    let within = if depth == 0 { address } else { address.wrapping_sub(1) };
    let image = usize::try_from(within).ok().and_then(image::find);
    let located = match image {
        Some(image) => symbols.in_image(image, (within - image.base() as u64) as u32),
        None => symbols.in_host(within),
    };
    let rva = image.and_then(|image| u32::try_from(address - image.base() as u64).ok());
    let module = match image {
        Some(image) => Some(image.name().to_owned()),
        None => owner(within).or_else(|| located.function.as_ref().map(|_| KERNEL.to_owned())),
    };
    Frame { address, module, rva, function: located.function, source: located.source }
}
