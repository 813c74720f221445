//! Sequenced singly linked lists.
//!
//! The header is the driver's: depth in the lowest 16 bits, as inline code in drivers reads it, a
//! sequence number above, and the first entry in the second half. One lock of the machine guards all
//! lists: on x64 drivers change them by these routines only.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/singly-and-doubly-linked-lists.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ke::irql::{self, DISPATCH_LEVEL};

/// An entry: a link, and behind it whatever the driver keeps.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    next: *mut Entry,
}

/// `SLIST_HEADER`, x64.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Header {
    depth_and_sequence: u64,
    first: *mut Entry,
}

const _: () = assert!(size_of::<Header>() == size_of::<pagewise_lab_nt::SLIST_HEADER>());

const DEPTH: u64 = 0xffff;
const SEQUENCE: u64 = 0x1_0000;

static LISTS: Mutex<()> = Mutex::new(());

/// The lock, at `DISPATCH_LEVEL`: a list in memory that is paged out dies.
struct Locked {
    _lists: MutexGuard<'static, ()>,
    _raised: irql::Raised,
}

fn lock() -> Locked {
    let raised = irql::Raised::to(DISPATCH_LEVEL);
    Locked { _lists: LISTS.lock().unwrap_or_else(PoisonError::into_inner), _raised: raised }
}

/// The depth of a list that is one entry longer or shorter, and the next sequence number.
fn advance(list: &mut Header, depth: impl FnOnce(u64) -> u64) {
    let new = depth(list.depth_and_sequence & DEPTH) & DEPTH;
    let sequence = (list.depth_and_sequence & !DEPTH).wrapping_add(SEQUENCE);
    list.depth_and_sequence = sequence | new;
}

/// Makes an empty list.
///
/// Page: wdm/nf-wdm-initializeslisthead.
///
/// # IRQL
/// Any. The list has to lie in resident memory.
///
/// # Safety
/// `list` points to storage for an `SLIST_HEADER`.
pub unsafe extern "win64" fn InitializeSListHead(list: *mut Header) {
    // SAFETY: the caller vouches for it.
    unsafe { list.write(Header { depth_and_sequence: 0, first: ptr::null_mut() }) };
}

/// Puts an entry first, and returns the one that was.
///
/// Page: wdm/nf-wdm-exinterlockedpushentryslist.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised list, `entry` to an entry that is in none.
pub unsafe extern "win64" fn ExpInterlockedPushEntrySList(
    list: *mut Header,
    entry: *mut Entry,
) -> *mut Entry {
    let _locked = lock();
    // SAFETY: the caller vouches for it, and the lock's holder alone uses it.
    let list = unsafe { &mut *list };
    let former = list.first;
    // SAFETY: the caller vouches for it.
    unsafe { (*entry).next = former };
    list.first = entry;
    advance(list, |depth| depth + 1);
    former
}

/// Takes the first entry; null when the list is empty.
///
/// Page: wdm/nf-wdm-exinterlockedpopentryslist.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised list.
pub unsafe extern "win64" fn ExpInterlockedPopEntrySList(list: *mut Header) -> *mut Entry {
    let _locked = lock();
    // SAFETY: the caller vouches for it, and the lock's holder alone uses it.
    let list = unsafe { &mut *list };
    let first = list.first;
    if !first.is_null() {
        // SAFETY: what is in the list is an entry.
        list.first = unsafe { (*first).next };
        advance(list, |depth| depth.wrapping_sub(1));
    }
    first
}

/// Takes all entries, and returns the first.
///
/// Page: wdm/nf-wdm-exinterlockedflushslist.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised list.
pub unsafe extern "win64" fn ExpInterlockedFlushSList(list: *mut Header) -> *mut Entry {
    let _locked = lock();
    // SAFETY: the caller vouches for it, and the lock's holder alone uses it.
    let list = unsafe { &mut *list };
    advance(list, |_| 0);
    std::mem::replace(&mut list.first, ptr::null_mut())
}

/// How many entries the list has, modulo 65536.
///
/// Page: wdm/nf-wdm-exquerydepthslist.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `list` points to an initialised list.
pub unsafe extern "win64" fn ExQueryDepthSList(list: *mut Header) -> u16 {
    // SAFETY: the caller vouches for it.
    unsafe { list.cast::<u16>().read_volatile() }
}

crate::exports! {
    /// Sequenced singly linked lists.
    pub EXPORTS = [
        InitializeSListHead(_),
        ExpInterlockedPushEntrySList(_, _),
        ExpInterlockedPopEntrySList(_),
        ExpInterlockedFlushSList(_),
        ExQueryDepthSList(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_in_first_out() {
        let mut header = Header { depth_and_sequence: 7, first: ptr::dangling_mut() };
        let mut entries = [(); 3].map(|()| Entry { next: ptr::null_mut() });
        let list = &raw mut header;
        let [a, b, c] = &mut entries;
        let [a, b, c] = [&raw mut *a, &raw mut *b, &raw mut *c];
        // SAFETY: the list is ours.
        unsafe { InitializeSListHead(list) };
        // SAFETY: list and entries are ours.
        let pushed = [a, b, c].map(|entry| unsafe { ExpInterlockedPushEntrySList(list, entry) });
        assert_eq!(pushed, [ptr::null_mut(), a, b]);
        // SAFETY: the list is ours.
        assert_eq!(unsafe { ExQueryDepthSList(list) }, 3);
        // SAFETY: the list is ours.
        assert_eq!(unsafe { ExpInterlockedPopEntrySList(list) }, c);
        // SAFETY: the list is ours.
        assert_eq!(unsafe { ExpInterlockedFlushSList(list) }, b);
        // SAFETY: the list is ours.
        assert!(unsafe { ExpInterlockedPopEntrySList(list) }.is_null());
        // SAFETY: the list is ours.
        assert_eq!(unsafe { ExQueryDepthSList(list) }, 0);
        // Five changes: three in, one out, all out.
        assert_eq!(header.depth_and_sequence >> 16, 5);
    }
}
