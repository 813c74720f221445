//! The framework's structures as KMDF 1.31 clients lay them out: facts of the public headers
//! (github.com/microsoft/Windows-Driver-Frameworks:src/publicinc/wdf/kmdf/1.31), asserted here.

mod attributes;
mod bind;
mod device;
mod driver;
mod handle;
mod kernel_object;
mod queue;
mod request;
mod status;

pub use attributes::*;
pub use bind::*;
pub use device::*;
pub use driver::*;
pub use handle::*;
pub use kernel_object::*;
pub use queue::*;
pub use request::*;
pub use status::*;

/// Asserts the size of a structure and the offsets of its fields.
macro_rules! layout {
    ($type:ty, $size:literal $(, $($field:ident).+ @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size, stringify!($type));
            $(assert!(
                core::mem::offset_of!($type, $($field).+) == $offset,
                stringify!($type $($field).+)
            );)*
        };
    };
}
use layout;

/// `WDF_TRI_STATE`
pub mod tri_state {
    /// `WdfFalse`
    pub const FALSE: u32 = 0;
    /// `WdfTrue`
    pub const TRUE: u32 = 1;
    /// `WdfUseDefault`
    pub const USE_DEFAULT: u32 = 2;
}
