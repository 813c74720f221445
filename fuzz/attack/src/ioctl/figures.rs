//! What was done, said when the process ends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::blocks;

static INPUTS: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static EVICTIONS: AtomicU64 = AtomicU64::new(0);
static START: OnceLock<Instant> = OnceLock::new();

/// Processor time before the first input's end.
static BOOTED: OnceLock<f64> = OnceLock::new();

/// Processor time of this process so far, which other processes' does not slow.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` has room for it.
    let got = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(got, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Counts an input of so many calls. The time runs from the first one's end on.
pub(super) fn count(calls: u64, evictions: u64) {
    START.get_or_init(Instant::now);
    BOOTED.get_or_init(processor_seconds);
    INPUTS.fetch_add(1, Ordering::Relaxed);
    CALLS.fetch_add(calls, Ordering::Relaxed);
    EVICTIONS.store(evictions, Ordering::Relaxed);
}

/// Has the figures printed when the process ends in order.
pub(super) fn print_at_exit() {
    // SAFETY: the function takes nothing, returns nothing and is there as long as the process.
    let registered = unsafe { libc::atexit(print) };
    assert_eq!(registered, 0);
}

extern "C" fn print() {
    let seconds = START.get().map_or(0.0, |start| start.elapsed().as_secs_f64());
    let processor = processor_seconds() - BOOTED.get().copied().unwrap_or_default();
    let (inputs, calls) = (INPUTS.load(Ordering::Relaxed), CALLS.load(Ordering::Relaxed));
    eprintln!(
        "{inputs} inputs, {calls} calls of the driver in {seconds:.1} s: {:.0} calls a second, {:.0} \
         a second of processor time; {} evictions",
        calls as f64 / seconds,
        calls as f64 / processor,
        EVICTIONS.load(Ordering::Relaxed),
    );
    for (image, covered, blocks) in blocks::covered() {
        eprintln!("{image}: {covered} of {blocks} basic blocks were reached");
    }
}
