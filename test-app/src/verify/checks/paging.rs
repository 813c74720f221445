//! Paging the entire image, and resetting it.

use pagewise_contract::{Ioctl, PagingAction, Policy, Returned, Section, SectionKind};
use pagewise_lab_wire::{Control, Counters, PageState, PageTruth};

use crate::driver::Driver;
use crate::machine::{Failure, Lab, Need};
use crate::verify::check::{Check, Stop, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, ensure_intact, grown, sections, truth_of, valid};
use crate::verify::requests::Requests;
use crate::verify::restore::succeed;

pub const CHECKS: &[Check] = &[
    Check {
        id: "paging.at-start",
        title: "a driver that has just started is paged entire",
        run: at_start,
    },
    Check {
        id: "paging.base",
        title: "MmPageEntireDriver returned the base of the image",
        run: base,
    },
    Check { id: "paging.evicts", title: "every page of the image can be evicted", run: evicts },
    Check {
        id: "paging.reset",
        title: "reset makes resident exactly what is resident by link",
        run: reset,
    },
    Check {
        id: "paging.pageable-stays",
        title: "PAGE sections still evict after reset, the others do not",
        run: pageable_stays,
    },
    Check {
        id: "paging.twice",
        title: "paging twice and resetting twice change nothing more",
        run: twice,
    },
    Check {
        id: "paging.counters",
        title: "what the driver counts is what the machine counted",
        run: counters,
    },
    Check {
        id: "paging.force-irql",
        title: "evicted, under force IRQL checking, every request is still served",
        run: force_irql,
    },
    Check {
        id: "paging.cycles",
        title: "page, evict and reset again and again, and nothing is lost",
        run: cycles,
    },
];

fn at_start(context: &Context) -> Verdict {
    let Some(lab) = context.lab_if_any() else {
        let first = context.first_state();
        let first = first.ok_or_else(|| Stop::Failed("STATE was not answered".to_owned()))?;
        ensure_eq!(first.policy(), Some(Policy::PagedEntire), "policy when the run began");
        ensure!(first.page_calls > 0, "it never called MmPageEntireDriver");
        return Ok(());
    };
    // As new as can be.
    succeed(lab, &Control::Unplug { surprise: false })?;
    succeed(lab, &Control::Unload)?;
    succeed(lab, &Control::Load)?;
    succeed(lab, &Control::Plug)?;
    let state = context.driver()?.state()?;
    ensure_eq!(state.policy(), Some(Policy::PagedEntire), "policy");
    ensure!(state.page_calls > 0, "it never called MmPageEntireDriver");
    ensure_eq!(state.locks, 0, "locks");
    let fixed = lab.pages()?.iter().filter(|page| !page.pageable && is_there(page)).count();
    ensure!(fixed == 0, "{fixed} pages of the image are not pageable");
    Ok(())
}

fn base(context: &Context) -> Verdict {
    let state = context.driver()?.state()?;
    if state.returned() == Some(Returned::InsideImage) {
        context.needs(Need::Base)?;
    }
    ensure_eq!(state.returned(), Some(Returned::ImageBase), "returned ({})", state.returned);
    ensure_eq!(state.returned_rva, 0, "RVA of what was returned");
    if let Some(lab) = context.lab_if_any() {
        let overridden = lab.image()?.map(|image| image.overridden);
        ensure_eq!(overridden, Some(true), "the machine has overridden the image's sections");
    }
    Ok(())
}

