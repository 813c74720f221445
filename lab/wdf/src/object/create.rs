//! Making objects.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use pagewise_lab_nt::{NTSTATUS, STATUS_DELETE_PENDING, STATUS_INSUFFICIENT_RESOURCES};

use crate::abi::ObjectAttributes;
use crate::globals::Globals;
use crate::kernel::pool;

use super::{ContextHeader, Header, Instance, Object, context_size, end};

/// Makes an object that has no parent so far: its body, and behind it the first context, zeroed.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`
///
/// # Safety
/// The attributes were validated, and a context type that they name can be read.
///
/// # IRQL
/// At most DISPATCH_LEVEL; the client's context type must be resident.
pub unsafe fn create<'a, T: Object>(
    globals: &'a Globals,
    attributes: Option<&ObjectAttributes>,
    body: T,
) -> Result<&'a Instance<T>, NTSTATUS> {
    const { assert!(align_of::<Instance<T>>() <= align_of::<ContextHeader>()) };
    let context_at = size_of::<Instance<T>>().next_multiple_of(align_of::<ContextHeader>());
    // SAFETY: the caller vouches for the attributes.
    let bytes = unsafe { context_size(attributes) };
    let bytes = context_at
        .checked_add(size_of::<ContextHeader>())
        .and_then(|sum| sum.checked_add(bytes))
        .ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
    let memory = pool::allocate(bytes, pool::TAG).ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
    let object = memory.cast::<Instance<T>>();
    // SAFETY: just allocated, with room for an instance.
    unsafe { object.write(Instance::new(globals, body)) };
    let context = memory.as_ptr().wrapping_add(context_at).cast::<ContextHeader>();
    // SAFETY: behind the instance there is room for the header.
    unsafe { context.write(ContextHeader::new(object.cast::<Header>(), attributes)) };
    // SAFETY: written above; it lives until its last reference goes.
    let object = unsafe { object.as_ref() };
    object.header().contexts().store(context, Ordering::Release);
    Ok(object)
}

/// As [`create`], and gives it to its parent.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`; `STATUS_DELETE_PENDING` when the parent is being deleted.
///
/// # Safety
/// As for [`create`].
///
/// # IRQL
/// As for [`create`].
pub unsafe fn create_under<'a, T: Object>(
    globals: &'a Globals,
    attributes: Option<&ObjectAttributes>,
    parent: &Header,
    body: T,
) -> Result<&'a Instance<T>, NTSTATUS> {
    // SAFETY: the caller vouches for the attributes.
    let object = unsafe { create(globals, attributes, body) }?;
    adopt(parent, object)
}

/// Gives an object without a parent to one; if the parent does not take it, the object is gone.
fn adopt<'a, T: Object>(
    parent: &Header,
    object: &'a Instance<T>,
) -> Result<&'a Instance<T>, NTSTATUS> {
    let taken = object.globals().tree().lock().attach(parent.node(), object.header().node());
    if taken {
        return Ok(object);
    }
    end::abandon(NonNull::from(object.header()));
    Err(STATUS_DELETE_PENDING)
}
