//! Doubly linked lists
//! (learn.microsoft.com/windows-hardware/drivers/kernel/singly-and-doubly-linked-lists).
//!
//! Inline code in the headers, hence here for both sides. Every function: any IRQL, as long as the
//! memory may be touched there; serialising access is the caller's job.
#![expect(non_snake_case, reason = "the routines' own names")]

use crate::LIST_ENTRY;

/// Makes `head` an empty list.
///
/// # Safety
/// `head` points to a writable `LIST_ENTRY`.
pub unsafe fn InitializeListHead(head: *mut LIST_ENTRY) {
    // SAFETY: the caller vouches for `head`.
    unsafe { head.write(LIST_ENTRY { Flink: head, Blink: head }) };
}

/// Whether `head` has no entry.
///
/// # Safety
/// `head` points to an initialised list head.
#[must_use]
pub unsafe fn IsListEmpty(head: *const LIST_ENTRY) -> bool {
    // SAFETY: the caller vouches for `head`.
    let first = unsafe { (*head).Flink };
    first.cast_const() == head
}

/// Puts `entry` last.
///
/// # Safety
/// `head` is an initialised list head, `entry` is writable and in no list, and nobody else uses
/// the list meanwhile.
pub unsafe fn InsertTailList(head: *mut LIST_ENTRY, entry: *mut LIST_ENTRY) {
    // SAFETY: the caller vouches for `head`.
    let last = unsafe { (*head).Blink };
    // SAFETY: the last entry of an initialised list whose one user we are, and its head.
    unsafe { link(last, entry, head) };
}

/// Puts `entry` first.
///
/// # Safety
/// As for [`InsertTailList`].
pub unsafe fn InsertHeadList(head: *mut LIST_ENTRY, entry: *mut LIST_ENTRY) {
    // SAFETY: the caller vouches for `head`.
    let first = unsafe { (*head).Flink };
    // SAFETY: the head of an initialised list whose one user we are, and its first entry.
    unsafe { link(head, entry, first) };
}

/// Takes `entry` out of its list; whether the list is empty now.
///
/// # Safety
/// `entry` is in an initialised list that nobody else uses meanwhile.
pub unsafe fn RemoveEntryList(entry: *mut LIST_ENTRY) -> bool {
    // SAFETY: the caller vouches for `entry`.
    let LIST_ENTRY { Flink: next, Blink: previous } = unsafe { entry.read() };
    // SAFETY: neighbours of a list entry are entries of the same list.
    unsafe { (*previous).Flink = next };
    // SAFETY: as above.
    unsafe { (*next).Blink = previous };
    next == previous
}

/// Takes the first entry out of the list. Of an empty list this is `head` itself, as in C: ask
/// [`IsListEmpty`] first.
///
/// # Safety
/// `head` is an initialised list head, and nobody else uses the list meanwhile.
pub unsafe fn RemoveHeadList(head: *mut LIST_ENTRY) -> *mut LIST_ENTRY {
    // SAFETY: the caller vouches for `head`.
    let first = unsafe { (*head).Flink };
    // SAFETY: the first entry, or the head, of a list whose one user we are.
    unsafe { RemoveEntryList(first) };
    first
}

/// # Safety
/// `previous` and `next` are neighbours, `entry` is writable and in no list.
unsafe fn link(previous: *mut LIST_ENTRY, entry: *mut LIST_ENTRY, next: *mut LIST_ENTRY) {
    // SAFETY: the caller vouches for `entry`.
    unsafe { entry.write(LIST_ENTRY { Flink: next, Blink: previous }) };
    // SAFETY: the caller vouches for `previous`.
    unsafe { (*previous).Flink = entry };
    // SAFETY: the caller vouches for `next`.
    unsafe { (*next).Blink = entry };
}

#[cfg(test)]
mod tests {
    use core::ptr::null_mut;

    use super::*;

    fn entry() -> LIST_ENTRY {
        LIST_ENTRY { Flink: null_mut(), Blink: null_mut() }
    }

    #[test]
    fn entries_leave_in_the_order_of_insertion() {
        let mut entries = [entry(), entry(), entry(), entry()];
        let head = &raw mut entries[0];
        let at = |index: usize| head.wrapping_add(index);
        // SAFETY: `head` is an element of `entries`.
        unsafe { InitializeListHead(head) };
        // SAFETY: initialised above.
        assert!(unsafe { IsListEmpty(head) });
        // SAFETY: three entries of their own, in no list.
        unsafe { InsertTailList(head, at(1)) };
        // SAFETY: as above.
        unsafe { InsertTailList(head, at(2)) };
        // SAFETY: as above.
        unsafe { InsertHeadList(head, at(3)) };
        // SAFETY: in the list since above.
        assert!(!unsafe { RemoveEntryList(at(1)) });
        // SAFETY: an initialised list of two.
        assert_eq!(unsafe { RemoveHeadList(head) }, at(3));
        // SAFETY: an initialised list of one.
        assert_eq!(unsafe { RemoveHeadList(head) }, at(2));
        // SAFETY: initialised above.
        assert!(unsafe { IsListEmpty(head) });
    }
}
