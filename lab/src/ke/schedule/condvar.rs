//! Waiting inside the machine: by the host's means, or with one processor by the schedule's.

use std::sync::{self, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{lie_down, wake_on};

/// A condition variable. Where the schedule decides who runs, who waits lets others run, and who
/// waited longest is woken first.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Waits, with `guard`, which is of `mutex`, given back meanwhile.
    pub(crate) fn wait<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
    ) -> MutexGuard<'a, T> {
        let Some(bed) = lie_down(self.key(), None) else {
            return self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        drop(guard);
        bed.sleep();
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Condvar::wait`], but not beyond `until`.
    pub(crate) fn wait_until<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
        until: Instant,
    ) -> MutexGuard<'a, T> {
        let Some(bed) = lie_down(self.key(), Some(until)) else {
            let left = until.saturating_duration_since(Instant::now());
            return self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(guard);
        bed.sleep();
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify_one(&self) {
        wake_on(self.key(), false);
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        wake_on(self.key(), true);
        self.0.notify_all();
    }
}
