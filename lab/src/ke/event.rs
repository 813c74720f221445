//! Events, for the machine's own use.

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use crate::ke::dispatcher::Object;
use crate::ke::dispatcher::event::{KeInitializeEvent, KeResetEvent, KeSetEvent};
use crate::ke::dispatcher::wait::{self, Timeout};

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// Stays signalled until it is reset.
    Notification = 0,
    /// Is reset by the wait that it ends.
    Synchronization = 1,
}

/// `KeInitializeEvent`.
///
/// # Safety
/// `event` points to storage for a `KEVENT` that no thread waits for.
pub unsafe fn initialize(event: *mut nt::KEVENT, kind: Kind, signaled: bool) {
    // SAFETY: the caller vouches for it.
    unsafe { KeInitializeEvent(event, kind as i32, u8::from(signaled)) };
}

/// `KeSetEvent`. Whether it was signalled before.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe fn set(event: *mut nt::KEVENT) -> bool {
    // SAFETY: the caller vouches for it.
    unsafe { KeSetEvent(event, 0, 0) != 0 }
}

/// `KeResetEvent`. Whether it was signalled before.
///
/// # Safety
/// `event` points to an initialised `KEVENT`.
pub unsafe fn reset(event: *mut nt::KEVENT) -> bool {
    // SAFETY: the caller vouches for it.
    unsafe { KeResetEvent(event) != 0 }
}

/// `KeWaitForSingleObject` on any dispatcher object. Whether it was signalled before the timeout.
///
/// # Safety
/// `object` points to an initialised dispatcher object.
pub unsafe fn wait(object: *mut c_void, timeout: Timeout) -> bool {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(object) };
    wait::wait(&[object], false, timeout) == nt::STATUS_SUCCESS
}
