//! Semaphore objects.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/semaphore-objects.

use pagewise_lab_nt as nt;

use super::database::Database;
use super::header::{Kind, Object};
use crate::ke::exception;
use crate::ke::thread::Current;

/// Makes a semaphore.
///
/// Page: wdm/nf-wdm-keinitializesemaphore.
///
/// # IRQL
/// Any. The semaphore has to lie in resident memory.
///
/// # Safety
/// `semaphore` points to storage for a `KSEMAPHORE` that no thread waits for.
pub unsafe extern "win64" fn KeInitializeSemaphore(
    semaphore: *mut nt::KSEMAPHORE,
    count: i32,
    limit: i32,
) {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(semaphore.cast()) };
    object.initialize(Kind::Semaphore, size_of::<nt::KSEMAPHORE>(), count);
    // SAFETY: the caller vouches for it.
    let field = unsafe { &raw mut (*semaphore).Limit };
    // SAFETY: as before.
    unsafe { field.write_volatile(limit) };
}

/// Adds `adjustment` to a semaphore's count, and returns the former count.
///
/// Page: wdm/nf-wdm-kereleasesemaphore. More than the limit, or a negative adjustment, raises
/// `STATUS_SEMAPHORE_LIMIT_EXCEEDED`. With `wait`, see [`KeSetEvent`](super::event::KeSetEvent).
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `semaphore` points to an initialised `KSEMAPHORE`.
pub unsafe extern "win64" fn KeReleaseSemaphore(
    semaphore: *mut nt::KSEMAPHORE,
    _increment: i32,
    adjustment: i32,
    wait: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(semaphore.cast()) };
    let mut database = Database::lock();
    object.kind();
    let former = object.state();
    // SAFETY: the caller vouches for it.
    let limit = unsafe { &raw const (*semaphore).Limit };
    // SAFETY: as before.
    let limit = unsafe { limit.read_volatile() };
    match former.checked_add(adjustment) {
        Some(count) if adjustment > 0 && count <= limit => object.set_state(count),
        _ => exception::raise(nt::STATUS_SEMAPHORE_LIMIT_EXCEEDED, object.address()),
    }
    database.signal(object);
    if wait != 0 {
        Current::get().wait_follows(&mut database);
    }
    former
}

/// The count of a semaphore.
///
/// Page: wdm/nf-wdm-kereadstatesemaphore.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `semaphore` points to an initialised `KSEMAPHORE`.
pub unsafe extern "win64" fn KeReadStateSemaphore(semaphore: *mut nt::KSEMAPHORE) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { Object::at(semaphore.cast()) }.state()
}

crate::exports! {
    /// Semaphore objects.
    pub EXPORTS = [
        KeInitializeSemaphore(_, _, _),
        KeReleaseSemaphore(_, _, _, _),
        KeReadStateSemaphore(_),
    ];
}
