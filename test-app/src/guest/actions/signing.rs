//! Test signing
//! (learn.microsoft.com/windows-hardware/drivers/install/the-testsigning-boot-configuration-option).

use pagewise_vm_plan::guest::Ended;
use pagewise_vm_plan::outcome::Outcome;

use super::desk::Desk;

/// `CODEINTEGRITY_OPTION_TESTSIGN`
/// (learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation).
const TESTSIGN: u32 = 0x02;
/// What most often keeps it off.
const HELP: &str = "switch Secure Boot off in the machine's firmware: with it on, the system \
                    protects this setting; then `bcdedit /set testsigning on` and restart";

pub fn check(desk: &mut Desk<'_>, set: bool) -> Ended {
    match desk.system.code_integrity() {
        Ok(options) if options & TESTSIGN != 0 => Ended::With(Outcome::Passed),
        Ok(_) if set => switch_on(desk),
        Ok(options) => Ended::With(Outcome::Failed {
            what: format!("test signing is off (code integrity options {options:#x})"),
            code: None,
            help: Some(HELP.to_owned()),
        }),
        Err(error) => Ended::With(Outcome::failed(error.to_string())),
    }
}

fn switch_on(desk: &mut Desk<'_>) -> Ended {
    let ran = desk.tool("bcdedit.exe", &["/set", "testsigning", "on"], "bcdedit.txt");
    if ran.ended_with(0) {
        return Ended::AfterRestart("test signing was off, and is set".to_owned());
    }
    Ended::With(ran.failure(Some(HELP)))
}
