//! Virtual processors: each host thread that runs driver code is one.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ke::local::local;
use crate::ke::schedule;
use crate::mm;

/// What [`number`] says on a thread that has not run driver code.
pub const NONE: u32 = u32::MAX;

/// What is kept of a processor. It is never freed: a thread that ends hands it on to the next one.
#[repr(align(64))]
pub(super) struct Processor {
    number: u32,
    /// Written by the thread that is this processor only, so that it needs no locked instruction.
    raises: AtomicU64,
}

struct Processors {
    all: Vec<&'static Processor>,
    free: Vec<&'static Processor>,
}

static PROCESSORS: Mutex<Processors> = Mutex::new(Processors { all: Vec::new(), free: Vec::new() });

/// This thread is a virtual processor until this is dropped; then its number is free again.
#[derive(Debug)]
pub(crate) struct Entered(());

/// Makes this thread a virtual processor.
pub(crate) fn enter() -> Entered {
    attach();
    mm::attach_thread();
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        let processor = local().processor.replace(ptr::null());
        // SAFETY: it is null or was set by `attach` to a reference that lives forever.
        if let Some(processor) = unsafe { processor.as_ref() }
            && !schedule::on()
        {
            lock().free.push(processor);
        }
    }
}

/// The number of this virtual processor, counted from 0, or [`NONE`]. Async-signal-safe.
#[inline]
#[must_use]
pub fn number() -> u32 {
    // SAFETY: it is null or was set by `attach` to a reference that lives forever.
    unsafe { local().processor.get().as_ref() }.map_or(NONE, |processor| processor.number)
}

/// The number of this virtual processor. A thread that is none yet becomes one.
pub(crate) fn attached_number() -> u32 {
    attach();
    number()
}

/// How many virtual processors there have been at most at one time.
#[must_use]
pub fn count() -> usize {
    lock().all.len()
}

/// How often drivers raised the IRQL to `DISPATCH_LEVEL` or above since the machine booted.
#[must_use]
pub fn raises() -> u64 {
    lock().all.iter().map(|processor| processor.raises.load(Ordering::Relaxed)).sum()
}

/// Counts a raise to `DISPATCH_LEVEL` or above.
#[inline]
pub(crate) fn count_raise() {
    let mut processor = local().processor.get();
    if processor.is_null() {
        processor = attach();
    }
    // SAFETY: `attach` set it to a reference that lives forever.
    let raises = unsafe { &(*processor).raises };
    raises.store(raises.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Win64 for the reason told in `irql`: it is called from hot win64 routines.
#[cold]
#[inline(never)]
extern "win64" fn attach() -> *const Processor {
    let current = local().processor.get();
    if !current.is_null() {
        return current;
    }
    let mut processors = lock();
    // With a schedule all are the one processor.
    let one = processors.all.first().copied().filter(|_| schedule::on());
    let processor = match one.or_else(|| processors.free.pop()) {
        Some(processor) => processor,
        None => {
            let number = u32::try_from(processors.all.len()).unwrap_or(NONE);
            let new = Processor { number, raises: AtomicU64::new(0) };
            let new: &'static Processor = Box::leak(Box::new(new));
            processors.all.push(new);
            new
        }
    };
    local().processor.set(processor);
    processor
}

fn lock() -> std::sync::MutexGuard<'static, Processors> {
    PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_while_held_and_reused_after() {
        let here = enter();
        let mine = number();
        let other = std::thread::spawn(|| {
            let _there = enter();
            number()
        });
        let other = other.join().unwrap();
        assert_ne!(mine, NONE);
        assert_ne!(mine, other);
        drop(here);
        assert_eq!(number(), NONE);
    }

    #[test]
    fn raises_are_counted_across_threads() {
        let before = raises();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let _here = enter();
                    (0..1000).for_each(|_| count_raise());
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(raises() - before >= 4000);
    }
}
