//! A lock that the fault handler may take: no allocation, no system call but a yield, no fault
//! while it is held.

use std::cell::UnsafeCell;
use std::hint;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How often to look before the processor is given away: a holder that was preempted needs it.
const SPINS: u32 = 64;

/// A value behind a spin lock. Its holder must not touch memory that can be paged out.
#[derive(Debug)]
pub(crate) struct SpinLock<T> {
    held: AtomicBool,
    /// Those who wait so long that they have given their processor away at least once.
    waiting: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, and there is one guard at a time.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            held: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock. Async-signal-safe, as long as no signal handler interrupts its holder and
    /// asks for it too.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        if !self.spin() {
            self.wait();
        }
        Guard(self)
    }

    #[inline]
    fn try_take(&self) -> bool {
        self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn spin(&self) -> bool {
        for _ in 0..SPINS {
            if self.try_take() {
                return true;
            }
            hint::spin_loop();
        }
        false
    }

    #[cold]
    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        while !self.spin() {
            rustix::thread::sched_yield();
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard<'a, T>(&'a SpinLock<T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the one guard, so nobody else has a reference to the value.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the one guard, borrowed mutably.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.held.store(false, Ordering::Release);
        // Who takes the lock again and again, as a trimmer does, would keep others from ever
        // seeing it free.
        if self.0.waiting.load(Ordering::Relaxed) > 0 {
            rustix::thread::sched_yield();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let lock = SpinLock::new(0_u64);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 80_000);
    }
}
