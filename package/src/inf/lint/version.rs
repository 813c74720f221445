//! `[Version]` (learn.microsoft.com/windows-hardware/drivers/install/inf-version-section).

use super::super::document::{Entry, Inf, same};
use super::super::finding::Rule;
use super::super::{rules, stamp};
use super::Report;

const SIGNATURES: [&str; 2] = ["$Windows NT$", "$Chicago$"];

pub(super) fn check(inf: &Inf, report: &mut Report) {
    signature(inf, report);
    for key in ["Class", "ClassGuid", "Provider"] {
        directive(inf, key, &rules::VERSION_DIRECTIVE, report);
    }
    provider(inf, report);
    catalog(inf, report);
    driver_ver(inf, report);
    let lockdown = inf.entry("Version", "PnpLockdown");
    if lockdown.is_none_or(|entry| inf.expand(entry.value(0)) != "1") {
        let text = "PnpLockdown is not 1: programs may change the driver's files";
        match lockdown {
            Some(entry) => report.at(&rules::PNP_LOCKDOWN, entry.line, text),
            None => report.file(&rules::PNP_LOCKDOWN, text),
        }
    }
}

fn signature(inf: &Inf, report: &mut Report) {
    match inf.entry("Version", "Signature") {
        None => report.file(&rules::SIGNATURE, "[Version] has no Signature"),
        Some(entry) if !SIGNATURES.iter().any(|it| same(it, &inf.expand(entry.value(0)))) => {
            report.at(&rules::SIGNATURE, entry.line, "the Signature is none that Windows knows");
        }
        Some(_) => {}
    }
}

/// The line of a directive that must have a value.
fn directive<'a>(
    inf: &'a Inf,
    key: &str,
    rule: &'static Rule,
    report: &mut Report,
) -> Option<&'a Entry> {
    let Some(entry) = inf.entry("Version", key) else {
        report.file(rule, format!("[Version] has no {key}"));
        return None;
    };
    if inf.expand(entry.value(0)).is_empty() {
        report.at(rule, entry.line, format!("{key} has no value"));
        return None;
    }
    Some(entry)
}

fn provider(inf: &Inf, report: &mut Report) {
    let Some(entry) = inf.entry("Version", "Provider") else {
        return;
    };
    if inf.expand(entry.value(0)).to_lowercase().starts_with("microsoft") {
        report.at(&rules::PROVIDER, entry.line, "the Provider is Microsoft");
    }
}

fn catalog(inf: &Inf, report: &mut Report) {
    let entries = inf.entries("Version").iter();
    let is_catalog = |entry: &&Entry| {
        let key = entry.key.as_deref().unwrap_or_default().to_lowercase();
        key == "catalogfile" || key.starts_with("catalogfile.")
    };
    let mut found = entries.filter(is_catalog).peekable();
    if found.peek().is_none() {
        report.file(&rules::SIGNED_DIRECTIVE, "[Version] has no CatalogFile");
    }
    for entry in found {
        let name = inf.expand(entry.value(0));
        let plain = !name.contains(['\\', '/', ':']) && name.to_lowercase().ends_with(".cat");
        if name.is_empty() {
            report.at(&rules::SIGNED_DIRECTIVE, entry.line, "CatalogFile has no value");
        } else if !plain || name.len() == ".cat".len() {
            report.at(&rules::CATALOG_NAME, entry.line, format!("{name} is no catalog's name"));
        }
    }
}

/// learn.microsoft.com/windows-hardware/drivers/install/inf-driverver-directive
fn driver_ver(inf: &Inf, report: &mut Report) {
    let Some(entry) = directive(inf, "DriverVer", &rules::SIGNED_DIRECTIVE, report) else {
        return;
    };
    let date = inf.expand(entry.value(0));
    if !stamp::Date::is_one(&date) {
        report.at(&rules::DRIVER_DATE, entry.line, format!("{date} is no date"));
    }
    let version = inf.expand(entry.value(1));
    let parts: Vec<_> = version.split('.').map(str::parse::<u16>).collect();
    if parts.len() != 4 || parts.iter().any(Result::is_err) {
        report.at(&rules::DRIVER_VERSION, entry.line, format!("{version:?} is no version"));
    }
}
