//! Events.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use pagewise_lab_nt::{
    EVENT_TYPE, Executive, KEVENT, KeInitializeEvent, KeResetEvent, KeSetEvent,
    KeWaitForSingleObject, KernelMode, LARGE_INTEGER, NTSTATUS, NotificationEvent,
    SynchronizationEvent,
};

/// A KEVENT that does not move: it is initialised in place, by [`Event::initialise`].
#[repr(transparent)]
pub struct Event(UnsafeCell<MaybeUninit<KEVENT>>);

// SAFETY: the kernel serialises every use of an event.
unsafe impl Sync for Event {}
// SAFETY: it is moved only before it is initialised.
unsafe impl Send for Event {}

impl Event {
    /// Memory for an event.
    pub const fn uninitialised() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// The kernel's view of it.
    pub fn as_ptr(&self) -> *mut KEVENT {
        self.0.get().cast()
    }

    /// Makes it an event that stays set until it is cleared. It may not move afterwards.
    ///
    /// # IRQL
    /// Any.
    pub fn initialise(&self) {
        self.initialise_as(NotificationEvent, false);
    }

    /// Makes it an event that lets one waiter through.
    ///
    /// # IRQL
    /// Any.
    pub fn initialise_synchronization(&self, set: bool) {
        self.initialise_as(SynchronizationEvent, set);
    }

    fn initialise_as(&self, kind: EVENT_TYPE, set: bool) {
        // SAFETY: memory for a KEVENT that nobody waits for so far.
        unsafe { KeInitializeEvent(self.as_ptr(), kind, u8::from(set)) };
    }

    /// Sets it.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn set(&self) {
        // SAFETY: initialised, as every event is before it is shared.
        unsafe { KeSetEvent(self.as_ptr(), 0, 0) };
    }

    /// Clears it.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn clear(&self) {
        // SAFETY: as for `set`.
        unsafe { KeResetEvent(self.as_ptr()) };
    }

    /// Waits until it is set.
    ///
    /// # IRQL
    /// At most APC_LEVEL.
    pub fn wait(&self) {
        self.wait_until(null_mut());
    }

    /// Waits until it is set or `timeout` (100 ns units, negative: from now) is over; null waits
    /// for ever.
    ///
    /// # IRQL
    /// At most APC_LEVEL; any up to DISPATCH_LEVEL for a timeout of 0.
    pub fn wait_until(&self, timeout: *mut LARGE_INTEGER) -> NTSTATUS {
        // SAFETY: an initialised event; `timeout` is null or points to a number.
        unsafe {
            KeWaitForSingleObject(self.as_ptr().cast(), Executive, KernelMode as i8, 0, timeout)
        }
    }
}
