//! Memory integrity (HVCI)
//! (learn.microsoft.com/windows/security/hardware-security/enable-virtualization-based-protection-of-code-integrity).

use pagewise_vm_plan::guest::Ended;
use pagewise_vm_plan::outcome::Outcome;

use super::desk::Desk;

const DEVICE_GUARD: &str = r"SYSTEM\CurrentControlSet\Control\DeviceGuard";
const SCENARIO: &str =
    r"SYSTEM\CurrentControlSet\Control\DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity";
/// `CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED`
const RUNS: u32 = 0x400;

/// Sets it. On is in force after a restart, which follows at once; off, from the next boot on.
pub fn set(desk: &mut Desk<'_>, on: bool) -> Ended {
    let settings: &[(&str, &str, u32)] = if on {
        &[(DEVICE_GUARD, "EnableVirtualizationBasedSecurity", 1), (SCENARIO, "Enabled", 1)]
    } else {
        &[(SCENARIO, "Enabled", 0)]
    };
    for (key, value, number) in settings {
        if let Err(error) = desk.system.set_number(key, value, *number) {
            return Ended::With(Outcome::Failed {
                what: error.to_string(),
                code: None,
                help: error.help().map(str::to_owned),
            });
        }
    }
    if on {
        return Ended::AfterRestart("memory integrity is switched on".to_owned());
    }
    Ended::With(Outcome::Passed)
}

/// Looks whether it runs. That it does not, though it is set, is what the machine cannot do, and no
/// failure of the driver's.
pub fn check(desk: &mut Desk<'_>, on: bool) -> Ended {
    let options = match desk.system.code_integrity() {
        Ok(options) => options,
        Err(error) => return Ended::With(Outcome::failed(error.to_string())),
    };
    desk.say(format!("code integrity options: {options:#x}"));
    let runs = options & RUNS != 0;
    Ended::With(match (runs, on) {
        (true, true) | (false, false) => Outcome::Passed,
        (false, true) => Outcome::skipped(
            "memory integrity is set and does not run: this machine cannot, or not without nested \
             virtualization and what else virtualization-based security needs",
        ),
        (true, false) => Outcome::failed("memory integrity is set to off, and runs"),
    })
}
