//! Contexts: memory of the client's own with an object.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{
    NTSTATUS, STATUS_DELETE_PENDING, STATUS_INSUFFICIENT_RESOURCES, STATUS_OBJECT_NAME_EXISTS,
};

use crate::abi::{ContextTypeInfo, EvtObject, Handle, ObjectAttributes};
use crate::kernel::pool;
use crate::node::State;

use super::{Header, handle_of};

/// What precedes the memory of a context.
#[repr(C, align(16))]
pub struct ContextHeader {
    object: NonNull<Header>,
    next: AtomicPtr<Self>,
    context_type: *const ContextTypeInfo,
    cleanup: Cell<Option<EvtObject>>,
    destroy: Cell<Option<EvtObject>>,
}

const _: () = assert!(size_of::<ContextHeader>() == 48);

/// Bytes of context that the attributes ask for. This reads the type in the client's image.
///
/// # Safety
/// `attributes` were validated: a type they name can be read.
pub unsafe fn context_size(attributes: Option<&ObjectAttributes>) -> usize {
    let Some(attributes) = attributes else { return 0 };
    if attributes.context_size_override != 0 {
        return attributes.context_size_override;
    }
    if attributes.context_type.is_null() {
        return 0;
    }
    // SAFETY: the caller vouches for the type.
    unsafe { (*attributes.context_type).context_size }
}

impl ContextHeader {
    /// A header for a context with these attributes, of `object`.
    pub fn new(object: NonNull<Header>, attributes: Option<&ObjectAttributes>) -> Self {
        Self {
            object,
            next: AtomicPtr::new(null_mut()),
            context_type: attributes.map_or(core::ptr::null(), |a| a.context_type),
            cleanup: Cell::new(attributes.and_then(|a| a.cleanup)),
            destroy: Cell::new(attributes.and_then(|a| a.destroy)),
        }
    }

    /// The memory behind the header.
    fn memory(this: NonNull<Self>) -> *mut c_void {
        this.as_ptr().wrapping_add(1).cast()
    }

    fn next(&self) -> Option<NonNull<Self>> {
        NonNull::new(self.next.load(Ordering::Acquire))
    }
}

/// Calls `EvtCleanupCallback` of each context, once.
///
/// # IRQL
/// What the object's callbacks are documented for.
pub fn call_cleanup(header: &Header) {
    for_each(header, |context| call(header, context.cleanup.take()));
}

/// Calls `EvtDestroyCallback` of each context, once, and the cleanup callback where that was not
/// called before.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn call_destroy(header: &Header) {
    for_each(header, |context| {
        call(header, context.cleanup.take());
        call(header, context.destroy.take());
    });
}

/// Forgets the callbacks: of an object whose creation failed the client hears nothing.
pub fn forget_callbacks(header: &Header) {
    for_each(header, |context| {
        context.cleanup.take();
        context.destroy.take();
    });
}

fn call(header: &Header, callback: Option<EvtObject>) {
    if let Some(callback) = callback {
        // SAFETY: the client's callback, with a handle of the object it was given for.
        unsafe { callback(handle_of(header)) };
    }
}

fn for_each(header: &Header, mut f: impl FnMut(&ContextHeader)) {
    let mut next = NonNull::new(header.contexts().load(Ordering::Acquire));
    while let Some(context) = next {
        // SAFETY: contexts live as long as their object.
        let context = unsafe { context.as_ref() };
        f(context);
        next = context.next();
    }
}

/// The memory of the context of this type; null if the object has none. Types are compared by
/// address: the client's image is not read.
///
/// # IRQL
/// Any.
pub fn find_context(header: &Header, context_type: *const ContextTypeInfo) -> *mut c_void {
    let mut next = NonNull::new(header.contexts().load(Ordering::Acquire));
    while let Some(entry) = next {
        // SAFETY: contexts live as long as their object.
        let context = unsafe { entry.as_ref() };
        if context.context_type == context_type {
            return ContextHeader::memory(entry);
        }
        next = context.next();
    }
    null_mut()
}

/// The object that a context belongs to.
///
/// # Safety
/// `memory` is what [`find_context`] or [`allocate_context`] returned, of an object that lives.
///
/// # IRQL
/// Any.
pub unsafe fn object_of_context(memory: *mut c_void) -> Handle {
    let context = memory.cast::<ContextHeader>().wrapping_sub(1);
    // SAFETY: the caller vouches for the memory, behind a header.
    let context = unsafe { &*context };
    // SAFETY: a context does not outlive its object.
    handle_of(unsafe { context.object.as_ref() })
}

/// Adds a context; `STATUS_OBJECT_NAME_EXISTS` with the context there is, if the object has one of
/// the type.
///
/// # Safety
/// As for [`context_size`].
///
/// # IRQL
/// At most DISPATCH_LEVEL; the client's type must be resident.
pub unsafe fn allocate_context(
    header: &Header,
    attributes: &ObjectAttributes,
) -> Result<*mut c_void, (NTSTATUS, *mut c_void)> {
    // SAFETY: the caller vouches for the attributes.
    let bytes = size_of::<ContextHeader>() + unsafe { context_size(Some(attributes)) };
    let tag = pool::TAG;
    let memory = pool::allocate(bytes, tag).ok_or((STATUS_INSUFFICIENT_RESOURCES, null_mut()))?;
    let entry = memory.cast::<ContextHeader>();
    // SAFETY: just allocated, with room for it.
    unsafe { entry.write(ContextHeader::new(NonNull::from(header), Some(attributes))) };
    let refused = {
        let tree = header.globals().tree().lock();
        match find_context(header, attributes.context_type) {
            _ if tree.state(header.node()) != State::Live => {
                Some((STATUS_DELETE_PENDING, null_mut()))
            }
            found if !attributes.context_type.is_null() && !found.is_null() => {
                Some((STATUS_OBJECT_NAME_EXISTS, found))
            }
            _ => {
                append(header, entry);
                None
            }
        }
    };
    let Some(refused) = refused else { return Ok(ContextHeader::memory(entry)) };
    // SAFETY: allocated above and given to nobody.
    unsafe { pool::free(memory, tag) };
    Err(refused)
}

/// Under the tree lock: makes `entry` the last context.
pub fn append(header: &Header, entry: NonNull<ContextHeader>) {
    let mut slot = header.contexts();
    while let Some(context) = NonNull::new(slot.load(Ordering::Acquire)) {
        // SAFETY: contexts live as long as their object.
        slot = &unsafe { context.as_ref() }.next;
    }
    slot.store(entry.as_ptr(), Ordering::Release);
}

/// Frees the contexts that were added; the first is part of the object's own block.
///
/// # Safety
/// Nobody uses the object any more.
pub unsafe fn free_added(header: &Header) {
    let Some(first) = NonNull::new(header.contexts().load(Ordering::Acquire)) else { return };
    // SAFETY: contexts live as long as their object.
    let mut next = unsafe { first.as_ref() }.next();
    while let Some(context) = next {
        // SAFETY: as above; freed below only.
        next = unsafe { context.as_ref() }.next();
        // SAFETY: allocated by `allocate_context`, and the caller vouches that nobody uses it.
        unsafe { pool::free(context.cast(), pool::TAG) };
    }
}