fn evicts(context: &Context) -> Verdict {
    let lab = context.lab(Need::Evict)?;
    lab.evict()?;
    let truth = lab.pages()?;
    for (number, page) in truth.iter().enumerate().filter(|(_, page)| is_there(page)) {
        ensure!(page.pageable, "page {number} is not pageable");
        ensure!(page.state == PageState::OnDisk, "page {number} is {:?}", page.state);
        ensure!(!page.in_memory, "page {number} is out, and the host has memory for it");
    }
    let discardable = |section: &&Section| section.kind() == Some(SectionKind::Discardable);
    let sections = sections(&mut context.driver()?)?;
    let freed = truth.iter().filter(|page| page.state == PageState::Freed).count();
    let may_be_freed: u32 = sections.iter().filter(discardable).map(|section| section.pages).sum();
    ensure!(freed <= may_be_freed as usize, "{freed} pages freed, {may_be_freed} discardable");
    Ok(())
}

fn reset(context: &Context) -> Verdict {
    let lab = context.lab(Need::Truth)?;
    let mut driver = context.driver()?;
    let sections = sections(&mut driver)?;
    lab.evict()?;
    let state = driver.set_paging(PagingAction::Reset)?;
    ensure_eq!(state.policy(), Some(Policy::AsLinked), "policy");
    as_linked(&sections, &lab.pages()?)?;
    // The driver may run from its own PAGE sections, but nothing refers to these.
    let truth = lab.pages()?;
    for section in sections.iter().filter(|section| is_pageable_ballast(section)) {
        let back = valid(truth_of(&truth, section)).into_iter().filter(|valid| *valid).count();
        ensure!(back == 0, "{back} pages of {} came back with the reset", section.name());
    }
    Ok(())
}

fn pageable_stays(context: &Context) -> Verdict {
    let lab = context.lab(Need::Evict)?;
    let mut driver = context.driver_as_linked()?;
    let sections = sections(&mut driver)?;
    lab.evict()?;
    let truth = lab.pages()?;
    as_linked(&sections, &truth)?;
    for section in sections.iter().filter(|section| is_pageable(section)) {
        let pages = truth_of(&truth, section);
        let out = pages.iter().all(|page| page.state == PageState::OnDisk && !page.in_memory);
        ensure!(out, "{} did not go out after the reset", section.name());
    }
    Ok(())
}

fn twice(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    for (action, policy) in [
        (PagingAction::PageEntire, Policy::PagedEntire),
        (PagingAction::Reset, Policy::AsLinked),
        (PagingAction::PageEntire, Policy::PagedEntire),
    ] {
        driver.set_paging(action)?;
        let before = seen(context, &mut driver)?;
        let state = driver.set_paging(action)?;
        ensure_eq!(state.policy(), Some(policy), "policy after a second {action:?}");
        ensure_eq!(seen(context, &mut driver)?, before, "what a second {action:?} changed");
    }
    // One reset undoes any number of them.
    driver.set_paging(PagingAction::PageEntire)?;
    let state = driver.set_paging(PagingAction::Reset)?;
    ensure_eq!(state.policy(), Some(Policy::AsLinked), "policy after one reset");
    if let Some(lab) = context.lab_if_any() {
        as_linked(&sections(&mut driver)?, &lab.pages()?)?;
    }
    Ok(())
}

/// What must stay as it is.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    sections: Vec<Section>,
    /// In the lab: which pages may be taken, and how many the machine counts.
    pageable: Option<(Vec<bool>, u64)>,
}

fn seen(context: &Context, driver: &mut Driver) -> Result<Seen, Stop> {
    let sections = sections(driver)?;
    let Some(lab) = context.lab_or_without(Need::Truth) else {
        return Ok(Seen { sections, pageable: None });
    };
    let pageable = lab.pages()?.iter().map(|page| page.pageable).collect();
    Ok(Seen { sections, pageable: Some((pageable, lab.counters()?.driver_pages_total)) })
}

