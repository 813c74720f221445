//! Critical and guarded regions: where APCs are disabled. The lab delivers no APC, so what matters
//! of them is the count, which has to be balanced.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/critical-regions-and-guarded-regions.

use crate::bugcheck;
use crate::ke::ddi::{self, Rule};
use crate::ke::irql;
use crate::ke::thread::Current;
use crate::verifier;

const APC_INDEX_MISMATCH: u32 = 0x1;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_NOT_IN_CRITICAL_REGION: u64 = 0x3E;

/// Bug check 0x1 unless the current thread has as many APCs disabled as it had when
/// `routine` was called: called where a driver's routine has returned to the machine.
/// `before` comes from [`disabled`].
pub fn expect(before: u32, routine: usize) {
    const WORKER_ROUTINE: u64 = 1;
    let now = disabled();
    if now != before {
        let parameters = [routine as u64, 0, u64::from(now), WORKER_ROUTINE];
        bugcheck::bug_check(APC_INDEX_MISMATCH, parameters);
    }
}

/// How often the current thread has APCs disabled, normal kernel APCs in the lower half, special
/// ones in the upper, as negative numbers of 16 bits.
#[must_use]
pub fn disabled() -> u32 {
    Current::get().combined_apc_disable()
}

/// Disables normal kernel APCs.
///
/// Page: ntddk/nf-ntddk-keentercriticalregion.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn KeEnterCriticalRegion() {
    ddi::at_most(irql::APC_LEVEL, Rule::KeApcLte2);
    Current::get().adjust_kernel_apcs(-1);
}

/// Enables normal kernel APCs that [`KeEnterCriticalRegion`] disabled. Without it: bug check
/// 0xC4/0x3E when the verifier is on; else the imbalance shows where the driver returns.
///
/// Page: ntddk/nf-ntddk-keleavecriticalregion.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn KeLeaveCriticalRegion() {
    ddi::at_most(irql::APC_LEVEL, Rule::KeApcLte2);
    if Current::get().adjust_kernel_apcs(1) > 0 && verifier::active() {
        let parameters = [VERIFIER_NOT_IN_CRITICAL_REGION, 0, 0, 0];
        bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
}

/// Disables all APCs.
///
/// Page: wdm/nf-wdm-keenterguardedregion.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn KeEnterGuardedRegion() {
    ddi::at_most(irql::APC_LEVEL, Rule::KeApcLte2);
    Current::get().adjust_special_apcs(-1);
}

/// Enables the APCs that [`KeEnterGuardedRegion`] disabled.
///
/// Page: wdm/nf-wdm-keleaveguardedregion.
///
/// # IRQL
/// <= `APC_LEVEL`.
pub extern "win64" fn KeLeaveGuardedRegion() {
    ddi::at_most(irql::APC_LEVEL, Rule::KeApcLte2);
    Current::get().adjust_special_apcs(1);
}

/// Whether normal kernel APCs are disabled.
///
/// Page: wdm/nf-wdm-keareapcsdisabled.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn KeAreApcsDisabled() -> u8 {
    u8::from(disabled() != 0)
}

/// Whether all APCs are disabled: in a guarded region, or at `APC_LEVEL` and above.
///
/// Page: wdm/nf-wdm-keareallapcsdisabled.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn KeAreAllApcsDisabled() -> u8 {
    let (_, special) = Current::get().apc_disable();
    u8::from(special != 0 || irql::current() >= irql::APC_LEVEL)
}

crate::exports! {
    /// Critical and guarded regions.
    pub EXPORTS = [
        KeEnterCriticalRegion(),
        KeLeaveCriticalRegion(),
        KeEnterGuardedRegion(),
        KeLeaveGuardedRegion(),
        KeAreApcsDisabled(),
        KeAreAllApcsDisabled(),
    ];
}
