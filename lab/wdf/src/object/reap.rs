//! Objects whose end must be at PASSIVE_LEVEL and was asked for above it.

use core::ptr::NonNull;
use core::ptr::null_mut;
use core::sync::atomic::Ordering;

use crate::globals::Globals;
use crate::node::State;

use super::{Header, end};

/// Hands an object to the client's reaper.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn defer(header: &Header) {
    let globals = header.globals();
    let list = globals.to_reap();
    let mut first = list.load(Ordering::Relaxed);
    loop {
        header.next_to_reap().store(first, Ordering::Relaxed);
        let this = core::ptr::from_ref(header).cast_mut();
        match list.compare_exchange_weak(first, this, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => break,
            Err(now) => first = now,
        }
    }
    globals.schedule_reaper();
}

/// Ends every object that waits.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn drain(globals: &Globals) {
    loop {
        let mut next = globals.to_reap().swap(null_mut(), Ordering::Acquire);
        if next.is_null() {
            return;
        }
        while let Some(header) = NonNull::new(next) {
            // SAFETY: an object that waits lives until it is reaped, here.
            let object = unsafe { header.as_ref() };
            next = object.next_to_reap().load(Ordering::Relaxed);
            let state = globals.tree().lock().state(object.node());
            if state == State::Disposing {
                end::dispose_and_finish(object);
            } else {
                end::destroy_now(header);
            }
        }
    }
}
