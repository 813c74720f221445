//! Non-paged pool.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use pagewise_lab_nt::{ExAllocatePoolWithTag, ExFreePoolWithTag, NonPagedPool, POOL_TYPE};

/// The tag of the framework's own allocations: `PwFx`.
pub const TAG: u32 = u32::from_le_bytes(*b"PwFx");

/// Bytes of zeroed non-paged pool, 16-aligned.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn allocate(bytes: usize, tag: u32) -> Option<NonNull<u8>> {
    allocate_of(NonPagedPool, bytes, tag)
}

/// As [`allocate`], of the pool that a client names.
///
/// # IRQL
/// At most DISPATCH_LEVEL, or APC_LEVEL for paged pool.
pub fn allocate_of(pool: POOL_TYPE, bytes: usize, tag: u32) -> Option<NonNull<u8>> {
    // SAFETY: callable at the IRQL that the pool allows, which the caller sees to.
    let memory = unsafe { ExAllocatePoolWithTag(pool, bytes as u64, tag) };
    let memory = NonNull::new(memory.cast::<u8>())?;
    // SAFETY: just allocated with this many bytes.
    unsafe { memory.write_bytes(0, bytes) };
    Some(memory)
}

/// Gives a block back.
///
/// # Safety
/// `memory` came from [`allocate`] or [`allocate_of`] with `tag`, and nobody uses it any more.
///
/// # IRQL
/// As for the allocation.
pub unsafe fn free(memory: NonNull<u8>, tag: u32) {
    // SAFETY: the caller vouches for the block.
    unsafe { ExFreePoolWithTag(memory.as_ptr().cast(), tag) };
}

/// A value in non-paged pool.
pub struct PoolBox<T>(NonNull<T>);

// SAFETY: it owns its value, as `Box` does.
unsafe impl<T: Send> Send for PoolBox<T> {}
// SAFETY: it gives out references only through its own, as `Box` does.
unsafe impl<T: Sync> Sync for PoolBox<T> {}

impl<T> PoolBox<T> {
    /// Moves a value to the pool.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn new(value: T) -> Option<Self> {
        const { assert!(align_of::<T>() <= 16) };
        let memory = allocate(size_of::<T>().max(1), TAG)?.cast::<T>();
        // SAFETY: room for a `T`, aligned enough, and ours.
        unsafe { memory.write(value) };
        Some(Self(memory))
    }

    /// Gives up ownership.
    pub fn into_raw(self) -> NonNull<T> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `raw` came from [`PoolBox::into_raw`] and is owned by nobody else.
    pub unsafe fn from_raw(raw: NonNull<T>) -> Self {
        Self(raw)
    }
}

impl<T> Deref for PoolBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a live value that `self` owns.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for PoolBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a live value that `self` owns, borrowed for writing.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for PoolBox<T> {
    fn drop(&mut self) {
        // SAFETY: a live value that `self` owns and that is not used again.
        unsafe { self.0.drop_in_place() };
        // SAFETY: allocated with this tag by `new`.
        unsafe { free(self.0.cast(), TAG) };
    }
}
