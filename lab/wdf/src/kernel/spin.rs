//! Spin locks.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use pagewise_lab_nt::{KSPIN_LOCK, KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock};

/// A value that is used under a kernel spin lock.
#[repr(C)]
pub struct SpinLock<T> {
    lock: UnsafeCell<KSPIN_LOCK>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, under the lock.
unsafe impl<T: Send> Sync for SpinLock<T> {}
// SAFETY: a lock that nobody holds may move with its value.
unsafe impl<T: Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// A free lock; a KSPIN_LOCK of zero is free on x64.
    pub const fn new(value: T) -> Self {
        Self { lock: UnsafeCell::new(0), value: UnsafeCell::new(value) }
    }

    /// Acquires the lock: until the guard is dropped, this processor is at DISPATCH_LEVEL.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn lock(&self) -> SpinGuard<'_, T> {
        // SAFETY: an initialised lock in non-paged memory, at most at DISPATCH_LEVEL.
        let irql = unsafe { KeAcquireSpinLockRaiseToDpc(self.lock.get()) };
        SpinGuard { lock: self, irql }
    }

    /// The value, where nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// A held spin lock.
pub struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    irql: u8,
}

impl<T> SpinGuard<'_, T> {
    /// The IRQL before the lock was acquired.
    pub fn irql_before(&self) -> u8 {
        self.irql
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and `self` is borrowed for writing.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: acquired by this thread when the guard was made; `irql` is what it was then.
        unsafe { KeReleaseSpinLock(self.lock.lock.get(), self.irql) };
    }
}
