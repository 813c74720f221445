//! Processes and threads.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

use std::ffi::c_void;
use std::io;
use std::thread::{Builder, JoinHandle};

use crate::ke::schedule::Seat;
use crate::ke::thread::{self, Current};

mod process;
mod stack_switch;
mod system_thread;

pub use crate::ke::thread::attach_current;
pub use process::EXPORTS as PROCESS_EXPORTS;
pub use system_thread::EXPORTS as THREAD_EXPORTS;

/// Bytes of stack for a thread that runs driver code. Windows gives 24 KB; the lab's own code, which
/// runs on the same stack, is not as frugal.
pub const STACK_BYTES: usize = 1 << 20;

/// Starts a thread of the machine's own, as an NT thread at `PASSIVE_LEVEL`.
///
/// # Panics
/// When the host has no thread left: the machine cannot go on.
pub fn spawn_system(name: &str, routine: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = spawn(name, thread::create(false), Begin::Inside, routine);
    started(name, thread)
}

/// As [`spawn_system`], for a thread that waits for a client before it does anything else: with one
/// processor, it runs from when it [arrives](crate::ke::schedule::arrive).
pub(crate) fn spawn_outside(name: &str, routine: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = spawn(name, thread::create(false), Begin::Outside, routine);
    started(name, thread)
}

fn started(name: &str, thread: io::Result<JoinHandle<()>>) -> JoinHandle<()> {
    match thread {
        Ok(thread) => thread,
        Err(error) => panic!("the host has no thread left for the machine's {name}: {error}"),
    }
}

/// The object of the current thread. A host thread that is none yet becomes one.
#[must_use]
pub fn current_thread() -> *mut c_void {
    Current::get().body()
}

/// Where a thread begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// It runs as soon as the machine lets it.
    Inside,
    /// It waits for the world.
    Outside,
}

/// Starts a host thread as the NT thread `thread`, whose reference it takes over.
fn spawn(
    name: &str,
    thread: Current,
    begin: Begin,
    routine: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let inside = begin == Begin::Inside;
    let seat = if inside { Seat::inside(name) } else { Seat::outside(name) };
    Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(move || {
        seat.take(inside);
        thread::attach(thread, seat);
        routine();
    })
}
