//! A key press or a signal ends a run in order: the machine, then what it left.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on, SIGINT, SIGTERM and SIGHUP only set a flag.
pub fn listen() -> Result<()> {
    let handler = || ASKED.store(true, Ordering::Relaxed);
    ctrlc::set_handler(handler).context("cannot listen to signals")
}

/// Whether one came.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
