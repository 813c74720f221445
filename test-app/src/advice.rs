//! What to do about a code of the system.

use std::ops::RangeInclusive;

use crate::status::{NtStatus, Win32};

/// What to do without the rights of an administrator.
pub const ELEVATE: &str = "run it from a console that was started as an administrator";

const TRUST: &str = "the package's certificate is not trusted here: `test-app install --trust` \
     adds pagewise.cer to the machine's Root and TrustedPublisher stores, and `test-app uninstall` \
     removes it again; `bcdedit /set testsigning on` and a restart let the system load the driver";
const DAMAGED: &str =
    "a file is not the one that was signed: make the package again (`cargo xtask package`)";
const NO_CATALOG: &str = "the package has no valid catalog: make it again (`cargo xtask package`)";
/// Where the system writes what it objects to.
pub const SETUP_LOG: &str =
    "see the end of %SystemRoot%\\INF\\setupapi.dev.log, which says what the system objects to";
const OTHER_SYSTEM: &str = "the INF is for x64 Windows 10 2004 (build 19041) and later: use this \
     program's x64 build there";
const RESTART: &str = "restart the system, then try again";
const SERVICE_GOING: &str = "the service is about to go: close what uses the device (Device \
     Manager, services.msc), or restart the system";

/// By the code as SetupAPI has it.
const KNOWN: &[(u32, &str)] = &[
    (2, "a file is missing: make the package again (`cargo xtask package`)"),
    (3, "a folder is missing: check the path of the package"),
    (5, ELEVATE),
    (32, "another program has it open: close it, or restart the system"),
    (259, "there is nothing newer to install: `test-app uninstall` first"),
    (577, TRUST),
    (740, ELEVATE),
    (1053, RESTART),
    (1058, "the service is disabled: `sc config pagewise start= demand`"),
    (1072, SERVICE_GOING),
    (1275, "the system blocks this driver: see Memory integrity in Windows Security"),
    (1300, ELEVATE),
    (1314, ELEVATE),
    (3010, RESTART),
    (0xe000_0100, "the INF is damaged: make the package again (`cargo xtask package`)"),
    (0xe000_0101, "the INF lacks a section: make the package again (`cargo xtask package`)"),
    (0xe000_0102, "the INF lacks a line: make the package again (`cargo xtask package`)"),
    (0xe000_0203, OTHER_SYSTEM),
    (0xe000_020b, "no device node has the hardware id ROOT\\PAGEWISE: `test-app install`"),
    (0xe000_0219, "the INF names no service for the device: make the package again"),
    (0xe000_0228, OTHER_SYSTEM),
    (0xe000_022f, NO_CATALOG),
    (0xe000_0235, OTHER_SYSTEM),
    (0xe000_023d, "a device still uses the INF: `test-app uninstall` removes both"),
    (0xe000_023f, NO_CATALOG),
    (0xe000_0240, TRUST),
    (0xe000_0241, TRUST),
    (0xe000_0242, TRUST),
    (0xe000_0243, TRUST),
    (0xe000_0244, "the catalog is not for this version of Windows: make the package again"),
    (0xe000_0247, TRUST),
    (0xe000_0248, "a policy of this machine forbids to install the device: ask who manages it"),
    (0xe000_0249, "a policy of this machine forbids to install the driver: ask who manages it"),
    (0xe000_024b, DAMAGED),
    (0x8009_6010, DAMAGED),
    (0x800b_0004, TRUST),
    (0x800b_0100, "the file has no signature: make the package again (`cargo xtask package`)"),
    (0x800b_0101, "the certificate has expired, or the clock is wrong: make the package again"),
    (0x800b_0109, TRUST),
    (0x800b_010a, TRUST),
    (0x800b_0111, "the certificate is in the Disallowed store of this machine: take it out there"),
];

/// What decoding answers.
const ASN1: RangeInclusive<u32> = 0x8009_3100..=0x8009_31ff;

/// What to do about a Win32 error; where nothing better is known about one of SetupAPI, its log.
#[must_use]
pub fn for_win32(code: Win32) -> Option<&'static str> {
    let code = code.setup();
    if ASN1.contains(&code.0) {
        return Some("it is no certificate in DER: make the package again (`cargo xtask package`)");
    }
    let known = KNOWN.iter().find(|known| known.0 == code.0).map(|known| known.1);
    known.or_else(|| (code.0 >= 0xe000_0000).then_some(SETUP_LOG))
}

/// What to do about an NTSTATUS of the native API.
#[must_use]
pub fn for_status(status: NtStatus) -> Option<&'static str> {
    if is_privilege(status) {
        return Some(ELEVATE);
    }
    (status == NtStatus::INVALID_INFO_CLASS)
        .then_some("this version of the system does not have it; nothing else does the same")
}

/// Whether the caller lacks a right.
#[must_use]
pub fn is_privilege(status: NtStatus) -> bool {
    [NtStatus::PRIVILEGE_NOT_HELD, NtStatus::ACCESS_DENIED].contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_certificates_lead_to_trust_and_test_signing() {
        for code in [0x800b_0109, 0xe000_0247, 0x800f_0243, 577] {
            let advice = for_win32(Win32(code)).unwrap();
            assert!(advice.contains("--trust"), "{code:#x}: {advice}");
            assert!(advice.contains("testsigning on"), "{code:#x}: {advice}");
        }
    }

    #[test]
    fn every_code_with_advice_has_a_name() {
        for (code, _) in KNOWN {
            assert!(Win32(*code).name().is_some(), "{code:#x}");
        }
    }

    #[test]
    fn setup_errors_lead_to_its_log_and_others_to_nothing_made_up() {
        assert!(for_win32(Win32(0xe000_0222)).unwrap().contains("setupapi.dev.log"));
        assert_eq!(for_win32(Win32(99_999)), None);
        assert!(for_win32(Win32(0x8009_310b)).unwrap().contains("DER"));
    }
}
