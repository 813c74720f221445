//! From a crash to its report.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pagewise_lab_wire::{BugCheck, Detail, Frame, Module};

use super::crash::{self, Crash};
use super::details::{Details, details};
use super::place::{self, CALLED, owner};
use super::stack::{HostModules, Walker};
use super::symbols::{Pdbs, Symbols};
use super::{advice, culprit, history, meaning, names, text};
use crate::exports::KERNEL;
use crate::trail::paging::Action;
use crate::{dump, image, mm, trail};

static PATH: Mutex<Option<PathBuf>> = Mutex::new(None);
static DUMP: Mutex<Option<PathBuf>> = Mutex::new(None);
/// The text of the report, as far as it was finished.
static FINISHED: Mutex<Option<String>> = Mutex::new(None);

pub(super) fn set_path(path: &Path) {
    *PATH.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
}

pub(super) fn set_dump(path: &Path) {
    *DUMP.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
}

/// Reports: first the bare numbers, which nothing can keep from being written; then the whole
/// without names, since a broken PDB may panic its reader; then the whole.
pub(super) fn report(crash: &Crash) {
    let mut report = bare(crash);
    write(&report);
    let mut scene = Scene::look(crash);
    for pdbs in [Pdbs::Closed, Pdbs::Read] {
        complete(&mut report, crash, &mut scene, pdbs);
        write(&report);
        let text = rendered(&report);
        *FINISHED.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
    if let Some(dump) = DUMP.lock().unwrap_or_else(PoisonError::into_inner).as_deref() {
        keep(&mut report, crash, dump);
        *FINISHED.lock().unwrap_or_else(PoisonError::into_inner) = Some(rendered(&report));
    }
    print_what_there_is();
}

/// Keeps the machine's memory, and says where.
fn keep(report: &mut BugCheck, crash: &Crash, path: &Path) {
    let json = serde_json::to_vec(&*report).unwrap_or_default();
    let thread = crash::failed_thread();
    let failed = dump::Failed { thread, registers: crash.registers, report: &json };
    match dump::write(path, &failed) {
        Ok(_) => {
            report.dump = Some(path.display().to_string());
            write(report);
        }
        Err(error) => print(&format!("cannot write the dump to {}: {error}\n", path.display())),
    }
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
        irql: crash.irql,
        processor: crash.processor,
        ..BugCheck::default()
    }
}

/// What is looked at once, before anything is named.
struct Scene {
    stack: Vec<u64>,
    details: Details,
    actions: Vec<(Action, Option<u64>)>,
    host: HostModules,
}

impl Scene {
    fn look(crash: &Crash) -> Self {
        let mut walker = Walker::new();
        let stack = walker.walk(crash.registers);
        let actions = history::actions(&mut walker);
        Self { stack, details: details(crash), actions, host: walker.into_host() }
    }
}

fn complete(report: &mut BugCheck, crash: &Crash, scene: &mut Scene, pdbs: Pdbs) {
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
        report.section = place::section(address);
        report.page = Some(mm::describe(address));
    }
    let mut symbols = Symbols::new(&mut scene.host, pdbs);
    let stack = scene.stack.iter().enumerate();
    report.stack = stack.map(|(depth, &at)| place::frame(at, depth, &mut symbols)).collect();
    report.details = scene
        .details
        .iter()
        .map(|(what, address)| Detail {
            what: what.clone(),
            at: address.map(|address| place::frame(address, CALLED, &mut symbols)),
        })
        .collect();
    report.requests = trail::requests::last(owner);
    report.paging = history::told(&scene.actions, &mut symbols);
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
    report.at_fault = culprit::of(report);
    report.advice = advice::advice(report);
}
