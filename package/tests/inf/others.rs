//! Files of other shapes than ours: the linter is for them, too.

use pagewise_package::inf::{Inf, Options, lint};

/// What is found in a file, by rule and InfVerif number.
fn found(text: &str) -> Vec<(&'static str, Option<u16>)> {
    let findings = lint(&Inf::read(text.as_bytes()), &Options::default());
    findings.iter().map(|finding| (finding.rule.id, finding.rule.infverif)).collect()
}

const FILTER: &str = r#"
[Version]
Signature = "$Windows NT$"
Class = Extension
ClassGuid = {e2f84ce7-8efa-411c-aa69-97454ca4cb57}
Provider = %Me%
CatalogFile = own.cat
DriverVer = 01/02/2026,1.0.0.0
PnpLockdown = 1
[DestinationDirs]
DefaultDestDir = 13
[SourceDisksNames]
1 = disk
[SourceDisksFiles]
ownfilter.sys = 1
[Manufacturer]
%Me% = Own, NTamd64.10.0...17763
[Own.NTamd64.10.0...17763]
%Name% = Install, PCI\VEN_1234&DEV_5678
[Install]
CopyFiles = @ownfilter.sys
[Install.Services]
AddService = ownfilter,, Service
[Service]
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %13%\ownfilter.sys
[Install.Filters]
AddFilter = ownfilter,, Filter
[Filter]
FilterLevel = upper
[Strings]
Me = "Own"
Name = "Filter"
"#;

#[test]
fn an_extension_needs_no_function_driver() {
    assert_eq!(found(FILTER), []);
}

#[test]
fn a_file_of_windows_7_days_is_told_all_it_has() {
    let text = FILTER
        .replace("Class = Extension", "Class = System")
        .replace("{e2f84ce7-8efa-411c-aa69-97454ca4cb57}", "{4d36e97d-e325-11ce-bfc1-08002be10318}")
        .replace("NTamd64.10.0...17763", "NTamd64")
        .replace("DefaultDestDir = 13", "DefaultDestDir = 12")
        .replace("%13%", "%12%")
        .replace("PnpLockdown = 1\n", "")
        .replace("CopyFiles = @", "DelReg = Old\nCopyFiles = @")
        .replace("[Strings]", "[Old]\nHKLM,Software\\Own\n[Install.CoInstallers]\n[Strings]")
        .replace("ownfilter,, Service", "ownfilter, 2, Service");
    let mut found = found(&text);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("coinstaller", Some(1303)),
            ("driver-store", Some(1322)),
            ("pnp-lockdown", Some(1324)),
            ("removal", Some(1308)),
        ]
    );
}

#[test]
fn what_serves_older_windows_only_may_remove() {
    let uninstall = "[DefaultUninstall.NTamd64]\nLegacyUninstall = 1\nDelReg = Old\n[Old]\n\
        [DefaultUninstall.NTamd64.Services]\nDelService = ownfilter\n[Strings]";
    assert_eq!(found(&FILTER.replace("[Strings]", uninstall)), []);
    let now = uninstall.replace("LegacyUninstall = 1\n", "");
    assert_eq!(found(&FILTER.replace("[Strings]", &now)), [("removal", Some(1308)); 2]);
}

#[test]
fn a_section_may_be_split_and_a_line_go_on() {
    let text = FILTER.replace("ownfilter,, Filter", "ownfilter,,\\ ; on the next line\n  Filter");
    assert_eq!(found(&text), []);
}

#[test]
fn nothing_at_all_is_no_inf() {
    let rules: Vec<_> = found("").into_iter().map(|(rule, _)| rule).collect();
    assert!(rules.contains(&"signature") && rules.contains(&"no-device"), "{rules:?}");
    assert_eq!(rules.len(), 8, "{rules:?}");
}
