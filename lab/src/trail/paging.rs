//! The last paging actions, with who asked.

use pagewise_lab_wire::Paging;

use super::clock::{self, Scale};
use super::ring::Ring;
use crate::ke::irql;

/// As many as are kept.
const KEPT: usize = 64;

/// Words of the stack that are kept of a raise that evicted: as many as the machine's own routines
/// between the driver and the eviction use.
const STACK: usize = 16;

const WHEN: usize = 0;
/// The action, the IRQL, the processor: 8, 8 and 32 bits.
const WHAT: usize = 1;
const PAGES: usize = 2;
const TARGET: usize = 3;
/// Return address or program counter; of a raise, the stack pointer.
const BY: usize = 4;
const WORDS: usize = 5 + STACK;

static ACTIONS: Ring<KEPT, WORDS> = Ring::new();

/// In the order of their numbers.
const ALL: [Paging; 12] = [
    Paging::Trim,
    Paging::Purge,
    Paging::ForcedTrim,
    Paging::ForcedPurge,
    Paging::SoftFault,
    Paging::HardFault,
    Paging::PageEntire,
    Paging::Reset,
    Paging::Lock,
    Paging::Unlock,
    Paging::Discard,
    Paging::Scheduled,
];

/// Notes an action. `target` is the address it was about, `by` who asked: a program counter or a
/// return address; 0 where there is none. Async-signal-safe.
#[inline]
pub(crate) fn note(action: Paging, pages: u64, target: usize, by: usize) {
    let words = [clock::ticks(), what(action), pages, target as u64, by as u64];
    ACTIONS.push(|_| words);
}

#[inline]
fn what(action: Paging) -> u64 {
    u64::from(action as u8) | u64::from(irql::current()) << 8 | u64::from(irql::processor()) << 16
}

/// Notes an eviction by a raise of the IRQL. `frame` is the stack pointer as the machine's part
/// began that evicts: the driver that raised is found from there when a report is made.
pub(crate) fn forced(action: Paging, pages: u64, frame: usize) {
    let mut words = [0; WORDS];
    words[WHEN] = clock::ticks();
    words[WHAT] = what(action);
    (words[PAGES], words[BY]) = (pages, frame as u64);
    let stack: *const u64 = std::ptr::with_exposed_provenance(frame);
    for (index, word) in words[WORDS - STACK..].iter_mut().enumerate() {
        // SAFETY: this thread's stack from `frame` on, which is below the frames of the machine's
        // routine that was called, of the driver, and of the thread's first functions: more than
        // these few words.
        *word = unsafe { stack.wrapping_add(index).read() };
    }
    ACTIONS.push(|_| words);
}

/// Who asked for an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// No driver.
    None,
    /// The instruction at this address.
    At(u64),
    /// Whoever called the function that returns to this address.
    ReturningTo(u64),
    /// A driver further up this stack: the stack pointer, and what lay there.
    Above(u64, Vec<u64>),
}

/// An action as it was noted.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) number: u64,
    pub(crate) before_us: u64,
    pub(crate) action: Paging,
    pub(crate) pages: u64,
    /// 0 where there is none.
    pub(crate) target: u64,
    pub(crate) by: Asker,
    pub(crate) irql: u8,
    pub(crate) processor: u32,
}

/// The actions that are kept, oldest first.
pub(crate) fn last() -> Vec<Action> {
    let scale = Scale::now();
    let told = |(number, words): (u64, [u64; WORDS])| {
        let action = ALL[usize::from(words[WHAT] as u8).min(ALL.len() - 1)];
        let by = match (action, words[BY]) {
            (_, 0) => Asker::None,
            (Paging::SoftFault | Paging::HardFault, at) => Asker::At(at),
            (Paging::ForcedTrim | Paging::ForcedPurge, frame) => {
                Asker::Above(frame, words[WORDS - STACK..].to_vec())
            }
            (_, address) => Asker::ReturningTo(address),
        };
        Action {
            number,
            before_us: scale.since(words[WHEN]),
            action,
            pages: words[PAGES],
            target: words[TARGET],
            by,
            irql: (words[WHAT] >> 8) as u8,
            processor: (words[WHAT] >> 16) as u32,
        }
    };
    ACTIONS.records().into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_numbers_by_which_they_are_told() {
        for (number, action) in ALL.into_iter().enumerate() {
            assert_eq!(action as usize, number);
        }
    }
}
