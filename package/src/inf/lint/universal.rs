//! What a universal INF leaves out
//! (learn.microsoft.com/windows-hardware/drivers/install/using-a-universal-inf-file).
//!
//! InfVerif's public table tells its numbers by the kind of operation, not by the directive; which
//! directive has which of 1307, 1308 and 1309 is read from the wording there.

use super::super::document::{Inf, same};
use super::super::finding::Rule;
use super::super::rules;
use super::Report;

/// Directives: what is written before the equals sign.
const DIRECTIVES: &[(&str, &Rule)] = &[
    ("BitReg", &rules::DESKTOP_ONLY),
    ("DelFiles", &rules::FILE_REMOVAL),
    ("DelProperty", &rules::REMOVAL),
    ("DelReg", &rules::REMOVAL),
    ("DelService", &rules::REMOVAL),
    ("Ini2Reg", &rules::DESKTOP_ONLY),
    ("LogConfig", &rules::DESKTOP_ONLY),
    ("ProfileItems", &rules::DESKTOP_ONLY),
    ("RegisterDlls", &rules::DESKTOP_ONLY),
    ("RenFiles", &rules::FILE_REMOVAL),
    ("UnregisterDlls", &rules::DESKTOP_ONLY),
    ("UpdateIniFields", &rules::DESKTOP_ONLY),
    ("UpdateInis", &rules::DESKTOP_ONLY),
];

/// Sections: a part of their name. `[ClassInstall32]` is a matter of the class.
const SECTIONS: &[(&str, &Rule)] = &[
    ("CoInstallers", &rules::COINSTALLER),
    ("FactDef", &rules::DESKTOP_ONLY),
    ("LogConfigOverride", &rules::DESKTOP_ONLY),
];

pub(super) fn check(inf: &Inf, report: &mut Report) {
    for section in inf.sections() {
        let is = |name: &str| section.name.split('.').skip(1).any(|part| same(part, name));
        let part = SECTIONS.iter().find(|(name, _)| is(name));
        if let (Some((_, rule)), Some(&line)) = (part, section.headers.first()) {
            report.at(rule, line, format!("[{}]", section.name));
        }
        if serves_older_windows_only(inf, &section.name) {
            continue;
        }
        for entry in &section.entries {
            if let Some((name, rule)) = DIRECTIVES.iter().find(|(name, _)| entry.is(name)) {
                report.at(rule, entry.line, format!("{name} in [{}]", section.name));
            }
        }
    }
}

/// Sections say so, and speak for their `.Services`, too.
fn serves_older_windows_only(inf: &Inf, name: &str) -> bool {
    let parent = name.rsplit_once('.').map_or(name, |(parent, _)| parent);
    [name, parent].iter().any(|name| inf.entry(name, "LegacyUninstall").is_some())
}
