//! The state that each check begins with: driver loaded, device started, no locks, image paged
//! entire, ballast as linked, verifier off.

use pagewise_contract::{BallastRegion, PagingAction};
use pagewise_lab_wire::Control;

use crate::machine::{Access, Lab};
use crate::status::NtStatus;
use crate::verify::check::{Stop, Verdict, ensure};
use crate::verify::context::{Context, sections};

/// Brings the machine there.
pub fn restore(context: &Context) -> Verdict {
    match context.lab_if_any() {
        Some(lab) => start(context, lab)?,
        None => plug_in(context)?,
    }
    let mut driver = context.driver()?;
    for (index, section) in (0..).zip(sections(&mut driver)?) {
        for _ in 0..section.locks {
            driver.unlock(index)?;
        }
    }
    driver.set_paging(PagingAction::PageEntire)?;
    for region in BallastRegion::ALL.into_iter().filter(|region| region.is_writable()) {
        driver.fill(region, 0)?;
    }
    Ok(())
}

/// Brings the device back, where a check has left it removed.
fn plug_in(context: &Context) -> Verdict {
    let Some(plug) = context.machine().plug() else { return Ok(()) };
    match context.machine().open(Access::Read) {
        Err(failure) if failure.is_no_device() => Ok(plug.plug()?),
        // What else is wrong shows in a moment.
        _ => Ok(()),
    }
}

/// Loads the driver and plugs its device in, where a check has left it otherwise.
fn start(context: &Context, lab: &dyn Lab) -> Verdict {
    lab.force_irql(false)?;
    lab.order(&Control::FailStart { status: 0 })?;
    if lab.image()?.is_none() {
        succeed(lab, &Control::Load)?;
    }
    match context.machine().open(Access::Read) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_no_device() => succeed(lab, &Control::Plug),
        Err(failure) => Err(failure.into()),
    }
}

/// Gives an order that has to end with a success.
pub fn succeed(lab: &dyn Lab, command: &Control) -> Verdict {
    let status = lab.order(command)?;
    ensure!(status.is_success(), "{command:?} ended with {status}");
    Ok(())
}

/// Gives an order that has to end with this status.
pub fn end_with(lab: &dyn Lab, command: &Control, wanted: NtStatus) -> Verdict {
    match lab.order(command)? {
        status if status == wanted => Ok(()),
        status => Err(Stop::Failed(format!("{command:?} ended with {status}, not {wanted}"))),
    }
}
