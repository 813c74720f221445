//! The pass in which Setup itself runs: language, disk, image, licence.

use super::document::{Component, Element, commands, group, item, value, yes};
use super::hardware;
use super::{Answers, Firmware};

/// The partition that Windows goes to, as each firmware's division of the disk counts it.
const WINDOWS_ON_MBR: u32 = 2;
const WINDOWS_ON_GPT: u32 = 3;

pub(super) fn components(answers: &Answers) -> Vec<Component> {
    vec![
        Component {
            name: "Microsoft-Windows-International-Core-WinPE",
            settings: vec![
                group("SetupUILanguage", vec![value("UILanguage", answers.language.as_str())]),
                value("InputLocale", answers.language.as_str()),
                value("SystemLocale", answers.language.as_str()),
                value("UILanguage", answers.language.as_str()),
                value("UserLocale", answers.language.as_str()),
            ],
        },
        Component { name: "Microsoft-Windows-Setup", settings: setup(answers) },
    ]
}

fn setup(answers: &Answers) -> Vec<Element> {
    let mut settings = Vec::new();
    if answers.any_hardware {
        let commands = commands("RunSynchronousCommand", "Path", &hardware::no_checks());
        settings.push(group("RunSynchronous", commands));
    }
    settings.push(disk(answers.firmware));
    settings.push(group(
        "ImageInstall",
        vec![group(
            "OSImage",
            vec![
                group(
                    "InstallFrom",
                    vec![item(
                        "MetaData",
                        vec![
                            value("Key", "/IMAGE/INDEX"),
                            value("Value", format!("{}", answers.image)),
                        ],
                    )],
                ),
                group(
                    "InstallTo",
                    vec![
                        value("DiskID", "0"),
                        value("PartitionID", format!("{}", windows_partition(answers.firmware))),
                    ],
                ),
                value("WillShowUI", "OnError"),
            ],
        )],
    ));
    settings.push(user_data(answers));
    // The machine has no network.
    settings.push(group("DynamicUpdate", vec![value("Enable", "false")]));
    settings
}

fn user_data(answers: &Answers) -> Element {
    let mut settings = vec![yes("AcceptEula"), value("FullName", answers.account.name.as_str())];
    if let Some(key) = &answers.product_key {
        let key = vec![value("Key", key.as_str()), value("WillShowUI", "OnError")];
        settings.push(group("ProductKey", key));
    }
    group("UserData", settings)
}

const fn windows_partition(firmware: Firmware) -> u32 {
    match firmware {
        Firmware::Bios => WINDOWS_ON_MBR,
        Firmware::Uefi => WINDOWS_ON_GPT,
    }
}

/// Disk 0 as the reference divides it, without a recovery partition: a base image that breaks is
/// made anew.
fn disk(firmware: Firmware) -> Element {
    let (created, modified) = match firmware {
        Firmware::Bios => (
            vec![partition(1, "Primary", Some(500)), partition(WINDOWS_ON_MBR, "Primary", None)],
            vec![
                formatted(1, "NTFS", "System", Some(yes("Active"))),
                formatted(WINDOWS_ON_MBR, "NTFS", "Windows", Some(value("Letter", "C"))),
            ],
        ),
        Firmware::Uefi => (
            vec![
                partition(1, "EFI", Some(300)),
                partition(2, "MSR", Some(16)),
                partition(WINDOWS_ON_GPT, "Primary", None),
            ],
            // The reserved partition has no file system.
            vec![
                formatted(1, "FAT32", "System", None),
                item("ModifyPartition", vec![value("Order", "2"), value("PartitionID", "2")]),
                formatted(WINDOWS_ON_GPT, "NTFS", "Windows", Some(value("Letter", "C"))),
            ],
        ),
    };
    group(
        "DiskConfiguration",
        vec![
            value("WillShowUI", "OnError"),
            item(
                "Disk",
                vec![
                    value("DiskID", "0"),
                    yes("WillWipeDisk"),
                    group("CreatePartitions", created),
                    group("ModifyPartitions", modified),
                ],
            ),
        ],
    )
}

/// A partition of so many megabytes, or of all that is left.
fn partition(order: u32, kind: &str, megabytes: Option<u32>) -> Element {
    let size = match megabytes {
        Some(megabytes) => value("Size", format!("{megabytes}")),
        None => yes("Extend"),
    };
    item("CreatePartition", vec![value("Order", format!("{order}")), value("Type", kind), size])
}

fn formatted(number: u32, format: &str, label: &str, more: Option<Element>) -> Element {
    let mut settings = vec![
        value("Order", format!("{number}")),
        value("PartitionID", format!("{number}")),
        value("Format", format),
        value("Label", label),
    ];
    settings.extend(more);
    item("ModifyPartition", settings)
}
