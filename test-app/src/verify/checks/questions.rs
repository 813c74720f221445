//! What Windows leaves undocumented. These checks judge nothing: they record what was seen, so that
//! the first run on a system answers them. docs/windows-questions.md tells why each is asked.

use pagewise_contract::{PagingAction, Section, SectionKind, TouchKind};

use crate::driver::Driver;
use crate::error::Error;
use crate::pages::Pages;
use crate::snapshot::Snapshot;
use crate::verify::check::{Check, Stop, Verdict};
use crate::verify::context::{Context, sections};

pub const CHECKS: &[Check] = &[
    Check {
        id: "question.system",
        title: "which settings of the system bear on paging?",
        run: system,
    },
    Check {
        id: "question.paging",
        title: "does MmPageEntireDriver take pages out, or only allow it?",
        run: paging,
    },
    Check {
        id: "question.reset",
        title: "is what is resident by link there as soon as MmResetDriverPaging returns?",
        run: reset,
    },
    Check {
        id: "question.trim",
        title: "what takes pages out, and what do driver and system see of it?",
        run: trim,
    },
];

fn system(context: &Context) -> Verdict {
    let facts = context.machine().facts();
    if facts.is_empty() {
        let name = context.machine().name();
        return Err(Stop::Skipped(format!("{name} has no such settings")));
    }
    observed(facts.iter().map(|(name, value)| format!("{name}: {value}")).collect())
}

fn paging(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    touch_all(&mut driver)?;
    let before = seen(&mut driver)?;
    driver.set_paging(PagingAction::PageEntire)?;
    let after = seen(&mut driver)?;
    observed(vec![format!("the driver sees {before} before, {after} after")])
}

fn reset(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    driver.set_paging(PagingAction::PageEntire)?;
    // What does not leave tells nothing of how it comes back.
    for number in 0.. {
        match context.machine().try_means(number) {
            None => break,
            Some(Ok(_) | Err(Error::Skipped(_))) => {}
            Some(Err(error)) => context.note(error.to_string()),
        }
    }
    let before = Snapshot::take(&mut driver)?;
    driver.set_paging(PagingAction::Reset)?;
    let after = Snapshot::take(&mut driver)?;
    let there = |snapshot: &Snapshot| {
        let resident = |section: &&Section| section.kind() == Some(SectionKind::Resident);
        let all = snapshot.sections.iter().filter(resident).flat_map(|it| snapshot.seen(it));
        let (total, seen) = all.fold((0, 0), |(total, seen), page| {
            (total + 1, seen + usize::from(page == Some(true)))
        });
        format!("{seen} of {total}")
    };
    observed(vec![format!(
        "of the pages that are resident by link, the driver sees {} before, {} after",
        there(&before),
        there(&after)
    )])
}

fn trim(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    driver.set_paging(PagingAction::PageEntire)?;
    let mut lines = Vec::new();
    for number in 0.. {
        touch_all(&mut driver)?;
        let (before, counted) = (seen(&mut driver)?, count(context)?);
        let asked = match context.machine().try_means(number) {
            None => break,
            Some(Ok(asked)) => asked,
            Some(Err(error)) => {
                lines.push(error.to_string());
                continue;
            }
        };
        let counted_after = count(context)?;
        let after = seen(&mut driver)?;
        let documented = if asked.documented { "documented" } else { "not documented" };
        lines.push(format!(
            "{} ({documented}): the driver sees {before} before, {after} after; the system counts \
             {counted} resident before, {counted_after} after",
            asked.call
        ));
    }
    if lines.is_empty() {
        let name = context.machine().name();
        return Err(Stop::Skipped(format!("{name} cannot be asked to take pages out of memory")));
    }
    observed(lines)
}

fn touch_all(driver: &mut Driver) -> Verdict {
    for section in sections(driver)? {
        if section.kind() != Some(SectionKind::Discardable) {
            driver.touch(Pages::of(&section), TouchKind::Read)?;
        }
    }
    Ok(())
}

/// How many pages the driver sees in memory. Looking brings in what looks.
fn seen(driver: &mut Driver) -> Result<String, Stop> {
    let snapshot = Snapshot::take(driver)?;
    Ok(format!("{} of {} pages", snapshot.resident_pages(), snapshot.resident.len()))
}

/// How many pageable driver pages the system counts as resident, of all drivers.
fn count(context: &Context) -> Result<String, Stop> {
    let pages = context.machine().driver_pages()?;
    Ok(pages.map_or_else(|| "none".to_owned(), |pages| pages.resident.to_string()))
}

fn observed(lines: Vec<String>) -> Verdict {
    Err(Stop::Observed(lines.join("\n")))
}
