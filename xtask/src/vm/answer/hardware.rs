//! What Windows 11's Setup is told so that it takes a small virtual machine.

/// Values of `HKLM\SYSTEM\Setup\LabConfig`. Microsoft's reference does not have them; they are widely
/// used, and a Setup that does not know them goes by what it finds.
const CHECKS: &[&str] =
    &["BypassTPMCheck", "BypassSecureBootCheck", "BypassCPUCheck", "BypassRAMCheck"];

/// Commands that switch the checks off.
pub(super) fn no_checks() -> Vec<String> {
    CHECKS
        .iter()
        .map(|check| {
            format!(r"reg add HKLM\SYSTEM\Setup\LabConfig /v {check} /t REG_DWORD /d 1 /f")
        })
        .collect()
}
