//! `inf/pagewise.inx` keeps the rules for a Windows driver package, as far as they can be told
//! without InfVerif, which runs on Windows only.

mod file;

use file::Inf;
use pagewise_contract::Guid;

/// What an open through the interface is judged by; the driver assigns the same to its own object.
const SECURITY: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";

/// The setup class for devices of no other class.
const SYSTEM_CLASS: &str = "{4d36e97d-e325-11ce-bfc1-08002be10318}";

/// The first build of Windows with KMDF 1.31. From 10.0...16299 on, DIRID 13 is allowed.
const MODELS: &str = "NTamd64.10.0...19041";

fn read(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_package_keeps_the_rules() {
    assert_eq!(violations(&read("inf/pagewise.inx")), Vec::<String>::new());
}

#[test]
fn inf_and_driver_agree_on_security() {
    let driver = read("driver/src/device.rs");
    assert!(driver.contains(&format!("utf16(\"{SECURITY}\")")));
}

#[test]
fn the_interface_is_in_no_package_but_the_drivers() {
    // The driver registers the interface itself; an AddInterface line would make a second one.
    let Guid { data1, .. } = pagewise_contract::INTERFACE_GUID;
    assert!(!read("inf/pagewise.inx").to_lowercase().contains(&format!("{data1:08x}")));
}

fn violations(text: &str) -> Vec<String> {
    let inf = Inf::parse(text);
    let mut found = Vec::new();
    let mut rule = |kept: bool, what: &str| {
        if !kept {
            found.push(what.to_owned());
        }
    };
    rule(text.is_ascii(), "ASCII, so that diffs and every tool can read it");

    let is = |section: &str, key: &str, value: &str| inf.value(section, key) == Some(value);
    rule(is("Version", "Signature", "\"$WINDOWS NT$\""), "Version: Signature");
    rule(is("Version", "Class", "System"), "Version: Class is System");
    rule(is("Version", "ClassGuid", SYSTEM_CLASS), "Version: ClassGuid is System's");
    rule(is("Version", "PnpLockdown", "1"), "Version: PnpLockdown");
    rule(is("Version", "CatalogFile", "pagewise.cat"), "Version: CatalogFile");
    rule(inf.value("Version", "DriverVer").is_some(), "Version: DriverVer, for stampinf");
    rule(is("Version", "Provider", "%Provider%"), "Version: Provider");

    rule(is("DestinationDirs", "DefaultDestDir", "13"), "run from the driver store: DIRID 13");
    rule(inf.sections().filter(|name| *name == "Manufacturer").count() == 1, "one Manufacturer");
    rule(
        inf.lines("Manufacturer") == [format!("%Provider% = Pagewise, {MODELS}")],
        "models are decorated with the first build that has KMDF 1.31",
    );
    let models = format!("Pagewise.{MODELS}");
    rule(
        inf.lines(&models) == ["%Device% = Pagewise_Device, ROOT\\PAGEWISE"],
        "one model, ROOT\\PAGEWISE",
    );

    let install = "Pagewise_Device.NTamd64";
    let files = inf.value(install, "CopyFiles").unwrap_or_default();
    rule(inf.lines(files) == ["pagewise.sys"], "CopyFiles copies the driver, under its own name");
    rule(inf.value("SourceDisksFiles", "pagewise.sys").is_some(), "SourceDisksFiles");

    let security = inf.value(&format!("{install}.HW"), "AddReg").unwrap_or_default();
    rule(
        inf.lines(security) == [format!("HKR,,Security,,\"{SECURITY}\"")],
        "the .HW section sets the security descriptor and nothing else",
    );

    let add = inf.value(&format!("{install}.Services"), "AddService").unwrap_or_default();
    rule(
        add == "pagewise, %SPSVCINST_ASSOCSERVICE%, Pagewise_Service",
        "the service is the device's function driver",
    );
    rule(is("Strings", "SPSVCINST_ASSOCSERVICE", "0x00000002"), "SPSVCINST_ASSOCSERVICE is 2");
    let service = "Pagewise_Service";
    rule(is(service, "ServiceType", "1"), "a kernel driver");
    rule(is(service, "StartType", "3"), "started on demand");
    rule(is(service, "ErrorControl", "1"), "normal error control");
    rule(is(service, "ServiceBinary", "%13%\\pagewise.sys"), "runs from the driver store");

    let framework = inf.value(&format!("{install}.Wdf"), "KmdfService").unwrap_or_default();
    rule(framework == "pagewise, Pagewise_Framework", "the .Wdf section names the service");
    let version = inf.value("Pagewise_Framework", "KmdfLibraryVersion").unwrap_or_default();
    rule(["$KMDFVERSION$", "1.31"].contains(&version), "the KMDF version is the one built for");

    for directive in file::FORBIDDEN {
        rule(!inf.uses(directive), &format!("{directive} is not for a Windows driver package"));
    }
    for root in ["HKLM", "HKCR", "HKCU", "HKU"] {
        rule(
            !inf.all_lines().any(|line| line.starts_with(root)),
            &format!("{root}: a package writes below HKR only"),
        );
    }
    for name in inf.undefined_strings() {
        rule(false, &format!("string %{name}% is not defined"));
    }
    for name in inf.unused_sections() {
        rule(false, &format!("section [{name}] is not used"));
    }
    found
}

#[test]
fn negative_twins_are_caught() {
    let good = read("inf/pagewise.inx");
    for (from, to, expected) in [
        ("Class       = System", "Class       = Sample", "Class is System"),
        ("PnpLockdown = 1", "PnpLockdown = 0", "PnpLockdown"),
        ("CatalogFile = pagewise.cat\n", "", "CatalogFile"),
        ("DefaultDestDir = 13", "DefaultDestDir = 12", "DIRID 13"),
        ("NTamd64.10.0...19041\n\n", "NTamd64\n\n", "first build"),
        ("ROOT\\PAGEWISE", "ROOT\\OTHER", "ROOT\\PAGEWISE"),
        ("(A;;GA;;;BA)", "(A;;GA;;;WD)", "security descriptor"),
        ("%13%\\pagewise.sys", "%12%\\pagewise.sys", "driver store"),
        ("StartType     = 3", "StartType     = 0", "on demand"),
        ("$KMDFVERSION$\n", "1.33\n", "KMDF version"),
        ("HKR,,Sec", "HKLM,,Sec", "below HKR"),
        ("[Strings]", "[ClassInstall32]\nAddReg = x\n[Strings]", "ClassInstall32"),
        ("CopyFiles = ", "DelFiles = x\nCopyFiles = ", "DelFiles"),
        ("Device                 =", "Else =", "%Device% is not defined"),
        ("[Strings]", "[Orphan]\nx = 1\n[Strings]", "[Orphan] is not used"),
        ("Pagewise installation disk", "Pagewise installation d\u{ef}sk", "ASCII"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from} is not in the file");
        let found = violations(&bad);
        assert!(found.iter().any(|what| what.contains(expected)), "{to}: {found:?}");
    }
}
