//! The current thread.

use super::import::KeGetCurrentThread;

/// A number that no other live thread has.
///
/// # IRQL
/// Any.
pub fn current() -> usize {
    KeGetCurrentThread().addr()
}

/// Normal kernel APCs are held back while one exists; the framework calls queue callbacks so
/// (wdf/request-handlers: a callback at PASSIVE_LEVEL is in a critical region).
pub struct CriticalRegion(());

impl CriticalRegion {
    /// Enters the region.
    ///
    /// # IRQL
    /// At most APC_LEVEL.
    pub fn enter() -> Self {
        // SAFETY: callable at any IRQL up to APC_LEVEL, which callers see to; left on drop.
        unsafe { pagewise_lab_nt::KeEnterCriticalRegion() };
        Self(())
    }
}

impl Drop for CriticalRegion {
    fn drop(&mut self) {
        // SAFETY: entered by this thread when `self` was made.
        unsafe { pagewise_lab_nt::KeLeaveCriticalRegion() };
    }
}
