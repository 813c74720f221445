//! The moment of a bug check: the failing thread notes what it knows and stops for good; a thread
//! that was started for it at boot does the rest.
//!
//! The failing thread may be in a signal handler, may hold any lock, and may be out of stack. So it
//! allocates nothing, takes no lock, and only makes system calls.

use std::cell::{Cell, UnsafeCell};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::thread;

use pagewise_lab_wire::BUG_CHECK_EXIT;
use rustix::thread::futex;
use rustix::time::Timespec;

use super::registers::Registers;
use super::reporter;
use crate::machine;

/// How long the report may take before the machine ends without it.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// What the failing thread knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) code: u32,
    pub(crate) parameters: [u64; 4],
    pub(crate) registers: Registers,
    pub(crate) irql: u8,
    pub(crate) processor: u32,
}

/// Room for the one crash that a machine can have.
struct Record(UnsafeCell<MaybeUninit<Crash>>);

// SAFETY: written once, by the thread that wins CLAIMED, before READY is set; read after that.
unsafe impl Sync for Record {}

impl Record {
    fn get(&self) -> *mut Crash {
        self.0.get().cast()
    }
}

static CLAIMED: AtomicBool = AtomicBool::new(false);
static RECORD: Record = Record(UnsafeCell::new(MaybeUninit::uninit()));
/// 1 once RECORD is written. The reporter waits on it.
static READY: AtomicU32 = AtomicU32::new(0);
/// What nobody ever changes or wakes.
static NEVER: AtomicU32 = AtomicU32::new(0);
static STARTED: AtomicBool = AtomicBool::new(false);

/// The thread that failed, as the host numbers it.
static FAILED: AtomicI32 = AtomicI32::new(0);

thread_local! {
    static IS_REPORTER: Cell<bool> = const { Cell::new(false) };
}

/// Starts the thread that will report. More than once does nothing.
pub(crate) fn start_reporter() -> io::Result<()> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| {
        result =
            thread::Builder::new().name("bug check".to_owned()).spawn(wait_and_report).map(|_| {
                STARTED.store(true, Ordering::Release);
            });
    });
    result
}

fn wait_and_report() {
    IS_REPORTER.set(true);
    while READY.load(Ordering::Acquire) == 0 {
        // An interrupted or spurious return is what the loop is for.
        let _ = futex::wait(&READY, futex::Flags::PRIVATE, 0, None);
    }
    // SAFETY: READY is set after the record was written, once and for all.
    let crash = unsafe { RECORD.get().read() };
    reporter::report(&crash);
    end();
}

/// The thread that failed, as the host numbers it. For the reporter.
pub(super) fn failed_thread() -> i32 {
    FAILED.load(Ordering::Relaxed)
}

/// Stops the machine. Async-signal-safe.
pub(crate) fn stop(crash: Crash) -> ! {
    if IS_REPORTER.get() {
        // The report itself failed; what is written by now has to do.
        reporter::print_what_there_is();
        say(&crash, "the report could not be finished");
        end();
    }
    if CLAIMED.swap(true, Ordering::AcqRel) {
        // Another processor was first, and its is the bug check.
        freeze();
    }
    FAILED.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    // SAFETY: only the one thread that found CLAIMED false gets here, and nobody reads before
    // READY is set.
    unsafe { RECORD.get().write(crash) };
    READY.store(1, Ordering::Release);
    if !STARTED.load(Ordering::Acquire) {
        say(&crash, "no report: the machine was not booted");
        end();
    }
    let _ = futex::wake(&READY, futex::Flags::PRIVATE, 1);
    // The reporter ends the process.
    let _ = futex::wait(&NEVER, futex::Flags::PRIVATE, 0, Some(&PATIENCE));
    say(&crash, "the report took too long");
    end();
}

/// Called when something aborts the process: a panic. If it is the report that panicked, what is
/// written by now has to do; else this is not a bug check, and the abort goes on.
pub(crate) fn aborted() {
    if IS_REPORTER.get() {
        reporter::print_what_there_is();
        end();
    }
}

fn freeze() -> ! {
    loop {
        let _ = futex::wait(&NEVER, futex::Flags::PRIVATE, 0, None);
    }
}

fn end() -> ! {
    machine::end::by_bug_check();
    // SAFETY: ends the process without running anything more of it.
    unsafe { libc::_exit(BUG_CHECK_EXIT) }
}

/// One line on stderr, without allocating.
fn say(crash: &Crash, why: &str) {
    let mut line = [0_u8; 256];
    let mut rest = &mut line[..];
    let [p1, p2, p3, p4] = crash.parameters;
    let code = crash.code;
    // A line that does not fit is cut.
    let _ = writeln!(rest, "\nSTOP 0x{code:08X} ({p1:#x}, {p2:#x}, {p3:#x}, {p4:#x}): {why}");
    let left = rest.len();
    let length = line.len() - left;
    let _ = rustix::io::write(rustix::stdio::stderr(), &line[..length]);
}