fn counters(context: &Context) -> Verdict {
    let lab = context.lab(Need::Counters)?;
    let mut driver = context.driver()?;
    let mut before = count(lab, &mut driver)?;
    for action in [PagingAction::Reset, PagingAction::PageEntire, PagingAction::Reset] {
        driver.set_paging(action)?;
        let after = count(lab, &mut driver)?;
        let machine = |of: fn(&Counters) -> u64| grown(of(&before.machine), of(&after.machine));
        let driver_calls = [0, 1].map(|index| grown(before.calls[index], after.calls[index]));
        ensure_eq!(
            driver_calls,
            [machine(|all| all.page_entire_calls), machine(|all| all.reset_calls)],
            "calls counted by the driver over a {action:?}"
        );
        let moved = machine(|all| all.driver_pages_total);
        let pageable = grown(before.pageable, after.pageable);
        ensure_eq!(moved, pageable, "pages that became pageable by a {action:?}, as counted");
        ensure!(moved != 0, "{action:?} changed no page's pageability");
        before = after;
    }
    Ok(())
}

struct Count {
    machine: Counters,
    calls: [u64; 2],
    pageable: u64,
}

fn count(lab: &dyn Lab, driver: &mut Driver) -> Result<Count, Stop> {
    let state = driver.state()?;
    let pageable = lab.pages()?.iter().filter(|page| page.pageable).count();
    Ok(Count {
        machine: lab.counters()?,
        calls: [state.page_calls, state.reset_calls],
        pageable: pageable as u64,
    })
}

fn force_irql(context: &Context) -> Verdict {
    let lab = context.lab(Need::ForceIrql)?;
    let mut driver = context.driver()?;
    let requests = Requests::of(&sections(&mut driver)?)?;
    let raises = lab.counters()?.irql_raises;
    lab.force_irql(true)?;
    // The valid request for paging is a reset: the second round begins as linked, and locks.
    for ioctl in Ioctl::ALL.into_iter().chain(Ioctl::ALL) {
        let (input, room) = requests.valid(ioctl);
        lab.evict()?;
        match driver.handle().ioctl(ioctl.code(), &input, room) {
            // In the first round no section can be locked.
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(other) => return Err(Stop::from(other).during(ioctl.name())),
        }
    }
    ensure!(lab.counters()?.irql_raises > raises, "nobody raised the IRQL: nothing was checked");
    Ok(())
}

fn cycles(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let regions = pagewise_contract::BallastRegion::ALL;
    for round in 0..8u64 {
        for region in regions.into_iter().filter(|region| region.is_writable()) {
            driver.fill(region, round)?;
        }
        for action in [PagingAction::PageEntire, PagingAction::Reset] {
            driver.set_paging(action)?;
            if let Some(lab) = context.lab_or_without(Need::Evict) {
                lab.evict()?;
            }
        }
        for region in regions {
            ensure_intact(&mut driver, region, round, &format!("in round {round}"))?;
        }
    }
    Ok(())
}

/// Fails unless every section may be taken, or has to stay, as its link says.
fn as_linked(sections: &[Section], truth: &[PageTruth]) -> Verdict {
    for section in sections.iter().filter(|s| s.kind() != Some(SectionKind::Discardable)) {
        let (name, pages) = (section.name(), truth_of(truth, section));
        ensure_eq!(pages.len(), section.pages as usize, "pages of {name} in the lab's answer");
        if is_pageable(section) {
            ensure!(pages.iter().all(|page| page.pageable), "{name} is not pageable");
            continue;
        }
        ensure!(pages.iter().all(|page| !page.pageable), "{name} is still pageable");
        let out = pages.iter().filter(|page| page.state != PageState::Valid).count();
        ensure!(out == 0, "{out} pages of {name} are out");
        ensure!(pages.iter().all(|page| page.in_memory), "{name} has no memory");
    }
    Ok(())
}

fn is_pageable(section: &Section) -> bool {
    section.kind() == Some(SectionKind::Pageable)
}

fn is_pageable_ballast(section: &Section) -> bool {
    let mut regions = pagewise_contract::BallastRegion::ALL.into_iter();
    is_pageable(section) && regions.any(|region| region.section_name() == section.name())
}

fn is_there(page: &PageTruth) -> bool {
    page.state != PageState::Freed
}
