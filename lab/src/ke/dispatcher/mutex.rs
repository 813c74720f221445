//! Mutex objects.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/mutex-objects.

use pagewise_lab_nt as nt;

use super::database::Database;
use super::header::{Kind, Object};
use crate::ke::exception;
use crate::ke::thread::Current;

/// Makes a mutex that nobody holds.
///
/// Page: wdm/nf-wdm-keinitializemutex. The level is reserved.
///
/// # IRQL
/// Any. The mutex has to lie in resident memory.
///
/// # Safety
/// `mutex` points to storage for a `KMUTEX` that no thread waits for.
pub unsafe extern "win64" fn KeInitializeMutex(mutex: *mut nt::KMUTANT, _level: u32) {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(mutex.cast()) };
    object.initialize(Kind::Mutant, size_of::<nt::KMUTANT>(), 1);
    object.set_owner(0);
    // SAFETY: the caller vouches for it.
    let apc_disable = unsafe { &raw mut (*mutex).ApcDisable };
    // SAFETY: as before.
    unsafe { apc_disable.write_volatile(1) };
}

/// A wait for a mutex ends: `thread` holds it once more. APCs are disabled from the first time on.
pub(super) fn take(object: Object, thread: Current) {
    let state = object.state();
    if state == i32::MIN {
        exception::raise(nt::STATUS_MUTANT_LIMIT_EXCEEDED, object.address());
    }
    object.set_state(state - 1);
    if state == 1 {
        object.set_owner(thread.address());
        thread.acquired_mutex(object.address());
    }
}

/// Releases a mutex, and returns its former state: 0 when it is free now.
///
/// Page: wdm/nf-wdm-kereleasemutex. By a thread that does not hold it: raises
/// `STATUS_MUTANT_NOT_OWNED`. With `wait`, see [`KeSetEvent`](super::event::KeSetEvent).
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mutex` points to an initialised `KMUTEX`.
pub unsafe extern "win64" fn KeReleaseMutex(mutex: *mut nt::KMUTANT, wait: u8) -> i32 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(mutex.cast()) };
    let thread = Current::get();
    let mut database = Database::lock();
    if object.kind() != Kind::Mutant || object.owner() != thread.address() {
        exception::raise(nt::STATUS_MUTANT_NOT_OWNED, object.address());
    }
    let former = object.state();
    object.set_state(former + 1);
    if former == 0 {
        object.set_owner(0);
        thread.released_mutex();
        database.signal(object);
    }
    if wait != 0 {
        thread.wait_follows(&mut database);
    }
    former
}

/// The state of a mutex: 1 when it is free.
///
/// Page: wdm/nf-wdm-kereadstatemutex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mutex` points to an initialised `KMUTEX`.
pub unsafe extern "win64" fn KeReadStateMutex(mutex: *mut nt::KMUTANT) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { Object::at(mutex.cast()) }.state()
}

crate::exports! {
    /// Mutex objects.
    pub EXPORTS = [
        KeInitializeMutex(_, _),
        KeReleaseMutex(_, _),
        KeReadStateMutex(_),
    ];
}
