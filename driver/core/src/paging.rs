//! The image's paging policy and the balance of section locks.
//!
//! In the kernel the page/reset pair is a boolean and section locks are counts, and one unlock too
//! many is bug check 0x1A. How the two combine is documented nowhere, so they are not combined:
//! no lock while the image is paged entire, no page-entire while a lock is held.

use pagewise_contract::{MAX_LOCKS, MAX_SECTIONS, Policy, Returned, SectionKind, Sections, State};

use crate::image::Image;
use crate::kernel::{Answer, Kernel};
use crate::refusal::Refusal;

/// What was asked of the memory manager so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    policy: Policy,
    first_answer: Answer,
    page_calls: u64,
    reset_calls: u64,
    locks: [u32; MAX_SECTIONS],
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            policy: Policy::AsLinked,
            first_answer: Answer { returned: Returned::NotCalled, rva: 0 },
            page_calls: 0,
            reset_calls: 0,
            locks: [0; MAX_SECTIONS],
        }
    }
}

impl Paging {
    /// Makes the whole image pageable. Doing so again is harmless and counted.
    ///
    /// # Errors
    /// [`Refusal::InvalidDeviceState`] while a section is locked.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub fn page_entire(&mut self, kernel: &mut impl Kernel) -> Result<(), Refusal> {
        if self.locks_held() != 0 {
            return Err(Refusal::InvalidDeviceState);
        }
        let answer = kernel.page_entire();
        if self.first_answer.returned == Returned::NotCalled {
            self.first_answer = answer;
        }
        self.policy = Policy::PagedEntire;
        self.page_calls = self.page_calls.saturating_add(1);
        Ok(())
    }

    /// Makes every section pageable or resident as it was linked. Doing so again is harmless and
    /// counted.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`: the pages of resident sections are read in.
    pub fn reset(&mut self, kernel: &mut impl Kernel) {
        kernel.reset();
        self.policy = Policy::AsLinked;
        self.reset_calls = self.reset_calls.saturating_add(1);
    }

    /// Gives back every lock, then resets: what must have happened before the framework tears
    /// anything down.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub fn release(&mut self, kernel: &mut impl Kernel) {
        for (section, locks) in self.locks.iter_mut().enumerate() {
            while let Some(fewer) = locks.checked_sub(1) {
                kernel.unlock(section);
                *locks = fewer;
            }
        }
        self.reset(kernel);
    }

    /// Locks a section into memory once more and says how many locks it holds.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameter`]: no such section. [`Refusal::NotSupported`]: it is not pageable
    /// by link. [`Refusal::InvalidDeviceState`]: the image is paged entire.
    /// [`Refusal::QuotaExceeded`]: it holds [`MAX_LOCKS`]. [`Refusal::InsufficientResources`]: the
    /// memory manager gave no handle.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`: the pages of the section are read in.
    pub fn lock(
        &mut self,
        image: &Image,
        section: u32,
        kernel: &mut impl Kernel,
    ) -> Result<u32, Refusal> {
        let first_page = lockable(image, section)?;
        let (section, locks) = self.lock_count(section)?;
        if *locks >= MAX_LOCKS {
            return Err(Refusal::QuotaExceeded);
        }
        kernel.lock(section, first_page)?;
        *locks = locks.saturating_add(1);
        Ok(*locks)
    }

    /// Gives back one lock of a section and says how many it still holds.
    ///
    /// # Errors
    /// As [`Paging::lock`], and [`Refusal::NotLocked`] for a section without a lock.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub fn unlock(
        &mut self,
        image: &Image,
        section: u32,
        kernel: &mut impl Kernel,
    ) -> Result<u32, Refusal> {
        lockable(image, section)?;
        let (section, locks) = self.lock_count(section)?;
        let fewer = locks.checked_sub(1).ok_or(Refusal::NotLocked)?;
        kernel.unlock(section);
        *locks = fewer;
        Ok(fewer)
    }

    /// The policy, as a client is told it.
    #[must_use]
    pub fn state(&self, image: &Image) -> State {
        State {
            policy: self.policy as u32,
            returned: self.first_answer.returned as u32,
            returned_rva: self.first_answer.rva,
            pages: image.pages(),
            sections: image.sections().count,
            locks: self.locks_held(),
            page_calls: self.page_calls,
            reset_calls: self.reset_calls,
        }
    }

    /// The image's sections with the locks they hold.
    #[must_use]
    pub fn sections(&self, image: &Image) -> Sections {
        let mut sections = *image.sections();
        for (record, &locks) in sections.records.iter_mut().zip(&self.locks) {
            record.locks = locks;
        }
        sections
    }

    fn locks_held(&self) -> u32 {
        self.locks.iter().fold(0, |sum, &locks| sum.saturating_add(locks))
    }

    /// A section's count, unless locks are out of question at present.
    fn lock_count(&mut self, section: u32) -> Result<(usize, &mut u32), Refusal> {
        if self.policy == Policy::PagedEntire {
            return Err(Refusal::InvalidDeviceState);
        }
        let section = usize::try_from(section).map_err(|_| Refusal::InvalidParameter)?;
        let locks = self.locks.get_mut(section).ok_or(Refusal::InvalidParameter)?;
        Ok((section, locks))
    }
}

