//! Who holds a resource, and how.

use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct State {
    /// The thread that holds it alone, and how many times.
    pub(super) exclusive: Option<(usize, u32)>,
    /// The threads that share it, and how many times each.
    pub(super) shared: BTreeMap<usize, u32>,
    pub(super) exclusive_waiters: u32,
    pub(super) shared_waiters: u32,
}

/// Who asks for a share while somebody waits to have it alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Waits behind.
    Polite,
    /// Goes first.
    Starve,
}

impl State {
    pub(super) fn take_exclusive(&mut self, thread: usize) -> bool {
        match &mut self.exclusive {
            Some((owner, times)) if *owner == thread => *times += 1,
            None if self.shared.is_empty() => self.exclusive = Some((thread, 1)),
            _ => return false,
        }
        true
    }

    pub(super) fn take_shared(&mut self, thread: usize, share: Share) -> bool {
        if let Some((owner, times)) = &mut self.exclusive {
            let mine = *owner == thread;
            *times += u32::from(mine);
            return mine;
        }
        let waits = share == Share::Polite && self.exclusive_waiters != 0;
        if waits && !self.shared.contains_key(&thread) {
            return false;
        }
        *self.shared.entry(thread).or_default() += 1;
        true
    }

    pub(super) fn release(&mut self, thread: usize) -> bool {
        if let Some((owner, times)) = &mut self.exclusive {
            if *owner != thread {
                return false;
            }
            *times -= 1;
            if *times == 0 {
                self.exclusive = None;
            }
            return true;
        }
        let Some(times) = self.shared.get_mut(&thread) else { return false };
        *times -= 1;
        if *times == 0 {
            self.shared.remove(&thread);
        }
        true
    }
}
