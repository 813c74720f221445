//! What was asked of the memory manager, and what it answered.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// The image's paging policy: a boolean in the kernel, not a count
/// (facts: `MmPageEntireDriver`, `MmResetDriverPaging`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Policy {
    /// Every section is as it was linked.
    AsLinked = 0,
    /// `MmPageEntireDriver` overrode every section.
    PagedEntire = 1,
}

impl Policy {
    /// The policy with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::AsLinked),
            1 => Some(Self::PagedEntire),
            _ => None,
        }
    }
}

/// What `MmPageEntireDriver` returned, told without an address. The call has no failure return, so
/// even [`Returned::ImageBase`] does not prove that anything became pageable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Returned {
    /// The routine was not called yet.
    NotCalled = 0,
    /// The base of the driver's image, as documented.
    ImageBase = 1,
    /// Another address inside the image (Wine echoes its argument).
    InsideImage = 2,
    /// An address outside the image.
    Elsewhere = 3,
    /// Null.
    Null = 4,
}

impl Returned {
    /// The outcome with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::NotCalled),
            1 => Some(Self::ImageBase),
            2 => Some(Self::InsideImage),
            3 => Some(Self::Elsewhere),
            4 => Some(Self::Null),
            _ => None,
        }
    }
}

/// Answer to [`Ioctl::State`](crate::Ioctl::State) and [`Ioctl::SetPaging`](crate::Ioctl::SetPaging).
/// All policy, no observation.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct State {
    /// A [`Policy`]: what was asked last.
    pub policy: u32,
    /// A [`Returned`]: what `MmPageEntireDriver` answered in `DriverEntry`.
    pub returned: u32,
    /// RVA of that answer where it lay inside the image, else 0.
    pub returned_rva: u32,
    /// Pages of the image, headers included.
    pub pages: u32,
    /// Records that [`Ioctl::Sections`](crate::Ioctl::Sections) answers with.
    pub sections: u32,
    /// Section locks held at present, over all sections.
    pub locks: u32,
    /// Calls to `MmPageEntireDriver` since the driver was loaded.
    pub page_calls: u64,
    /// Calls to `MmResetDriverPaging` since the driver was loaded.
    pub reset_calls: u64,
}

assert_layout!(State, size 40, policy @ 0, returned @ 4, returned_rva @ 8, pages @ 12, sections @ 16,
    locks @ 20, page_calls @ 24, reset_calls @ 32);

impl State {
    /// The policy, if it is one this contract knows.
    #[must_use]
    pub const fn policy(&self) -> Option<Policy> {
        Policy::from_u32(self.policy)
    }

    /// What `MmPageEntireDriver` returned, if it is an outcome this contract knows.
    #[must_use]
    pub const fn returned(&self) -> Option<Returned> {
        Returned::from_u32(self.returned)
    }
}
