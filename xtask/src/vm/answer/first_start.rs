//! The passes of the installed system's first start: how it crashes, who logs on, and who takes over.

use super::Answers;
use super::document::{Component, Element, commands, group, item, value, yes};

const SHELL: &str = "Microsoft-Windows-Shell-Setup";

/// What is run as the system, before anyone logs on.
///
/// Kernel dumps are of kind 2 and minidumps of kind 3; either leaves a machine that starts again
/// (learn.microsoft.com/troubleshoot/windows-server/performance/memory-dump-file-options). A small
/// one each is enough to name a bug check, and fits a small disk.
const AS_SYSTEM: &[&str] = &[
    r"reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v CrashDumpEnabled /t REG_DWORD /d 3 /f",
    r"reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v AutoReboot /t REG_DWORD /d 1 /f",
    "bcdedit /set testsigning on",
    // After a bug check the machine is to start Windows, and not an offer to mend it.
    "bcdedit /set bootstatuspolicy IgnoreAllFailures",
    "bcdedit /set recoveryenabled no",
    "powercfg /change standby-timeout-ac 0",
    "powercfg /hibernate off",
];

/// Letters a removable or second disk may get.
const LETTERS: &str = "D E F G H I J";

pub(super) fn specialize(answers: &Answers) -> Vec<Component> {
    let lines: Vec<String> = AS_SYSTEM.iter().map(|&line| line.to_owned()).collect();
    vec![
        Component {
            name: "Microsoft-Windows-Deployment",
            settings: vec![group(
                "RunSynchronous",
                commands("RunSynchronousCommand", "Path", &lines),
            )],
        },
        Component {
            name: SHELL,
            settings: vec![
                value("ComputerName", answers.computer.as_str()),
                value("TimeZone", "UTC"),
            ],
        },
    ]
}

pub(super) fn oobe(answers: &Answers) -> Vec<Component> {
    vec![
        Component {
            name: "Microsoft-Windows-International-Core",
            settings: ["InputLocale", "SystemLocale", "UILanguage", "UserLocale"]
                .map(|name| value(name, answers.language.as_str()))
                .into(),
        },
        Component {
            name: SHELL,
            settings: vec![
                auto_logon(answers),
                group(
                    "FirstLogonCommands",
                    commands("SynchronousCommand", "CommandLine", &[take_over()]),
                ),
                group(
                    "OOBE",
                    vec![
                        yes("HideEULAPage"),
                        yes("HideOEMRegistrationScreen"),
                        yes("HideOnlineAccountScreens"),
                        yes("HideWirelessSetupInOOBE"),
                        // 3 turns off what asks for protection settings.
                        value("ProtectYourPC", "3"),
                    ],
                ),
                group(
                    "UserAccounts",
                    vec![group(
                        "LocalAccounts",
                        vec![item(
                            "LocalAccount",
                            vec![
                                value("Name", answers.account.name.as_str()),
                                value("Group", "Administrators"),
                                password(answers),
                            ],
                        )],
                    )],
                ),
            ],
        },
    ]
}

/// Once: `test-app guest setup` makes the task that goes on without anyone logging on.
fn auto_logon(answers: &Answers) -> Element {
    group(
        "AutoLogon",
        vec![
            yes("Enabled"),
            value("Username", answers.account.name.as_str()),
            value("LogonCount", "1"),
            password(answers),
        ],
    )
}

fn password(answers: &Answers) -> Element {
    group("Password", vec![value("Value", answers.account.password.as_str()), yes("PlainText")])
}

/// Finds the hand-over disk by what is on it: the letter it gets is Windows' to choose.
fn take_over() -> String {
    let program = r"%d:\package\test-app.exe";
    format!(r#"cmd /c "for %d in ({LETTERS}) do if exist {program} {program} guest setup""#)
}
