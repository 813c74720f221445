//! Which pages are valid at this instant: observation, not policy.
//!
//! The probe is `MmIsAddressValid`, the only documented one. "Not valid" covers a page on the
//! standby list, one on disk and one that was freed; it cannot tell them apart. The pages that the
//! probe itself runs from always look valid.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// A range of pages of the image.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Request {
    /// First page, counted from the image base.
    pub first_page: u32,
    /// Pages asked for, at least one.
    pub pages: u32,
}

assert_layout!(Request, size 8, first_page @ 0, pages @ 4);

/// What precedes the bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Header {
    /// First page of the answer, as asked.
    pub first_page: u32,
    /// Pages of the answer, as asked.
    pub pages: u32,
    /// How many of them were valid.
    pub resident: u32,
    /// Zero.
    pub reserved: u32,
}

assert_layout!(Header, size 16, first_page @ 0, pages @ 4, resident @ 8, reserved @ 12);

/// Bytes of the bits for so many pages: bit `n % 8` of byte `n / 8` is page `first_page + n`.
#[must_use]
pub const fn bitmap_bytes(pages: u32) -> usize {
    (pages as usize).div_ceil(8)
}

/// Bytes of a whole answer for so many pages.
#[must_use]
pub const fn reply_bytes(pages: u32) -> usize {
    size_of::<Header>() + bitmap_bytes(pages)
}

/// Whether the page that is `index` pages past the first was valid; `None` past the end.
#[must_use]
pub fn is_resident(bitmap: &[u8], index: usize) -> Option<bool> {
    bitmap.get(index / 8).map(|byte| byte >> (index % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_least_significant() {
        let bitmap = [0b1000_0001, 0b10];
        let set: [bool; 10] = core::array::from_fn(|index| is_resident(&bitmap, index).unwrap());
        assert_eq!(set, [true, false, false, false, false, false, false, true, false, true]);
        assert_eq!(is_resident(&bitmap, 16), None);
    }

    #[test]
    fn a_partial_byte_is_a_byte() {
        assert_eq!(bitmap_bytes(1), 1);
        assert_eq!(bitmap_bytes(8), 1);
        assert_eq!(bitmap_bytes(9), 2);
        assert_eq!(reply_bytes(9), 18);
    }
}
