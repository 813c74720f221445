//! Bug checks that drivers ask for.
#![expect(non_snake_case, reason = "the routines' own names")]

use pagewise_lab_nt::{ULONG, ULONG_PTR};

use super::bug_check;
use crate::exports;

exports! {
    /// Routines for drivers.
    pub EXPORTS = [
        KeBugCheck(_),
        KeBugCheckEx(_, _, _, _, _),
    ];
}

/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kebugcheck
///
/// # IRQL
/// Any.
extern "win64" fn KeBugCheck(code: ULONG) {
    bug_check(code, [0; 4])
}

/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kebugcheckex
///
/// # IRQL
/// Any.
extern "win64" fn KeBugCheckEx(
    code: ULONG,
    p1: ULONG_PTR,
    p2: ULONG_PTR,
    p3: ULONG_PTR,
    p4: ULONG_PTR,
) {
    bug_check(code, [p1, p2, p3, p4])
}
