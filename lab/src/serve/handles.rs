//! The handles of one client.

use std::sync::Arc;

use crate::io::OpenFile;

/// Handles that a client can have at a time.
const MOST: usize = 4096;

/// A table of open files. A handle is a slot's number plus one, so that zero is none.
#[derive(Debug, Default)]
pub(super) struct Handles {
    slots: Vec<Option<Arc<OpenFile>>>,
}

impl Handles {
    /// A handle to `file`; nothing, and the file is closed, where there are too many.
    pub(super) fn insert(&mut self, file: Arc<OpenFile>) -> Option<u32> {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == MOST {
            file.cleanup();
            return None;
        }
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(file);
        Some(free as u32 + 1)
    }

    /// The file behind a handle.
    pub(super) fn get(&self, handle: u32) -> Option<&Arc<OpenFile>> {
        self.slots.get(slot(handle)?)?.as_ref()
    }

    /// Closes a handle: the file was open until now.
    pub(super) fn remove(&mut self, handle: u32) -> Option<Arc<OpenFile>> {
        self.slots.get_mut(slot(handle)?)?.take()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Closes all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Arc<OpenFile>> + '_ {
        self.slots.drain(..).flatten()
    }
}

fn slot(handle: u32) -> Option<usize> {
    handle.checked_sub(1).map(|slot| slot as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_from_the_wire_is_a_handle_by_itself() {
        let mut handles = Handles::default();
        for handle in [0, 1, u32::MAX] {
            assert!(handles.get(handle).is_none());
            assert!(handles.remove(handle).is_none());
        }
    }
}
