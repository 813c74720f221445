//! The rules of the unattend reference, as far as our answer file touches them: which component is
//! valid in which pass, what each setting may hold, what has to be there once.
//!
//! Written from learn.microsoft.com/windows-hardware/customize/desktop/unattend (a page for each
//! path below) and held against the file by [`broken`]; each rule has a twin in the tests.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

const WCM: &str = "http://schemas.microsoft.com/WMIConfig/2002/State";

/// What a setting holds.
enum Holds {
    /// Other settings.
    Settings,
    /// Items, each with `wcm:action="add"`, of this name.
    Items(&'static str),
    /// Text of so many characters at most, and not empty.
    Text(usize),
    /// `true` or `false`.
    Boolean,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A number from and to.
    Number(u32, u32),
}

use Holds::{Boolean, Items, Number, OneOf, Settings, Text};

const PASSES: &[&str] = &[
    "windowsPE",
    "offlineServicing",
    "generalize",
    "specialize",
    "auditSystem",
    "auditUser",
    "oobeSystem",
];

const INTERNATIONAL: &[(&str, Holds)] = &[
    ("InputLocale", Text(256)),
    ("SystemLocale", Text(85)),
    ("UILanguage", Text(85)),
    ("UserLocale", Text(85)),
];

const SETUP: &[(&str, Holds)] = &[
    ("RunSynchronous", Items("RunSynchronousCommand")),
    ("RunSynchronous/RunSynchronousCommand/Order", Number(1, 500)),
    ("RunSynchronous/RunSynchronousCommand/Path", Text(259)),
    ("DiskConfiguration", Settings),
    ("DiskConfiguration/WillShowUI", OneOf(&["Always", "OnError", "Never"])),
    ("DiskConfiguration/Disk", Settings),
    ("DiskConfiguration/Disk/DiskID", Number(0, 255)),
    ("DiskConfiguration/Disk/WillWipeDisk", Boolean),
    ("DiskConfiguration/Disk/CreatePartitions", Items("CreatePartition")),
    ("DiskConfiguration/Disk/CreatePartitions/CreatePartition/Order", Number(1, 128)),
    (
        "DiskConfiguration/Disk/CreatePartitions/CreatePartition/Type",
        OneOf(&["Primary", "EFI", "Extended", "Logical", "MSR"]),
    ),
    ("DiskConfiguration/Disk/CreatePartitions/CreatePartition/Size", Number(1, u32::MAX)),
    ("DiskConfiguration/Disk/CreatePartitions/CreatePartition/Extend", Boolean),
    ("DiskConfiguration/Disk/ModifyPartitions", Items("ModifyPartition")),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/Order", Number(1, 128)),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/PartitionID", Number(1, 128)),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/Format", OneOf(&["NTFS", "FAT32"])),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/Label", Text(32)),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/Letter", Text(1)),
    ("DiskConfiguration/Disk/ModifyPartitions/ModifyPartition/Active", Boolean),
    ("ImageInstall", Settings),
    ("ImageInstall/OSImage", Settings),
    ("ImageInstall/OSImage/InstallFrom", Items("MetaData")),
    (
        "ImageInstall/OSImage/InstallFrom/MetaData/Key",
        OneOf(&["/IMAGE/INDEX", "/IMAGE/NAME", "/IMAGE/DESCRIPTION"]),
    ),
    ("ImageInstall/OSImage/InstallFrom/MetaData/Value", Text(256)),
    ("ImageInstall/OSImage/InstallTo", Settings),
    ("ImageInstall/OSImage/InstallTo/DiskID", Number(0, 255)),
    ("ImageInstall/OSImage/InstallTo/PartitionID", Number(1, 128)),
    ("ImageInstall/OSImage/WillShowUI", OneOf(&["Always", "OnError", "Never"])),
    ("UserData", Settings),
    ("UserData/AcceptEula", OneOf(&["true"])),
    ("UserData/FullName", Text(63)),
    ("UserData/ProductKey", Settings),
    ("UserData/ProductKey/Key", Text(29)),
    ("UserData/ProductKey/WillShowUI", OneOf(&["Always", "OnError", "Never"])),
    ("DynamicUpdate", Settings),
    ("DynamicUpdate/Enable", Boolean),
];

const PE_INTERNATIONAL: &[(&str, Holds)] = &[
    ("SetupUILanguage", Settings),
    ("SetupUILanguage/UILanguage", Text(85)),
    ("InputLocale", Text(256)),
    ("SystemLocale", Text(85)),
    ("UILanguage", Text(85)),
    ("UserLocale", Text(85)),
];

