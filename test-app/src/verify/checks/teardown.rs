//! Every way out, from the worst state: all that can be evicted is, and force IRQL checking evicts
//! it again whenever anybody raises the IRQL.

mod replug;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use pagewise_contract::{BallastRegion, BallastRequest, Ioctl, PagingAction, Policy};
use pagewise_lab_wire::Control;
use zerocopy::IntoBytes;

use crate::error::Error;
use crate::machine::{Access, Failure, IMAGE, Lab, Need};
use crate::status::NtStatus;
use crate::verify::busy::while_busy;
use crate::verify::check::{Check, Stop, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, ensure_intact, grown, section_of, sections};
use crate::verify::restore::{end_with, succeed};

pub const CHECKS: &[Check] = &[
    Check {
        id: "teardown.removal",
        title: "the device can be removed while fully evicted",
        run: removal,
    },
    Check {
        id: "teardown.surprise",
        title: "it can be pulled out with a handle open and requests in flight",
        run: surprise,
    },
    Check {
        id: "teardown.rebalance",
        title: "it can be stopped and started again under an open handle",
        run: rebalance,
    },
    Check {
        id: "teardown.locks",
        title: "locks that are held are given back with the device",
        run: locks,
    },
    Check {
        id: "teardown.failed-start",
        title: "a device that never started can be removed",
        run: failed_start,
    },
    Check {
        id: "teardown.unload",
        title: "the driver can be unloaded and loaded again",
        run: unload,
    },
    Check { id: "teardown.pool", title: "no pool is left behind after unload", run: pool },
    Check {
        id: "teardown.reinstall",
        title: "removed with locks held and installed again, it works as new",
        run: replug::reinstall,
    },
    Check {
        id: "teardown.open-handle",
        title: "a removal under an open handle is refused or done, never half",
        run: replug::open_handle,
    },
    Check {
        id: "teardown.again",
        title: "plugging, loading and leaving again and again, in any order",
        run: again,
    },
];

const KERNEL: &str = "ntoskrnl.exe";
const REMOVE: Control = Control::Unplug { surprise: false };

fn removal(context: &Context) -> Verdict {
    let lab = worst(context)?;
    let before = lab.counters()?;
    succeed(lab, &REMOVE)?;
    let resets = grown(before.reset_calls, lab.counters()?.reset_calls);
    ensure!(resets > 0, "paging was not reset on the way out");
    ensure_no_device(context)?;
    lab.evict()?;
    succeed(lab, &Control::Plug)?;
    ensure_works(context)
}

fn surprise(context: &Context) -> Verdict {
    let lab = worst(context)?;
    let mut handle = context.machine().open(Access::ReadWrite)?;
    let add_up = BallastRequest { region: BallastRegion::PageableCode as u32 };
    let code = Ioctl::BallastChecksum.code();
    let mut tickets = Vec::new();
    for _ in 0..16 {
        tickets.push(handle.start(code, add_up.as_bytes(), 16)?);
    }
    lab.evict()?;
    while_busy(context, || succeed(lab, &Control::Unplug { surprise: true }))?;
    for ticket in tickets {
        // Each ends; those that came in time with an answer, the others without.
        if let Err(failure @ (Failure::Gone | Failure::Broken(_))) = handle.wait(ticket) {
            return Err(Stop::from(failure).during("a request in flight"));
        }
    }
    match handle.ioctl(Ioctl::State.code(), &[], 40) {
        Err(Failure::Refused(_)) => {}
        Err(other) => return Err(other.into()),
        Ok(_) => return Err(Stop::Failed("the device answers once it is gone".to_owned())),
    }
    lab.evict()?;
    drop(handle);
    ensure_no_device(context)?;
    plug_once_it_is_gone(lab)?;
    ensure_works(context)
}

/// The last close lets the device go, but not before it returns.
fn plug_once_it_is_gone(lab: &dyn Lab) -> Verdict {
    for _ in 0..100 {
        match lab.order(&Control::Plug) {
            Ok(status) if status.is_success() => return Ok(()),
            Ok(_) | Err(Error::Control { .. }) => thread::sleep(Duration::from_millis(20)),
            Err(other) => return Err(other.into()),
        }
    }
    succeed(lab, &Control::Plug)
}

fn rebalance(context: &Context) -> Verdict {
    let lab = worst(context)?;
    let mut driver = context.driver()?;
    driver.fill(BallastRegion::PageableData, 5)?;
    lab.evict()?;
    succeed(lab, &Control::Rebalance)?;
    lab.evict()?;
    let state = driver.state()?;
    ensure_eq!(state.policy(), Some(Policy::PagedEntire), "policy once it is started again");
    ensure_intact(&mut driver, BallastRegion::PageableData, 5, "over a rebalance")?;
    drop(driver);
    // Out of the other state, too.
    take_locks(context)?;
    lab.evict()?;
    succeed(lab, &Control::Rebalance)?;
    ensure_works(context)
}

