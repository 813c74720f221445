//! A run of pages that the memory manager pages: an image, or paged pool.
//!
//! A page is valid, in transition (no access, but memory), on disk (no access, no memory), or
//! freed. What changes a state holds the region's lock; what only asks for it does not.

mod report;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::{PageState, PageTruth, Paging};
use rustix::io::Errno;

use crate::mm::counters::{HARD_FAULTS, SOFT_FAULTS};
use crate::mm::group::{ByLink, Group};
use crate::mm::mapping::Mapping;
use crate::mm::paging_file::PagingFile;
use crate::mm::policy::{PageEntireWithLocks, PagingExecutive};
use crate::mm::protection::{Access, Protection};
use crate::mm::spin::{Guard, SpinLock};

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    PagedPool,
    SpecialPool,
}

/// How a fault at an IRQL that allows one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The page is valid: the reference can be repeated. How it was brought in; nothing where
    /// another processor was faster.
    Resolved(Option<Paging>),
    /// The page's section does not allow that access.
    Forbidden,
    /// The page is gone for good.
    Freed,
    /// The page could not be brought in.
    Failed(Errno),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Region {
    name: String,
    kind: Kind,
    mapping: Mapping,
    file: &'static PagingFile,
    /// First slot in the paging file.
    slot: usize,
    groups: Box<[Group]>,
    /// Index of each page's group.
    group_of: Box<[u16]>,
    states: Box<[AtomicU8]>,
    /// Pages from here on have never been anything but freed.
    used: AtomicUsize,
    /// Whether every group is pageable whatever its link says. Changed under the lock.
    overridden: AtomicBool,
    lock: SpinLock<()>,
}

