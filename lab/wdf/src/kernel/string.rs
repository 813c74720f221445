//! UTF-16 strings in pool.

use core::ptr::NonNull;
use core::slice;

use pagewise_lab_nt::{UNICODE_STRING, units};

use super::pool;

/// A copy of a string, NUL-terminated.
pub struct PoolString {
    buffer: NonNull<u16>,
    length: u16,
}

// SAFETY: it owns its buffer and never changes it.
unsafe impl Send for PoolString {}
// SAFETY: as above.
unsafe impl Sync for PoolString {}

impl PoolString {
    /// A copy of these units; of a string that is too long, `None`.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn new(text: &[u16]) -> Option<Self> {
        let length = u16::try_from(text.len() * 2).ok().filter(|&bytes| bytes <= u16::MAX - 2)?;
        let buffer = pool::allocate(usize::from(length) + 2, pool::TAG)?.cast::<u16>();
        // SAFETY: two bytes more than the text were allocated, and nobody else has them.
        unsafe { buffer.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        Some(Self { buffer, length })
    }

    /// A copy of a counted string.
    ///
    /// # Safety
    /// `string` points to a string that stays as it is through the call.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub unsafe fn copy(string: *const UNICODE_STRING) -> Option<Self> {
        // SAFETY: the caller vouches for the string.
        let string = unsafe { &*string };
        // SAFETY: as above.
        Self::new(unsafe { units(string) })
    }

    /// The text.
    pub fn units(&self) -> &[u16] {
        // SAFETY: initialised by `new` and never changed.
        unsafe { slice::from_raw_parts(self.buffer.as_ptr(), usize::from(self.length) / 2) }
    }

    /// A view of it for the kernel, which only reads.
    pub fn unicode(&self) -> UNICODE_STRING {
        UNICODE_STRING {
            Length: self.length,
            MaximumLength: self.length + 2,
            Buffer: self.buffer.as_ptr(),
        }
    }

    /// Its first unit; a NUL follows the last.
    pub fn as_ptr(&self) -> *mut u16 {
        self.buffer.as_ptr()
    }
}

impl Drop for PoolString {
    fn drop(&mut self) {
        // SAFETY: allocated by `new`, and not used again.
        unsafe { pool::free(self.buffer.cast(), pool::TAG) };
    }
}
