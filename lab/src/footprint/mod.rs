//! What a driver needs in memory, and at which IRQL: what was seen of its image
//! ([`mm::observe`](crate::mm::observe)), by section, function and page, and what of it could be
//! pageable.

mod functions;
mod sections;
mod text;

pub use functions::{Function, functions};
pub use sections::{Kind, Section, sections};
pub use text::table;

use pagewise_contract::PAGE_SIZE;
use serde::Serialize;

use crate::ke::irql::APC_LEVEL;
use crate::mm::observe::Seen;

/// What a run says of a function, or of a section's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In a resident section, touched, and never above `APC_LEVEL`: it could be pageable, unless
    /// some other run touches it higher up.
    Movable,
    /// In a resident section, and touched above `APC_LEVEL`: it has to stay.
    Resident,
    /// In a resident section, and not touched: the run says nothing of it.
    Untouched,
    /// In a pageable section, and never touched above `APC_LEVEL`.
    Pageable,
    /// In a pageable section, and touched above `APC_LEVEL`: it must not be there.
    Misplaced,
    /// In a section that goes once `DriverEntry` has succeeded.
    Discarded,
}

impl Verdict {
    fn of(kind: Kind, touched: u16) -> Self {
        let high = touched >> (APC_LEVEL + 1) != 0;
        match kind {
            Kind::Discardable => Self::Discarded,
            Kind::Pageable if high => Self::Misplaced,
            Kind::Pageable => Self::Pageable,
            Kind::Resident if high => Self::Resident,
            Kind::Resident if touched != 0 => Self::Movable,
            Kind::Resident => Self::Untouched,
        }
    }
}

/// A function, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionSeen {
    /// Its name; of one that no PDB names, its RVA.
    pub name: String,
    /// Its section.
    pub section: String,
    /// RVA of its first byte.
    pub rva: u32,
    /// How many it has.
    pub bytes: u32,
    /// The IRQLs at which it was executed or referenced, lowest first.
    pub irqls: Vec<u8>,
    /// What that says.
    pub verdict: Verdict,
}

/// A page, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageSeen {
    /// Its section; `HEADER` for the headers.
    pub section: String,
    /// RVA of its first byte.
    pub rva: u32,
    /// The IRQLs at which something of it was executed.
    pub executed: Vec<u8>,
    /// The IRQLs at which something of it was read or written.
    pub referenced: Vec<u8>,
}

/// What a section could do without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SectionSeen {
    /// Its name.
    pub name: String,
    /// What the linker made of it.
    pub kind: Kind,
    /// Bytes.
    pub bytes: u32,
    /// Pages that this takes.
    pub pages: u32,
    /// Bytes of functions that could be pageable.
    pub movable_bytes: u32,
    /// Pages that the rest would take, packed.
    pub pages_without: u32,
}

/// What a run has shown of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Footprint {
    /// File name of the image.
    pub image: String,
    /// Whether the functions are the PDB's; else they are those of the exception directory, without
    /// names.
    pub named: bool,
    /// By RVA.
    pub sections: Vec<SectionSeen>,
    /// By RVA.
    pub functions: Vec<FunctionSeen>,
    /// The pages that were touched, by RVA.
    pub pages: Vec<PageSeen>,
    /// Functions that could be pageable.
    pub movable_functions: usize,
    /// Bytes of theirs.
    pub movable_bytes: u32,
    /// Bytes of whole pages that need not be resident if these functions move.
    pub resident_bytes_saved: u32,
}

/// Makes it of what was seen of an image.
#[must_use]
pub fn footprint(
    image: &str,
    sections: &[Section],
    functions: &[Function],
    named: bool,
    seen: &[Seen],
) -> Footprint {
    let functions: Vec<FunctionSeen> =
        functions.iter().filter_map(|function| function_seen(function, sections, seen)).collect();
    let sections_seen: Vec<SectionSeen> =
        sections.iter().map(|section| section_seen(section, &functions)).collect();
    let movable = || functions.iter().filter(|it| it.verdict == Verdict::Movable);
    let pages_saved: u32 = sections_seen.iter().map(|it| it.pages - it.pages_without).sum();
    Footprint {
        image: image.to_owned(),
        named,
        movable_functions: movable().count(),
        movable_bytes: movable().map(|function| function.bytes).sum(),
        resident_bytes_saved: pages_saved * PAGE_SIZE as u32,
        pages: pages(sections, seen),
        sections: sections_seen,
        functions,
    }
}

fn over(range: std::ops::Range<u32>, seen: &[Seen]) -> Seen {
    let end = (range.end as usize).min(seen.len());
    let bytes = seen.get(range.start as usize..end).unwrap_or_default();
    bytes.iter().fold(Seen::default(), |all, byte| all.and(*byte))
}

fn irqls(mask: u16) -> Vec<u8> {
    (0..16).filter(|irql| mask >> irql & 1 != 0).collect()
}

fn function_seen(function: &Function, sections: &[Section], seen: &[Seen]) -> Option<FunctionSeen> {
    let section = sections.iter().find(|section| section.range().contains(&function.rva))?;
    let touched = over(function.rva..function.rva.saturating_add(function.bytes), seen).touched();
    Some(FunctionSeen {
        name: function.name.clone(),
        section: section.name.clone(),
        rva: function.rva,
        bytes: function.bytes,
        irqls: irqls(touched),
        verdict: Verdict::of(section.kind, touched),
    })
}

fn section_seen(section: &Section, functions: &[FunctionSeen]) -> SectionSeen {
    let movable = functions
        .iter()
        .filter(|it| it.verdict == Verdict::Movable && section.range().contains(&it.rva));
    let movable_bytes: u32 = movable.map(|function| function.bytes).sum();
    let pages = |bytes: u32| bytes.div_ceil(PAGE_SIZE as u32);
    SectionSeen {
        name: section.name.clone(),
        kind: section.kind,
        bytes: section.bytes,
        pages: pages(section.bytes),
        movable_bytes,
        pages_without: pages(section.bytes.saturating_sub(movable_bytes)),
    }
}

fn pages(sections: &[Section], seen: &[Seen]) -> Vec<PageSeen> {
    let page = |(number, bytes): (usize, &[Seen])| {
        let all = bytes.iter().fold(Seen::default(), |all, byte| all.and(*byte));
        let rva = (number * PAGE_SIZE) as u32;
        let section = sections.iter().find(|it| it.range().contains(&rva));
        (all != Seen::default()).then(|| PageSeen {
            section: section.map_or("HEADER", |section| &section.name).to_owned(),
            rva,
            executed: irqls(all.executed),
            referenced: irqls(all.referenced),
        })
    };
    seen.chunks(PAGE_SIZE).enumerate().filter_map(page).collect()
}

#[cfg(test)]
mod tests;
