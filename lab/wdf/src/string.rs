//! Strings
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfstring).

use core::ptr::null_mut;

use pagewise_lab_nt::{NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS, UNICODE_STRING};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::globals::Globals;
use crate::kernel::spin::SpinLock;
use crate::kernel::string::PoolString;
use crate::kernel::violation;
use crate::object::{Allowed, Kind, Object, attributes, create_under, from_handle, to_handle};

/// A string object; without text until something is assigned.
pub struct WdfString(SpinLock<Option<PoolString>>);

// SAFETY: the one body of this kind.
unsafe impl Object for WdfString {
    const KIND: Kind = Kind::String;
}

impl WdfString {
    /// Replaces its text.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn assign(&self, text: PoolString) {
        let before = self.0.lock().replace(text);
        drop(before);
    }

    /// A view of its text, good until it is replaced.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn view(&self) -> UNICODE_STRING {
        let none = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: null_mut() };
        self.0.lock().as_ref().map_or(none, PoolString::unicode)
    }
}

/// `WdfStringCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn string_create(
    globals: *mut PublicGlobals,
    text: *const UNICODE_STRING,
    string_attributes: *const ObjectAttributes,
    string: *mut Handle,
) -> NTSTATUS {
    if string.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    let copy = if text.is_null() {
        None
    } else {
        // SAFETY: not null; the client vouches for the string.
        let copy = unsafe { PoolString::copy(text) };
        if copy.is_none() {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        copy
    };
    let body = WdfString(SpinLock::new(copy));
    // SAFETY: the client vouches for its attributes.
    let made = unsafe { attributes(string_attributes, Allowed::PARENT) }.and_then(|attributes| {
        // SAFETY: a parent that the attributes name is the client's.
        let parent = unsafe { crate::object::api::parent_or_driver(globals, attributes) };
        // SAFETY: validated just now.
        unsafe { create_under(globals, attributes, parent, body) }
    });
    match made {
        Ok(made) => {
            // SAFETY: not null; the client vouches for it.
            unsafe { string.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfStringGetUnicodeString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn string_get_unicode_string(
    _: *mut PublicGlobals,
    string: Handle,
    text: *mut UNICODE_STRING,
) {
    if text.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    let view = unsafe { from_handle::<WdfString>(string) }.view();
    // SAFETY: not null; the client vouches for it.
    unsafe { text.write(view) };
}