const DEPLOYMENT: &[(&str, Holds)] = &[
    ("RunSynchronous", Items("RunSynchronousCommand")),
    ("RunSynchronous/RunSynchronousCommand/Order", Number(1, 500)),
    ("RunSynchronous/RunSynchronousCommand/Path", Text(259)),
];

const SHELL_SPECIALIZE: &[(&str, Holds)] = &[("ComputerName", Text(15)), ("TimeZone", Text(256))];

const SHELL_OOBE: &[(&str, Holds)] = &[
    ("AutoLogon", Settings),
    ("AutoLogon/Enabled", Boolean),
    ("AutoLogon/Username", Text(256)),
    ("AutoLogon/LogonCount", Number(1, 999_999)),
    ("AutoLogon/Password", Settings),
    ("AutoLogon/Password/Value", Text(256)),
    ("AutoLogon/Password/PlainText", Boolean),
    ("FirstLogonCommands", Items("SynchronousCommand")),
    ("FirstLogonCommands/SynchronousCommand/Order", Number(1, 500)),
    ("FirstLogonCommands/SynchronousCommand/CommandLine", Text(1024)),
    ("OOBE", Settings),
    ("OOBE/HideEULAPage", Boolean),
    ("OOBE/HideOEMRegistrationScreen", Boolean),
    ("OOBE/HideOnlineAccountScreens", Boolean),
    ("OOBE/HideWirelessSetupInOOBE", Boolean),
    ("OOBE/ProtectYourPC", OneOf(&["1", "2", "3"])),
    ("UserAccounts", Settings),
    ("UserAccounts/LocalAccounts", Items("LocalAccount")),
    ("UserAccounts/LocalAccounts/LocalAccount/Name", Text(20)),
    ("UserAccounts/LocalAccounts/LocalAccount/Group", Text(256)),
    ("UserAccounts/LocalAccounts/LocalAccount/Password", Settings),
    ("UserAccounts/LocalAccounts/LocalAccount/Password/Value", Text(256)),
    ("UserAccounts/LocalAccounts/LocalAccount/Password/PlainText", Boolean),
];

/// What a component may hold in a pass; nothing where it is not valid there.
fn reference(component: &str, pass: &str) -> Option<&'static [(&'static str, Holds)]> {
    Some(match (component, pass) {
        ("Microsoft-Windows-International-Core-WinPE", "windowsPE") => PE_INTERNATIONAL,
        ("Microsoft-Windows-Setup", "windowsPE") => SETUP,
        ("Microsoft-Windows-Deployment", "specialize" | "auditUser") => DEPLOYMENT,
        ("Microsoft-Windows-Shell-Setup", "specialize") => SHELL_SPECIALIZE,
        ("Microsoft-Windows-International-Core", "specialize" | "oobeSystem") => INTERNATIONAL,
        ("Microsoft-Windows-Shell-Setup", "oobeSystem") => SHELL_OOBE,
        _ => return None,
    })
}

/// Every rule that the file breaks, in words.
pub(super) fn broken(text: &str) -> Vec<String> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![format!("no XML: {error}")],
    };
    let mut found = Vec::new();
    let root = document.root_element();
    if root.tag_name().name() != "unattend"
        || root.tag_name().namespace() != Some("urn:schemas-microsoft-com:unattend")
    {
        found.push("the root is not unattend of its namespace".to_owned());
    }
    let mut passes = BTreeSet::new();
    for settings in root.children().filter(Node::is_element) {
        let pass = settings.attribute("pass").unwrap_or_default();
        if !PASSES.contains(&pass) {
            found.push(format!("there is no pass {pass:?}"));
        }
        if !passes.insert(pass) {
            found.push(format!("{pass} is there twice"));
        }
        let mut components = BTreeSet::new();
        for component in settings.children().filter(Node::is_element) {
            let name = component.attribute("name").unwrap_or_default();
            if !components.insert(name) {
                found.push(format!("{name} is twice in {pass}"));
            }
            check_component(component, name, pass, &mut found);
        }
    }
    check_disk(root, &mut found);
    found
}

fn check_component(component: Node<'_, '_>, name: &str, pass: &str, found: &mut Vec<String>) {
    let wanted = [
        ("processorArchitecture", "amd64"),
        ("publicKeyToken", "31bf3856ad364e35"),
        ("language", "neutral"),
        ("versionScope", "nonSxS"),
    ];
    for (attribute, value) in wanted {
        if component.attribute(attribute) != Some(value) {
            found.push(format!("{name}: {attribute} is not {value}"));
        }
    }
    let Some(reference) = reference(name, pass) else {
        found.push(format!("{name} is not valid in {pass}"));
        return;
    };
    for setting in component.children().filter(Node::is_element) {
        check_setting(setting, "", reference, found);
    }
}

