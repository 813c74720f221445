//! A thread that waits, and what wakes it.

use std::thread::{self, Thread};
use std::time::Instant;

use crate::ke::schedule;

/// See the module.
#[derive(Clone, Debug)]
pub(super) enum Sleeper {
    /// The host's to put to sleep.
    Host(Thread),
    /// The schedule's, by its number there.
    Member(usize),
}

impl Sleeper {
    /// The current thread.
    pub(super) fn current() -> Self {
        schedule::member().map_or_else(|| Self::Host(thread::current()), Self::Member)
    }

    /// The current thread, which this is, sleeps until it is woken, or until then; or it wakes for no
    /// reason. Not at all where it `has_to` no more.
    pub(super) fn sleep(&self, until: Option<Instant>, has_to: impl FnOnce() -> bool) {
        match self {
            Self::Host(_) => match until {
                None => thread::park(),
                Some(until) => {
                    thread::park_timeout(until.saturating_duration_since(Instant::now()))
                }
            },
            Self::Member(_) => {
                // From here on it can be woken, so that none is missed.
                let Some(bed) = schedule::lie_down(0, until) else { return };
                if !has_to() {
                    bed.leave();
                } else {
                    bed.sleep();
                }
            }
        }
    }

    pub(super) fn wake(&self) {
        match self {
            Self::Host(thread) => thread.unpark(),
            Self::Member(member) => schedule::wake(*member),
        }
    }
}
