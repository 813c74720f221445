//! Ballast: cold code and data whose every byte is known, so that eviction shows above noise and a
//! page that comes back can be proven intact.
//!
//! Each region is a section of its own, [`BALLAST_REGION_PAGES`] pages long, and nothing in the
//! driver refers to it but the ballast requests. The bytes are functions of region and index, given
//! here so that a client computes what it expects instead of believing the driver.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{PAGE_SIZE, assert_layout};

/// Pages of each region.
pub const BALLAST_REGION_PAGES: usize = 4;

/// Bytes of each region.
pub const BALLAST_REGION_BYTES: usize = BALLAST_REGION_PAGES * PAGE_SIZE;

/// The regions: code, constants and writable data, each once resident and once pageable by link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum BallastRegion {
    /// Section `COLDCODE`: executable, resident by link.
    ResidentCode = 0,
    /// Section `COLDCNST`: read-only, resident by link.
    ResidentConst = 1,
    /// Section `COLDDATA`: writable, resident by link.
    ResidentData = 2,
    /// Section `PAGECODE`: executable, pageable by link.
    PageableCode = 3,
    /// Section `PAGECNST`: read-only, pageable by link.
    PageableConst = 4,
    /// Section `PAGEDATA`: writable, pageable by link.
    PageableData = 5,
}

impl BallastRegion {
    /// Every region.
    pub const ALL: [Self; 6] = [
        Self::ResidentCode,
        Self::ResidentConst,
        Self::ResidentData,
        Self::PageableCode,
        Self::PageableConst,
        Self::PageableData,
    ];

    /// The region with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::ResidentCode),
            1 => Some(Self::ResidentConst),
            2 => Some(Self::ResidentData),
            3 => Some(Self::PageableCode),
            4 => Some(Self::PageableConst),
            5 => Some(Self::PageableData),
            _ => None,
        }
    }

    /// The PE section that holds the region.
    #[must_use]
    pub const fn section_name(self) -> &'static str {
        match self {
            Self::ResidentCode => "COLDCODE",
            Self::ResidentConst => "COLDCNST",
            Self::ResidentData => "COLDDATA",
            Self::PageableCode => "PAGECODE",
            Self::PageableConst => "PAGECNST",
            Self::PageableData => "PAGEDATA",
        }
    }

    /// Whether [`Ioctl::BallastFill`](crate::Ioctl::BallastFill) takes it.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::ResidentData | Self::PageableData)
    }

    /// Whether it is made of code.
    #[must_use]
    pub const fn is_code(self) -> bool {
        matches!(self, Self::ResidentCode | Self::PageableCode)
    }

    /// FNV-1a of the region as linked. Writable regions start as if filled with seed 0.
    #[must_use]
    pub fn linked_checksum(self) -> u64 {
        match self {
            Self::ResidentCode | Self::PageableCode => checksum_of(|index| code_byte(self, index)),
            Self::ResidentConst | Self::PageableConst => {
                checksum_of(|index| constant_byte(self, index))
            }
            Self::ResidentData | Self::PageableData => self.filled_checksum(0),
        }
    }

    /// FNV-1a of a writable region after a fill with `seed`.
    #[must_use]
    pub fn filled_checksum(self, seed: u64) -> u64 {
        checksum_of(|index| filled_byte(self, seed, index))
    }
}

fn checksum_of(byte: impl Fn(usize) -> u8) -> u64 {
    (0..BALLAST_REGION_BYTES).map(byte).fold(FNV_OFFSET, fnv_step)
}

/// What the function at the start of page `page` of a code region returns.
#[must_use]
pub const fn code_value(region: BallastRegion, page: usize) -> u32 {
    0x5047_0000 | (region as u32) << 8 | page as u32
}

/// Byte `index` of a code region: each page is `mov eax, code_value; ret`, then `int3` to its end.
#[must_use]
pub const fn code_byte(region: BallastRegion, index: usize) -> u8 {
    let value = code_value(region, index / PAGE_SIZE).to_le_bytes();
    match index % PAGE_SIZE {
        0 => 0xb8,
        offset @ 1..=4 => value[offset - 1],
        5 => 0xc3,
        _ => 0xcc,
    }
}

/// Byte `index` of a constant region.
#[must_use]
pub const fn constant_byte(region: BallastRegion, index: usize) -> u8 {
    filled_byte(region, 0x636f_6e73_7461_6e74, index)
}

/// Byte `index` of a writable region after a fill with `seed`: no two pages alike, no run of
/// zeroes that a lost page could pass for.
#[must_use]
pub const fn filled_byte(region: BallastRegion, seed: u64, index: usize) -> u8 {
    // One round of a 64-bit mix (the constants of SplitMix64), a byte of it a place.
    let word = (index as u64 / 8).wrapping_add((region as u64) << 32).wrapping_add(seed);
    let word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = word ^ word >> 27;
    word.to_le_bytes()[index % 8]
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

const fn fnv_step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// FNV-1a, 64 bits.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().copied().fold(FNV_OFFSET, fnv_step)
}

/// Request of [`Ioctl::BallastFill`](crate::Ioctl::BallastFill). Byte `i` of the region becomes
/// [`filled_byte`]`(region, seed, i)`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BallastFill {
    /// A writable [`BallastRegion`].
    pub region: u32,
    /// Zero.
    pub reserved: u32,
    /// Any number.
    pub seed: u64,
}

assert_layout!(BallastFill, size 16, region @ 0, reserved @ 4, seed @ 8);

/// Request of [`Ioctl::BallastChecksum`](crate::Ioctl::BallastChecksum).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BallastRequest {
    /// A [`BallastRegion`].
    pub region: u32,
}

assert_layout!(BallastRequest, size 4);

/// Answer to [`Ioctl::BallastChecksum`](crate::Ioctl::BallastChecksum).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BallastChecksum {
    /// The region, as asked.
    pub region: u32,
    /// Bytes read: [`BALLAST_REGION_BYTES`].
    pub bytes: u32,
    /// FNV-1a of them.
    pub checksum: u64,
}

assert_layout!(BallastChecksum, size 16, region @ 0, bytes @ 4, checksum @ 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_matches_its_published_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn no_two_regions_or_seeds_look_alike() {
        let mut seen = [0u64; 6];
        for (slot, region) in seen.iter_mut().zip(BallastRegion::ALL) {
            *slot = region.linked_checksum();
        }
        for (index, checksum) in seen.iter().enumerate() {
            assert!(!seen[index + 1..].contains(checksum));
        }
        let region = BallastRegion::PageableData;
        assert_ne!(region.filled_checksum(1), region.filled_checksum(2));
    }

    #[test]
    fn no_page_of_data_is_a_lost_page() {
        for region in BallastRegion::ALL {
            for page in 0..BALLAST_REGION_PAGES {
                let start = page * PAGE_SIZE;
                let zeroes = (start..start + PAGE_SIZE)
                    .filter(|&index| constant_byte(region, index) == 0)
                    .count();
                assert!(zeroes < 64, "{region:?} page {page}: {zeroes} zero bytes");
            }
        }
    }
}
