//! Why a device does not work, as the configuration manager tells it
//! (learn.microsoft.com/windows-hardware/drivers/install/device-manager-error-messages).

/// Names of all problems: the first is number 1.
const NAMES: [&str; 57] = [
    "CM_PROB_NOT_CONFIGURED",
    "CM_PROB_DEVLOADER_FAILED",
    "CM_PROB_OUT_OF_MEMORY",
    "CM_PROB_ENTRY_IS_WRONG_TYPE",
    "CM_PROB_LACKED_ARBITRATOR",
    "CM_PROB_BOOT_CONFIG_CONFLICT",
    "CM_PROB_FAILED_FILTER",
    "CM_PROB_DEVLOADER_NOT_FOUND",
    "CM_PROB_INVALID_DATA",
    "CM_PROB_FAILED_START",
    "CM_PROB_LIAR",
    "CM_PROB_NORMAL_CONFLICT",
    "CM_PROB_NOT_VERIFIED",
    "CM_PROB_NEED_RESTART",
    "CM_PROB_REENUMERATION",
    "CM_PROB_PARTIAL_LOG_CONF",
    "CM_PROB_UNKNOWN_RESOURCE",
    "CM_PROB_REINSTALL",
    "CM_PROB_REGISTRY",
    "CM_PROB_VXDLDR",
    "CM_PROB_WILL_BE_REMOVED",
    "CM_PROB_DISABLED",
    "CM_PROB_DEVLOADER_NOT_READY",
    "CM_PROB_DEVICE_NOT_THERE",
    "CM_PROB_MOVED",
    "CM_PROB_TOO_EARLY",
    "CM_PROB_NO_VALID_LOG_CONF",
    "CM_PROB_FAILED_INSTALL",
    "CM_PROB_HARDWARE_DISABLED",
    "CM_PROB_CANT_SHARE_IRQ",
    "CM_PROB_FAILED_ADD",
    "CM_PROB_DISABLED_SERVICE",
    "CM_PROB_TRANSLATION_FAILED",
    "CM_PROB_NO_SOFTCONFIG",
    "CM_PROB_BIOS_TABLE",
    "CM_PROB_IRQ_TRANSLATION_FAILED",
    "CM_PROB_FAILED_DRIVER_ENTRY",
    "CM_PROB_DRIVER_FAILED_PRIOR_UNLOAD",
    "CM_PROB_DRIVER_FAILED_LOAD",
    "CM_PROB_DRIVER_SERVICE_KEY_INVALID",
    "CM_PROB_LEGACY_SERVICE_NO_DEVICES",
    "CM_PROB_DUPLICATE_DEVICE",
    "CM_PROB_FAILED_POST_START",
    "CM_PROB_HALTED",
    "CM_PROB_PHANTOM",
    "CM_PROB_SYSTEM_SHUTDOWN",
    "CM_PROB_HELD_FOR_EJECT",
    "CM_PROB_DRIVER_BLOCKED",
    "CM_PROB_REGISTRY_TOO_LARGE",
    "CM_PROB_SETPROPERTIES_FAILED",
    "CM_PROB_WAITING_ON_DEPENDENCY",
    "CM_PROB_UNSIGNED_DRIVER",
    "CM_PROB_USED_BY_DEBUGGER",
    "CM_PROB_DEVICE_RESET",
    "CM_PROB_CONSOLE_LOCKED",
    "CM_PROB_NEED_CLASS_CONFIG",
    "CM_PROB_GUEST_ASSIGNMENT_FAILED",
];

/// What to do about those that this driver's device can have.
const FIXES: &[(u32, &str)] = &[
    (1, "no driver is installed on the device: `test-app install`"),
    (3, "close programs, or give the machine more memory"),
    (
        10,
        "the driver refused to start its device: see the System event log, then `test-app \
         uninstall` and `install`",
    ),
    (14, "restart the system"),
    (18, "install the driver again: `test-app uninstall`, then `test-app install`"),
    (19, "the device's registry entries are broken: `test-app uninstall`, then `test-app install`"),
    (21, "close what uses the device, or restart the system"),
    (22, "enable the device: `pnputil /enable-device ID`"),
    (24, "`test-app uninstall`, then `test-app install`"),
    (
        28,
        "no driver is installed on the device; the end of %SystemRoot%\\INF\\setupapi.dev.log says \
         why not",
    ),
    (31, "the driver's AddDevice failed: see the System event log"),
    (32, "the service is disabled: `sc config pagewise start= demand`"),
    (
        37,
        "DriverEntry failed; a KMDF older than 1.31 does that, too: this needs Windows 10 2004, \
         build 19041, or later",
    ),
    (38, "an earlier instance of the driver is still loaded: restart the system"),
    (
        39,
        "the driver's file is missing, damaged or not allowed to load: `test-app doctor` looks at \
         its signature and at memory integrity",
    ),
    (
        40,
        "the service's registry entries are broken: `test-app uninstall`, then `test-app install`",
    ),
    (43, "the driver gave its device up: see the System event log"),
    (45, "the device is not there: `test-app uninstall`, then `install`"),
    (47, "restart the system"),
    (48, "the system's list of blocked drivers names it: use a newer build"),
    (
        52,
        "the signature is not trusted: `bcdedit /set testsigning on` (Secure Boot off), restart, \
         and `test-app install --trust`",
    ),
    (54, "the device is being reset: wait, and ask again"),
    (56, "the device's class is still being set up: wait, and ask again"),
];

/// Name of a problem.
#[must_use]
pub fn name(problem: u32) -> Option<&'static str> {
    problem.checked_sub(1).and_then(|index| NAMES.get(index as usize)).copied()
}

/// A problem in words.
#[must_use]
pub fn told(problem: Option<u32>) -> String {
    match problem {
        None => "its interface did not appear, and the system tells no problem".to_owned(),
        Some(problem) => {
            let name = name(problem).unwrap_or("a problem without a name here");
            format!("{name} (code {problem})")
        }
    }
}

/// What to do about it.
#[must_use]
pub fn fix(problem: Option<u32>) -> &'static str {
    let known = problem.and_then(|problem| FIXES.iter().find(|known| known.0 == problem));
    known.map_or(
        "see the System event log and the end of %SystemRoot%\\INF\\setupapi.dev.log",
        |known| known.1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_by_name_number_and_fix() {
        assert_eq!(told(Some(52)), "CM_PROB_UNSIGNED_DRIVER (code 52)");
        assert!(fix(Some(52)).contains("testsigning on"));
        assert!(fix(Some(37)).contains("19041"));
    }

    #[test]
    fn an_unknown_problem_keeps_its_number() {
        assert!(told(Some(99)).contains("99"));
        assert_eq!(name(0), None);
        assert_eq!(name(57), Some("CM_PROB_GUEST_ASSIGNMENT_FAILED"));
        assert!(!fix(Some(99)).is_empty() && !fix(None).is_empty());
    }

    #[test]
    fn problems_are_listed_once_and_in_order() {
        assert!(FIXES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(FIXES.iter().all(|known| name(known.0).is_some()));
    }
}
