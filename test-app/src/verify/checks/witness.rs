//! The system's own witness: how many driver pages it counts as pageable, and how many of them as
//! resident. The counts are of all drivers: others move them, too, so that a check takes the middle
//! of several rounds, and asks for at least what this image accounts for.
//!
//! What Windows counts in them, it does not document; there these checks pass or tell what was seen.

use pagewise_contract::{BallastRegion, PagingAction, Section, SectionKind, TouchKind};

use crate::driver::Driver;
use crate::machine::{DriverPages, Kind, Need};
use crate::pages::Pages;
use crate::verify::check::{Check, Stop, Verdict};
use crate::verify::context::{Context, grown, section_of, sections};

pub const CHECKS: &[Check] = &[
    Check {
        id: "witness.total",
        title: "the system counts the image as pageable once it is paged, and not after a reset",
        run: total,
    },
    Check {
        id: "witness.resident",
        title: "the system counts its touched pages as resident while they are pageable",
        run: resident,
    },
];

const ROUNDS: usize = 5;

fn total(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let fixed = |section: &&Section| section.kind() == Some(SectionKind::Resident);
    let least: u32 = sections(&mut driver)?.iter().filter(fixed).map(|section| section.pages).sum();
    compare(context, &mut driver, &[], least, |pages| pages.total)
}

fn resident(context: &Context) -> Verdict {
    context.needs_peace()?;
    let mut driver = context.driver()?;
    let all = sections(&mut driver)?;
    // Resident by link, and nobody but this check refers to them.
    let cold =
        [BallastRegion::ResidentCode, BallastRegion::ResidentConst, BallastRegion::ResidentData];
    let mut touched = Vec::new();
    for region in cold {
        touched.push(Pages::of(&section_of(&all, region)?.1));
    }
    let least = touched.iter().map(|pages| pages.count).sum();
    compare(context, &mut driver, &touched, least, |pages| pages.resident)
}

/// Resets and pages again and again, `touched` being touched before each look at what is paged.
fn compare(
    context: &Context,
    driver: &mut Driver,
    touched: &[Pages],
    least: u32,
    count: fn(&DriverPages) -> u64,
) -> Verdict {
    context.needs(Need::DriverPages)?;
    let (mut falls, mut rises) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        driver.set_paging(PagingAction::PageEntire)?;
        touch(driver, touched)?;
        let paged = count(&look(context)?);
        driver.set_paging(PagingAction::Reset)?;
        let as_linked = count(&look(context)?);
        driver.set_paging(PagingAction::PageEntire)?;
        touch(driver, touched)?;
        let paged_again = count(&look(context)?);
        falls.push(grown(as_linked, paged));
        rises.push(grown(as_linked, paged_again));
    }
    context.note(format!("falls by {falls:?} with a reset, rises by {rises:?} with paging"));
    for (what, changes) in [("fell with a reset", falls), ("rose with paging", rises)] {
        let middle = middle(&changes);
        if middle < i128::from(least) {
            return Err(contradiction(
                context.machine().kind(),
                format!(
                    "the count {what} by {middle}, the middle of {changes:?}; this image alone has \
                     {least} such pages"
                ),
            ));
        }
    }
    Ok(())
}

/// What a count that does not follow means. Windows does not document what it counts, so that
/// nothing is decided there, and what was seen is kept.
fn contradiction(kind: Kind, seen: String) -> Stop {
    match kind {
        Kind::Windows => Stop::Skipped(format!("{seen}; Windows does not say what it counts")),
        Kind::Lab | Kind::Wine => Stop::Failed(seen),
    }
}

fn touch(driver: &mut Driver, all: &[Pages]) -> Verdict {
    for pages in all {
        driver.touch(*pages, TouchKind::Read)?;
    }
    Ok(())
}

fn look(context: &Context) -> Result<DriverPages, Stop> {
    context.machine().driver_pages()?.ok_or_else(|| {
        let name = context.machine().name();
        Stop::Skipped(format!("{name} counts no driver pages: it answers zero"))
    })
}

fn middle(changes: &[i128]) -> i128 {
    let mut sorted = changes.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_driver_that_comes_or_goes_meanwhile_does_not_decide() {
        assert_eq!(middle(&[20, 20, -4000, 20, 21]), 20);
        assert_eq!(middle(&[0, 0, 9000, 0, 20]), 0);
    }

    #[test]
    fn a_count_that_does_not_follow_decides_only_where_its_meaning_is_known() {
        let seen = || "seen".to_owned();
        assert_eq!(contradiction(Kind::Lab, seen()), Stop::Failed(seen()));
        assert!(matches!(contradiction(Kind::Windows, seen()), Stop::Skipped(_)));
    }
}
