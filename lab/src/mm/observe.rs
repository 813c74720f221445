//! Observation of one image: what of it is executed and referenced, byte by byte, and at which IRQL.
//!
//! The image keeps its state, but the host withdraws the access to all of its pages. Each touch is
//! then a fault of the host: it is noted, the page is given back for that one instruction, which the
//! processor is told to stop after (its trap flag), and withdrawn again. So nothing goes unnoticed
//! as long as one thread is in the image; of two at once, one can pass through a page that the other
//! has for its instruction. It is slow: two signals an instruction.
//!
//! The fault handler calls this: no allocation, no lock.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bugcheck::Reference;
use crate::image::Image;
use crate::mm::protection::Access;
use crate::mm::region::Region;

/// The trap flag of the processor.
const TRAP_FLAG: i64 = 1 << 8;

/// `TRAP_TRACE`: the trap flag was the reason.
const TRAP_TRACE: c_int = 2;

/// More pages than one instruction touches of one image.
const MOST_PAGES: usize = 8;

/// Where in a byte's note the IRQLs of references begin.
const REFERENCED: u32 = 16;

/// The file name of the image to observe, once it is loaded.
static WANTED: Mutex<Option<String>> = Mutex::new(None);

/// What is observed. It lasts as long as the process: a handler may be looking at it at any time.
static OBSERVED: AtomicPtr<Observed> = AtomicPtr::new(ptr::null_mut());

/// An observed image.
#[derive(Debug)]
struct Observed {
    region: &'static Region,
    /// A note a byte: a bit for each IRQL at which an instruction there was executed, and sixteen
    /// further up, one for each at which it was referenced as data.
    notes: Box<[AtomicU32]>,
}

/// What was seen of one byte: a bit for each IRQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// An instruction that begins there was executed.
    pub executed: u16,
    /// A reference to data began there.
    pub referenced: u16,
}

impl Seen {
    /// Both.
    #[must_use]
    pub const fn touched(self) -> u16 {
        self.executed | self.referenced
    }

    /// What was seen of either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            executed: self.executed | other.executed,
            referenced: self.referenced | other.referenced,
        }
    }
}

thread_local! {
    // Neither has a destructor or is made lazily: a signal handler may use them.
    static GRANTED: Cell<[u32; MOST_PAGES]> = const { Cell::new([0; MOST_PAGES]) };
    static GRANTS: Cell<usize> = const { Cell::new(0) };
}

/// Has the next image of this file name that is loaded observed, from before its first instruction.
pub fn observe(name: &str) {
    *WANTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
}

/// An image was loaded: if it is the one, its observation begins.
pub(crate) fn loaded(image: &Image) {
    let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    if wanted.as_ref().is_none_or(|name| !image.name().eq_ignore_ascii_case(name)) {
        return;
    }
    *wanted = None;
    let notes = (0..image.size()).map(|_| AtomicU32::new(0)).collect();
    let observed = Box::leak(Box::new(Observed { region: image.region(), notes }));
    OBSERVED.store(observed, Ordering::Release);
    observed.region.withdraw(0..observed.region.pages());
}

/// What was seen so far, a byte each from the image base on; nothing where nothing is observed.
#[must_use]
pub fn seen() -> Vec<Seen> {
    let Some(observed) = observed() else { return Vec::new() };
    let of = |note: &AtomicU32| {
        let note = note.load(Ordering::Relaxed);
        Seen { executed: note as u16, referenced: (note >> REFERENCED) as u16 }
    };
    observed.notes.iter().map(of).collect()
}

#[inline]
fn observed() -> Option<&'static Observed> {
    // SAFETY: null, or leaked by `loaded`.
    unsafe { OBSERVED.load(Ordering::Acquire).as_ref() }
}

impl Observed {
    fn note(&self, address: u64, access: Access, irql: u8) {
        let Some(offset) = (address as usize).checked_sub(self.region.base()) else { return };
        let Some(note) = self.notes.get(offset) else { return };
        let shift = if access == Access::Execute { 0 } else { REFERENCED };
        note.fetch_or(1 << (u32::from(irql & 15) + shift), Ordering::Relaxed);
    }
}

/// Whether a reference that faulted was to a page of the observed image that is valid. Then it is
/// noted, and the thread may repeat it once. Async-signal-safe.
pub(super) fn touch(reference: &Reference, context: &mut libc::mcontext_t) -> bool {
    let Some(observed) = observed() else { return false };
    let region = observed.region;
    let address = reference.address as usize;
    if !region.contains(address) {
        return false;
    }
    let page = region.page_of(address);
    if !region.is_valid_for(page, reference.access) {
        return false;
    }
    let (mut granted, grants) = (GRANTED.get(), GRANTS.get());
    // Another thread may have withdrawn what this one has for its instruction.
    let again = granted[..grants].contains(&(page as u32));
    if !again && grants == MOST_PAGES || region.grant(page).is_err() {
        return false;
    }
    // An instruction whose second half lies in the next page is one that begins in this one.
    let at = match reference.access {
        Access::Execute => reference.program_counter,
        Access::Read | Access::Write => reference.address,
    };
    observed.note(at, reference.access, reference.irql);
    if !again {
        granted[grants] = page as u32;
        GRANTED.set(granted);
        GRANTS.set(grants + 1);
    }
    context.gregs[libc::REG_EFL as usize] |= TRAP_FLAG;
    true
}

/// Whether a trap was the one after such an instruction. Then the pages are withdrawn again.
/// Async-signal-safe.
pub(super) fn step(code: c_int, context: &mut libc::mcontext_t) -> bool {
    let grants = GRANTS.get();
    let Some(observed) = observed().filter(|_| grants > 0 && code == TRAP_TRACE) else {
        return false;
    };
    for page in &GRANTED.get()[..grants] {
        observed.region.withdraw(*page as usize..*page as usize + 1);
    }
    GRANTS.set(0);
    context.gregs[libc::REG_EFL as usize] &= !TRAP_FLAG;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::irql::{self, DISPATCH_LEVEL};
    use crate::testing::child::{survives, test_path};
    use crate::testing::driver::{DATA_SECTION, Driver, TEXT, word};

    #[test]
    fn each_touch_is_noted_with_its_irql_and_nothing_else() {
        survives(test_path!(), || {
            observe("observed.sys");
            let driver = Driver::load_as("observed.sys").unwrap();
            let [low, high] = [8, 4096 + 16].map(|at| driver.at(DATA_SECTION + at));
            assert_eq!(driver.read(low), word(8));
            let old = irql::raise(DISPATCH_LEVEL);
            let read = driver.read(high);
            irql::lower(old);
            assert_eq!(read, word(4096 + 16));
            let seen = seen();
            let (passive, dispatch) = (1, 1 << DISPATCH_LEVEL);
            // `mov rax, [rcx]; ret`
            for instruction in [TEXT, TEXT + 3] {
                assert_eq!(seen[instruction].executed, passive | dispatch);
            }
            assert_eq!(seen[DATA_SECTION + 8].referenced, passive);
            assert_eq!(seen[DATA_SECTION + 4096 + 16].referenced, dispatch);
            let touched = seen.iter().filter(|it| **it != Seen::default()).count();
            assert_eq!(touched, 4, "and nothing else");
        });
    }
}
