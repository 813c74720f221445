//! Kernel handles.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::object;

/// What tells a kernel handle from a process's
/// (learn.microsoft.com/windows-hardware/drivers/kernel/object-handles: kernel handles are of the
/// system's address range).
const KERNEL_HANDLE: usize = 0xffff_ffff_8000_0000;

#[derive(Clone, Copy)]
struct Slot {
    object: *mut c_void,
    granted: u32,
}

// SAFETY: a slot's object is held by the handle's reference.
unsafe impl Send for Slot {}

struct Table {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });

fn lock() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles are multiples of four, and never 0.
fn handle_of(index: usize) -> *mut c_void {
    (KERNEL_HANDLE | (index + 1) << 2) as *mut c_void
}

fn index_of(handle: *mut c_void) -> Option<usize> {
    let handle = handle as usize;
    let low = (handle & !KERNEL_HANDLE) >> 2;
    (handle & KERNEL_HANDLE == KERNEL_HANDLE && low != 0).then(|| low - 1)
}

/// A new handle to `object`, with a reference of its own.
///
/// # Safety
/// `object` is an object that the caller references.
pub unsafe fn insert_handle(object: *mut c_void, granted: u32) -> *mut c_void {
    // SAFETY: the caller vouches for it.
    unsafe { object::open(object) };
    let mut table = lock();
    let index = table.free.pop().unwrap_or(table.slots.len());
    if index == table.slots.len() {
        table.slots.push(None);
    }
    table.slots[index] = Some(Slot { object, granted });
    handle_of(index)
}

/// The object of a handle, with a new reference for the caller, and the access that the handle
/// grants.
#[must_use]
pub fn reference_by_handle(handle: *mut c_void) -> Option<(*mut c_void, u32)> {
    let index = index_of(handle)?;
    let table = lock();
    let slot = (*table.slots.get(index)?)?;
    // SAFETY: the handle holds a reference, and cannot be closed while the table is locked.
    unsafe { object::reference(slot.object) };
    Some((slot.object, slot.granted))
}

/// Closes a handle. Whether there was such a one.
#[must_use]
pub fn close_handle(handle: *mut c_void) -> bool {
    let Some(slot) = take(handle) else { return false };
    // SAFETY: the handle's reference, which nobody else can take any more.
    unsafe { object::close(slot.object) };
    true
}

fn take(handle: *mut c_void) -> Option<Slot> {
    let index = index_of(handle)?;
    let mut table = lock();
    let slot = table.slots.get_mut(index)?.take()?;
    table.free.push(index);
    Some(slot)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::object::{ObjectType, allocate, dereference, reference_count};
    use super::*;

    static CLOSED: AtomicUsize = AtomicUsize::new(0);
    static KIND: ObjectType = ObjectType::new("Test", None).on_last_handle(|_| {
        CLOSED.fetch_add(1, Ordering::SeqCst);
    });

    #[test]
    fn handles_hold_references_and_close_once() {
        let object = allocate(&KIND, 8);
        // SAFETY: it is an object.
        let [first, second] = [1, 2].map(|granted| unsafe { insert_handle(object, granted) });
        assert_ne!(first, second);
        assert_eq!((first as usize) % 4, 0);
        // SAFETY: it is an object.
        assert_eq!(unsafe { reference_count(object) }, 3);
        assert_eq!(reference_by_handle(second), Some((object, 2)));
        assert!(close_handle(first));
        assert!(!close_handle(first));
        assert_eq!(CLOSED.load(Ordering::SeqCst), 0);
        assert!(close_handle(second));
        assert_eq!(CLOSED.load(Ordering::SeqCst), 1);
        assert_eq!(reference_by_handle(second), None);
        // SAFETY: it is an object; two references are left, ours and that of the look-up.
        assert_eq!(unsafe { dereference(object) }, 1);
        // SAFETY: as before.
        assert_eq!(unsafe { dereference(object) }, 0);
    }

    #[test]
    fn nonsense_is_no_handle() {
        for handle in [0usize, 4, 1, usize::MAX, KERNEL_HANDLE, KERNEL_HANDLE | 0x7fff_fffc] {
            assert_eq!(reference_by_handle(handle as *mut c_void), None);
            assert!(!close_handle(handle as *mut c_void));
        }
    }
}
