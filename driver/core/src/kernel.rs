//! What the driver needs from the kernel and from its own image.

use pagewise_contract::{BallastRegion, PAGE_SIZE, Returned};

use crate::clock::Counter;
use crate::refusal::Refusal;

/// The kernel and the driver's image in memory.
///
/// # IRQL
/// Every method is called at `PASSIVE_LEVEL`. Those that take `&self` touch no page but the ones
/// they run from; the others may fault pages in.
pub trait Kernel {
    /// `MmPageEntireDriver` on the driver's image.
    fn page_entire(&mut self) -> Answer;

    /// `MmResetDriverPaging` on the driver's image.
    fn reset(&mut self);

    /// Takes one lock on the section with this index, which begins at `first_page` and is pageable
    /// by link.
    ///
    /// # Errors
    /// [`Refusal::InsufficientResources`] if the memory manager gave no handle; no lock is held then.
    fn lock(&mut self, section: usize, first_page: u32) -> Result<(), Refusal>;

    /// Gives back one lock that [`Kernel::lock`] took on this section.
    fn unlock(&mut self, section: usize);

    /// `MmIsAddressValid` on a page.
    fn is_valid(&self, page: LivePage) -> bool;

    /// Reads one byte of a page.
    fn read(&mut self, page: LivePage);

    /// Writes one byte of a page, leaving its value as it is.
    fn write(&mut self, page: WritablePage);

    /// Calls the function at the beginning of a page of code ballast.
    fn execute(&mut self, page: CodePage) -> u32;

    /// The performance counter.
    fn counter(&self) -> Counter;

    /// First page of a ballast region, counted from the image base.
    fn ballast_page(&self, region: BallastRegion) -> u32;

    /// The bytes of a ballast region.
    fn ballast(&self, region: BallastRegion) -> &[u8];

    /// The bytes of a writable ballast region; `None` for the others.
    fn ballast_mut(&mut self, region: BallastRegion) -> Option<&mut [u8]>;
}

/// A page of the image that was not discarded, counted from the image base. Only an
/// [`Image`](crate::Image) hands them out, so that whoever holds one may touch the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivePage(u32);

impl LivePage {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Pages before it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A [`LivePage`] of a writable section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WritablePage(LivePage);

impl WritablePage {
    pub(crate) const fn new(page: LivePage) -> Self {
        Self(page)
    }

    /// The page.
    #[must_use]
    pub const fn page(self) -> LivePage {
        self.0
    }
}

/// A page of code ballast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePage {
    region: BallastRegion,
    index: usize,
}

impl CodePage {
    /// `None` unless `region` is code and has a page `index`.
    pub(crate) const fn new(region: BallastRegion, index: usize) -> Option<Self> {
        if region.is_code() && index < pagewise_contract::BALLAST_REGION_PAGES {
            Some(Self { region, index })
        } else {
            None
        }
    }

    /// The region.
    #[must_use]
    pub const fn region(self) -> BallastRegion {
        self.region
    }

    /// The page within the region.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }
}

/// What `MmPageEntireDriver` returned, told without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which kind of address it was.
    pub returned: Returned,
    /// Its RVA, where it lay inside the image.
    pub rva: u32,
}

impl Answer {
    /// Describes `address` in relation to an image of `pages` pages at `base`.
    #[must_use]
    pub fn describe(address: usize, base: usize, pages: u32) -> Self {
        let bytes = (pages as usize).saturating_mul(PAGE_SIZE);
        let (returned, rva) = match address.checked_sub(base) {
            _ if address == 0 => (Returned::Null, 0),
            Some(0) => (Returned::ImageBase, 0),
            Some(rva) if rva < bytes => (Returned::InsideImage, rva),
            _ => (Returned::Elsewhere, 0),
        };
        // An image is shorter than 4 GiB, so that an RVA inside always fits.
        match u32::try_from(rva) {
            Ok(rva) => Self { returned, rva },
            Err(_) => Self { returned: Returned::Elsewhere, rva: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_never_tells_an_address() {
        let base = 0xffff_f801_2345_0000;
        let told = |address| {
            let answer = Answer::describe(address, base, 4);
            (answer.returned, answer.rva)
        };
        assert_eq!(told(0), (Returned::Null, 0));
        assert_eq!(told(base), (Returned::ImageBase, 0));
        assert_eq!(told(base + 1), (Returned::InsideImage, 1));
        assert_eq!(told(base + 0x3fff), (Returned::InsideImage, 0x3fff));
        assert_eq!(told(base + 0x4000), (Returned::Elsewhere, 0));
        assert_eq!(told(base - 1), (Returned::Elsewhere, 0));
        assert_eq!(told(usize::MAX), (Returned::Elsewhere, 0));
    }

    #[test]
    fn code_pages_are_pages_of_code() {
        assert!(CodePage::new(BallastRegion::PageableCode, 3).is_some());
        assert!(CodePage::new(BallastRegion::PageableCode, 4).is_none());
        assert!(CodePage::new(BallastRegion::PageableData, 0).is_none());
    }
}
