//! Each rule has an INF that breaks it, and it alone.

use std::collections::HashSet;

use pagewise_package::inf::{Inf, RULES, Severity, lint};

use super::{OPTIONS, broken_rules, shipping};

/// A rule, and the edits of the shipping INF that break it. Where nothing can break it alone, all
/// that are broken.
type Twin = (&'static str, &'static [(&'static str, &'static str)]);

const SERVICE_SECTIONS: &str = "[Pagewise_Device.NTamd64.Services]\n\
    AddService = pagewise, %SPSVCINST_ASSOCSERVICE%, Pagewise_Service\n";

const TWINS: &[Twin] = &[
    ("syntax", &[("[Manufacturer]", "[Manufacturer] list")]),
    ("outside", &[("[Version]\n", "x = 1\n[Version]\n")]),
    ("section-twice", &[("[SourceDisksFiles]", "[SourceDisksNames]\n2 = x\n[SourceDisksFiles]")]),
    ("string", &[("Device                 =", "Else =")]),
    ("arch-token", &[("DisplayName   = %Service%", "DisplayName = $ARCH$")]),
    ("stamp-token", &[("KmdfLibraryVersion = 1.31", "KmdfLibraryVersion = $KMDFVERSION$")]),
    ("section-missing", &[("CopyFiles = Pagewise_Files", "CopyFiles = Pagewise_Files, None")]),
    ("section-unused", &[("[Strings]", "[Orphan]\nx = 1\n[Strings]")]),
    ("signature", &[("\"$WINDOWS NT$\"", "\"$MACOS$\"")]),
    ("signature", &[("Signature   = \"$WINDOWS NT$\"\n", "")]),
    ("version-directive", &[("Provider    = %Provider%\n", "")]),
    ("version-directive", &[("Class       = System\n", "")]),
    ("version-directive", &[("ClassGuid   = {4d36e97d-e325-11ce-bfc1-08002be10318}\n", "")]),
    ("signed-directive", &[("CatalogFile = pagewise.cat\n", "")]),
    ("signed-directive", &[("DriverVer   = 11/22/2026,0.1.0.0\n", "DriverVer =\n")]),
    (
        "class-guid",
        &[("{4d36e97d-e325-11ce-bfc1-08002be10318}", "4d36e97d-e325-11ce-bfc1-08002be10318")],
    ),
    ("class-of-guid", &[("Class       = System", "Class = Ports")]),
    ("class-of-guid", &[("Class       = System", "Class = Pagewise")]),
    ("guid-of-class", &[("{4d36e97d-e325", "{4d36e97d-e326")]),
    ("class-reserved", &[("Class       = System", "Class = Sample")]),
    (
        "class-unknown",
        &[("Class       = System", "Class = Pagewise"), ("{4d36e97d-e325", "{4d36e97d-e326")],
    ),
    ("class-install", &[("[Strings]", "[ClassInstall32]\nx = y\n[Strings]")]),
    (
        "class-component",
        &[
            ("Class       = System", "Class = SoftwareComponent"),
            ("{4d36e97d-e325-11ce-bfc1-08002be10318}", "{5c4c3332-344d-483c-8739-259e934c9cc8}"),
        ],
    ),
    (
        "provider",
        &[("Provider               = \"Pagewise\"", "Provider = \"Microsoft Corporation\"")],
    ),
    ("catalog-name", &[("CatalogFile = pagewise.cat", "CatalogFile = pagewise.txt")]),
    ("catalog-source", &[("pagewise.sys = 1,,", "pagewise.sys = 1,,\npagewise.cat = 1")]),
    ("driver-date", &[("11/22/2026", "22/11/2026")]),
    ("driver-version", &[("0.1.0.0", "0.1.0")]),
    ("driver-version", &[("0.1.0.0", "0.1.0.65536")]),
    ("pnp-lockdown", &[("PnpLockdown = 1", "PnpLockdown = 0")]),
    ("pnp-lockdown", &[("PnpLockdown = 1\n", "")]),
    ("class-length", &[("Class       = System", "Class = Pagewise234567890123456789012345")]),
    ("no-device", &[(", ROOT\\PAGEWISE", "")]),
    ("models-name", &[("%Provider% = Pagewise,", "%Provider% =\n%Provider% = Pagewise,")]),
    ("model-install", &[("ROOT\\PAGEWISE\n", "ROOT\\PAGEWISE\n%Device% = , ROOT\\OTHER\n")]),
    ("install-missing", &[("ROOT\\PAGEWISE\n", "ROOT\\PAGEWISE\n%Device% = None, ROOT\\OTHER\n")]),
    ("decoration", &[("NTamd64.10.0...19041\n\n", "NTamd64.10.0...19041, NTamd64.ten\n\n")]),
    (
        "decoration-arch",
        &[
            ("NTamd64.10.0...19041\n\n", "NTamd64.10.0...19041, NT.10.0...19041\n\n"),
            ("[Strings]", "[Pagewise.NT.10.0...19041]\n[Strings]"),
        ],
    ),
    (
        "decoration-build",
        &[
            (
                "NTamd64.5.1, NTamd64.10.0...19041",
                "NTamd64.5.1, NTamd64.10.0...19041, NTx86.10.0...10240",
            ),
            ("[Strings]", "[Pagewise.NTx86.10.0...10240]\n[Strings]"),
        ],
    ),
    ("decoration-suite", &[("NTamd64.10.0...19041", "NTamd64.10.0.1..19041")]),
    ("os-floor kmdf-floor", &[("Pagewise, NTamd64.5.1", "Pagewise, NTamd64, NTamd64.5.1")]),
    ("kmdf-floor", &[("NTamd64.10.0...19041", "NTamd64.10.0...17763")]),
    ("wine-models", &[("[Pagewise.NTamd64]\n%Device% = Pagewise_Device, ROOT\\PAGEWISE\n", "")]),
    (
        "wine-models",
        &[(
            "[Pagewise.NTamd64]\n%Device% = Pagewise_Device, ROOT\\PAGEWISE\n",
            "[Pagewise.NTamd64]\n%Device% = Pagewise_Device, ROOT\\OTHER\n",
        )],
    ),
    ("wine-fallback", &[("NTamd64.5.1, ", ""), ("[Pagewise.NTamd64.5.1]\n", "")]),
    ("destination", &[("DefaultDestDir = 13", "Other = 13")]),
    (
        "driver-store",
        &[
            ("DefaultDestDir = 13", "DefaultDestDir = 12"),
            ("%13%\\pagewise.sys", "%12%\\pagewise.sys"),
        ],
    ),
    (
        "rename",
        &[
            ("[Pagewise_Files]\npagewise.sys", "[Pagewise_Files]\npagewise.sys, page.sys"),
            ("pagewise.sys = 1,,", "page.sys = 1,,"),
        ],
    ),
    ("rename", &[("pagewise.sys = 1,,", "pagewise.sys = 1,amd64")]),
    ("source-file", &[("pagewise.sys = 1,,", "other.sys = 1,,")]),
    ("source-disk", &[("pagewise.sys = 1,,", "pagewise.sys = 2,,")]),
    (
        "file-name",
        &[
            ("pagewise.sys = 1", "driver.sys = 1"),
            ("[Pagewise_Files]\npagewise.sys", "[Pagewise_Files]\ndriver.sys"),
            ("%13%\\pagewise.sys", "%13%\\driver.sys"),
        ],
    ),
    ("coinstaller", &[("[Strings]", "[Pagewise_Device.NTamd64.CoInstallers]\n[Strings]")]),
    (
        "removal",
        &[("CopyFiles = Pagewise_Files", "CopyFiles = Pagewise_Files\nDelReg = Pagewise_Security")],
    ),
    (
        "file-removal",
        &[("CopyFiles = Pagewise_Files", "CopyFiles = Pagewise_Files\nDelFiles = Pagewise_Files")],
    ),
    (
        "desktop-only",
        &[(
            "CopyFiles = Pagewise_Files",
            "CopyFiles = Pagewise_Files\nRegisterDlls = Pagewise_Files",
        )],
    ),
    ("desktop-only", &[("[Strings]", "[Pagewise_Device.NTamd64.LogConfigOverride]\n[Strings]")]),
    ("registry-root", &[("HKR,,Security", "HKLM,Software\\Pagewise,Version,,1\nHKR,,Security")]),
    ("root-unknown", &[("HKR,,Security", "HKX,,Version,,1\nHKR,,Security")]),
    ("absolute-path", &[("HKR,,Security", "HKR,,Path,,C:\\pagewise.txt\nHKR,,Security")]),
    ("folder-path", &[("HKR,,Security", "HKR,,Path,,%11%\\pagewise.txt\nHKR,,Security")]),
    (
        "parameters",
        &[
            ("ServiceBinary =", "AddReg = Values\nServiceBinary ="),
            ("[Strings]", "[Values]\nHKR,Other,One,0x00010001,1\n[Strings]"),
        ],
    ),
    ("security-missing", &[("HKR,,Security,,", "HKR,,Insecurity,,")]),
    ("security-text", &[("(A;;GA;;;BA)", "(A;GA;BA)")]),
    ("security-open", &[("(A;;GA;;;BA)", "(A;;GA;;;BA)(A;;GR;;;WD)")]),
    (
        "service-two",
        &[(
            "Pagewise_Service\n\n",
            "Pagewise_Service\nAddService = second, 2, Pagewise_Service\n\n",
        )],
    ),
    (
        "service-section",
        &[("Pagewise_Service\n\n", "Pagewise_Service\nAddService = second,, None\n\n")],
    ),
    ("service-disabled", &[("StartType     = 3", "StartType = 4")]),
    ("service-start", &[("StartType     = 3", "StartType = 0")]),
    ("service-start", &[("ErrorControl  = 1", "ErrorControl = 3")]),
    ("service-value", &[("ServiceType   = 1", "Kind = 1")]),
    ("binary-copied", &[("%13%\\pagewise.sys", "%12%\\pagewise.sys")]),
    ("binary-folder", &[("%13%\\pagewise.sys", "\\SystemRoot\\pagewise.sys")]),
    ("kmdf-directive", &[("KmdfLibraryVersion = 1.31", "Kmdf = 1.31")]),
    ("kmdf-service", &[("KmdfService = pagewise,", "KmdfService = other,")]),
    ("kmdf-version", &[("KmdfLibraryVersion = 1.31", "KmdfLibraryVersion = 1.29")]),
    (
        "kmdf-none",
        &[(
            "KmdfService = pagewise, Pagewise_Framework\n\n[Pagewise_Framework]\nKmdfLibraryVersion = 1.31",
            "",
        )],
    ),
    (
        "service-none",
        &[(
            SERVICE_SECTIONS,
            "[Pagewise_Device.NTamd64.Services]\n\
        AddService = pagewise, 0, Pagewise_Service\n",
        )],
    ),
    (
        "rename one-source",
        &[
            (
                "[Pagewise_Files]\npagewise.sys",
                "[Pagewise_Files]\npagewise.sys\npagewise.sys,page.sys",
            ),
            ("pagewise.sys = 1,,", "pagewise.sys = 1,,\npage.sys = 1,,"),
        ],
    ),
];

