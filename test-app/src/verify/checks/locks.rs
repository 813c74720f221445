//! Section locks: counts that hold pages.

use pagewise_contract::{
    BallastRegion, Ioctl, MAX_LOCKS, PagingAction, Policy, Section, SectionKind,
};
use pagewise_lab_wire::PageState;

use crate::driver::Driver;
use crate::machine::{Lab, Need};
use crate::status::NtStatus;
use crate::verify::check::{Check, Stop, Verdict, ensure, ensure_eq, refused};
use crate::verify::context::{Context, first_of_kind, section_of, sections, truth_of};

pub const CHECKS: &[Check] = &[
    Check { id: "locks.hold", title: "a lock brings its section in and holds it", run: hold },
    Check { id: "locks.count", title: "a section is free after its last unlock only", run: count },
    Check { id: "locks.over-unlock", title: "an unlock too many is refused", run: over_unlock },
    Check {
        id: "locks.state",
        title: "locks and paging the entire image exclude each other",
        run: state,
    },
    Check {
        id: "locks.kinds",
        title: "only sections that are pageable by link can be locked",
        run: kinds,
    },
    Check { id: "locks.limit", title: "a section holds so many locks and no more", run: limit },
];

const REGIONS: [BallastRegion; 3] =
    [BallastRegion::PageableCode, BallastRegion::PageableConst, BallastRegion::PageableData];

fn hold(context: &Context) -> Verdict {
    let lab = context.lab(Need::Evict)?;
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    for region in REGIONS {
        let (index, section) = section_of(&all, region)?;
        lab.evict()?;
        driver.lock(index)?;
        ensure_held(lab, &section, true, "right after its lock")?;
        lab.evict()?;
        ensure_held(lab, &section, true, "after an eviction")?;
        for other in REGIONS.into_iter().filter(|other| *other != region) {
            let (_, other) = section_of(&all, other)?;
            ensure_held(lab, &other, false, "which holds no lock")?;
        }
        driver.unlock(index)?;
        lab.evict()?;
        ensure_held(lab, &section, false, "after its unlock")?;
    }
    Ok(())
}

fn count(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    let (index, section) = section_of(&all, BallastRegion::PageableData)?;
    for (step, wanted) in [("lock", 1), ("lock", 2), ("lock", 3), ("unlock", 2), ("unlock", 1)] {
        let locks = if step == "lock" { driver.lock(index)? } else { driver.unlock(index)? };
        ensure_eq!(locks, wanted, "locks in the answer to {step}");
        ensure_counted(&mut driver, index, wanted)?;
        if let Some(lab) = context.lab_or_without(Need::Evict) {
            lab.evict()?;
            ensure_held(lab, &section, true, "with a lock left")?;
        }
    }
    ensure_eq!(driver.unlock(index)?, 0, "locks after the last unlock");
    ensure_counted(&mut driver, index, 0)?;
    if let Some(lab) = context.lab_or_without(Need::Evict) {
        lab.evict()?;
        ensure_held(lab, &section, false, "after the last unlock")?;
    }
    Ok(())
}

fn over_unlock(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    let (index, _) = section_of(&all, BallastRegion::PageableCode)?;
    let unlock = |driver: &mut Driver, what: &str| {
        let input = index.to_le_bytes();
        let handle = driver.handle();
        refused(handle, Ioctl::Unlock.code(), &input, 8, NtStatus::NOT_LOCKED, what)
    };
    unlock(&mut driver, "unlock of a section that was never locked")?;
    driver.lock(index)?;
    driver.unlock(index)?;
    unlock(&mut driver, "second unlock after one lock")?;
    ensure_counted(&mut driver, index, 0)?;
    // A lock of another section is no licence.
    let (other, _) = section_of(&all, BallastRegion::PageableConst)?;
    driver.lock(other)?;
    unlock(&mut driver, "unlock of a section while another is locked")?;
    ensure_counted(&mut driver, other, 1)
}

