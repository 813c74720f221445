//! What Wine 8 needs besides.
//!
//! Seen with Wine 8.0: of the models of a manufacturer it takes the section decorated `.NTamd64`,
//! and no section whose decoration names a version of Windows, whatever version it plays. It takes
//! that section whether `[Manufacturer]` lists it or not, which Windows does not: so such a section
//! serves Wine and leaves Windows as it is. InfVerif's page makes of it warning 2083.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::super::document::{Section, same};
use super::super::rules;
use super::Report;
use super::target::Windows;
use super::view::{Listed, View};

/// Models sections that only Wine gets to, in lower case.
pub(super) fn sections(view: &View<'_>) -> HashSet<String> {
    let unlisted = |listed: &&Listed<'_>| {
        let plain = plain(listed);
        versioned(listed) && !view.listed.iter().any(|other| same(&other.section, &plain))
    };
    view.listed.iter().filter(unlisted).map(|listed| plain(listed).to_lowercase()).collect()
}

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    let mut bases: Vec<&Listed<'_>> = view.listed.iter().filter(|it| versioned(it)).collect();
    // The newest Windows first: what it installs, Wine is to install, too.
    bases.sort_by_key(|listed| Reverse(listed.target.as_ref().map(|target| target.from)));
    let mut seen = HashSet::new();
    bases.retain(|listed| seen.insert(listed.base.to_lowercase()));
    for listed in bases {
        let name = plain(listed);
        let Some(section) = view.inf.section(&name) else {
            let text = format!("Wine 8 looks for [{name}], and takes no decoration with a version");
            report.at(&rules::WINE_MODELS, listed.entry.line, text);
            continue;
        };
        let line = section.headers.first().copied().unwrap_or(listed.entry.line);
        let newest = view.inf.section(&listed.section);
        if newest.is_some_and(|newest| models(newest) != models(section)) {
            let text = format!("[{name}] installs something else than [{}]", listed.section);
            report.at(&rules::WINE_MODELS, line, text);
        }
        // One page has it that a Windows without a match in the list goes by the platform alone
        // (install/combining-platform-extensions-with-operating-system-versions).
        let of_base = view.listed.iter().filter(|it| same(&it.base, &listed.base));
        let targets = of_base.filter_map(|it| it.target.as_ref());
        let mut x64 = targets.filter(|target| target.architecture == "amd64");
        if !x64.any(|target| target.from <= OLDEST) {
            let text = format!("a Windows older than the list of [Manufacturer] may take [{name}]");
            report.at(&rules::WINE_FALLBACK, line, text);
        }
    }
}

/// The first Windows for x64: XP's and Server 2003's.
const OLDEST: Windows = (5, 2, 0);

fn versioned(listed: &Listed<'_>) -> bool {
    let target = listed.target.as_ref();
    target.is_some_and(|target| target.architecture == "amd64" && target.from != (0, 0, 0))
}

fn plain(listed: &Listed<'_>) -> String {
    format!("{}.NTamd64", listed.base)
}

/// The models without their lines' numbers.
fn models(section: &Section) -> Vec<(Option<&String>, &Vec<String>)> {
    section.entries.iter().map(|entry| (entry.key.as_ref(), &entry.values)).collect()
}
