//! A model of the machine's memory: an image, its pages, where each of them is.

use pagewise_contract::{
    BallastRegion, MAX_SECTIONS, PAGE_SIZE, Section, SectionKind, code_byte, constant_byte,
    filled_byte,
};
use pagewise_lab_wire::{Counters, PageState, PageTruth};
use zerocopy::FromZeros;

use super::Lie;
use crate::pages::Pages;

const CODE: u32 = Section::READ | Section::EXECUTE;
const DATA: u32 = Section::READ | Section::WRITE;

const LAYOUT: [(&str, SectionKind, u32, u32); 13] = [
    ("HEADER", SectionKind::Headers, 1, 0),
    (".text", SectionKind::Resident, 3, CODE),
    (".rdata", SectionKind::Resident, 2, Section::READ),
    (".data", SectionKind::Resident, 1, DATA),
    ("COLDCODE", SectionKind::Resident, 4, CODE),
    ("COLDCNST", SectionKind::Resident, 4, Section::READ),
    ("COLDDATA", SectionKind::Resident, 4, DATA),
    ("PAGE", SectionKind::Pageable, 2, CODE),
    ("PAGECODE", SectionKind::Pageable, 4, CODE),
    ("PAGECNST", SectionKind::Pageable, 4, Section::READ),
    ("PAGEDATA", SectionKind::Pageable, 4, DATA),
    ("INIT", SectionKind::Discardable, 1, CODE),
    (".reloc", SectionKind::Discardable, 1, Section::READ),
];

/// Where the image is, in no process.
pub(super) const BASE: u64 = 0x7f00_1234_5000;

struct Page {
    state: PageState,
    bytes: Vec<u8>,
    is_modified: bool,
}

/// An image in memory.
pub(super) struct Memory {
    pub(super) lie: Lie,
    pub(super) sections: Vec<Section>,
    pages: Vec<Page>,
    pub(super) overridden: bool,
    locks: [u32; MAX_SECTIONS],
    pub(super) counters: Counters,
}

impl Memory {
    /// Freshly loaded.
    pub(super) fn load(lie: Lie) -> Self {
        let (mut sections, mut pages) = (Vec::new(), Vec::new());
        for (name, kind, count, characteristics) in LAYOUT {
            let mut section = Section::new_zeroed();
            section.name[..name.len()].copy_from_slice(name.as_bytes());
            section.kind = kind as u32;
            section.first_page = u32::try_from(pages.len()).unwrap();
            section.pages = count;
            section.characteristics = characteristics;
            sections.push(section);
            let state = match kind {
                SectionKind::Discardable => PageState::Freed,
                _ => PageState::Valid,
            };
            pages.extend((0..count as usize).map(|page| Page {
                state,
                bytes: linked(name, page, lie),
                is_modified: false,
            }));
        }
        Self {
            lie,
            sections,
            pages,
            overridden: false,
            locks: [0; MAX_SECTIONS],
            counters: Counters::default(),
        }
    }

    pub(super) fn page_count(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap()
    }

    pub(super) fn range_of(&self, region: BallastRegion) -> Pages {
        let mut sections = self.sections.iter();
        Pages::of(sections.find(|section| section.name() == region.section_name()).unwrap())
    }

    fn is_pageable(&self, page: usize) -> bool {
        let holds = |section: &Section| Pages::of(section).numbers().contains(&page);
        let index = self.sections.iter().position(holds).unwrap();
        let pinned = self.lie == Lie::ResetPinsAll && !self.overridden;
        let by_link = self.sections[index].kind() == Some(SectionKind::Pageable) && !pinned;
        let freed = self.pages[page].state == PageState::Freed;
        !freed && (self.overridden || by_link) && self.locks[index] == 0
    }

    fn pageable_pages(&self) -> u64 {
        (0..self.pages.len()).filter(|page| self.is_pageable(*page)).count() as u64
    }

    pub(super) fn page_entire(&mut self) {
        self.counters.page_entire_calls += 1;
        match self.lie {
            Lie::NeverPaged => {}
            Lie::SecondPageUndoes => self.overridden = !self.overridden,
            Lie::PagingTakesOut => {
                self.overridden = true;
                self.trim();
            }
            _ => self.overridden = true,
        }
    }

    pub(super) fn reset(&mut self) {
        self.counters.reset_calls += 1;
        if self.lie == Lie::ResetDoesNothing {
            return;
        }
        self.overridden = false;
        for page in 0..self.pages.len() {
            let freed = self.pages[page].state == PageState::Freed;
            if !freed && (!self.is_pageable(page) || self.lie == Lie::ResetBringsAllIn) {
                self.reference(page);
            }
        }
    }