fn broken(edits: &[(&str, &str)]) -> String {
    let mut text = shipping();
    for (from, to) in edits {
        let bad = text.replace(from, to);
        assert!(from == to || bad != text, "{from} is not in the file");
        text = bad;
    }
    text
}

/// The two that are about more than the text.
const ENCODINGS: &[&str] = &["encoding", "characters"];

#[test]
fn each_rule_is_broken_by_one_file_and_alone() {
    let mut wrong = Vec::new();
    for (rule, edits) in TWINS {
        let mut found = broken_rules(&broken(edits), &OPTIONS);
        found.dedup();
        if found.join(" ") != *rule {
            wrong.push(format!("{rule}: {found:?}: {edits:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_is_without_its_twin() {
    let twins: HashSet<&str> = TWINS.iter().flat_map(|(rules, _)| rules.split(' ')).collect();
    for rule in RULES {
        assert!(twins.contains(rule.id) || ENCODINGS.contains(&rule.id), "{}", rule.id);
    }
    assert_eq!(
        RULES.len(),
        twins.len() + ENCODINGS.len(),
        "a twin is of no rule, or a rule is there twice"
    );
}

#[test]
fn encodings_that_windows_misreads_are_found() {
    let rules = |bytes: &[u8]| -> Vec<_> {
        lint(&Inf::read(bytes), &OPTIONS).iter().map(|finding| finding.rule.id).collect()
    };
    let text = shipping();
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let german = text.replace("installation disk", "Installationstr\u{e4}ger");
    assert_eq!(rules(&[b"\xFF\xFE", little.as_slice()].concat()), [""; 0]);
    assert_eq!(rules(&[b"\xFE\xFF", big.as_slice()].concat()), ["encoding"]);
    assert_eq!(rules(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()), ["encoding"]);
    assert_eq!(rules(german.as_bytes()), ["characters"]);
    let latin: Vec<u8> = german.chars().map(|letter| letter as u8).collect();
    assert_eq!(rules(&latin), ["characters"]);
}

#[test]
fn a_finding_names_the_line() {
    let text = broken(&[("PnpLockdown = 1", "PnpLockdown = 0")]);
    let line = 1 + text.lines().position(|line| line.starts_with("PnpLockdown")).unwrap();
    let [finding] = &lint(&Inf::read(text.as_bytes()), &OPTIONS)[..] else { panic!() };
    assert_eq!(finding.line, Some(line));
    assert_eq!(finding.rule.severity, Severity::Error);
    let said = finding.to_string();
    assert!(said.starts_with(&format!("line {line}: error 1324 [pnp-lockdown] ")), "{said}");
}
