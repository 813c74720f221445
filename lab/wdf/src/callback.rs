//! Callback locks: what keeps a client's callbacks from running at the same time
//! (learn.microsoft.com/windows-hardware/drivers/wdf/using-automatic-synchronization).

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use pagewise_lab_nt::{KSPIN_LOCK, KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock};

use crate::device::Device;
use crate::kernel::event::Event;
use crate::kernel::thread::{self, CriticalRegion};
use crate::object::{Header, Level, downcast};
use crate::queue::Queue;

/// A lock that callbacks are called under: a spin lock, or at the passive execution level a mutex.
pub struct CallbackLock {
    level: Level,
    spin: UnsafeCell<KSPIN_LOCK>,
    irql: AtomicU8,
    free: Event,
    owner: AtomicUsize,
}

// SAFETY: the spin lock is the kernel's to share; the rest is atomic or an event.
unsafe impl Sync for CallbackLock {}
// SAFETY: it is moved only before it is used.
unsafe impl Send for CallbackLock {}

impl CallbackLock {
    /// A lock of this execution level; [`CallbackLock::initialise`] it where it stays.
    pub const fn new(level: Level) -> Self {
        Self {
            level,
            spin: UnsafeCell::new(0),
            irql: AtomicU8::new(0),
            free: Event::uninitialised(),
            owner: AtomicUsize::new(0),
        }
    }

    /// Makes it usable. It may not move afterwards.
    ///
    /// # IRQL
    /// Any.
    pub fn initialise(&self) {
        self.free.initialise_synchronization(true);
    }

    /// Acquires it.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL at that execution level, else at most DISPATCH_LEVEL, where it then stays.
    pub fn acquire(&self) {
        match self.level {
            Level::Passive => {
                // Left in `release`.
                core::mem::forget(CriticalRegion::enter());
                self.free.wait();
            }
            Level::Dispatch => {
                // SAFETY: an initialised spin lock in non-paged pool.
                let irql = unsafe { KeAcquireSpinLockRaiseToDpc(self.spin.get()) };
                self.irql.store(irql, Ordering::Relaxed);
            }
        }
        self.owner.store(thread::current(), Ordering::Relaxed);
    }

    /// Releases it.
    ///
    /// # IRQL
    /// As after [`CallbackLock::acquire`].
    pub fn release(&self) {
        self.owner.store(0, Ordering::Relaxed);
        match self.level {
            Level::Passive => {
                self.free.set();
                // SAFETY: entered by `acquire`, in this thread.
                unsafe { pagewise_lab_nt::KeLeaveCriticalRegion() };
            }
            Level::Dispatch => {
                let irql = self.irql.load(Ordering::Relaxed);
                // SAFETY: acquired by this thread, at that IRQL.
                unsafe { KeReleaseSpinLock(self.spin.get(), irql) };
            }
        }
    }

    /// Whether the current thread has it.
    ///
    /// # IRQL
    /// Any.
    pub fn is_owner(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == thread::current()
    }
}

/// Calls `f` under the lock, if there is one.
///
/// # IRQL
/// As for [`CallbackLock::acquire`].
pub fn locked<R>(lock: Option<&CallbackLock>, f: impl FnOnce() -> R) -> R {
    if let Some(lock) = lock {
        lock.acquire();
    }
    let result = f();
    if let Some(lock) = lock {
        lock.release();
    }
    result
}

/// The lock that `WdfObjectAcquireLock` takes: that of a device or queue with a synchronization
/// scope.
///
/// # IRQL
/// Any.
pub fn presentation_lock(header: &Header) -> Option<&CallbackLock> {
    if let Some(device) = downcast::<Device>(header) {
        return device.callback_lock();
    }
    downcast::<Queue>(header)?.callback_lock()
}
