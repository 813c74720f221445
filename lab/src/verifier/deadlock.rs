//! Deadlock detection: the order in which locks are taken.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/deadlock-detection. Whoever takes a
//! lock while holding another has decided their order; to take them the other way round later, in any
//! thread, is bug check 0xC4/0x1001, whether or not anybody has to wait at that time.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::sites;
use crate::bugcheck::{DRIVER_VERIFIER_DETECTED_VIOLATION, bug_check};

/// 0xC4: a lock hierarchy violation.
pub(crate) const HIERARCHY: u64 = 0x1001;

/// A lock that a thread holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    lock: usize,
    /// The address to which taking it returned.
    taken: u64,
}

/// That a lock was taken while another was held.
#[derive(Clone, Copy, Debug)]
struct Step {
    first_taken: u64,
    second_taken: Option<u64>,
}

/// By the lock that was held, then by the one that was taken.
type Order = BTreeMap<usize, BTreeMap<usize, Step>>;

static ORDER: Mutex<Order> = Mutex::new(BTreeMap::new());

/// What was found, for the report.
static STORY: Mutex<Vec<(String, Option<u64>)>> = Mutex::new(Vec::new());

thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

fn order() -> MutexGuard<'static, Order> {
    ORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread is about to take a lock, and will wait for it; `frame` is where the return address
/// of its call is.
pub(crate) fn acquire(lock: usize, frame: usize) {
    let place: *const u64 = std::ptr::with_exposed_provenance(frame);
    // SAFETY: a return address is there, for as long as the call lasts.
    let taken = unsafe { place.read() };
    HELD.with_borrow_mut(|held| {
        let again = held.iter().any(|other| other.lock == lock);
        if !again && !held.is_empty() {
            note(held, lock, frame);
        }
        held.push(Held { lock, taken });
    });
}

/// This thread is about to release a lock.
pub(crate) fn release(lock: usize) {
    HELD.with_borrow_mut(|held| {
        // What was had by trying was never noted.
        if let Some(index) = held.iter().rposition(|other| other.lock == lock) {
            held.remove(index);
        }
    });
}

/// The memory of a range holds no locks any more.
pub(crate) fn forget(range: &Range<usize>) {
    let mut order = order();
    let gone: Vec<_> = order.range(range.clone()).map(|(&lock, _)| lock).collect();
    for lock in gone {
        order.remove(&lock);
    }
    for next in order.values_mut() {
        next.retain(|lock, _| !range.contains(lock));
    }
}

fn note(held: &[Held], lock: usize, frame: usize) {
    let mut order = order();
    for first in held {
        if order.get(&first.lock).is_some_and(|next| next.contains_key(&lock)) {
            continue;
        }
        let second_taken = sites::of(frame).and_then(sites::Site::address);
        let step = Step { first_taken: first.taken, second_taken };
        if let Some(path) = path(&order, lock, first.lock) {
            tell(&order, &path, (first.lock, lock, step));
            drop(order);
            let parameters = [HIERARCHY, lock as u64, 0, 0];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
        }
        order.entry(first.lock).or_default().insert(lock, step);
    }
}

/// The locks from `from` to `to`, each taken while the one before it was held.
fn path(order: &Order, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut seen = HashSet::from([from]);
    let mut paths = vec![vec![from]];
    while let Some(path) = paths.pop() {
        let last = *path.last()?;
        if last == to {
            return Some(path);
        }
        for &next in order.get(&last).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next) {
                paths.push([path.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// Keeps in words how the locks of `path` were taken before, and how two of them are now.
fn tell(order: &Order, path: &[usize], (first, second, step): (usize, usize, Step)) {
    let mut story = Vec::new();
    let mut add = |when: &str, first: usize, second: usize, step: Step| {
        story.push((format!("{when}, lock {first:#x} was taken"), Some(step.first_taken)));
        story.push((format!("and, while it was held, lock {second:#x}"), step.second_taken));
    };
    for pair in path.windows(2) {
        if let Some(&step) = order.get(&pair[0]).and_then(|next| next.get(&pair[1])) {
            add("before", pair[0], pair[1], step);
        }
    }
    add("now", first, second, step);
    *STORY.lock().unwrap_or_else(PoisonError::into_inner) = story;
}

/// How the locks of the violation that was found were taken.
pub(crate) fn story() -> Vec<(String, Option<u64>)> {
    STORY.try_lock().map(|story| story.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::child::{bug_check_of, survives, test_path};

    /// Takes locks one after the other, and releases them the other way round.
    fn nest(locks: &[usize]) {
        let return_address = 0_u64;
        let frame = (&raw const return_address).expose_provenance();
        locks.iter().for_each(|&lock| acquire(lock, frame));
        locks.iter().rev().for_each(|&lock| release(lock));
    }

    #[test]
    fn an_order_that_is_kept_is_no_violation() {
        survives(test_path!(), || {
            for _ in 0..2 {
                nest(&[1, 2, 3]);
                nest(&[1, 3]);
                nest(&[2, 3]);
                nest(&[2, 2]);
            }
            std::thread::spawn(|| nest(&[1, 2, 3])).join().unwrap();
        });
    }

    #[test]
    fn the_other_way_round_in_another_thread_is_one() {
        let report = bug_check_of(test_path!(), || {
            nest(&[1, 2]);
            std::thread::spawn(|| nest(&[2, 1])).join().unwrap();
        });
        assert_eq!((report.code, report.parameters), (0xC4, [0x1001, 1, 0, 0]));
        assert_eq!(report.details.len(), 4, "{:?}", report.details);
    }

    #[test]
    fn a_circle_of_three_is_one() {
        let report = bug_check_of(test_path!(), || {
            nest(&[1, 2]);
            nest(&[2, 3]);
            nest(&[3, 1]);
        });
        assert_eq!((report.code, report.parameters[..2].to_vec()), (0xC4, vec![0x1001, 1]));
        assert_eq!(report.details.len(), 6, "{:?}", report.details);
    }

    #[test]
    fn a_lock_that_is_gone_has_no_order() {
        survives(test_path!(), || {
            nest(&[1, 2]);
            forget(&(2..3));
            nest(&[2, 1]);
            forget(&(1..2));
            nest(&[1, 2]);
        });
    }
}