    /// Changes a section's lock count, as the machine counts it.
    pub(super) fn lock(&mut self, section: u32, by: i32) {
        if self.lie == Lie::LockHoldsNothing {
            return;
        }
        let index = section as usize;
        self.locks[index] = match self.lie {
            Lie::LocksAreBoolean => u32::from(by > 0),
            _ => self.locks[index].saturating_add_signed(by),
        };
        if self.locks[index] > 0 {
            Pages::of(&self.sections[index]).numbers().for_each(|page| self.reference(page));
        }
    }

    pub(super) fn trim(&mut self) -> u64 {
        self.counters.trims += 1;
        self.shift(PageState::Valid, PageState::Transition)
    }

    pub(super) fn purge(&mut self) -> u64 {
        self.shift(PageState::Transition, PageState::OnDisk)
    }

    pub(super) fn evict(&mut self) -> u64 {
        self.trim() + self.purge()
    }

    fn shift(&mut self, from: PageState, to: PageState) -> u64 {
        let mut moved = 0;
        for page in 0..self.pages.len() {
            if self.pages[page].state != from || !self.is_pageable(page) {
                continue;
            }
            moved += 1;
            self.pages[page].state = to;
            let text = Pages::of(&self.sections[1]).numbers().contains(&page);
            let lost = match self.lie {
                Lie::LosesModified => self.pages[page].is_modified,
                Lie::LosesText => text,
                _ => false,
            };
            if lost && to == PageState::OnDisk {
                self.pages[page].bytes.fill(0);
            }
        }
        moved
    }

    /// A reference at `PASSIVE_LEVEL`.
    pub(super) fn reference(&mut self, page: usize) {
        match self.pages[page].state {
            PageState::Transition if self.lie != Lie::OnlyHardFaults => {
                self.counters.soft_faults += 1;
            }
            PageState::Transition | PageState::OnDisk => self.counters.hard_faults += 1,
            PageState::Valid => {}
            PageState::Freed => panic!("a freed page was referenced"),
        }
        self.pages[page].state = PageState::Valid;
    }

    pub(super) fn is_valid(&self, page: usize) -> bool {
        self.pages.get(page).is_some_and(|page| page.state == PageState::Valid)
    }

    pub(super) fn read(&mut self, range: Pages) -> Vec<u8> {
        range.numbers().for_each(|page| self.reference(page));
        self.contents(range)
    }

    pub(super) fn write(&mut self, range: Pages, bytes: &[u8]) {
        for (page, bytes) in range.numbers().zip(bytes.chunks(PAGE_SIZE)) {
            self.reference(page);
            self.pages[page].is_modified = true;
            self.pages[page].bytes[..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Without a reference.
    pub(super) fn contents(&self, range: Pages) -> Vec<u8> {
        self.pages[range.numbers()].iter().flat_map(|page| page.bytes.clone()).collect()
    }

    pub(super) fn truth(&self) -> Vec<PageTruth> {
        let in_memory = |state| matches!(state, PageState::Valid | PageState::Transition);
        let pages = self.pages.iter().enumerate();
        pages
            .map(|(page, Page { state, .. })| PageTruth {
                state: *state,
                pageable: self.is_pageable(page),
                in_memory: in_memory(*state),
            })
            .collect()
    }

    pub(super) fn counted(&self) -> Counters {
        let total = match self.lie {
            Lie::CountIsDeaf => 1000,
            _ => self.pageable_pages(),
        };
        let pages = 0..self.pages.len();
        let resident = match self.lie {
            Lie::CountIsDeaf | Lie::ResidentIsDeaf => 500,
            _ => {
                pages.filter(|page| self.is_pageable(*page) && self.is_valid(*page)).count() as u64
            }
        };
        Counters { driver_pages_total: total, driver_pages_resident: resident, ..self.counters }
    }
}

fn linked(section: &str, page: usize, lie: Lie) -> Vec<u8> {
    let mut regions = BallastRegion::ALL.into_iter();
    let region = regions.find(|region| region.section_name() == section);
    let byte = |index: usize| match region {
        Some(region) if region.is_code() => code_byte(region, index),
        Some(region) if region.is_writable() => filled_byte(region, 0, index),
        Some(region) => constant_byte(region, index) ^ u8::from(lie == Lie::BadConstant),
        None => u8::try_from(index % 251).unwrap(),
    };
    (page * PAGE_SIZE..(page + 1) * PAGE_SIZE).map(byte).collect()
}
