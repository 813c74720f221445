//! IRPs of the kernel's own that it waits for: PnP, create, cleanup, close.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use pagewise_lab_nt as nt;

use super::verify::{self, Violation};
use super::{Device, Irp, StackLocation, call};
use crate::ke::schedule::Condvar;

/// How such a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `IoStatus.Status`
    pub status: i32,
    /// `IoStatus.Information`
    pub information: u64,
}

#[derive(Default)]
struct Waiter {
    done: Mutex<bool>,
    changed: Condvar,
}

/// Sends a request to `device`, the top of its stack, and waits until it is completed. `fill` fills
/// in the IRP and its first stack location.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub fn send(device: Device, fill: impl FnOnce(Irp, StackLocation)) -> Outcome {
    let insufficient = Outcome { status: nt::STATUS_INSUFFICIENT_RESOURCES, information: 0 };
    let Some(irp) = Irp::allocate(device.stack_size()) else { return insufficient };
    let waiter = Waiter::default();
    irp.set_finish(wake, ptr::from_ref(&waiter).cast_mut().cast());
    irp.set_thread(crate::ps::current_thread().cast());
    fill(irp, irp.next());
    // SAFETY: the IRP is new, hence ours, and its next location is filled in.
    let returned = unsafe { call(device, irp) };
    if returned != nt::STATUS_PENDING && !waiter.is_done() {
        verify::fail(Violation::Forgotten, [routine_of(device), irp.address(), device.address()]);
    }
    waiter.wait();
    let outcome = Outcome { status: irp.status(), information: irp.information() };
    if returned != nt::STATUS_PENDING && returned != outcome.status {
        let returned = u64::from(returned.cast_unsigned());
        verify::fail(Violation::StatusMismatch, [routine_of(device), irp.address(), returned]);
    }
    // SAFETY: it is completed, and its sender is done with it.
    unsafe { irp.free() };
    outcome
}

/// The first thing to look at: the top driver's entry.
pub(super) fn routine_of(device: Device) -> u64 {
    device.driver().entry().map_or(0, |entry| entry as *const c_void as u64)
}

/// The end of such an IRP.
unsafe fn wake(_irp: Irp, context: *mut c_void) {
    // SAFETY: `send` waits for this and keeps the waiter until then.
    let waiter = unsafe { &*context.cast::<Waiter>() };
    *waiter.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
    waiter.changed.notify_one();
}

impl Waiter {
    fn is_done(&self) -> bool {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        while !*done {
            done = self.changed.wait(&self.done, done);
        }
    }
}
