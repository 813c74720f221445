//! Driver Verifier, by the system's own program
//! (learn.microsoft.com/windows-hardware/drivers/devtest/verifier-command-line).

use pagewise_vm_plan::guest::Ended;
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::Profile;

use super::super::system::Ran;
use super::desk::{Desk, Result};

const TOOL: &str = "verifier.exe";
const DRIVER: &str = "pagewise.sys";
/// What `verifier` ends with; the page names them so.
const EXIT_CODE_SUCCESS: i64 = 0;
const EXIT_CODE_REBOOT_NEEDED: i64 = 2;
/// The first build of Windows 11: rule classes have numbers there.
const WINDOWS_11: u32 = 22_000;

/// What makes a profile: on Windows 11 the rule classes of docs/windows.md, before that the flags
/// of the same checks. Windows 10 has none for driver isolation and WDF verification (33, 34).
fn options(profile: Profile, build: u32) -> &'static [&'static str] {
    match (profile, build >= WINDOWS_11) {
        (Profile::Standard, _) => &["/standard"],
        (Profile::Quick, true) => &["/rc", "1", "2", "4", "5", "9", "12", "18", "20"],
        (Profile::Torture, true) => {
            &["/rc", "1", "2", "4", "5", "6", "9", "12", "18", "19", "20", "24", "33", "34", "36"]
        }
        // Special pool, IRQL, pool tracking, I/O, security, miscellaneous, DDI compliance twice.
        (Profile::Quick, false) => &["/flags", "0xA091B"],
        // The same, deadlock detection, systematic low resources, synchronization delays.
        (Profile::Torture, false) => &["/flags", "0x8E093B"],
    }
}

/// Sets a profile for the driver, in force after the restart that follows. A system that does not
/// come up with it comes up without it.
pub fn set(desk: &mut Desk<'_>, profile: Profile) -> Ended {
    let options = options(profile, desk.system.build().unwrap_or_default());
    let arguments = [options, &["/driver", DRIVER]].concat();
    desk.say(format!("{TOOL} {}", arguments.join(" ")));
    let ran = desk.tool(TOOL, &arguments, "verifier-set.txt");
    if !worked(&ran) {
        return Ended::With(ran.failure(Some("what it wrote is in verifier-set.txt")));
    }
    let guarded = desk.tool(TOOL, &["/bootmode", "resetonbootfail"], "verifier-bootmode.txt");
    if !worked(&guarded) {
        // Without this guard a system that does not come up would have to be mended by hand.
        desk.tool(TOOL, &["/reset"], "verifier-undone.txt");
        return Ended::With(guarded.failure(Some("the profile was taken back")));
    }
    Ended::AfterRestart(format!("Driver Verifier is set to {}", profile.name()))
}

fn worked(ran: &Result) -> bool {
    matches!(ran.ran, Ran::Ended(EXIT_CODE_SUCCESS | EXIT_CODE_REBOOT_NEEDED))
}

/// Records settings and counters. Settings without the driver are a failure: then nothing that
/// follows ran under Driver Verifier.
pub fn query(desk: &mut Desk<'_>) -> Ended {
    let id = &desk.step.id;
    let (settings, counters) = (format!("{id}-settings.txt"), format!("{id}-counters.txt"));
    let settings = desk.tool(TOOL, &["/querysettings"], &settings);
    let counters = desk.tool(TOOL, &["/query"], &counters);
    if let Some(bad) = [&settings, &counters].into_iter().find(|ran| !worked(ran)) {
        return Ended::With(bad.failure(None));
    }
    if !mentions_driver(&settings.output) {
        return Ended::With(Outcome::Failed {
            what: format!("Driver Verifier is not set for {DRIVER}"),
            code: None,
            help: Some(
                "it resets itself where the system did not come up with it (resetonbootfail): see \
                 the System log and the dumps"
                    .to_owned(),
            ),
        });
    }
    if !mentions_driver(&counters.output) {
        desk.say(format!("verifier /query does not list {DRIVER}: it is not loaded now"));
    }
    Ended::With(Outcome::Passed)
}

/// Whatever the code page, or UTF-16: the name is ASCII.
fn mentions_driver(output: &str) -> bool {
    output.replace('\0', "").to_ascii_lowercase().contains(DRIVER)
}

/// Clears the settings; in force from the next boot on, which is the plan's end or later.
pub fn reset(desk: &mut Desk<'_>) -> Ended {
    let ran = desk.tool(TOOL, &["/reset"], "verifier-reset.txt");
    Ended::With(if worked(&ran) { Outcome::Passed } else { ran.failure(None) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of the checks, as the page numbers them.
    const SPECIAL_POOL: u32 = 0x1;
    const FORCE_IRQL: u32 = 0x2;
    const POOL_TRACKING: u32 = 0x8;
    const IO: u32 = 0x10;
    const DEADLOCK: u32 = 0x20;
    const SECURITY: u32 = 0x100;
    const MISCELLANEOUS: u32 = 0x800;
    const DDI: u32 = 0x2_0000;
    const SYSTEMATIC_LOW_RESOURCES: u32 = 0x4_0000;
    const MORE_DDI: u32 = 0x8_0000;
    const DELAYS: u32 = 0x80_0000;

    fn flags(profile: Profile) -> u32 {
        let text = options(profile, 19_045)[1];
        u32::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap()
    }

    #[test]
    fn the_flags_are_those_of_the_rule_classes() {
        let quick = SPECIAL_POOL
            | FORCE_IRQL
            | POOL_TRACKING
            | IO
            | SECURITY
            | MISCELLANEOUS
            | DDI
            | MORE_DDI;
        assert_eq!(flags(Profile::Quick), quick);
        assert_eq!(flags(Profile::Torture), quick | DEADLOCK | SYSTEMATIC_LOW_RESOURCES | DELAYS);
    }

    /// As the tasks for developers have them.
    #[test]
    fn the_rule_classes_are_those_of_the_makefile() {
        let makefile = include_str!("../../../../Makefile.toml");
        for profile in [Profile::Quick, Profile::Torture] {
            let classes = options(profile, WINDOWS_11)[1..].join(" ");
            assert!(makefile.contains(&format!(" {classes} ")), "{classes}");
        }
    }
}
