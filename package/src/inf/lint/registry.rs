//! What goes into the registry
//! (learn.microsoft.com/windows-hardware/drivers/develop/driver-isolation,
//! install/inf-addreg-directive).

use super::super::document::{Entry, Section, same};
use super::super::rules;
use super::Report;
use super::view::View;

/// Roots that lead out of the driver's own keys.
const FOREIGN: [&str; 4] = ["HKCR", "HKCU", "HKLM", "HKU"];

/// Folders of Windows by their numbers: itself, system32, drivers, inf, ...
const FOLDERS: [&str; 7] = ["%10%", "%11%", "%12%", "%17%", "%18%", "%24%", "%30%"];

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    for section in view.inf.sections() {
        for (_, name) in view.names(section, "AddReg") {
            for entry in view.inf.entries(&name) {
                value(view, entry, report);
            }
        }
    }
    for section in super::services::sections(view) {
        parameters(view, section, report);
    }
}

fn value(view: &View<'_>, entry: &Entry, report: &mut Report) {
    let root = view.inf.expand(entry.value(0));
    if FOREIGN.iter().any(|foreign| same(foreign, &root)) {
        let key = view.inf.expand(entry.value(1));
        report.at(&rules::REGISTRY_ROOT, entry.line, format!("{root}\\{key} is not below HKR"));
    } else if !same(&root, "HKR") {
        report.at(&rules::ROOT_UNKNOWN, entry.line, format!("{root:?} is no root"));
    }
    for raw in entry.values.iter().skip(4) {
        if FOLDERS.iter().any(|folder| raw.contains(folder)) {
            let text = format!("{raw} is where Windows lay when the package was added");
            report.at(&rules::FOLDER_PATH, entry.line, text);
        } else if is_absolute(&view.inf.expand(raw)) {
            report.at(&rules::ABSOLUTE_PATH, entry.line, format!("{raw} is an absolute path"));
        }
    }
}

/// `C:\...`, `\\server\...`, `\SystemRoot\...`, `\??\...`
fn is_absolute(text: &str) -> bool {
    let drive =
        matches!(text.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    let lower = text.to_lowercase();
    drive || ["\\\\", "\\systemroot\\", "\\??\\"].iter().any(|start| lower.starts_with(start))
}

/// A service's own values lie in its `Parameters`.
fn parameters(view: &View<'_>, section: &Section, report: &mut Report) {
    for (_, name) in view.names(section, "AddReg") {
        for entry in view.inf.entries(&name) {
            let key = view.inf.expand(entry.value(1)).to_lowercase();
            if key != "parameters" && !key.starts_with("parameters\\") {
                let text = format!("{key:?} below the service is not Parameters");
                report.at(&rules::PARAMETERS, entry.line, text);
            }
        }
    }
}
