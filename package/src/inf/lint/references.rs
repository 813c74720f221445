//! Sections that are named and not there, and sections that are there and not named.

use std::collections::HashSet;

use super::super::document::Section;
use super::super::rules;
use super::view::View;
use super::{Report, wine};

/// Sections that Windows looks for by name; what follows a full stop is a decoration or a language.
const KNOWN: [&str; 11] = [
    "classinstall32",
    "controlflags",
    "defaultinstall",
    "defaultuninstall",
    "destinationdirs",
    "interfaceinstall32",
    "manufacturer",
    "signatureattributes",
    "sourcedisksfiles",
    "sourcedisksnames",
    "strings",
];

/// What an install section's name may be followed by.
const PARTS: [&str; 12] = [
    "",
    ".coinstallers",
    ".components",
    ".events",
    ".factdef",
    ".filters",
    ".hw",
    ".interfaces",
    ".logconfigoverride",
    ".services",
    ".software",
    ".wdf",
];

/// Directives all of whose values name sections; `@name` is a file.
const LISTS: [&str; 4] = ["AddReg", "CopyFiles", "DelFiles", "DelReg"];

pub(super) fn check(view: &View<'_>, for_wine: bool, report: &mut Report) {
    for section in view.inf.sections() {
        for key in LISTS {
            for (line, name) in view.names(section, key) {
                if !name.starts_with('@') && view.inf.section(&name).is_none() {
                    report.at(
                        &rules::SECTION_MISSING,
                        line,
                        format!("there is no section [{name}]"),
                    );
                }
            }
        }
    }
    let used = reached(view);
    let of_wine = if for_wine { wine::sections(view) } else { HashSet::new() };
    for section in view.inf.sections() {
        let name = section.name.to_lowercase();
        if let (false, Some(&line)) =
            (used.contains(&name) || of_wine.contains(&name), section.headers.first())
        {
            report.at(&rules::SECTION_UNUSED, line, format!("nothing names [{}]", section.name));
        }
    }
}

/// The names, in lower case, of the sections that Windows gets to.
fn reached(view: &View<'_>) -> HashSet<String> {
    let mut open: Vec<&Section> = Vec::new();
    let known = |name: &str| {
        let first = name.split('.').next().unwrap_or_default();
        name == "version" || KNOWN.contains(&first)
    };
    open.extend(view.inf.sections().iter().filter(|it| known(&it.name.to_lowercase())));
    open.extend(view.listed.iter().filter_map(|listed| view.inf.section(&listed.section)));
    for install in &view.installs {
        open.extend(PARTS.iter().filter_map(|part| view.part(install, part)));
    }
    let mut used: HashSet<String> =
        open.iter().map(|section| section.name.to_lowercase()).collect();
    // What sections name is reached, too, and what those name.
    while let Some(section) = open.pop() {
        for raw in section.entries.iter().filter(|it| it.key.is_some()).flat_map(|it| &it.values) {
            let name = view.inf.expand(raw);
            let found = [name.clone(), format!("{name}.security")];
            for next in found.iter().filter_map(|name| view.inf.section(name)) {
                if used.insert(next.name.to_lowercase()) {
                    open.push(next);
                }
            }
        }
    }
    used
}
