//! Event objects.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/defining-and-using-an-event-object.

use pagewise_lab_nt as nt;

use super::database::Database;
use super::header::{Kind, Object};
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::{APC_LEVEL, DISPATCH_LEVEL};
use crate::ke::thread::Current;

/// Makes an event.
///
/// Page: wdm/nf-wdm-keinitializeevent.
///
/// # IRQL
/// Any. The event has to lie in resident memory.
///
/// # Safety
/// `event` points to storage for a `KEVENT` that no thread waits for.
pub unsafe extern "win64" fn KeInitializeEvent(event: *mut nt::KEVENT, kind: i32, state: u8) {
    const SYNCHRONIZATION_EVENT: i32 = 1;
    let kind = match kind {
        SYNCHRONIZATION_EVENT => Kind::SynchronizationEvent,
        _ => Kind::NotificationEvent,
    };
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(event.cast()) };
    object.initialize(kind, size_of::<nt::KEVENT>(), i32::from(state != 0));
}

/// Signals an event, and returns its former state.
///
/// Page: wdm/nf-wdm-kesetevent. The priority increment has no meaning here. With `wait`, the IRQL
/// stays at `DISPATCH_LEVEL` until the wait that has to follow.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`; <= `APC_LEVEL` with `wait`. Else bug check 0xC4/0x20016 under DDI compliance
/// checking.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe extern "win64" fn KeSetEvent(event: *mut nt::KEVENT, _increment: i32, wait: u8) -> i32 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(event.cast()) };
    let limit = if wait == 0 { DISPATCH_LEVEL } else { APC_LEVEL };
    ddi::at_most(limit, Rule::KeSetEvent);
    let mut database = Database::lock();
    // Its kind first: that is where a thing that is no object shows.
    object.kind();
    let former = object.state();
    if former == 0 {
        object.set_state(1);
        database.signal(object);
    }
    if wait != 0 {
        Current::get().wait_follows(&mut database);
    }
    former
}

/// Makes an event not signalled, and returns its former state.
///
/// Page: wdm/nf-wdm-keresetevent.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe extern "win64" fn KeResetEvent(event: *mut nt::KEVENT) -> i32 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(event.cast()) };
    let _database = Database::lock();
    object.kind();
    let former = object.state();
    object.set_state(0);
    former
}

/// Makes an event not signalled.
///
/// Page: wdm/nf-wdm-keclearevent.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe extern "win64" fn KeClearEvent(event: *mut nt::KEVENT) {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(event.cast()) };
    let _database = Database::lock();
    object.kind();
    object.set_state(0);
}

/// Signals a synchronization event for one waiter and takes it back: a thread that waits gets it,
/// else nothing happens. Returns the former state.
///
/// Page: ntifs/nf-ntifs-_kepulseevent names it; see [`KeSetEvent`].
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe extern "win64" fn KePulseEvent(
    event: *mut nt::KEVENT,
    _increment: i32,
    wait: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(event.cast()) };
    let mut database = Database::lock();
    object.kind();
    let former = object.state();
    object.set_state(1);
    database.signal(object);
    object.set_state(0);
    if wait != 0 {
        Current::get().wait_follows(&mut database);
    }
    former
}

/// The state of an event.
///
/// Page: wdm/nf-wdm-kereadstateevent.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe extern "win64" fn KeReadStateEvent(event: *mut nt::KEVENT) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { Object::at(event.cast()) }.state()
}

crate::exports! {
    /// Event objects.
    pub EXPORTS = [
        KeInitializeEvent(_, _, _),
        KeSetEvent(_, _, _),
        KeResetEvent(_),
        KeClearEvent(_),
        KePulseEvent(_, _, _),
        KeReadStateEvent(_),
    ];
}