fn state(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let all = sections(&mut driver)?;
    let (index, _) = section_of(&all, BallastRegion::PageableConst)?;
    let input = index.to_le_bytes();
    let wrong = NtStatus::INVALID_DEVICE_STATE;
    for ioctl in [Ioctl::Lock, Ioctl::Unlock] {
        let what = format!("{} while paged entire", ioctl.name());
        refused(driver.handle(), ioctl.code(), &input, 8, wrong, &what)?;
    }
    driver.set_paging(PagingAction::Reset)?;
    driver.lock(index)?;
    let page = (PagingAction::PageEntire as u32).to_le_bytes();
    let what = "paging the entire image while a section is locked";
    refused(driver.handle(), Ioctl::SetPaging.code(), &page, 40, wrong, what)?;
    let state = driver.state()?;
    ensure_eq!(state.policy(), Some(Policy::AsLinked), "policy after the refusal");
    ensure_counted(&mut driver, index, 1)?;
    driver.set_paging(PagingAction::Reset)?;
    ensure_counted(&mut driver, index, 1)?;
    driver.unlock(index)?;
    driver.set_paging(PagingAction::PageEntire)?;
    Ok(())
}

fn kinds(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    let not = [SectionKind::Headers, SectionKind::Resident, SectionKind::Discardable];
    for (index, section) in not.into_iter().filter_map(|kind| first_of_kind(&all, kind)) {
        let (input, what) = (index.to_le_bytes(), format!("lock of {}", section.name()));
        let wanted = NtStatus::NOT_SUPPORTED;
        refused(driver.handle(), Ioctl::Lock.code(), &input, 8, wanted, &what)?;
        ensure_counted(&mut driver, index, 0)?;
    }
    let pageable = |section: &Section| section.kind() == Some(SectionKind::Pageable);
    for (index, section) in (0..).zip(&all).filter(|(_, section)| pageable(section)) {
        ensure_eq!(driver.lock(index)?, 1, "locks of {}", section.name());
        ensure_eq!(driver.unlock(index)?, 0, "locks of {}", section.name());
    }
    Ok(())
}

fn limit(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let (index, _) = section_of(&sections(&mut driver)?, BallastRegion::PageableConst)?;
    for lock in 1..=MAX_LOCKS {
        ensure_eq!(driver.lock(index)?, lock, "locks in the answer");
    }
    let (input, what) = (index.to_le_bytes(), format!("lock {}", MAX_LOCKS + 1));
    let wanted = NtStatus::QUOTA_EXCEEDED;
    refused(driver.handle(), Ioctl::Lock.code(), &input, 8, wanted, &what)?;
    ensure_counted(&mut driver, index, MAX_LOCKS)?;
    for lock in (0..MAX_LOCKS).rev() {
        ensure_eq!(driver.unlock(index)?, lock, "locks in the answer");
    }
    ensure_counted(&mut driver, index, 0)
}

/// Fails unless SECTIONS and STATE both tell so many locks, and no other section holds one.
fn ensure_counted(driver: &mut Driver, index: u32, wanted: u32) -> Verdict {
    let all = sections(driver)?;
    let section =
        all.get(index as usize).ok_or_else(|| Stop::Failed(format!("section {index} is gone")))?;
    ensure_eq!(section.locks, wanted, "locks of {} in SECTIONS", section.name());
    ensure_eq!(driver.state()?.locks, wanted, "locks in STATE");
    Ok(())
}

/// Fails unless all of the section is in and has to stay, or is out and may go.
fn ensure_held(lab: &dyn Lab, section: &Section, held: bool, when: &str) -> Verdict {
    let (truth, name) = (lab.pages()?, section.name());
    let pages = truth_of(&truth, section);
    ensure_eq!(pages.len(), section.pages as usize, "pages of {name} in the lab's answer");
    for page in pages {
        let valid = page.state == PageState::Valid;
        ensure!(valid == held, "a page of {name}, {when}, is {:?}", page.state);
        ensure!(page.pageable != held, "{name}, {when}: pageable is {}", page.pageable);
        ensure!(page.in_memory == held, "{name}, {when}: in memory is {}", page.in_memory);
    }
    Ok(())
}