fn locks(context: &Context) -> Verdict {
    let lab = worst(context)?;
    take_locks(context)?;
    lab.evict()?;
    succeed(lab, &REMOVE)?;
    lab.evict()?;
    succeed(lab, &Control::Plug)?;
    ensure_works(context)?;
    // The machine knows too: nothing of it has to stay.
    lab.evict()?;
    let held = lab.pages()?.iter().filter(|page| !page.pageable && page.in_memory).count();
    ensure!(held == 0, "{held} pages are still held");
    Ok(())
}

fn take_locks(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    for region in [BallastRegion::PageableCode, BallastRegion::PageableData] {
        let (index, _) = section_of(&all, region)?;
        driver.lock(index)?;
        driver.lock(index)?;
    }
    Ok(())
}

fn failed_start(context: &Context) -> Verdict {
    let lab = worst(context)?;
    let refuse = NtStatus::UNSUCCESSFUL;
    for reload in [false, true] {
        succeed(lab, &REMOVE)?;
        if reload {
            // Then no earlier device has reset paging: the driver is paged since DriverEntry.
            succeed(lab, &Control::Unload)?;
            succeed(lab, &Control::Load)?;
        }
        lab.evict()?;
        succeed(lab, &Control::FailStart { status: refuse.0 })?;
        end_with(lab, &Control::Plug, refuse)?;
        ensure_no_device(context)?;
        succeed(lab, &Control::FailStart { status: 0 })?;
        lab.evict()?;
        succeed(lab, &Control::Plug)?;
        ensure_works(context)?;
        lab.evict()?;
    }
    Ok(())
}

fn unload(context: &Context) -> Verdict {
    let lab = worst(context)?;
    context.driver()?.fill(BallastRegion::ResidentData, 9)?;
    lab.evict()?;
    succeed(lab, &REMOVE)?;
    lab.evict()?;
    succeed(lab, &Control::Unload)?;
    ensure!(lab.image()?.is_none(), "its image is still loaded");
    ensure_no_device(context)?;
    succeed(lab, &Control::Load)?;
    lab.evict()?;
    succeed(lab, &Control::Plug)?;
    ensure_works(context)?;
    // A new image, not the old one's pages.
    ensure_intact(&mut context.driver()?, BallastRegion::ResidentData, 0, "loaded again")
}

fn pool(context: &Context) -> Verdict {
    let lab = context.lab(Need::Orders)?;
    let mut left = Vec::new();
    for _ in 0..3 {
        succeed(lab, &REMOVE)?;
        succeed(lab, &Control::Unload)?;
        let blocks = lab.pool()?;
        let mine = blocks.iter().find(|block| block.owner.eq_ignore_ascii_case(IMAGE));
        ensure!(mine.is_none(), "left behind: {mine:?}");
        let mut counts = BTreeMap::<_, u32>::new();
        // The kernel's own come and go with connections.
        for block in blocks.into_iter().filter(|block| block.owner != KERNEL) {
            *counts.entry((block.owner, block.tag, block.bytes)).or_default() += 1;
        }
        left.push(counts);
        succeed(lab, &Control::Load)?;
        succeed(lab, &Control::Plug)?;
        ensure_works(context)?;
    }
    // The framework may keep something for itself, but not more each time.
    ensure_eq!(left[2], left[1], "blocks by owner, tag and size after a third unload");
    Ok(())
}

fn again(context: &Context) -> Verdict {
    let lab = worst(context)?;
    let mut random = context.random(4);
    for _ in 0..12 {
        if random.bool() {
            let action = [PagingAction::PageEntire, PagingAction::Reset][random.usize(..2)];
            context.driver()?.set_paging(action)?;
        }
        if random.bool() {
            lab.evict()?;
        }
        succeed(lab, &Control::Unplug { surprise: random.bool() })?;
        if random.bool() {
            succeed(lab, &Control::Unload)?;
            succeed(lab, &Control::Load)?;
        }
        if random.bool() {
            lab.evict()?;
        }
        succeed(lab, &Control::Plug)?;
        ensure_works(context)?;
    }
    Ok(())
}

/// Force IRQL checking on, everything out.
fn worst(context: &Context) -> Result<&dyn Lab, Stop> {
    let lab = context.lab(Need::Orders)?;
    lab.force_irql(true)?;
    lab.evict()?;
    Ok(lab)
}

fn ensure_no_device(context: &Context) -> Verdict {
    match context.machine().open(Access::Read) {
        Err(failure) if failure.is_no_device() => Ok(()),
        Err(other) => Err(Stop::from(other).during("opening a device that is gone")),
        Ok(_) => Err(Stop::Failed("the device can be opened once it is gone".to_owned())),
    }
}

/// Fails unless the driver is as after any start, and its constants are intact.
fn ensure_works(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let state = driver.state()?;
    ensure_eq!(state.policy(), Some(Policy::PagedEntire), "policy once it is started again");
    ensure_eq!(state.locks, 0, "locks once it is started again");
    for region in BallastRegion::ALL.into_iter().filter(|region| !region.is_writable()) {
        ensure_intact(&mut driver, region, 0, "once it is started again")?;
    }
    Ok(())
}
