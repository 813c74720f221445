//! What is copied, from where and where to
//! (learn.microsoft.com/windows-hardware/drivers/develop/run-from-driver-store,
//! install/inf-copyfiles-directive, install/inf-destinationdirs-section).

use std::collections::{HashMap, HashSet};

use super::super::document::same;
use super::super::rules;
use super::Report;
use super::target::Windows;
use super::view::{Install, View};

/// The first Windows that runs drivers from the driver store: 10, version 1709.
const DRIVER_STORE: Windows = (10, 0, 16299);

/// Names that any driver could have.
const COMMON: &[&str] =
    &["device", "driver", "echo", "filter", "kmdf", "sample", "test", "umdf", "usb", "wdf"];

/// A file that is copied.
pub(super) struct Copy {
    /// The line that says so.
    pub line: usize,
    /// Its name afterwards.
    pub name: String,
    /// Its name before.
    source: String,
    /// The folder's number, and what stands after it.
    pub folder: Option<(String, String)>,
}

/// What an install section copies.
pub(super) fn copies(view: &View<'_>, install: &Install<'_>) -> Vec<Copy> {
    let mut copies = Vec::new();
    for (line, name) in view.names(install.section, "CopyFiles") {
        if let Some(file) = name.strip_prefix('@') {
            let folder = destination_of(view, "DefaultDestDir");
            copies.push(Copy { line, name: file.to_owned(), source: file.to_owned(), folder });
            continue;
        }
        let folder = destination_of(view, &name).or_else(|| destination_of(view, "DefaultDestDir"));
        for entry in view.inf.entries(&name) {
            let target = view.inf.expand(entry.value(0));
            let source = Some(view.inf.expand(entry.value(1))).filter(|it| !it.is_empty());
            let source = source.unwrap_or_else(|| target.clone());
            copies.push(Copy { line: entry.line, name: target, source, folder: folder.clone() });
        }
    }
    copies
}

fn destination_of(view: &View<'_>, key: &str) -> Option<(String, String)> {
    let entry = view.inf.entry("DestinationDirs", key)?;
    Some((view.inf.expand(entry.value(0)), view.inf.expand(entry.value(1))))
}

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    let mut all: HashMap<(String, String), (String, usize)> = HashMap::new();
    let mut checked = HashSet::new();
    for install in &view.installs {
        for copy in copies(view, install) {
            floor(install, &copy, report);
            // Many install sections may share a list.
            if !checked.insert((copy.line, copy.name.clone())) {
                continue;
            }
            destination(&copy, report);
            source(view, &copy, report);
            let place = format!("{:?}", copy.folder).to_lowercase();
            let source = copy.source.to_lowercase();
            let key = (place, copy.name.to_lowercase());
            let (first, line) = all.entry(key).or_insert_with(|| (source.clone(), copy.line));
            if *first != source {
                let text = format!("{} is another file in line {line}", copy.name);
                report.at(&rules::ONE_SOURCE, copy.line, text);
            }
        }
    }
    for entry in sources(view) {
        let name = entry.key.as_deref().unwrap_or_else(|| entry.value(0));
        if name.to_lowercase().ends_with(".cat") {
            report.at(&rules::CATALOG_SOURCE, entry.line, format!("{name} is a catalog"));
        }
    }
}

fn destination(copy: &Copy, report: &mut Report) {
    let Copy { line, name, source, folder } = copy;
    match folder {
        None => report.at(&rules::DESTINATION, *line, format!("{name} has no destination")),
        Some((number, _)) if number != "13" => {
            let text = format!("{name} goes to folder {number}");
            report.at(&rules::DRIVER_STORE, *line, text);
        }
        Some(_) if !same(name, source) => {
            report.at(&rules::RENAME, *line, format!("{source} becomes {name}"));
        }
        Some(_) => {}
    }
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    if COMMON.iter().any(|common| same(common, stem)) {
        let text = format!("{name} is a name that other packages may have, too");
        report.at(&rules::FILE_NAME, *line, text);
    }
}

fn floor(install: &Install<'_>, copy: &Copy, report: &mut Report) {
    let store = copy.folder.as_ref().is_some_and(|(number, _)| number == "13");
    if install.device && store && install.from < DRIVER_STORE {
        let section = &install.section.name;
        let text = format!("[{section}] uses folder 13 and is for Windows before 10.0.16299, too");
        let line = install.section.headers.first().copied().unwrap_or(copy.line);
        report.at(&rules::OS_FLOOR, line, text);
    }
}

/// The lines of `[SourceDisksFiles]` in its decorations.
fn sources<'a>(view: &View<'a>) -> impl Iterator<Item = &'a super::Entry> {
    let of = |name: &str| name == "sourcedisksfiles" || name.starts_with("sourcedisksfiles.");
    let sections = view.inf.sections().iter();
    sections.filter(move |it| of(&it.name.to_lowercase())).flat_map(|section| &section.entries)
}

fn source(view: &View<'_>, copy: &Copy, report: &mut Report) {
    let found = sources(view).find(|entry| entry.is(&copy.source));
    let Some(entry) = found else {
        let text = format!("{} is not in [SourceDisksFiles]", copy.source);
        report.at(&rules::SOURCE_FILE, copy.line, text);
        return;
    };
    let disk = view.inf.expand(entry.value(0));
    let of = |name: &str| name == "sourcedisksnames" || name.starts_with("sourcedisksnames.");
    let mut disks = view.inf.sections().iter().filter(|it| of(&it.name.to_lowercase()));
    if !disks.any(|section| section.entries.iter().any(|entry| entry.is(&disk))) {
        let text = format!("{} is on disk {disk:?}", copy.source);
        report.at(&rules::SOURCE_DISK, entry.line, text);
    }
    // In the store, a file lies where it lay in the package.
    let before = view.inf.expand(entry.value(1));
    if let Some((number, after)) = &copy.folder {
        let (before, after) = (before.trim_matches('\\'), after.trim_matches('\\'));
        if number == "13" && !same(before, after) {
            let text = format!("{} goes from folder {before:?} to {after:?}", copy.name);
            report.at(&rules::RENAME, copy.line, text);
        }
    }
}
