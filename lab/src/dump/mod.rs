//! The machine's memory, kept in a file when it bug-checks: an ELF core, as debuggers of the host
//! read it.
//!
//! The drivers' images and the pools are in it as the drivers saw them, wherever their pages were:
//! those out of the working set or in the paging file with their content, those given back not at
//! all. The report lies in it too, and where the images are, so that nothing else is needed but the
//! images' files with their PDBs.
//!
//! The other threads stand still while it is written, wherever they are: one may hold the
//! allocator's lock. So what needs memory is done before.

mod freeze;
mod layout;
mod memory;
mod notes;
mod read;

pub use read::{Dump, ReadError, read};

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use pagewise_contract::PAGE_SIZE;

use crate::bugcheck::Registers;
use layout::{Header, Segment};
use memory::Range;

/// The name that the notes of this program go by.
const OWNER: &[u8] = b"PAGEWISE\0";
/// A note: the report, as JSON. Debuggers look at small numbers whoever owns them.
const REPORT: u32 = 0x5057_0001;
/// A note: the program and the images, as JSON.
const PROGRAM: u32 = 0x5057_0002;

/// What only the reporter knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed<'a> {
    /// The thread that failed, as the host numbers it.
    pub(crate) thread: i32,
    /// Its registers then.
    pub(crate) registers: Registers,
    /// The report, as JSON.
    pub(crate) report: &'a [u8],
}

/// Writes the dump; its bytes, holes included.
pub(crate) fn write(path: &Path, failed: &Failed<'_>) -> io::Result<u64> {
    let file = File::create(path)?;
    let ranges = memory::ranges()?;
    let mut notes = notes::Notes::prepare(failed)?;
    let frozen = freeze::all_but(&[failed.thread, freeze::this_thread()])?;
    if freeze::this_thread() != failed.thread {
        notes.thread(freeze::caller());
    }
    for thread in frozen.threads() {
        notes.thread(thread);
    }
    let notes = notes.finish();
    let segments = ranges.len() + 1;
    let mut offset = layout::header_bytes(segments) as u64;
    let mut place = 0;
    let mut put = |bytes: &[u8]| -> io::Result<()> {
        file.write_all_at(bytes, place)?;
        place += bytes.len() as u64;
        Ok(())
    };
    put(&layout::file_header(segments))?;
    put(&Header::notes(offset, notes.len() as u64).bytes())?;
    file.write_all_at(notes, offset)?;
    offset = (offset + notes.len() as u64).next_multiple_of(PAGE_SIZE as u64);
    let first = offset;
    for range in &ranges {
        let segment = Segment { start: range.start, bytes: range.bytes(), access: range.access };
        put(&Header::memory(segment, offset).bytes())?;
        offset += range.bytes();
    }
    contents(&file, &ranges, first)?;
    // Pages of zeroes are holes, also at the end.
    file.set_len(offset)?;
    drop(frozen);
    Ok(offset)
}

fn contents(file: &File, ranges: &[Range], mut offset: u64) -> io::Result<()> {
    let memory = memory::Source::open()?;
    let mut page = [0; PAGE_SIZE];
    for range in ranges {
        for address in (range.start..range.end).step_by(PAGE_SIZE) {
            if memory.read(address, &mut page) && page.iter().any(|&byte| byte != 0) {
                file.write_all_at(&page, offset)?;
            }
            offset += PAGE_SIZE as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
