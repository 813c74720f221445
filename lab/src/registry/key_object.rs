//! Keys as objects, so that drivers have handles to them.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pagewise_lab_nt as nt;

use super::{Key, KeyError};
use crate::io::strings;
use crate::ob::{self, ObjectType};

static KEY: ObjectType = ObjectType::new("Key", Some(delete));

/// The body of a key object.
struct Body {
    key: Arc<Key>,
}

fn delete(body: *mut c_void) {
    // SAFETY: `handle_to` wrote a body there, and nobody refers to it any more.
    unsafe { ptr::drop_in_place(body.cast::<Body>()) };
}

/// A kernel handle to `key`.
pub(crate) fn handle_to(key: Arc<Key>, access: u32) -> nt::HANDLE {
    let body = ob::allocate(&KEY, size_of::<Body>());
    // SAFETY: the body is new, large enough and 16-aligned.
    unsafe { body.cast::<Body>().write(Body { key }) };
    // SAFETY: an object, with the reference of its creation.
    let handle = unsafe { ob::insert_handle(body, access) };
    // SAFETY: that reference; the handle has its own.
    unsafe { ob::dereference(body) };
    handle
}

/// The key of a handle.
///
/// # Errors
/// `STATUS_INVALID_HANDLE`, `STATUS_OBJECT_TYPE_MISMATCH`
pub(super) fn key_of(handle: nt::HANDLE) -> Result<Arc<Key>, i32> {
    let (object, _) = ob::reference_by_handle(handle).ok_or(nt::STATUS_INVALID_HANDLE)?;
    // SAFETY: the look-up took a reference.
    let kind = unsafe { ob::object_type(object) };
    let key = if kind.is_some_and(|kind| ptr::eq(kind, &raw const KEY)) {
        // SAFETY: an object of this type has such a body.
        Ok(Arc::clone(unsafe { &(*object.cast::<Body>()).key }))
    } else {
        Err(nt::STATUS_OBJECT_TYPE_MISMATCH)
    };
    // SAFETY: the reference of the look-up.
    unsafe { ob::dereference(object) };
    key
}

/// Where an `OBJECT_ATTRIBUTES` leads: the key it begins at, and the path from there.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER`, `STATUS_INVALID_HANDLE`, `STATUS_OBJECT_TYPE_MISMATCH`,
/// `STATUS_OBJECT_PATH_SYNTAX_BAD`, `STATUS_OBJECT_NAME_NOT_FOUND`
///
/// # Safety
/// `attributes` is null or points to attributes whose name is null or a string.
pub(super) unsafe fn place_of(
    attributes: *const nt::OBJECT_ATTRIBUTES,
) -> Result<(Arc<Key>, Vec<u16>), i32> {
    // SAFETY: the caller vouches for it.
    let attributes = unsafe { attributes.as_ref() }.ok_or(nt::STATUS_INVALID_PARAMETER)?;
    // SAFETY: as above.
    let name = unsafe { strings::read(attributes.ObjectName) }.unwrap_or_default();
    if !attributes.RootDirectory.is_null() {
        return Ok((key_of(attributes.RootDirectory)?, name));
    }
    let below = super::hive::below_root(&name).map_err(status_of)?.to_vec();
    Ok((Arc::clone(super::root()), below))
}

/// The NTSTATUS of an error.
pub(super) fn status_of(error: KeyError) -> i32 {
    match error {
        KeyError::NotFound => nt::STATUS_OBJECT_NAME_NOT_FOUND,
        KeyError::PathSyntax => nt::STATUS_OBJECT_PATH_SYNTAX_BAD,
        KeyError::Deleted => nt::STATUS_KEY_DELETED,
        KeyError::HasSubkeys => nt::STATUS_CANNOT_DELETE,
        KeyError::NoMoreEntries => nt::STATUS_NO_MORE_ENTRIES,
    }
}
