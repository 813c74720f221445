//! Lists under a spin lock, at whatever IRQL.
//!
//! Pages: wdm/nf-wdm-exinterlockedinsertheadlist and the like.

use std::ptr;

use pagewise_lab_nt as nt;

use crate::ke::irql::{self, HIGH_LEVEL};
use crate::ke::spin_lock;

/// Runs `change` with the lock held and interrupts, as it were, masked.
fn locked<T>(lock: *mut usize, change: impl FnOnce() -> T) -> T {
    let _raised = irql::Raised::to(HIGH_LEVEL);
    spin_lock::take(lock);
    let result = change();
    spin_lock::give(lock);
    result
}

/// Puts `entry` first. The former first entry, or null.
///
/// Page: wdm/nf-wdm-exinterlockedinsertheadlist.
///
/// # IRQL
/// Any. List and lock have to lie in resident memory.
///
/// # Safety
/// `head` is an initialised list, `entry` in no list, `lock` a spin lock that nothing but these
/// routines takes.
pub unsafe extern "win64" fn ExInterlockedInsertHeadList(
    head: *mut nt::LIST_ENTRY,
    entry: *mut nt::LIST_ENTRY,
    lock: *mut usize,
) -> *mut nt::LIST_ENTRY {
    locked(lock, || {
        // SAFETY: the caller vouches for the list.
        let first = unsafe { (*head).Flink };
        // SAFETY: as above, and for the entry.
        unsafe { nt::InsertHeadList(head, entry) };
        if first == head { ptr::null_mut() } else { first }
    })
}

/// Puts `entry` last. The former last entry, or null.
///
/// Page: wdm/nf-wdm-exinterlockedinserttaillist.
///
/// # IRQL
/// Any. List and lock have to lie in resident memory.
///
/// # Safety
/// As [`ExInterlockedInsertHeadList`].
pub unsafe extern "win64" fn ExInterlockedInsertTailList(
    head: *mut nt::LIST_ENTRY,
    entry: *mut nt::LIST_ENTRY,
    lock: *mut usize,
) -> *mut nt::LIST_ENTRY {
    locked(lock, || {
        // SAFETY: the caller vouches for the list.
        let last = unsafe { (*head).Blink };
        // SAFETY: as above, and for the entry.
        unsafe { nt::InsertTailList(head, entry) };
        if last == head { ptr::null_mut() } else { last }
    })
}

/// Takes the first entry out; null when the list is empty.
///
/// Page: wdm/nf-wdm-exinterlockedremoveheadlist.
///
/// # IRQL
/// Any. List and lock have to lie in resident memory.
///
/// # Safety
/// As [`ExInterlockedInsertHeadList`].
pub unsafe extern "win64" fn ExInterlockedRemoveHeadList(
    head: *mut nt::LIST_ENTRY,
    lock: *mut usize,
) -> *mut nt::LIST_ENTRY {
    locked(lock, || {
        // SAFETY: the caller vouches for the list.
        if unsafe { nt::IsListEmpty(head) } {
            return ptr::null_mut();
        }
        // SAFETY: as above, and it is not empty.
        unsafe { nt::RemoveHeadList(head) }
    })
}

/// Adds to a number under the lock. The former value.
///
/// Page: wdm/nf-wdm-exinterlockedaddlargeinteger.
///
/// # IRQL
/// Any. Number and lock have to lie in resident memory.
///
/// # Safety
/// `number` points to a `LARGE_INTEGER`, `lock` to a spin lock.
pub unsafe extern "win64" fn ExInterlockedAddLargeInteger(
    number: *mut i64,
    add: i64,
    lock: *mut usize,
) -> i64 {
    locked(lock, || {
        // SAFETY: the caller vouches for it.
        let former = unsafe { number.read() };
        // SAFETY: as above.
        unsafe { number.write(former.wrapping_add(add)) };
        former
    })
}

crate::exports! {
    /// Interlocked lists.
    pub EXPORTS = [
        ExInterlockedInsertHeadList(_, _, _),
        ExInterlockedInsertTailList(_, _, _),
        ExInterlockedRemoveHeadList(_, _),
        ExInterlockedAddLargeInteger(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order() {
        const EMPTY: nt::LIST_ENTRY =
            nt::LIST_ENTRY { Flink: ptr::null_mut(), Blink: ptr::null_mut() };
        let mut entries = [EMPTY; 3];
        let [head, first, second] = &mut entries;
        let [head, first, second] = [&raw mut *head, &raw mut *first, &raw mut *second];
        let mut lock = 0;
        let lock = &raw mut lock;
        // SAFETY: the list's head is ours.
        unsafe { nt::InitializeListHead(head) };
        // SAFETY: list, entries and lock are ours.
        let former = unsafe { ExInterlockedInsertTailList(head, second, lock) };
        assert!(former.is_null());
        // SAFETY: as above.
        let former = unsafe { ExInterlockedInsertHeadList(head, first, lock) };
        assert_eq!(former, second);
        for expected in [first, second, ptr::null_mut()] {
            // SAFETY: as above.
            assert_eq!(unsafe { ExInterlockedRemoveHeadList(head, lock) }, expected);
        }
        assert_eq!(irql::current(), irql::PASSIVE_LEVEL);
    }
}
