//! Changing what is pageable, locked or resident.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// What [`Ioctl::SetPaging`](crate::Ioctl::SetPaging) can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PagingAction {
    /// Call `MmPageEntireDriver`.
    PageEntire = 1,
    /// Call `MmResetDriverPaging`.
    Reset = 2,
}

impl PagingAction {
    /// The action with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::PageEntire),
            2 => Some(Self::Reset),
            _ => None,
        }
    }
}

/// Request of [`Ioctl::SetPaging`](crate::Ioctl::SetPaging).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PagingRequest {
    /// A [`PagingAction`].
    pub action: u32,
}

assert_layout!(PagingRequest, size 4);

/// Request of [`Ioctl::Lock`](crate::Ioctl::Lock) and [`Ioctl::Unlock`](crate::Ioctl::Unlock).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LockRequest {
    /// Index of a record of [`Sections`](crate::Sections); it must be pageable by link.
    pub section: u32,
}

assert_layout!(LockRequest, size 4);

/// Answer to [`Ioctl::Lock`](crate::Ioctl::Lock) and [`Ioctl::Unlock`](crate::Ioctl::Unlock).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LockReply {
    /// The section, as asked.
    pub section: u32,
    /// Locks that it holds now.
    pub locks: u32,
}

assert_layout!(LockReply, size 8, section @ 0, locks @ 4);

/// How [`Ioctl::Touch`](crate::Ioctl::Touch) references a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum TouchKind {
    /// Read one byte of each page.
    Read = 1,
    /// Read one byte of each page and write it back: the content stays, the page is dirty. Only in
    /// writable sections.
    Write = 2,
    /// Call the function that begins each page. Only in the code ballast.
    Execute = 3,
}

impl TouchKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::Read),
            2 => Some(Self::Write),
            3 => Some(Self::Execute),
            _ => None,
        }
    }
}

/// Request of [`Ioctl::Touch`](crate::Ioctl::Touch).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TouchRequest {
    /// First page, counted from the image base.
    pub first_page: u32,
    /// Pages to touch, at least one.
    pub pages: u32,
    /// A [`TouchKind`].
    pub kind: u32,
}

assert_layout!(TouchRequest, size 12, first_page @ 0, pages @ 4, kind @ 8);

/// Answer to [`Ioctl::Touch`](crate::Ioctl::Touch).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TouchReply {
    /// Pages touched.
    pub pages: u32,
    /// How many of them were already valid when their turn came.
    pub were_resident: u32,
    /// Wall time of the whole run by `KeQueryPerformanceCounter`, in nanoseconds.
    pub nanoseconds: u64,
}

assert_layout!(TouchReply, size 16, pages @ 0, were_resident @ 4, nanoseconds @ 8);
