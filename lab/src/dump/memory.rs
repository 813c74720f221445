//! Which memory is kept, and reading it without disturbing any page.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{PF_R, PF_W, PF_X};
use pagewise_contract::PAGE_SIZE;

use crate::mm::{page_content, region_runs};

/// A run of whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    /// `PF_*`
    pub(super) access: u32,
}

impl Range {
    pub(super) const fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// The drivers' memory, and what the process itself can write or the host's linker has written: data,
/// heaps, stacks, constants. Code is in the program's files.
pub(super) fn ranges() -> io::Result<Vec<Range>> {
    let mut ranges: Vec<_> = region_runs()
        .map(|(run, protection)| {
            let write = if protection.write { PF_W } else { 0 };
            let execute = if protection.execute { PF_X } else { 0 };
            let (start, end) = (run.start as u64, run.end as u64);
            Range { start, end, access: PF_R | write | execute }
        })
        .collect();
    ranges.extend(fs::read_to_string("/proc/self/maps")?.lines().filter_map(kept));
    ranges.sort_by_key(|range| range.start);
    Ok(ranges)
}

/// What is kept of a mapping of the process; nothing of those of drivers, which are known better.
fn kept(line: &str) -> Option<Range> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    let access = fields.next()?;
    let path = fields.nth(3).unwrap_or("");
    let ours = path.starts_with("/memfd:") || path.starts_with("[v") || access.ends_with('s');
    if ours || !access.starts_with('r') || start >= 1 << 47 {
        return None;
    }
    let (write, execute) = (access.contains('w'), access.contains('x'));
    let flags = PF_R | if write { PF_W } else { 0 } | if execute { PF_X } else { 0 };
    let is_code = execute && !write && path.starts_with('/');
    (!is_code).then_some(Range { start, end, access: flags })
}

/// Where content is read from.
pub(super) struct Source(File);

impl Source {
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/self/mem").map(Self)
    }

    /// Reads the page at an address; false where there is none. Allocates nothing.
    pub(super) fn read(&self, address: u64, page: &mut [u8; PAGE_SIZE]) -> bool {
        match page_content(address as usize, page) {
            Some(read) => read,
            None => self.0.read_exact_at(page, address).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_kept_and_code_is_not() {
        let all = |line| kept(line).map(|range| (range.start, range.end));
        let heap = "1000-4000 rw-p 00000000 00:00 0    [heap]";
        assert_eq!(all(heap), Some((0x1000, 0x4000)));
        let data = "5000-6000 rw-p 00012000 08:01 99   /usr/bin/lab";
        assert_eq!(all(data), Some((0x5000, 0x6000)));
        let linked = "8000-9f000 r--p 00000000 08:01 99   /usr/bin/lab";
        assert_eq!(all(linked), Some((0x8000, 0x9f000)));
        let code = "9f000-ff000 r-xp 0001f000 08:01 99   /usr/bin/lab";
        assert_eq!(all(code), None);
        for not in [
            "1000-4000 rw-s 00000000 00:01 7    /memfd:paged pool (deleted)",
            "1000-4000 ---p 00000000 00:00 0",
            "1000-4000 r-xp 00000000 00:00 0    [vdso]",
            "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]",
            "no mapping",
        ] {
            assert_eq!(all(not), None, "{not}");
        }
    }
}
