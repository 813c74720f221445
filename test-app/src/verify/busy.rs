//! Other clients who keep the driver busy, so that requests have to wait in its queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pagewise_contract::BallastRegion;

use crate::driver::Driver;
use crate::error::Error;
use crate::verify::check::{Stop, Verdict, ensure};
use crate::verify::context::Context;

const CLIENTS: usize = 3;

/// Does something while others keep the driver busy. They end where the device does.
pub fn while_busy<T>(context: &Context, act: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
    let done = &AtomicBool::new(false);
    // Opened before anything happens: what happens may be that the device goes.
    let drivers: Vec<_> = (0..CLIENTS).map(|_| context.driver()).collect::<Result<_, _>>()?;
    thread::scope(|scope| {
        let clients: Vec<_> = drivers
            .into_iter()
            .map(|driver| scope.spawn(move || keep_busy(driver, done)))
            .collect();
        let result = act();
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let panicked = |_| Err(Stop::Failed("panicked".to_owned()));
            let verdict = client.join().unwrap_or_else(panicked);
            verdict.map_err(|stop| stop.during("a client that keeps the driver busy"))?;
        }
        result
    })
}

fn keep_busy(mut driver: Driver, done: &AtomicBool) -> Verdict {
    const REGION: BallastRegion = BallastRegion::ResidentConst;
    while !done.load(Ordering::Relaxed) {
        match driver.checksum(REGION) {
            Ok(sum) => ensure!(sum == REGION.linked_checksum(), "checksum {sum:#x}"),
            // The device has gone.
            Err(Error::Request { .. }) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
