//! Bug check codes by their documented names
//! (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-code-reference2).

pub(crate) const IRQL_NOT_LESS_OR_EQUAL: u32 = 0xA;
pub(crate) const MEMORY_MANAGEMENT: u32 = 0x1A;
pub(crate) const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;
pub(crate) const PAGE_FAULT_IN_NONPAGED_AREA: u32 = 0x50;
pub(crate) const KERNEL_DATA_INPAGE_ERROR: u32 = 0x7A;
pub(crate) const UNEXPECTED_KERNEL_MODE_TRAP: u32 = 0x7F;
pub(crate) const ATTEMPTED_WRITE_TO_READONLY_MEMORY: u32 = 0xBE;
pub(crate) const BAD_POOL_CALLER: u32 = 0xC2;
pub(crate) const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
pub(crate) const DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS: u32 = 0xCE;
pub(crate) const DRIVER_IRQL_NOT_LESS_OR_EQUAL: u32 = 0xD1;
pub(crate) const DRIVER_PORTION_MUST_BE_NONPAGED: u32 = 0xD3;
pub(crate) const SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD: u32 = 0xD4;
pub(crate) const ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY: u32 = 0xFC;
pub(crate) const WDF_VIOLATION: u32 = 0x10D;
pub(crate) const KERNEL_SECURITY_CHECK_FAILURE: u32 = 0x139;

/// Every code that the machine or the framework may raise, and some that drivers raise themselves.
const NAMES: &[(u32, &str)] = &[
    (0x01, "APC_INDEX_MISMATCH"),
    (0x09, "IRQL_NOT_GREATER_OR_EQUAL"),
    (0x0A, "IRQL_NOT_LESS_OR_EQUAL"),
    (0x0C, "MAXIMUM_WAIT_OBJECTS_EXCEEDED"),
    (0x0F, "SPIN_LOCK_ALREADY_OWNED"),
    (0x10, "SPIN_LOCK_NOT_OWNED"),
    (0x11, "THREAD_NOT_MUTEX_OWNER"),
    (0x18, "REFERENCE_BY_POINTER"),
    (0x19, "BAD_POOL_HEADER"),
    (0x1A, "MEMORY_MANAGEMENT"),
    (0x1E, "KMODE_EXCEPTION_NOT_HANDLED"),
    (0x20, "KERNEL_APC_PENDING_DURING_EXIT"),
    (0x2C, "NO_SPIN_LOCK_AVAILABLE"),
    (0x35, "NO_MORE_IRP_STACK_LOCATIONS"),
    (0x36, "DEVICE_REFERENCE_COUNT_NOT_ZERO"),
    (0x39, "SYSTEM_EXIT_OWNED_MUTEX"),
    (0x3B, "SYSTEM_SERVICE_EXCEPTION"),
    (0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS"),
    (0x48, "CANCEL_STATE_IN_COMPLETED_IRP"),
    (0x4A, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE"),
    (0x50, "PAGE_FAULT_IN_NONPAGED_AREA"),
    (0x7A, "KERNEL_DATA_INPAGE_ERROR"),
    (0x7E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"),
    (0x7F, "UNEXPECTED_KERNEL_MODE_TRAP"),
    (0x93, "INVALID_KERNEL_HANDLE"),
    (0x96, "INVALID_WORK_QUEUE_ITEM"),
    (0x9F, "DRIVER_POWER_STATE_FAILURE"),
    (0xB8, "ATTEMPTED_SWITCH_FROM_DPC"),
    (0xBE, "ATTEMPTED_WRITE_TO_READONLY_MEMORY"),
    (0xC1, "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION"),
    (0xC2, "BAD_POOL_CALLER"),
    (0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION"),
    (0xC5, "DRIVER_CORRUPTED_EXPOOL"),
    (0xC6, "DRIVER_CAUGHT_MODIFYING_FREED_POOL"),
    (0xC7, "TIMER_OR_DPC_INVALID"),
    (0xC8, "IRQL_UNEXPECTED_VALUE"),
    (0xC9, "DRIVER_VERIFIER_IOMANAGER_VIOLATION"),
    (0xCA, "PNP_DETECTED_FATAL_ERROR"),
    (0xCB, "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS"),
    (0xCC, "PAGE_FAULT_IN_FREED_SPECIAL_POOL"),
    (0xCE, "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS"),
    (0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"),
    (0xD3, "DRIVER_PORTION_MUST_BE_NONPAGED"),
    (0xD4, "SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD"),
    (0xD5, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL"),
    (0xE2, "MANUALLY_INITIATED_CRASH"),
    (0xE3, "RESOURCE_NOT_OWNED"),
    (0xE4, "WORKER_INVALID"),
    (0xF7, "DRIVER_OVERRAN_STACK_BUFFER"),
    (0xFC, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY"),
    (0x101, "CLOCK_WATCHDOG_TIMEOUT"),
    (0x10D, "WDF_VIOLATION"),
    (0x133, "DPC_WATCHDOG_VIOLATION"),
    (0x139, "KERNEL_SECURITY_CHECK_FAILURE"),
    (0x4000_008A, "THREAD_TERMINATE_HELD_MUTEX"),
];

/// The documented name of a code.
pub(super) fn name(code: u32) -> Option<&'static str> {
    let index = NAMES.binary_search_by_key(&code, |&(code, _)| code).ok()?;
    Some(NAMES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_name_is_found() {
        assert!(NAMES.is_sorted_by_key(|&(code, _)| code));
        assert_eq!(name(DRIVER_PORTION_MUST_BE_NONPAGED), Some("DRIVER_PORTION_MUST_BE_NONPAGED"));
        assert_eq!(name(0xdead_beef), None);
    }
}
