//! Kernel routines that a host may lack.

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{MmGetSystemRoutineAddress, unicode_string};

/// Characters of the longest name.
const LONGEST: usize = 40;

/// A routine, looked up by name once.
pub struct Routine {
    name: &'static [u8],
    address: AtomicPtr<c_void>,
}

impl Routine {
    /// A routine with this ASCII name.
    pub const fn new(name: &'static [u8]) -> Self {
        assert!(name.len() <= LONGEST);
        Self { name, address: AtomicPtr::new(null_mut()) }
    }

    /// Looks it up; whether the host has it.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub fn find(&self) -> Option<NonNull<c_void>> {
        if self.get().is_none() {
            let mut units = [0; LONGEST];
            for (unit, byte) in units.iter_mut().zip(self.name) {
                *unit = u16::from(*byte);
            }
            let mut name = unicode_string(&units[..self.name.len()])?;
            // SAFETY: `name` is a string over `units`, which live through the call.
            let address = unsafe { MmGetSystemRoutineAddress(&raw mut name) };
            self.address.store(address, Ordering::Release);
        }
        self.get()
    }

    /// Its address, if [`Routine::find`] found it.
    ///
    /// # IRQL
    /// Any.
    pub fn get(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.address.load(Ordering::Acquire))
    }
}
