//! Made-up snapshots for the tests of what draws them.

use pagewise_contract::{Policy, Section, SectionKind, State};
use zerocopy::FromZeros;

use crate::snapshot::Snapshot;

const LAYOUT: [(&str, SectionKind, u32); 12] = [
    ("HEADER", SectionKind::Headers, 1),
    (".text", SectionKind::Resident, 5),
    (".rdata", SectionKind::Resident, 2),
    (".data", SectionKind::Resident, 1),
    ("COLDCODE", SectionKind::Resident, 4),
    ("COLDCNST", SectionKind::Resident, 4),
    ("COLDDATA", SectionKind::Resident, 4),
    ("PAGE", SectionKind::Pageable, 30),
    ("PAGECODE", SectionKind::Pageable, 4),
    ("PAGECNST", SectionKind::Pageable, 4),
    ("PAGEDATA", SectionKind::Pageable, 4),
    ("INIT", SectionKind::Discardable, 1),
];

fn snapshot(policy: Policy, is_resident: fn(SectionKind, u32) -> bool) -> Snapshot {
    let mut sections = Vec::new();
    let mut resident = Vec::new();
    for (name, kind, pages) in LAYOUT {
        let mut section = Section::new_zeroed();
        section.name[..name.len()].copy_from_slice(name.as_bytes());
        section.kind = kind as u32;
        section.first_page = u32::try_from(resident.len()).unwrap();
        section.pages = pages;
        sections.push(section);
        resident.extend((0..pages).map(|page| Some(is_resident(kind, page))));
    }
    let mut state = State::new_zeroed();
    state.policy = policy as u32;
    state.pages = u32::try_from(resident.len()).unwrap();
    Snapshot { version: [0, 1, 0], state, sections, resident }
}

/// Paged entire and evicted, but for what the driver runs from.
pub(crate) fn paged_entire() -> Snapshot {
    snapshot(Policy::PagedEntire, |kind, page| kind != SectionKind::Discardable && page % 4 == 1)
}

/// As linked, with `PAGEDATA` locked twice.
pub(crate) fn locked() -> Snapshot {
    let mut snapshot = snapshot(Policy::AsLinked, |kind, page| match kind {
        SectionKind::Headers | SectionKind::Resident => true,
        SectionKind::Pageable => page < 4,
        SectionKind::Discardable => false,
    });
    snapshot.state.locks = 2;
    snapshot.sections[10].locks = 2;
    snapshot
}
