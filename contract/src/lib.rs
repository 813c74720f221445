//! The IOCTL contract between `pagewise.sys` and its clients.
//!
//! Every structure crosses the user/kernel boundary by `METHOD_BUFFERED`, so each is `repr(C)`,
//! without padding, valid for any byte pattern, and little-endian as x64 is. Layouts are asserted
//! at compile time: a change of layout is a new [`ContractVersion`].
//!
//! Three rules shape it:
//! - **Policy and observation are never mixed.** [`State`] says what was asked of the memory
//!   manager; [`residency`] says which pages were valid at one instant.
//! - **No kernel address.** Places are pages and RVAs of the driver's own image.
//! - **Whatever can change policy, contents or residency needs write access** to the handle; a
//!   read-only handle can ask only what disturbs nothing.
#![no_std]

mod ballast;
mod ioctl;
mod paging;
pub mod residency;
mod section;
mod state;
mod version;

pub use ballast::{
    BALLAST_REGION_BYTES, BALLAST_REGION_PAGES, BallastChecksum, BallastFill, BallastRegion,
    BallastRequest, code_byte, code_value, constant_byte, filled_byte, fnv1a,
};
pub use ioctl::{Access, FILE_DEVICE_UNKNOWN, Ioctl};
pub use paging::{
    LockReply, LockRequest, PagingAction, PagingRequest, TouchKind, TouchReply, TouchRequest,
};
pub use section::{MAX_SECTIONS, SECTION_NAME_BYTES, Section, SectionKind, Sections};
pub use state::{Policy, Returned, State};
pub use version::{CONTRACT, ContractVersion, VersionReply};

/// Bytes in a page of the only architecture the driver is built for (x64).
pub const PAGE_SIZE: usize = 4096;

/// The most [`LockRequest`] locks one section can hold at a time; one more is
/// `STATUS_QUOTA_EXCEEDED`. The kernel's own count has no documented limit, so the driver sets one.
pub const MAX_LOCKS: u32 = 1024;

/// The device interface class of the driver: {5f0a8f3c-9a4e-4c52-8d6b-70616765e516}.
pub const INTERFACE_GUID: Guid = Guid {
    data1: 0x5f0a_8f3c,
    data2: 0x9a4e,
    data3: 0x4c52,
    data4: [0x8d, 0x6b, 0x70, 0x61, 0x67, 0x65, 0xe5, 0x16],
};

/// A GUID in the Windows memory layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guid {
    /// First 32 bits.
    pub data1: u32,
    /// Next 16 bits.
    pub data2: u16,
    /// Next 16 bits.
    pub data3: u16,
    /// The last eight bytes, in order.
    pub data4: [u8; 8],
}

/// Asserts the size of wire structures and the offset of each named field.
macro_rules! assert_layout {
    ($type:ty, size $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(core::mem::offset_of!($type, $field) == $offset);)*
        };
    };
}
pub(crate) use assert_layout;