impl Region {
    /// A region over `mapping`, all of whose pages are freed so far. `groups` cover its pages
    /// without gap, in order.
    pub(crate) fn new(
        name: &str,
        kind: Kind,
        mapping: Mapping,
        file: &'static PagingFile,
        groups: Vec<Group>,
    ) -> Self {
        let mut group_of = Vec::with_capacity(mapping.pages());
        for (index, group) in (0_u16..).zip(&groups) {
            assert_eq!(group.pages.start, group_of.len());
            group_of.resize(group.pages.end, index);
        }
        assert_eq!(group_of.len(), mapping.pages());
        let slot = file.reserve(mapping.pages());
        let states = group_of.iter().map(|_| AtomicU8::new(PageState::Freed as u8)).collect();
        Self {
            name: name.to_owned(),
            kind,
            mapping,
            file,
            slot,
            groups: groups.into(),
            group_of: group_of.into(),
            states,
            used: AtomicUsize::new(0),
            overridden: AtomicBool::new(false),
            lock: SpinLock::new(()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    #[inline]
    pub(crate) fn base(&self) -> usize {
        self.mapping.base()
    }

    #[inline]
    pub(crate) fn pages(&self) -> usize {
        self.mapping.pages()
    }

    #[inline]
    pub(crate) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base()) < self.pages() * PAGE_SIZE
    }

    /// The page of an address in the region.
    #[inline]
    pub(crate) fn page_of(&self, address: usize) -> usize {
        (address - self.base()) / PAGE_SIZE
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    #[inline]
    pub(crate) fn group_of(&self, page: usize) -> &Group {
        &self.groups[usize::from(self.group_of[page])]
    }

    pub(crate) fn overridden(&self) -> bool {
        self.overridden.load(Ordering::Relaxed)
    }

    /// The state of a page at this moment. Async-signal-safe.
    #[inline]
    pub(crate) fn state(&self, page: usize) -> PageState {
        const VALID: u8 = PageState::Valid as u8;
        const TRANSITION: u8 = PageState::Transition as u8;
        const ON_DISK: u8 = PageState::OnDisk as u8;
        match self.states[page].load(Ordering::Acquire) {
            VALID => PageState::Valid,
            TRANSITION => PageState::Transition,
            ON_DISK => PageState::OnDisk,
            _ => PageState::Freed,
        }
    }

    fn set_states(&self, pages: Range<usize>, state: PageState) {
        for page in &self.states[pages] {
            page.store(state as u8, Ordering::Release);
        }
    }

    /// Whether the memory manager may take the pages of `group` now.
    pub(crate) fn pageable(&self, group: &Group) -> bool {
        let overridden = self.overridden();
        if self.kind == Kind::Image && PagingExecutive::get() == PagingExecutive::Disabled {
            return false;
        }
        if !overridden && group.by_link != ByLink::Pageable {
            return false;
        }
        let locks_hold = !overridden || PageEntireWithLocks::get() == PageEntireWithLocks::Kept;
        group.locks() == 0 || !locks_hold
    }

    /// Resolves a fault on a page. Async-signal-safe.
    #[inline]
    pub(crate) fn fault(&self, page: usize, access: Access) -> Fault {
        let protection = self.group_of(page).protection;
        let _held = self.lock.lock();
        let state = self.state(page);
        if state == PageState::Freed {
            return Fault::Freed;
        }
        if !protection.allows(access) {
            return Fault::Forbidden;
        }
        let (counter, how) = match state {
            // Another processor was faster.
            PageState::Valid | PageState::Freed => return Fault::Resolved(None),
            PageState::Transition => (&SOFT_FAULTS, Paging::SoftFault),
            PageState::OnDisk => {
                if let Err(error) = self.read_in(page) {
                    return Fault::Failed(error);
                }
                (&HARD_FAULTS, Paging::HardFault)
            }
        };
        match self.mapping.protect(page..page + 1, protection) {
            Ok(()) => {
                self.set_states(page..page + 1, PageState::Valid);
                counter.increment();
                Fault::Resolved(Some(how))
            }
            Err(error) => Fault::Failed(error),
        }
    }

    /// Restores the content of a page on disk, through the alias: in the view, the page has no
    /// access before all of it is there.
    fn read_in(&self, page: usize) -> Result<(), Errno> {
        // SAFETY: the lock is held, so the page stays on disk and nobody else uses its alias.
        let alias = unsafe { std::slice::from_raw_parts_mut(self.mapping.alias(page), PAGE_SIZE) };
        self.file.read(self.slot + page, alias)
    }

    /// Makes every page of `group` that is not freed valid.
    fn bring_in(&self, group: &Group, _held: &Guard<'_, ()>) -> Result<(), Errno> {
        for run in
            self.runs(group, |state| matches!(state, PageState::Transition | PageState::OnDisk))
        {
            for page in run.clone() {
                if self.state(page) == PageState::OnDisk {
                    self.read_in(page)?;
                    // Should the next page fail, this one is right where it is.
                    self.set_states(page..page + 1, PageState::Transition);
                }
            }
            self.mapping.protect(run.clone(), group.protection)?;
            self.set_states(run, PageState::Valid);
        }
        Ok(())
    }

    /// The runs of pages of `group` whose state is `wanted`.
    fn runs<'a>(
        &'a self,
        group: &Group,
        wanted: impl Fn(PageState) -> bool + 'a,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let used = self.used.load(Ordering::Relaxed);
        let mut rest = group.pages.start..group.pages.end.min(used);
        std::iter::from_fn(move || {
            let start = rest.clone().find(|&page| wanted(self.state(page)))?;
            let end = (start..rest.end).find(|&page| !wanted(self.state(page))).unwrap_or(rest.end);
            rest.start = end;
            Some(start..end)
        })
    }

    /// Takes the valid pageable pages out of the working set; how many.
    pub(crate) fn trim(&self) -> u64 {
        let _held = self.lock.lock();
        let mut moved = 0;
        for group in self.groups.iter().filter(|group| self.pageable(group)) {
            for run in self.runs(group, |state| state == PageState::Valid) {
                // The host may refuse to split a mapping once more; then the run stays valid.
                if self.mapping.revoke(run.clone()).is_ok() {
                    moved += run.len() as u64;
                    self.set_states(run, PageState::Transition);
                }
            }
        }
        moved
    }

    /// The valid pageable pages.
    pub(crate) fn evictable(&self) -> impl Iterator<Item = usize> {
        let groups = self.groups.iter().filter(|group| self.pageable(group));
        groups.flat_map(|group| self.runs(group, |state| state == PageState::Valid)).flatten()
    }

    /// Takes one page out of the working set, if it may be taken.
    pub(crate) fn trim_page(&self, page: usize) {
        let _held = self.lock.lock();
        let may_go = self.state(page) == PageState::Valid && self.pageable(self.group_of(page));
        // As in `trim`, the host may refuse.
        if may_go && self.mapping.revoke(page..page + 1).is_ok() {
            self.set_states(page..page + 1, PageState::Transition);
        }
    }

    /// Writes the pages in transition to the paging file and gives up their memory; how many. A
    /// page that cannot be written stays in transition.
    pub(crate) fn purge(&self) -> u64 {
        let _held = self.lock.lock();
        let mut moved = 0;
        for group in &self.groups {
            for run in self.runs(group, |state| state == PageState::Transition) {
                let (alias, bytes) = (self.mapping.alias(run.start), run.len() * PAGE_SIZE);
                // SAFETY: the lock is held, so the pages stay in transition: nobody can write to
                // them, neither through the view nor through the alias.
                let content = unsafe { std::slice::from_raw_parts(alias, bytes) };
                let written = self.file.write(self.slot + run.start, content);
                if written.and_then(|()| self.mapping.discard(run.clone())).is_ok() {
                    moved += run.len() as u64;
                    self.set_states(run, PageState::OnDisk);
                }
            }
        }
        moved
    }

    /// Makes every group pageable; false when all were so already.
    pub(crate) fn override_paging(&self) -> bool {
        let _held = self.lock.lock();
        !self.overridden.swap(true, Ordering::Relaxed)
    }

    /// Undoes [`Region::override_paging`] and makes the groups that are resident by link valid;
    /// nothing when it was not done.
    pub(crate) fn reset_paging(&self) -> Result<(), Errno> {
        let held = self.lock.lock();
        if !self.overridden() {
            return Ok(());
        }
        self.overridden.store(false, Ordering::Relaxed);
        for group in self.groups.iter().filter(|group| !self.pageable(group)) {
            self.bring_in(group, &held)?;
        }
        Ok(())
    }

    /// Makes the pages of `group` valid and keeps them so until as many unlocks.
    pub(crate) fn lock_group(&self, group: &Group) -> Result<(), Errno> {
        let held = self.lock.lock();
        self.bring_in(group, &held)?;
        group.add_lock();
        Ok(())
    }

    /// Undoes one [`Region::lock_group`]; false when there is none to undo.
    pub(crate) fn unlock_group(&self, group: &Group) -> bool {
        let _held = self.lock.lock();
        group.take_lock()
    }

    /// Makes freed pages valid: zeroes, or what was written through the alias before.
    pub(crate) fn commit(&self, pages: Range<usize>, protection: Protection) -> Result<(), Errno> {
        let _held = self.lock.lock();
        self.mapping.protect(pages.clone(), protection)?;
        self.mapping.populate(pages.clone());
        self.used.fetch_max(pages.end, Ordering::Relaxed);
        self.set_states(pages, PageState::Valid);
        Ok(())
    }

    /// Gives pages back for good, until [`Region::commit`] makes new ones in their place.
    pub(crate) fn free(&self, pages: Range<usize>) {
        let _held = self.lock.lock();
        self.set_states(pages.clone(), PageState::Freed);
        // Neither can fail on a mapping of our own but for want of host memory; then the pages
        // keep theirs, and what refers to them is not caught.
        let _ = self.mapping.revoke(pages.clone());
        let _ = self.mapping.discard(pages);
    }

    /// Fills freed pages before they are committed.
    pub(crate) fn write_freed(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.pages() * PAGE_SIZE);
        let to = self.mapping.alias(0).wrapping_add(offset);
        // SAFETY: inside the alias; `bytes` is elsewhere, as the alias is lent to nobody.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// Takes the access to pages away without changing their state, for an observer, who gives it
    /// back page by page. Async-signal-safe.
    pub(super) fn withdraw(&self, pages: Range<usize>) {
        // On a mapping of our own it fails only where the host cannot split it once more; then
        // what is touched there goes unnoticed.
        let _ = self.mapping.revoke(pages);
    }

    /// Undoes [`Region::withdraw`] for one page. Async-signal-safe.
    pub(super) fn grant(&self, page: usize) -> Result<(), Errno> {
        self.mapping.protect(page..page + 1, self.group_of(page).protection)
    }

    /// Whether such a reference to a page would not fault, an observer left aside.
    pub(super) fn is_valid_for(&self, page: usize, access: Access) -> bool {
        self.state(page) == PageState::Valid && self.group_of(page).protection.allows(access)
    }

    /// The true state of each page; `None` when the host cannot say, since the region was retired.
    pub(crate) fn truth(&self) -> Option<Vec<PageTruth>> {
        let _held = self.lock.lock();
        let in_memory = self.mapping.in_memory(0..self.pages()).ok()?;
        let truth = |(page, in_memory)| {
            let state = self.state(page);
            let pageable = state != PageState::Freed && self.pageable(self.group_of(page));
            PageTruth { state, pageable, in_memory }
        };
        Some(in_memory.into_iter().enumerate().map(truth).collect())
    }

    /// The content of pages wherever they are; `None` of a page that the region does not have, is
    /// freed, or cannot be read.
    pub(crate) fn contents(&self, pages: Range<usize>) -> Option<Vec<u8>> {
        if pages.start > pages.end || pages.end > self.pages() {
            return None;
        }
        let mut bytes = vec![0; pages.len() * PAGE_SIZE];
        let _held = self.lock.lock();
        for (page, copy) in pages.zip(bytes.chunks_exact_mut(PAGE_SIZE)) {
            match self.state(page) {
                PageState::Freed => return None,
                PageState::OnDisk => self.file.read(self.slot + page, copy).ok()?,
                PageState::Valid | PageState::Transition => {
                    let alias = self.mapping.alias(page);
                    // SAFETY: a page of the alias, and a buffer of our own. A driver may write to
                    // the page meanwhile: what is copied is then either value, as on any machine.
                    unsafe { std::ptr::copy_nonoverlapping(alias, copy.as_mut_ptr(), PAGE_SIZE) };
                }
            }
        }
        Some(bytes)
    }

    /// Gives everything back but the addresses.
    pub(crate) fn retire(&self) {
        let _held = self.lock.lock();
        self.set_states(0..self.pages(), PageState::Freed);
        self.mapping.retire();
        self.file.release(self.slot, self.pages());
    }

    /// Gives the addresses of a retired region back too.
    pub(crate) fn forget(&self) {
        self.mapping.forget();
    }
}
