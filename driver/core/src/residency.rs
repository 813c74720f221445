//! Which pages are valid now.

use core::ops::Range;

use pagewise_contract::SectionKind;

use crate::image::Image;
use crate::kernel::{Kernel, LivePage};

/// Asks the kernel about every page of `range`, sets the bits of the valid ones in `bitmap`, which
/// begins with the first page, and counts them. Discarded pages are not asked about: their memory
/// may be someone else's by now.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub fn sample(image: &Image, range: Range<u32>, kernel: &impl Kernel, bitmap: &mut [u8]) -> u32 {
    bitmap.fill(0);
    let first = range.start;
    let mut resident: u32 = 0;
    for (section, run) in image.runs(range) {
        if section.kind() == Some(SectionKind::Discardable) {
            continue;
        }
        for page in run {
            if kernel.is_valid(LivePage::new(page)) {
                set(bitmap, page.saturating_sub(first));
                resident = resident.saturating_add(1);
            }
        }
    }
    resident
}

fn set(bitmap: &mut [u8], index: u32) {
    let index = index as usize;
    if let Some(byte) = bitmap.get_mut(index / 8) {
        *byte |= 1 << (index % 8);
    }
}

#[cfg(test)]
mod tests {
    use pagewise_contract::residency::{bitmap_bytes, is_resident};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Builder, FakeKernel};

    proptest! {
        /// `FakeKernel` panics when asked about a discarded page.
        #[test]
        fn every_live_page_is_told_as_the_kernel_says(
            valid in proptest::collection::vec(any::<bool>(), 16),
            start in 0..16_u32,
            length in 1..=16_u32,
        ) {
            let image = Builder::default().image();
            let range = start..(start + length).min(image.pages());
            let mut kernel = FakeKernel::new(&image);
            kernel.valid.copy_from_slice(&valid);
            let mut bitmap = std::vec![0xaa; bitmap_bytes(range.end - range.start)];

            let resident = sample(&image, range.clone(), &kernel, &mut bitmap);

            let init = image.pages() - 1;
            let mut expected = 0;
            for (index, page) in range.enumerate() {
                let is_valid = page != init && valid[page as usize];
                prop_assert_eq!(is_resident(&bitmap, index), Some(is_valid));
                expected += u32::from(is_valid);
            }
            prop_assert_eq!(resident, expected);
        }
    }
}
