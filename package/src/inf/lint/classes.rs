//! The setup class of `[Version]`
//! (learn.microsoft.com/windows-hardware/drivers/install/system-defined-device-setup-classes-available-to-vendors).

use super::super::document::{Entry, same};
use super::super::rules;
use super::Report;
use super::view::View;

/// How the GUIDs of the oldest classes end.
const OLD: &str = "-e325-11ce-bfc1-08002be10318";

/// The oldest classes: name, and the GUID before [`OLD`].
const VENDORS_OLD: &[(&str, &str)] = &[
    ("CDROM", "4d36e965"),
    ("DiskDrive", "4d36e967"),
    ("Display", "4d36e968"),
    ("FDC", "4d36e969"),
    ("FloppyDisk", "4d36e980"),
    ("HDC", "4d36e96a"),
    ("Keyboard", "4d36e96b"),
    ("Media", "4d36e96c"),
    ("Modem", "4d36e96d"),
    ("Monitor", "4d36e96e"),
    ("Mouse", "4d36e96f"),
    ("MTD", "4d36e970"),
    ("Multifunction", "4d36e971"),
    ("Net", "4d36e972"),
    ("NetClient", "4d36e973"),
    ("NetService", "4d36e974"),
    ("NetTrans", "4d36e975"),
    ("PCMCIA", "4d36e977"),
    ("Ports", "4d36e978"),
    ("Printer", "4d36e979"),
    ("SCSIAdapter", "4d36e97b"),
    ("System", "4d36e97d"),
];

/// The other classes for vendors.
const VENDORS: &[(&str, &str)] = &[
    ("1394", "6bdd1fc1-810f-11d0-bec7-08002be2092f"),
    ("61883", "7ebefbc0-3200-11d2-b4c2-00a0c9697d07"),
    ("AudioProcessingObject", "5989fce8-9cd0-467d-8a6a-5419e31529d4"),
    ("AVC", "c06ff265-ae09-48f0-812c-16753d7cba83"),
    ("Battery", "72631e54-78a4-11d0-bcf7-00aa00b7b32a"),
    ("Biometric", "53d29ef7-377c-4d14-864b-eb3a85769359"),
    ("Bluetooth", "e0cbf06c-cd8b-4647-bb8a-263b43f0f974"),
    ("Camera", "ca3e7ab9-b4c3-4ae6-8251-579ef933890f"),
    ("Dot4", "48721b56-6795-11d2-b1a8-0080c72e74a2"),
    ("Dot4Print", "49ce6ac8-6f86-11d2-b1e5-0080c72e74a2"),
    ("Extension", "e2f84ce7-8efa-411c-aa69-97454ca4cb57"),
    ("HIDClass", "745a17a0-74d3-11d0-b6fe-00a0c90f57da"),
    ("Image", "6bdd1fc6-810f-11d0-bec7-08002be2092f"),
    ("Infrared", "6bdd1fc5-810f-11d0-bec7-08002be2092f"),
    ("MediumChanger", "ce5939ae-ebde-11d0-b181-0000f8753ec4"),
    ("MultiportSerial", "50906cb8-ba12-11d1-bf5d-0000f805f530"),
    ("NvmeDisk", "75416e63-5912-4dfa-ae8f-3efaccaffb14"),
    ("PNPPrinters", "4658ee7e-f050-11d1-b6bd-00c04fa372a7"),
    ("Processor", "50127dc3-0f36-415e-a6cc-4cb3be910b65"),
    ("SBP2", "d48179be-ec20-11d1-b6b8-00c04fa372a7"),
    ("SecurityAccelerator", "268c95a1-edfe-11d3-95c3-0010dc4050a5"),
    ("Securitydevices", "d94ee5d8-d189-4994-83d2-f68d7d41b0e6"),
    ("Sensor", "5175d334-c371-4806-b3ba-71fd53c9258d"),
    ("SmartCardReader", "50dd5230-ba8a-11d1-bf5d-0000f805f530"),
    ("SoftwareComponent", "5c4c3332-344d-483c-8739-259e934c9cc8"),
    ("TapeDrive", "6d807884-7d21-11cf-801c-08002be10318"),
    ("USBDevice", "88bae032-5a81-49f0-bc3d-a4ff138216d6"),
    ("Volume", "71a27cdd-812a-11d0-bec7-08002be2092f"),
    ("WCEUSBS", "25dbce51-6c8f-4a72-8a6d-b54c2b4fc835"),
    ("WPD", "eec5ad98-8080-425f-922a-dabf3de3f69a"),
];

