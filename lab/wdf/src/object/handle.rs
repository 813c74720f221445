//! Handles.
//!
//! A handle is the complement of its object's address with the low bits clear: whoever takes it
//! for a pointer faults at once, as with KMDF.

use core::ptr::NonNull;

use crate::abi::Handle;
use crate::kernel::violation;

use super::{Header, Instance, Kind, Object};

/// The bits that tell a handle from an address.
const MASK: usize = !0xf;

/// The handle of an object.
pub fn handle_of(header: &Header) -> Handle {
    Handle(NonNull::from(header).as_ptr().map_addr(|address| address ^ MASK).cast())
}

/// The handle of an object of a known kind.
pub fn to_handle<T: Object>(object: &Instance<T>) -> Handle {
    // The address of the whole instance, so that the handle leads back to it.
    Handle(NonNull::from(object).as_ptr().map_addr(|address| address ^ MASK).cast())
}

/// The object of a handle, of whatever kind.
///
/// Stops the machine (WDF_INVALID_HANDLE) where it finds no object.
///
/// # Safety
/// `handle` is null, or was given to the client and is used while the object lives, for as long
/// as `'a`.
///
/// # IRQL
/// Any.
pub unsafe fn header_from_handle<'a>(handle: Handle) -> &'a Header {
    let header = handle.0.map_addr(|address| address ^ MASK).cast::<Header>();
    if handle.is_null() || !header.is_aligned() {
        violation::invalid_handle(handle, Kind::Any as u16);
    }
    // SAFETY: the caller vouches for handles that are not null.
    let header = unsafe { &*header };
    if !header.is_valid() {
        violation::invalid_handle(handle, Kind::Any as u16);
    }
    header
}

/// The object of a handle.
///
/// Stops the machine (WDF_INVALID_HANDLE) where it finds none of this kind.
///
/// # Safety
/// As for [`header_from_handle`].
///
/// # IRQL
/// Any.
pub unsafe fn from_handle<'a, T: Object>(handle: Handle) -> &'a Instance<T> {
    // SAFETY: the caller vouches for the handle.
    let header = unsafe { header_from_handle(handle) };
    match downcast(header) {
        Some(instance) => instance,
        None => violation::invalid_handle(handle, T::KIND as u16),
    }
}

/// The object behind a header, if it is of this kind.
pub fn downcast<T: Object>(header: &Header) -> Option<&Instance<T>> {
    if header.kind() != T::KIND {
        return None;
    }
    // SAFETY: no two types have the same kind, and the header is first in its instance.
    Some(unsafe { NonNull::from(header).cast::<Instance<T>>().as_ref() })
}
