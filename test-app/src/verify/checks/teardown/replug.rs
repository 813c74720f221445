//! Removal and return of the device, as a program on any NT host can order it.

use std::thread;
use std::time::Duration;

use pagewise_contract::{BallastRegion, Ioctl, Policy};

use super::{ensure_no_device, ensure_works, take_locks};
use crate::machine::{Access, Failure, Need, Plug, Removal};
use crate::verify::check::{Stop, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, ensure_intact};

const STATE_BYTES: u32 = 40;

pub(super) fn reinstall(context: &Context) -> Verdict {
    let plug = context.plug()?;
    for with_locks in [false, true] {
        if with_locks {
            take_locks(context)?;
        }
        remove(plug)?;
        ensure_no_device(context)?;
        plug.plug()?;
        ensure_works(context)?;
    }
    Ok(())
}

pub(super) fn open_handle(context: &Context) -> Verdict {
    let plug = context.plug()?;
    context.needs(Need::RemoveOpen)?;
    let mut driver = context.driver()?;
    driver.fill(BallastRegion::ResidentData, 3)?;
    match plug.unplug()? {
        Removal::Vetoed => {
            // As if nothing had been asked.
            let state = driver.state()?;
            ensure_eq!(state.policy(), Some(Policy::PagedEntire), "policy after the refusal");
            ensure_intact(&mut driver, BallastRegion::ResidentData, 3, "after the refusal")?;
            drop(driver);
            remove(plug)?;
        }
        Removal::Done => {
            match driver.handle().ioctl(Ioctl::State.code(), &[], STATE_BYTES) {
                Err(Failure::Refused(_)) => {}
                Err(other) => return Err(other.into()),
                Ok(_) => return Err(Stop::Failed("the device answers once it is gone".to_owned())),
            }
            ensure_no_device(context)?;
            drop(driver);
        }
    }
    ensure_no_device(context)?;
    plug.plug()?;
    context.machine().open(Access::ReadWrite)?;
    ensure_works(context)
}

/// Removes the device that nobody has open. A handle that was just closed may take a moment.
fn remove(plug: &dyn Plug) -> Verdict {
    for _ in 0..100 {
        match plug.unplug()? {
            Removal::Done => return Ok(()),
            Removal::Vetoed => thread::sleep(Duration::from_millis(20)),
        }
    }
    ensure!(plug.unplug()? == Removal::Done, "the removal is refused, and nobody has it open");
    Ok(())
}
