//! A Plug and Play operation that does not come to an end.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x1d5--driver-pnp-watchdog. The
//! time that Windows allows is not documented; the lab's is [`PERIOD`], with I/O checks on only.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::RootBus;
use crate::bugcheck::{DRIVER_PNP_WATCHDOG, bug_check};
use crate::ke::thread::Current;
use crate::verifier::{self, Check};

/// As long as an operation may take.
const PERIOD: Duration = Duration::from_secs(10);

/// The watchdog is armed until this is dropped.
pub(super) struct Armed(#[expect(dead_code, reason = "its end is what is waited for")] Sender<()>);

/// Arms the watchdog for an operation of this thread; nothing with I/O checks off.
pub(super) fn arm() -> Option<Armed> {
    verifier::on(Check::Io).then(start).flatten()
}

fn start() -> Option<Armed> {
    let (sender, receiver) = mpsc::channel();
    let (responsible, armed) = (Current::get().address() as u64, Instant::now());
    // The operation may take the device away.
    let service = service();
    let watch = move || {
        if receiver.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
            let elapsed = armed.elapsed().as_millis() as u64;
            // Where Windows has a structure for its debugger, there is nothing.
            bug_check(DRIVER_PNP_WATCHDOG, [service, 0, responsible, elapsed]);
        }
    };
    thread::Builder::new().name("pnp watchdog".to_owned()).spawn(watch).ok()?;
    Some(Armed(sender))
}

/// The first eight characters of the service that the device belongs to, as they lie in memory.
fn service() -> u64 {
    let device = RootBus::get().children().first().copied();
    let node = device.and_then(|device| device.node().cloned());
    let mut name = [0; 8];
    if let Some(node) = node {
        let service = node.installation().service.as_bytes();
        let length = service.len().min(name.len());
        name[..length].copy_from_slice(&service[..length]);
    }
    u64::from_le_bytes(name)
}
