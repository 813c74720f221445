//! The `.Wdf` section
//! (learn.microsoft.com/windows-hardware/drivers/wdf/specifying-wdf-directives-in-inf-files).

use super::super::rules;
use super::Report;
use super::services::services;
use super::target::Windows;
use super::view::{Install, View};

/// The first Windows with each minor version of KMDF 1, newest first
/// (learn.microsoft.com/windows-hardware/drivers/wdf/kmdf-version-history).
const HISTORY: &[(u16, Windows)] = &[
    (33, (10, 0, 22000)),
    (31, (10, 0, 19041)),
    (29, (10, 0, 18362)),
    (27, (10, 0, 17763)),
    (25, (10, 0, 17134)),
    (23, (10, 0, 16299)),
    (21, (10, 0, 15063)),
    (19, (10, 0, 14393)),
    // Older builds cannot be named in a decoration.
    (15, (10, 0, 0)),
    (13, (6, 3, 0)),
    (11, (6, 0, 0)),
];

pub(super) fn check(view: &View<'_>, built_for: Option<(u16, u16)>, report: &mut Report) {
    for install in view.devices() {
        let services = services(view, install);
        let driver = services.iter().find(|it| it.associated() && !it.name.is_empty());
        let section = view.part(install, ".Wdf");
        let lines = section.map(|section| view.inf.all(&section.name, "KmdfService"));
        let mut lines = lines.into_iter().flatten().peekable();
        if let (Some(driver), Some(_), None) = (driver, built_for, lines.peek()) {
            let name = &install.section.name;
            let text = format!("[{name}.Wdf] does not say that {} is a KMDF driver", driver.name);
            report.at(&rules::KMDF_NONE, driver.line, text);
        }
        for line in lines {
            let service = view.inf.expand(line.value(0));
            if !services.iter().any(|it| super::super::same(&it.name, &service)) {
                let text = format!("there is no service {service:?}");
                report.at(&rules::KMDF_SERVICE, line.line, text);
            }
            let section = view.inf.expand(line.value(1));
            match view.inf.entry(&section, "KmdfLibraryVersion") {
                None => {
                    let text = format!("[{section}] has no KmdfLibraryVersion");
                    report.at(&rules::KMDF_DIRECTIVE, line.line, text);
                }
                Some(entry) => {
                    let text = view.inf.expand(entry.value(0));
                    version(install, entry.line, &text, built_for, report);
                }
            }
        }
    }
}

fn version(
    install: &Install<'_>,
    line: usize,
    text: &str,
    built_for: Option<(u16, u16)>,
    report: &mut Report,
) {
    // An INX before it is stamped; there is a rule for that.
    if text.starts_with('$') {
        return;
    }
    let parts = text.split_once('.');
    let parsed = parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let Some((major, minor)): Option<(u16, u16)> = parsed else {
        report.at(&rules::KMDF_VERSION, line, format!("{text:?} is no version"));
        return;
    };
    if let Some((built_major, built_minor)) = built_for.filter(|it| *it != (major, minor)) {
        let text = format!("{text}: the driver was built for {built_major}.{built_minor}");
        report.at(&rules::KMDF_VERSION, line, text);
    }
    let known = HISTORY.iter().find(|(known, _)| *known <= minor);
    if let Some((_, first)) = known.filter(|(_, first)| major == 1 && install.from < *first) {
        let (a, b, c) = first;
        let text = format!(
            "[{}] is for Windows before {a}.{b}.{c}, which has no KMDF {text}",
            install.section.name
        );
        report.at(&rules::KMDF_FLOOR, line, text);
    }
}
