//! Counted references.

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use super::{Header, Instance, Object, end};

/// A reference that keeps its object's memory.
pub struct Ref<T: Object>(NonNull<Instance<T>>, PhantomData<Instance<T>>);

// SAFETY: bodies are shared between threads by design: they hold locks, atomics and constants.
unsafe impl<T: Object> Send for Ref<T> {}
// SAFETY: as above.
unsafe impl<T: Object> Sync for Ref<T> {}

impl<T: Object> Ref<T> {
    /// One more reference.
    pub fn new(object: &Instance<T>) -> Self {
        object.header().reference();
        Self(NonNull::from(object), PhantomData)
    }

    /// Takes over a reference that was counted before.
    ///
    /// # Safety
    /// The reference is the caller's to give away.
    pub unsafe fn from_raw(object: NonNull<Instance<T>>) -> Self {
        Self(object, PhantomData)
    }

    /// Leaves the reference counted, for [`Ref::from_raw`].
    pub fn into_raw(self) -> NonNull<Instance<T>> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }
}

impl<T: Object> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self::new(self)
    }
}

impl<T: Object> Deref for Ref<T> {
    type Target = Instance<T>;

    fn deref(&self) -> &Instance<T> {
        // SAFETY: the reference keeps the memory.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Object> Drop for Ref<T> {
    fn drop(&mut self) {
        release(self.0.cast());
    }
}

/// Drops one reference; with the last one the object is destroyed.
pub fn release(header: NonNull<Header>) {
    // SAFETY: the reference that is dropped kept the object so far.
    if unsafe { header.as_ref() }.dereference() {
        end::destroy(header);
    }
}
