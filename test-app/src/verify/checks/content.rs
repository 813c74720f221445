//! What is in the pages: it has to survive every way out and back.

use pagewise_contract::{
    BALLAST_REGION_BYTES, BallastRegion, PAGE_SIZE, Section, SectionKind, TouchKind, code_byte,
    constant_byte, filled_byte,
};

use crate::driver::Driver;
use crate::machine::{Lab, Need};
use crate::pages::Pages;
use crate::verify::check::{Check, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, ensure_intact, grown, section_of, sections};

pub const CHECKS: &[Check] = &[
    Check { id: "content.linked", title: "the ballast reads as it was linked", run: linked },
    Check {
        id: "content.evicted",
        title: "code, constants and modified data come back intact",
        run: evicted,
    },
    Check {
        id: "content.true-bytes",
        title: "in memory and in the paging file, every byte of the ballast is right",
        run: true_bytes,
    },
    Check {
        id: "content.image",
        title: "every page of the image comes back byte for byte",
        run: image,
    },
    Check { id: "content.code-runs", title: "evicted code runs once it is called", run: code_runs },
    Check {
        id: "content.written-back",
        title: "a page that was written to keeps its content",
        run: written_back,
    },
    Check {
        id: "content.faults",
        title: "a trimmed page costs a soft fault, an evicted one a hard fault",
        run: faults,
    },
];

fn linked(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    for region in BallastRegion::ALL {
        ensure_intact(&mut driver, region, 0, "as linked")?;
    }
    Ok(())
}

fn evicted(context: &Context) -> Verdict {
    let lab = context.lab(Need::Evict)?;
    let mut driver = context.driver()?;
    let seed = context.seed();
    fill(&mut driver, seed)?;
    for order in ["trim", "trim and purge", "evict"] {
        match order {
            "trim" => lab.trim()?,
            "evict" => lab.evict()?,
            _ => lab.trim()? + lab.purge()?,
        };
        for region in BallastRegion::ALL {
            ensure_intact(&mut driver, region, seed, &format!("after {order}"))?;
        }
    }
    Ok(())
}

fn true_bytes(context: &Context) -> Verdict {
    let lab = context.lab(Need::Truth)?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    let seed = context.seed();
    fill(&mut driver, seed)?;
    for place in ["memory", "the paging file"] {
        if place == "the paging file" {
            lab.evict()?;
        }
        for region in BallastRegion::ALL {
            let (_, section) = section_of(&sections, region)?;
            let bytes = lab.contents(section.first_page, section.pages)?;
            let name = section.name();
            ensure_eq!(bytes.len(), BALLAST_REGION_BYTES, "bytes of {name}");
            let mut all = bytes.iter().enumerate();
            let wrong = all.find(|(index, byte)| **byte != wanted(region, seed, *index));
            ensure!(wrong.is_none(), "{name} in {place}: index and byte {wrong:?} are wrong");
        }
    }
    Ok(())
}

fn image(context: &Context) -> Verdict {
    let lab = context.lab(Need::Truth)?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    let kept: Vec<_> = sections.into_iter().filter(is_constant).collect();
    let before = contents(lab, &kept)?;
    lab.evict()?;
    let paged_out = contents(lab, &kept)?;
    same(&kept, &before, &paged_out, "went out")?;
    for section in &kept {
        let touched = driver.touch(Pages::of(section), TouchKind::Read)?;
        ensure_eq!(touched.pages, section.pages, "pages touched of {}", section.name());
    }
    same(&kept, &before, &contents(lab, &kept)?, "came back")
}

fn contents(lab: &dyn Lab, sections: &[Section]) -> Result<Vec<Vec<u8>>, crate::error::Error> {
    sections.iter().map(|section| lab.contents(section.first_page, section.pages)).collect()
}

