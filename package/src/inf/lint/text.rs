//! The file as text: its encoding, its syntax, what stamping should have filled.

use super::super::document::{DefectKind, Inf};
use super::super::{Encoding, rules};
use super::Report;

/// What an INX leaves to `stampinf`, besides `$ARCH$`.
const TOKENS: [&str; 4] =
    ["$KMDFVERSION$", "$KMDFCOINSTALLERVERSION$", "$UMDFVERSION$", "$UMDFCOINSTALLERVERSION$"];

pub(super) fn check(inf: &Inf, report: &mut Report) {
    match inf.encoding() {
        Encoding::Ascii | Encoding::Utf16Le => {}
        Encoding::Utf16Be => report.file(&rules::ENCODING, "the file is UTF-16 BE"),
        Encoding::Utf8Marked => report.file(&rules::ENCODING, "the file is marked as UTF-8"),
        Encoding::Utf8 | Encoding::Ansi => report.file(
            &rules::CHARACTERS,
            "the file has other characters than ASCII: Windows reads them by its code page",
        ),
    }
    for defect in inf.defects() {
        let rule = match defect.kind {
            // Common: files of Microsoft's own begin with such a line.
            DefectKind::NoSection => &rules::OUTSIDE,
            _ => &rules::SYNTAX,
        };
        report.at(rule, defect.line, defect.kind.to_string());
    }
    for section in inf.sections() {
        if let [first, again, ..] = section.headers.as_slice() {
            let name = &section.name;
            report.at(&rules::SECTION_TWICE, *again, format!("[{name}] begins in line {first}"));
        }
        if let (true, Some(&line)) = (section.name.contains("$ARCH$"), section.headers.first()) {
            report.at(&rules::ARCH_TOKEN, line, format!("$ARCH$ is left in [{}]", section.name));
        }
    }
    for entry in inf.sections().iter().flat_map(|section| &section.entries) {
        let fields = || entry.key.iter().chain(&entry.values);
        if fields().any(|field| field.contains("$ARCH$")) {
            report.at(&rules::ARCH_TOKEN, entry.line, "$ARCH$ is left");
        }
        for token in TOKENS.iter().filter(|token| fields().any(|field| field.contains(**token))) {
            report.at(&rules::STAMP_TOKEN, entry.line, format!("{token} is left"));
        }
        for field in fields() {
            for name in inf.undefined(field).filter(|name| !is_folder(name)) {
                report.at(&rules::STRING, entry.line, format!("%{name}% is not in [Strings]"));
            }
        }
    }
}

/// Whether a name between percent signs is a folder's number.
fn is_folder(name: &str) -> bool {
    name.bytes().all(|letter| letter.is_ascii_digit())
}
