//! Having every other thread of the process stand still, and say where.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::futex;

use crate::bugcheck::Registers;

/// Nothing else of the machine uses it.
const SIGNAL: c_int = libc::SIGPWR;

/// More threads than clients, workers and processors make.
const MOST: usize = 1024;

/// How long a thread may take: one that the host does not run is left out.
const PATIENCE: Duration = Duration::from_millis(500);

/// A thread that stands still.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thread {
    pub(super) id: i32,
    pub(super) registers: Registers,
    pub(super) flags: u64,
    /// The base of its thread-local storage.
    pub(super) fs_base: u64,
}

struct Slot(UnsafeCell<MaybeUninit<Thread>>);

// SAFETY: a slot is written by the one thread that drew its number, and read once STOPPED counts it.
unsafe impl Sync for Slot {}

static SLOTS: [Slot; MOST] = [const { Slot(UnsafeCell::new(MaybeUninit::uninit())) }; MOST];
static DRAWN: AtomicUsize = AtomicUsize::new(0);
static STOPPED: AtomicUsize = AtomicUsize::new(0);
/// 0 while threads are to stand still.
static GO_ON: AtomicU32 = AtomicU32::new(0);

/// The threads that stand still, until it is dropped.
pub(super) struct Frozen(usize);

/// This thread, as the host numbers it.
pub(super) fn this_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// The thread that calls.
#[inline(always)]
pub(super) fn caller() -> Thread {
    const INTERRUPTS_ON: u64 = 0x202;
    let registers = Registers::here();
    Thread { id: this_thread(), registers, flags: INTERRUPTS_ON, fs_base: fs_base() }
}

/// Stops all threads but these. Once a process.
pub(super) fn all_but(spared: &[i32]) -> io::Result<Frozen> {
    handle()?;
    let mut sent = 0;
    for entry in fs::read_dir("/proc/self/task")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        if !spared.contains(&id) && sent < MOST && signal(id) {
            sent += 1;
        }
    }
    let start = Instant::now();
    while STOPPED.load(Ordering::Acquire) < sent && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(Frozen(STOPPED.load(Ordering::Acquire)))
}

impl Frozen {
    /// Those of them that had come to rest when it was made.
    pub(super) fn threads(&self) -> impl Iterator<Item = Thread> {
        // Of two that drew at once, the later may have stopped first: then the last is left out.
        let all = if STOPPED.load(Ordering::Acquire) == DRAWN.load(Ordering::Acquire) {
            self.0
        } else {
            0
        };
        // SAFETY: so many slots were drawn and written, and their threads stand still.
        SLOTS[..all].iter().map(|slot| unsafe { slot.0.get().cast::<Thread>().read() })
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        GO_ON.store(1, Ordering::Release);
        // Nobody is left behind: who has not waited yet sees that it is set.
        let _ = futex::wake(&GO_ON, futex::Flags::PRIVATE, u32::MAX >> 1);
    }
}

fn handle() -> io::Result<()> {
    // SAFETY: all zeroes is a valid sigaction: no handler, no flags, an empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `action` is complete, and the handler is async-signal-safe.
    if unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn signal(thread: i32) -> bool {
    // SAFETY: takes nothing, and cannot fail.
    let process = unsafe { libc::getpid() };
    // SAFETY: a signal to a thread of this process, which is handled.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, SIGNAL) == 0 }
}

extern "C" fn on_signal(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a SA_SIGINFO handler a valid ucontext.
    let context = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let Some(slot) = SLOTS.get(DRAWN.fetch_add(1, Ordering::AcqRel)) else { return };
    let thread = Thread {
        id: this_thread(),
        registers: Registers::from(context),
        flags: context.gregs[libc::REG_EFL as usize].cast_unsigned(),
        fs_base: fs_base(),
    };
    // SAFETY: the number was drawn by this thread alone, and nobody reads before it is counted.
    unsafe { slot.0.get().cast::<Thread>().write(thread) };
    STOPPED.fetch_add(1, Ordering::AcqRel);
    while GO_ON.load(Ordering::Acquire) == 0 {
        // An interrupted or spurious return is what the loop is for.
        let _ = futex::wait(&GO_ON, futex::Flags::PRIVATE, 0, None);
    }
}

/// 0 where the host does not say.
fn fs_base() -> u64 {
    const ARCH_GET_FS: c_int = 0x1003;
    let mut base: u64 = 0;
    // SAFETY: the host writes eight bytes to `base`.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_GET_FS, &raw mut base) };
    base
}