fn check_setting(
    setting: Node<'_, '_>,
    above: &str,
    reference: &[(&str, Holds)],
    found: &mut Vec<String>,
) {
    let name = setting.tag_name().name();
    let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
    let is_item = setting.attribute((WCM, "action")) == Some("add");
    let children: Vec<_> = setting.children().filter(Node::is_element).collect();
    let in_list = reference
        .iter()
        .any(|(list, holds)| matches!(holds, Items(item) if *list == above && *item == name));
    // A disk is an item beside a setting of its group.
    if (in_list || path == "DiskConfiguration/Disk") != is_item {
        found
            .push(format!("{path}: wcm:action=\"add\" is for items of lists, and for all of them"));
    }
    let once: BTreeSet<_> = children.iter().map(|child| child.tag_name().name()).collect();
    let holds = reference.iter().find(|(known, _)| *known == path).map(|(_, holds)| holds);
    let text = setting.text().unwrap_or_default();
    match holds {
        Some(Items(item)) => {
            if children.is_empty() || children.iter().any(|child| child.tag_name().name() != *item)
            {
                found.push(format!("{path} holds {item} items, one at least"));
            }
            let orders: Vec<_> = children.iter().filter_map(|child| order(*child)).collect();
            if !orders.is_empty() && orders != (1..).take(children.len()).collect::<Vec<u32>>() {
                found.push(format!("{path}: the orders are not 1, 2, 3 and so on"));
            }
        }
        Some(Settings) | None if holds.is_some() || in_list => {
            if once.len() != children.len() {
                found.push(format!("{path} holds a setting twice"));
            }
        }
        Some(Text(most)) if text.is_empty() || text.chars().count() > *most => {
            found.push(format!("{path}: 1 to {most} characters"));
        }
        Some(Boolean) if !["true", "false"].contains(&text) => {
            found.push(format!("{path}: true or false"));
        }
        Some(OneOf(values)) if !values.contains(&text) => {
            found.push(format!("{path}: one of {values:?}"));
        }
        Some(Number(least, most))
            if !text.parse::<u32>().is_ok_and(|number| (*least..=*most).contains(&number)) =>
        {
            found.push(format!("{path}: {least} to {most}"));
        }
        None => found.push(format!("the reference has no {path}")),
        Some(_) => {}
    }
    for child in children {
        check_setting(child, &path, reference, found);
    }
}

fn order(item: Node<'_, '_>) -> Option<u32> {
    child(item, "Order")?.parse().ok()
}

fn child<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.children().find(|child| child.tag_name().name() == name)?.text()
}

/// The partitions that are named are made, Windows goes to one that is formatted as NTFS, an EFI
/// partition is FAT32 and a reserved one has no format
/// (learn.microsoft.com/windows-hardware/manufacture/desktop/configure-uefigpt-based-hard-drive-partitions).
fn check_disk(root: Node<'_, '_>, found: &mut Vec<String>) {
    let named =
        |name: &'static str| root.descendants().filter(move |it| it.tag_name().name() == name);
    let created: Vec<_> = named("CreatePartition").collect();
    for partition in &created {
        let sizes = [child(*partition, "Size"), child(*partition, "Extend")];
        if sizes.iter().flatten().count() != 1 {
            found.push("a partition has either a size or all that is left".to_owned());
        }
    }
    for modified in named("ModifyPartition") {
        let number = child(modified, "PartitionID").and_then(|id| id.parse::<usize>().ok());
        let kind = number.and_then(|number| created.get(number.checked_sub(1)?));
        let Some(kind) = kind.and_then(|partition| child(*partition, "Type")) else {
            found.push(format!("partition {number:?} is not made"));
            continue;
        };
        let wanted = match kind {
            "EFI" => Some("FAT32"),
            "MSR" => None,
            _ => Some("NTFS"),
        };
        if child(modified, "Format") != wanted {
            found.push(format!("a partition of type {kind} is formatted as {wanted:?}"));
        }
    }
    let target = named("InstallTo").find_map(|to| child(to, "PartitionID"));
    let is_primary = target
        .and_then(|target| target.parse::<usize>().ok())
        .and_then(|number| created.get(number.checked_sub(1)?))
        .is_some_and(|partition| child(*partition, "Type") == Some("Primary"));
    if !is_primary {
        found.push("Windows goes to no primary partition".to_owned());
    }
}