fn same(sections: &[Section], before: &[Vec<u8>], after: &[Vec<u8>], what: &str) -> Verdict {
    for (section, (before, after)) in sections.iter().zip(before.iter().zip(after)) {
        let name = section.name();
        ensure_eq!(before.len(), section.pages as usize * PAGE_SIZE, "bytes of {name}");
        let same = before == after;
        ensure!(same, "{name} {what} with other bytes than it had");
    }
    Ok(())
}

fn code_runs(context: &Context) -> Verdict {
    context.needs_peace()?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    for region in BallastRegion::ALL.into_iter().filter(|region| region.is_code()) {
        let (_, section) = section_of(&sections, region)?;
        if let Some(lab) = context.lab_or_without(Need::Evict) {
            lab.evict()?;
        }
        let reply = driver.touch(Pages::of(&section), TouchKind::Execute)?;
        ensure_eq!(reply.pages, section.pages, "functions called in {}", section.name());
        if context.lab_if_any().is_some() {
            ensure_eq!(reply.were_resident, 0, "pages of {} that were in", section.name());
        }
        let seen = driver.residency(Pages::of(&section))?;
        let here = seen.iter().filter(|seen| **seen).count();
        ensure_eq!(here, seen.len(), "pages of {} in once they have run", section.name());
    }
    Ok(())
}

fn written_back(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    let seed = context.seed().rotate_left(7);
    fill(&mut driver, seed)?;
    for region in BallastRegion::ALL.into_iter().filter(|region| region.is_writable()) {
        let (_, section) = section_of(&sections, region)?;
        for _ in 0..2 {
            if let Some(lab) = context.lab_or_without(Need::Evict) {
                lab.evict()?;
            }
            let reply = driver.touch(Pages::of(&section), TouchKind::Write)?;
            ensure_eq!(reply.pages, section.pages, "pages written of {}", section.name());
            ensure_intact(&mut driver, region, seed, "once its pages were written to")?;
        }
    }
    Ok(())
}

fn faults(context: &Context) -> Verdict {
    let lab = context.lab(Need::Counters)?;
    context.needs_peace()?;
    let mut driver = context.driver()?;
    let (_, section) = section_of(&sections(&mut driver)?, BallastRegion::PageableConst)?;
    let pages = Pages::of(&section);
    driver.touch(pages, TouchKind::Read)?;
    for order in ["trim", "evict"] {
        let moved = if order == "trim" { lab.trim()? } else { lab.evict()? };
        ensure!(moved >= u64::from(pages.count), "{order} moved {moved} pages");
        let before = lab.counters()?;
        let cold = driver.touch(pages, TouchKind::Read)?;
        let after = lab.counters()?;
        ensure_eq!(cold.were_resident, 0, "pages that were in after {order}");
        let soft = grown(before.soft_faults, after.soft_faults);
        let hard = grown(before.hard_faults, after.hard_faults);
        let least = i128::from(pages.count);
        let right = if order == "trim" { soft >= least && hard == 0 } else { hard >= least };
        ensure!(right, "{soft} soft and {hard} hard faults for {least} pages after {order}");
        let warm = driver.touch(pages, TouchKind::Read)?;
        ensure_eq!(warm.were_resident, pages.count, "pages that were in at a second touch");
    }
    Ok(())
}

fn fill(driver: &mut Driver, seed: u64) -> Verdict {
    for region in BallastRegion::ALL.into_iter().filter(|region| region.is_writable()) {
        driver.fill(region, seed)?;
    }
    Ok(())
}

fn wanted(region: BallastRegion, seed: u64, index: usize) -> u8 {
    match region {
        region if region.is_code() => code_byte(region, index),
        region if region.is_writable() => filled_byte(region, seed, index),
        region => constant_byte(region, index),
    }
}

/// Whether nothing should ever change its bytes, and they can be read.
fn is_constant(section: &Section) -> bool {
    section.characteristics & Section::WRITE == 0
        && section.kind() != Some(SectionKind::Discardable)
}
