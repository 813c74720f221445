//! The paging file: where the content of pages goes that have no memory.
//!
//! A region gets its place when it is made, one slot a page, so that a page-in has nothing to look
//! up and a page-out cannot run out of slots.

use std::fs::File;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pagewise_contract::PAGE_SIZE;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, pread, pwrite};

/// A sparse file without a name.
#[derive(Debug)]
pub(crate) struct PagingFile {
    file: File,
    free: Mutex<Free>,
}

/// The slots that nobody has.
#[derive(Debug, Default)]
struct Free {
    ranges: Vec<Range<usize>>,
    /// Slots from here on have never been given out.
    end: usize,
}

impl PagingFile {
    pub(crate) const fn new(file: File) -> Self {
        Self { file, free: Mutex::new(Free { ranges: Vec::new(), end: 0 }) }
    }

    /// The first of `slots` slots.
    pub(crate) fn reserve(&self, slots: usize) -> usize {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fit) = free.ranges.iter_mut().find(|range| range.len() >= slots) {
            let first = fit.start;
            fit.start += slots;
            free.ranges.retain(|range| !range.is_empty());
            return first;
        }
        let first = free.end;
        free.end += slots;
        first
    }

    /// Gives slots back, and their room on the disk.
    pub(crate) fn release(&self, first: usize, slots: usize) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // A file system that cannot punch holes just keeps the room until the machine ends.
        let _ = fallocate(&self.file, flags, offset(first), (slots * PAGE_SIZE) as u64);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.ranges.push(first..first + slots);
        free.ranges.sort_by_key(|range| range.start);
        free.ranges.dedup_by(|next, range| {
            let adjacent = range.end == next.start;
            if adjacent {
                range.end = next.end;
            }
            adjacent
        });
    }

    /// Writes whole pages to consecutive slots.
    pub(crate) fn write(&self, first: usize, pages: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < pages.len() {
            match pwrite(&self.file, &pages[done..], offset(first) + done as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads whole pages from consecutive slots. Async-signal-safe.
    pub(crate) fn read(&self, first: usize, pages: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < pages.len() {
            match pread(&self.file, &mut pages[done..], offset(first) + done as u64) {
                // The file ends before what was written there: it was cut.
                Ok(0) => return Err(Errno::IO),
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

const fn offset(slot: usize) -> u64 {
    slot as u64 * PAGE_SIZE as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_from_their_slots() {
        let file = PagingFile::new(tempfile::tempfile().unwrap());
        let first = file.reserve(2);
        let second = file.reserve(1);
        file.write(second, &[2; PAGE_SIZE]).unwrap();
        file.write(first, &[[0; PAGE_SIZE], [1; PAGE_SIZE]].concat()).unwrap();
        let mut page = [0xff; PAGE_SIZE];
        file.read(first + 1, &mut page).unwrap();
        assert_eq!(page, [1; PAGE_SIZE]);
        file.read(second, &mut page).unwrap();
        assert_eq!(page, [2; PAGE_SIZE]);
    }

    #[test]
    fn released_slots_are_joined_and_given_out_again() {
        let file = PagingFile::new(tempfile::tempfile().unwrap());
        let slots: Vec<_> = (0..4).map(|_| file.reserve(4)).collect();
        file.release(slots[2], 4);
        file.release(slots[0], 4);
        file.release(slots[1], 4);
        assert_eq!(file.reserve(12), slots[0]);
        assert_eq!(file.reserve(1), slots[3] + 4);
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let file = PagingFile::new(tempfile::tempfile().unwrap());
        let slot = file.reserve(1);
        file.write(slot, &[1; PAGE_SIZE]).unwrap();
        file.file().set_len(100).unwrap();
        assert_eq!(file.read(slot, &mut [0; PAGE_SIZE]), Err(Errno::IO));
    }
}