fn vendors() -> impl Iterator<Item = (&'static str, String)> {
    let old = VENDORS_OLD.iter().map(|(name, start)| (*name, format!("{start}{OLD}")));
    old.chain(VENDORS.iter().map(|(name, guid)| (*name, (*guid).to_owned())))
}

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    let value = |key| {
        let entry = view.inf.entry("Version", key)?;
        Some((entry, view.inf.expand(entry.value(0)))).filter(|(_, value)| !value.is_empty())
    };
    let guid = value("ClassGuid");
    let bare = guid.as_ref().and_then(|(_, text)| bare(text));
    if let (Some((entry, text)), None) = (&guid, &bare) {
        report.at(&rules::CLASS_GUID, entry.line, format!("{text} is no GUID"));
    }
    let Some((entry, class)) = value("Class") else {
        return;
    };
    let devices = view.installs.iter().any(|install| install.device);
    if class.chars().count() > 31 {
        report.at(&rules::CLASS_LENGTH, entry.line, "Class is longer than 31 characters");
    } else if same(&class, "Sample") {
        report.at(&rules::CLASS_RESERVED, entry.line, "class Sample is Microsoft's");
    } else {
        known(entry, &class, guid.map(|(entry, _)| entry).zip(bare), devices, report);
    }
    let of_vendors = vendors().any(|(name, _)| same(name, &class));
    for section in view.inf.sections().iter().filter(|_| of_vendors) {
        let own = section.name.to_lowercase();
        if own == "classinstall32" || own.starts_with("classinstall32.") {
            let line = section.headers.first().copied().unwrap_or(entry.line);
            report.at(&rules::CLASS_INSTALL, line, format!("class {class} is there already"));
        }
    }
    component(view, &class, report);
}

/// Name and GUID belong together, and to a class that is there.
fn known(
    entry: &Entry,
    class: &str,
    guid: Option<(&Entry, String)>,
    devices: bool,
    report: &mut Report,
) {
    let by_name = vendors().find(|(name, _)| same(name, class));
    let by_guid =
        guid.as_ref().and_then(|(_, guid)| vendors().find(|(_, expected)| expected == guid));
    match (by_name, by_guid) {
        (Some((name, _)), Some((owner, _))) if name != owner => report.at(
            &rules::CLASS_OF_GUID,
            entry.line,
            format!("the ClassGuid is that of {owner}, not of {class}"),
        ),
        (None, Some((owner, _))) => {
            report.at(&rules::CLASS_OF_GUID, entry.line, format!("the ClassGuid is {owner}'s"));
        }
        (Some((_, expected)), None) => {
            if let Some((line, _)) = guid {
                let text = format!("the ClassGuid of {class} is {{{expected}}}");
                report.at(&rules::GUID_OF_CLASS, line.line, text);
            }
        }
        // Filters of file systems and other drivers without a device have classes of their own.
        (None, None) if !devices => {}
        (None, None) => {
            let text = format!("{class} is no class for vendors that Windows has");
            report.at(&rules::CLASS_UNKNOWN, entry.line, text);
        }
        (Some(_), Some(_)) => {}
    }
}

/// A device below the root enumerator is no software component.
fn component(view: &View<'_>, class: &str, report: &mut Report) {
    if !same(class, "SoftwareComponent") {
        return;
    }
    for model in view.listed.iter().flat_map(|listed| view.inf.entries(&listed.section)) {
        let ids = model.values.iter().skip(1).map(|id| view.inf.expand(id).to_lowercase());
        for id in ids.filter(|id| id.starts_with("root\\")) {
            let text = format!("{id} is a device of its own, not a component of another");
            report.at(&rules::CLASS_COMPONENT, model.line, text);
        }
    }
}

/// The GUID between the braces in lower case, if it is one.
fn bare(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?.to_lowercase();
    let parts: Vec<&str> = inner.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hexadecimal = inner.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit());
    (hexadecimal && lengths == [8, 4, 4, 4, 12]).then_some(inner)
}
