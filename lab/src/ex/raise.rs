//! Exceptions that drivers raise, and the mode they were called in.

use pagewise_lab_nt as nt;

use crate::ke::exception;

/// Raises an exception: the lab handles none, so it is bug check 0x1E.
///
/// Page: wdm/nf-wdm-exraisestatus.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn ExRaiseStatus(status: i32) {
    exception::raise(status, 0);
}

/// As [`ExRaiseStatus`] with `STATUS_ACCESS_VIOLATION`.
///
/// Page: wdm/nf-wdm-exraiseaccessviolation.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn ExRaiseAccessViolation() {
    exception::raise(nt::STATUS_ACCESS_VIOLATION, 0);
}

/// As [`ExRaiseStatus`] with `STATUS_DATATYPE_MISALIGNMENT`.
///
/// Page: wdm/nf-wdm-exraisedatatypemisalignment.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn ExRaiseDatatypeMisalignment() {
    exception::raise(nt::STATUS_DATATYPE_MISALIGNMENT, 0);
}

/// The mode of the caller of the current system service: kernel mode, since no user mode runs here,
/// and buffers of clients are the machine's by the time a driver sees them.
///
/// Page: wdm/nf-wdm-exgetpreviousmode.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub extern "win64" fn ExGetPreviousMode() -> i8 {
    const KERNEL_MODE: i8 = 0;
    KERNEL_MODE
}

crate::exports! {
    /// Exceptions.
    pub EXPORTS = [
        ExRaiseStatus(_),
        ExRaiseAccessViolation(),
        ExRaiseDatatypeMisalignment(),
        ExGetPreviousMode(),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::testing::dies;

    dies!(
        a_status_that_nobody_handles,
        {
            ExRaiseStatus(nt::STATUS_INSUFFICIENT_RESOURCES);
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0x1E, 0xC000_009A))
    );
}
