//! Observation: the driver's word against the lab's ground truth.

use pagewise_contract::{BallastRegion, Ioctl, TouchKind, residency as wire};
use zerocopy::IntoBytes;

use crate::machine::Need;
use crate::pages::Pages;
use crate::verify::check::{Check, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, image_pages, section_of, sections, truth_of, valid};

pub const CHECKS: &[Check] = &[
    Check {
        id: "residency.truth",
        title: "what the driver sees is what the machine knows",
        run: truth,
    },
    Check {
        id: "residency.pattern",
        title: "pages that were touched are seen, those between them are not",
        run: pattern,
    },
    Check {
        id: "residency.disturbs-nothing",
        title: "asking brings no page in",
        run: disturbs_nothing,
    },
    Check {
        id: "residency.ranges",
        title: "every range is answered as the whole is, with nothing past its end",
        run: ranges,
    },
];

fn truth(context: &Context) -> Verdict {
    let lab = context.lab(Need::Truth)?;
    context.needs_peace()?;
    let mut driver = context.driver()?;
    let all = Pages::new(0, image_pages(&mut driver)?);
    lab.evict()?;
    // The first answer brings in what the driver runs from; from then on nothing moves.
    driver.residency(all)?;
    let before = lab.pages()?;
    let seen = driver.residency(all)?;
    let after = lab.pages()?;
    ensure_eq!(seen.len(), before.len(), "pages of the image");
    for (page, ((seen, before), after)) in
        seen.iter().zip(valid(&before)).zip(valid(&after)).enumerate()
    {
        ensure!(*seen || !before, "page {page} is valid, and the driver says it is not");
        ensure!(!seen || after, "page {page} is not valid, and the driver says it is");
    }
    let out = seen.iter().filter(|seen| !**seen).count();
    ensure!(out >= 4 * 6, "only {out} pages are out after an eviction");
    for (number, page) in after.iter().enumerate() {
        let valid = page.state == pagewise_lab_wire::PageState::Valid;
        ensure!(!valid || page.in_memory, "page {number} is valid, and the host has no memory");
    }
    Ok(())
}

fn pattern(context: &Context) -> Verdict {
    let lab = context.lab(Need::Evict)?;
    context.needs_peace()?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    let mut random = context.random(2);
    for _ in 0..8 {
        lab.evict()?;
        for region in BallastRegion::ALL {
            let (_, section) = section_of(&sections, region)?;
            let wanted: Vec<bool> = (0..section.pages).map(|_| random.bool()).collect();
            for (page, _) in (section.first_page..).zip(&wanted).filter(|(_, wanted)| **wanted) {
                driver.touch(Pages::new(page, 1), TouchKind::Read)?;
            }
            let seen = driver.residency(Pages::of(&section))?;
            ensure_eq!(seen, wanted, "pages of {} that were seen", section.name());
            let truth = valid(truth_of(&lab.pages()?, &section));
            ensure_eq!(truth, wanted, "pages of {} that are valid", section.name());
        }
    }
    Ok(())
}

fn disturbs_nothing(context: &Context) -> Verdict {
    let lab = context.lab(Need::Truth)?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    let all = Pages::new(0, image_pages(&mut driver)?);
    lab.evict()?;
    driver.residency(all)?;
    driver.state()?;
    driver.sections()?;
    let truth = lab.pages()?;
    for region in BallastRegion::ALL {
        let (_, section) = section_of(&sections, region)?;
        let back = valid(truth_of(&truth, &section)).into_iter().filter(|valid| *valid).count();
        ensure!(back == 0, "{back} pages of {} came in by asking", section.name());
    }
    Ok(())
}

fn ranges(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let pages = image_pages(&mut driver)?;
    if let Some(lab) = context.lab_or_without(Need::Evict) {
        lab.evict()?;
    }
    driver.residency(Pages::new(0, pages))?;
    let whole = driver.residency(Pages::new(0, pages))?;
    let mut random = context.random(3);
    for _ in 0..200 {
        let first = random.u32(0..pages);
        let range = Pages::new(first, random.u32(1..=pages - first));
        let part = driver.residency(range)?;
        // A machine that pages by itself may move pages meanwhile; the lab does not.
        if context.lab_if_any().is_some() {
            ensure_eq!(part, whole[range.numbers()].to_vec(), "{range}");
        }
        let request = wire::Request { first_page: range.first, pages: range.count };
        let reply = driver.handle().ioctl(Ioctl::Residency.code(), request.as_bytes(), 4096)?;
        ensure_eq!(reply.len(), wire::reply_bytes(range.count), "bytes of answer for {range}");
        let used = range.count % 8;
        let last = reply.last().copied().unwrap_or_default();
        ensure!(used == 0 || last >> used == 0, "{range}: bits are set past its end");
    }
    Ok(())
}
