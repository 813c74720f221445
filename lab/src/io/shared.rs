//! Structures that the kernel and its drivers share through raw pointers.
//!
//! A driver hands the kernel a pointer to an IRP or a device object and the kernel believes it:
//! that is the contract of every routine here, on Windows as in the lab. The belief is spelled out
//! once, where a pointer comes in (`from_raw`); from there on a [`shared!`] type stands for "a
//! structure that is alive", and its fields can be read and written without further ado.

/// Declares a pointer to a live NT structure, with an accessor for each of the listed fields.
macro_rules! shared {
    (
        $(#[$doc:meta])*
        $name:ident of $structure:ty {
            $($(#[$field_doc:meta])* $get:ident $(/ $set:ident)? : $type:ty = $($field:ident).+;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(transparent)]
        pub struct $name(std::ptr::NonNull<$structure>);

        // SAFETY: it is an address; what is there is the kernel's to serialise, by the rules of
        // each routine.
        unsafe impl Send for $name {}

        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            /// The structure at `pointer`, unless that is null.
            ///
            /// # Safety
            /// `pointer` is null or points to such a structure, which stays alive for as long as
            /// the result or a copy of it is used.
            #[must_use]
            pub unsafe fn from_raw(pointer: *mut $structure) -> Option<Self> {
                std::ptr::NonNull::new(pointer).map(Self)
            }

            /// The pointer, for a driver.
            #[must_use]
            pub fn as_ptr(self) -> *mut $structure {
                self.0.as_ptr()
            }

            $(
                $(#[$field_doc])*
                #[must_use]
                #[inline]
                pub fn $get(self) -> $type {
                    // SAFETY: the structure is alive (`from_raw`), and this is one of its fields.
                    let place = unsafe { &raw const (*self.as_ptr()).$($field).+ };
                    // SAFETY: as above; drivers may write the field meanwhile.
                    unsafe { place.cast::<$type>().read_volatile() }
                }

                $crate::io::shared::shared!(@set [$($set)?] $type, $($field).+);
            )*
        }
    };
    (@set [] $type:ty, $($field:ident).+) => {};
    (@set [$set:ident] $type:ty, $($field:ident).+) => {
        /// Sets it.
        #[inline]
        pub(crate) fn $set(self, value: $type) {
            // SAFETY: the structure is alive (`from_raw`), and this is its field.
            let place = unsafe { &raw mut (*self.as_ptr()).$($field).+ };
            // SAFETY: as above.
            unsafe { place.cast::<$type>().write_volatile(value) }
        }
    };
}

pub(crate) use shared;
