//! `inf/pagewise.inx`, stamped, keeps every rule; broken on purpose, it breaks exactly the one.

mod broken;
mod others;
mod random;

use pagewise_contract::Guid;
use pagewise_package::inf::{Date, Inf, Options, Stamp, lint, stamp};

/// What the lint of a build knows.
const OPTIONS: Options = Options { kmdf: Some((1, 31)), wine: true };

/// What an open through the interface is judged by; the driver assigns the same to its own object.
const SECURITY: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";

fn read(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The INF as a build stamps it, with ends of lines that a test can match.
fn shipping() -> String {
    let date = Date::from_unix(1_795_305_600).expect("a date");
    let with = Stamp { date, version: [0, 1, 0, 0], kmdf: (1, 31) };
    let stamped = stamp(read("inf/pagewise.inx").as_bytes(), &with).expect("it has a [Version]");
    String::from_utf8(stamped).expect("it is ASCII").replace("\r\n", "\n")
}

/// The rules that a text breaks.
fn broken_rules(text: &str, options: &Options) -> Vec<&'static str> {
    let findings = lint(&Inf::read(text.as_bytes()), options);
    findings.iter().map(|finding| finding.rule.id).collect()
}

#[test]
fn the_shipping_inf_keeps_every_rule() {
    let findings = lint(&Inf::read(shipping().as_bytes()), &OPTIONS);
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(list, Vec::<String>::new());
}

#[test]
fn of_what_wine_needs_infverif_says_a_warning() {
    let options = Options { wine: false, ..OPTIONS };
    assert_eq!(broken_rules(&shipping(), &options), ["section-unused"]);
}

#[test]
fn it_installs_the_device_that_the_driver_is_for() {
    let text = shipping();
    let inf = Inf::read(text.as_bytes());
    for models in ["Pagewise.NTamd64.10.0...19041", "Pagewise.NTamd64"] {
        let [model] = inf.entries(models) else { panic!("{models}") };
        assert_eq!(model.values, ["Pagewise_Device", "ROOT\\PAGEWISE"]);
    }
    let service = inf.entry("Pagewise_Device.NTamd64.Services", "AddService").unwrap();
    assert_eq!(service.value(0), "pagewise");
    assert_eq!(
        inf.entry("Pagewise_Service", "ServiceBinary").unwrap().value(0),
        "%13%\\pagewise.sys"
    );
    assert_eq!(inf.entry("Version", "CatalogFile").unwrap().value(0), "pagewise.cat");
    assert!(text.is_ascii());
}

#[test]
fn inf_and_driver_agree_on_security() {
    assert!(shipping().contains(&format!("HKR,,Security,,\"{SECURITY}\"")));
    assert!(read("driver/src/device.rs").contains(&format!("utf16(\"{SECURITY}\")")));
}

#[test]
fn the_interface_is_in_no_package_but_the_drivers() {
    // The driver registers the interface itself; an AddInterface line would make a second one.
    let Guid { data1, .. } = pagewise_contract::INTERFACE_GUID;
    assert!(!shipping().to_lowercase().contains(&format!("{data1:08x}")));
}

#[test]
fn the_workspace_says_the_same_version_of_kmdf() {
    let manifest = read("Cargo.toml");
    let (major, minor) = OPTIONS.kmdf.unwrap();
    assert!(manifest.contains(&format!("kmdf-version-major = {major}\n")));
    assert!(manifest.contains(&format!("target-kmdf-version-minor = {minor}\n")));
}
