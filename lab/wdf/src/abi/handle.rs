//! Handles of framework objects.

use core::ffi::c_void;

/// `WDFOBJECT` and its kin: opaque to clients.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Handle(pub *mut c_void);

impl Handle {
    /// No object.
    pub const NULL: Self = Self(core::ptr::null_mut());

    /// Whether it names no object.
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// `BOOLEAN`
pub type Boolean = u8;