/// The first page of a section that can be locked.
fn lockable(image: &Image, section: u32) -> Result<u32, Refusal> {
    let section = image.section(section).ok_or(Refusal::InvalidParameter)?;
    match section.kind() {
        Some(SectionKind::Pageable) => Ok(section.first_page),
        _ => Err(Refusal::NotSupported),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Builder, FakeKernel};

    const TEXT: u32 = 1;
    const PAGE: u32 = 3;
    const INIT: u32 = 6;

    fn setup() -> (Image, FakeKernel, Paging) {
        let image = Builder::default().image();
        let kernel = FakeKernel::new(&image);
        (image, kernel, Paging::default())
    }

    #[test]
    fn remembers_the_first_answer_and_counts_the_calls() {
        let (image, mut kernel, mut paging) = setup();
        assert_eq!(paging.state(&image).returned(), Some(Returned::NotCalled));
        kernel.answer = Answer { returned: Returned::InsideImage, rva: 0x1234 };
        paging.page_entire(&mut kernel).unwrap();
        kernel.answer = Answer { returned: Returned::Null, rva: 0 };
        paging.page_entire(&mut kernel).unwrap();
        paging.reset(&mut kernel);
        let state = paging.state(&image);
        assert_eq!(state.returned(), Some(Returned::InsideImage));
        assert_eq!(state.returned_rva, 0x1234);
        assert_eq!((state.page_calls, state.reset_calls), (2, 1));
        assert_eq!(state.policy(), Some(Policy::AsLinked));
    }

    #[test]
    fn locks_and_page_entire_exclude_each_other() {
        let (image, mut kernel, mut paging) = setup();
        paging.page_entire(&mut kernel).unwrap();
        assert_eq!(paging.lock(&image, PAGE, &mut kernel), Err(Refusal::InvalidDeviceState));
        assert_eq!(paging.unlock(&image, PAGE, &mut kernel), Err(Refusal::InvalidDeviceState));
        paging.reset(&mut kernel);
        assert_eq!(paging.lock(&image, PAGE, &mut kernel), Ok(1));
        assert_eq!(paging.page_entire(&mut kernel), Err(Refusal::InvalidDeviceState));
        assert_eq!(paging.unlock(&image, PAGE, &mut kernel), Ok(0));
        assert_eq!(paging.unlock(&image, PAGE, &mut kernel), Err(Refusal::NotLocked));
        assert_eq!(paging.page_entire(&mut kernel), Ok(()));
    }

    #[test]
    fn only_existing_sections_that_are_pageable_by_link_are_locked() {
        let (image, mut kernel, mut paging) = setup();
        for (section, refusal) in [
            (0, Refusal::NotSupported),
            (TEXT, Refusal::NotSupported),
            (INIT, Refusal::NotSupported),
            (INIT + 1, Refusal::InvalidParameter),
            (u32::MAX, Refusal::InvalidParameter),
        ] {
            assert_eq!(paging.lock(&image, section, &mut kernel), Err(refusal));
            assert_eq!(paging.unlock(&image, section, &mut kernel), Err(refusal));
        }
    }

    #[test]
    fn the_quota_is_the_contracts() {
        let (image, mut kernel, mut paging) = setup();
        for count in 1..=MAX_LOCKS {
            assert_eq!(paging.lock(&image, PAGE, &mut kernel), Ok(count));
        }
        assert_eq!(paging.lock(&image, PAGE, &mut kernel), Err(Refusal::QuotaExceeded));
        assert_eq!(paging.sections(&image).records()[PAGE as usize].locks, MAX_LOCKS);
    }

    #[test]
    fn a_lock_that_the_kernel_refuses_is_not_counted() {
        let (image, mut kernel, mut paging) = setup();
        kernel.refuses_locks = true;
        assert_eq!(paging.lock(&image, PAGE, &mut kernel), Err(Refusal::InsufficientResources));
        assert_eq!(paging.state(&image).locks, 0);
        paging.release(&mut kernel);
    }

    #[derive(Clone, Debug)]
    enum Step {
        PageEntire,
        Reset,
        Lock(u32),
        Unlock(u32),
        Release,
    }

    fn steps() -> impl Strategy<Value = std::vec::Vec<Step>> {
        let step = prop_oneof![
            2 => Just(Step::PageEntire),
            2 => Just(Step::Reset),
            4 => (0..9_u32).prop_map(Step::Lock),
            4 => (0..9_u32).prop_map(Step::Unlock),
            1 => Just(Step::Release),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// `FakeKernel` panics where the memory manager would stop the machine or where its
        /// behaviour is undocumented.
        #[test]
        fn no_sequence_stops_the_machine_or_loses_count(steps in steps()) {
            let (image, mut kernel, mut paging) = setup();
            for step in steps {
                let (paging_before, kernel_before) = (paging.clone(), kernel.clone());
                let refused = match step {
                    Step::PageEntire => paging.page_entire(&mut kernel).is_err(),
                    Step::Reset => { paging.reset(&mut kernel); false }
                    Step::Lock(section) => paging.lock(&image, section, &mut kernel).is_err(),
                    Step::Unlock(section) => paging.unlock(&image, section, &mut kernel).is_err(),
                    Step::Release => { paging.release(&mut kernel); false }
                };
                if refused {
                    prop_assert_eq!(&paging, &paging_before);
                    prop_assert_eq!(&kernel, &kernel_before);
                }
                prop_assert_eq!(paging.locks, kernel.locks);
                prop_assert_eq!(paging.policy == Policy::PagedEntire, kernel.overridden);
            }
            paging.release(&mut kernel);
            prop_assert_eq!(kernel.locks, [0; MAX_SECTIONS]);
            prop_assert!(!kernel.overridden);
        }
    }
}
