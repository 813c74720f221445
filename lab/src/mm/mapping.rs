//! Memory that is mapped twice: the view that drivers see, whose pages lose and regain their
//! access, and an alias, always readable and writable, through which the machine fills them.

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap,
};

use crate::mm::protection::{ALIAS, Protection};

/// The two mappings of one memory. The view starts without any access.
#[derive(Debug)]
pub(crate) struct Mapping {
    view: *mut c_void,
    alias: *mut c_void,
    pages: usize,
}

// SAFETY: two addresses and a number; what is done to the memory says itself why it is sound.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `pages` pages of zeroes.
    pub(crate) fn new(name: &str, pages: usize) -> io::Result<Self> {
        let file = memfd(name)?;
        let bytes = pages * PAGE_SIZE;
        ftruncate(&file, bytes as u64)?;
        // The mappings keep the memory; the descriptor can go.
        let map = |protection| {
            // SAFETY: an address of the host's choice: nothing is replaced.
            unsafe { mmap(ptr::null_mut(), bytes, protection, MapFlags::SHARED, &file, 0) }
        };
        let alias = map(ALIAS)?;
        match map(ProtFlags::empty()) {
            Ok(view) => Ok(Self { view, alias, pages }),
            Err(error) => {
                // SAFETY: mapped above, and nobody knows of it.
                let _ = unsafe { munmap(alias, bytes) };
                Err(error.into())
            }
        }
    }

    /// Address of the view's first page.
    #[inline]
    pub(crate) fn base(&self) -> usize {
        self.view.expose_provenance()
    }

    #[inline]
    pub(crate) fn pages(&self) -> usize {
        self.pages
    }

    /// The first byte of a page in the alias.
    #[inline]
    pub(crate) fn alias(&self, page: usize) -> *mut u8 {
        debug_assert!(page <= self.pages);
        self.alias.cast::<u8>().wrapping_add(page * PAGE_SIZE)
    }

    #[inline]
    fn view(&self, range: &Range<usize>) -> (*mut c_void, usize) {
        assert!(range.start <= range.end && range.end <= self.pages);
        (self.view.wrapping_byte_add(range.start * PAGE_SIZE), range.len() * PAGE_SIZE)
    }

    /// Gives access to a range of the view. Async-signal-safe.
    #[inline]
    pub(crate) fn protect(&self, range: Range<usize>, protection: Protection) -> Result<(), Errno> {
        let (start, bytes) = self.view(&range);
        // SAFETY: `view` checked the range; it belongs to drivers, which nothing in Rust borrows
        // from, so no reference can see its access change.
        unsafe { mprotect(start, bytes, protection.mprotect_flags()) }
    }

    /// Takes the access to a range of the view away. Async-signal-safe.
    #[inline]
    pub(crate) fn revoke(&self, range: Range<usize>) -> Result<(), Errno> {
        let (start, bytes) = self.view(&range);
        // SAFETY: as in `protect`.
        unsafe { mprotect(start, bytes, MprotectFlags::empty()) }
    }

    /// Has the host enter a range of the view in its page tables now, rather than at the first
    /// reference: what is a fault of the machine later is then no fault of the host on top.
    pub(crate) fn populate(&self, range: Range<usize>) {
        let (start, bytes) = self.view(&range);
        // SAFETY: only looks at the pages. Hosts before Linux 5.14 do not know it, and need not.
        let _ = unsafe { madvise(start, bytes, Advice::LinuxPopulateRead) };
    }

    /// Gives the memory of a range back to the host: it reads as zeroes from now on.
    pub(crate) fn discard(&self, range: Range<usize>) -> Result<(), Errno> {
        let bytes = range.len() * PAGE_SIZE;
        // SAFETY: a shared mapping of our own; the caller has saved the content or does not need
        // it, and no reference into an alias outlives the copy it was made for.
        unsafe { madvise(self.alias(range.start).cast(), bytes, Advice::LinuxRemove) }
    }

    /// Whether the host has memory for each page of the range, as its `mincore` says.
    pub(crate) fn in_memory(&self, range: Range<usize>) -> io::Result<Vec<bool>> {
        let (start, bytes) = self.view(&range);
        let mut residency = vec![0_u8; range.len()];
        // SAFETY: the range is mapped, and `residency` has a byte for each of its pages.
        let result = unsafe { libc::mincore(start, bytes, residency.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(residency.iter().map(|&byte| byte & 1 != 0).collect())
    }

    /// Gives everything back, but keeps the view's addresses, without access, so that a stale
    /// reference faults instead of finding whatever comes to lie there. Not to be dropped
    /// afterwards.
    pub(crate) fn retire(&self) {
        let bytes = self.pages * PAGE_SIZE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the view is ours, and its owner has no more use for it.
        let result = unsafe { mmap_anonymous(self.view, bytes, ProtFlags::empty(), flags) };
        debug_assert!(result.is_ok());
        // SAFETY: the alias is ours, and nobody has a reference into it.
        let result = unsafe { munmap(self.alias, bytes) };
        debug_assert!(result.is_ok());
    }

    /// Lets go of a retired view's addresses too.
    pub(crate) fn forget(&self) {
        // SAFETY: `retire` put a mapping without access there, which nothing can refer to.
        let result = unsafe { munmap(self.view, self.pages * PAGE_SIZE) };
        debug_assert!(result.is_ok());
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let bytes = self.pages * PAGE_SIZE;
        for mapping in [self.view, self.alias] {
            // SAFETY: ours, and whoever drops it has handed out no address of it.
            let result = unsafe { munmap(mapping, bytes) };
            debug_assert!(result.is_ok());
        }
    }
}

/// A memfd that may be mapped for execution. Hosts before Linux 6.3 do not know the flag that says
/// so, and allow it.
fn memfd(name: &str) -> Result<rustix::fd::OwnedFd, Errno> {
    match memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(name, MemfdFlags::CLOEXEC),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_alias_writes_the_view_reads_and_discarding_gives_the_memory_back() {
        let mapping = Mapping::new("test", 3).unwrap();
        assert_eq!(mapping.in_memory(0..3).unwrap(), [false; 3]);
        // SAFETY: the second page of the alias.
        unsafe { mapping.alias(1).write(0x5a) };
        mapping.protect(1..2, Protection::READ).unwrap();
        let view = ptr::with_exposed_provenance::<u8>(mapping.base() + PAGE_SIZE);
        // SAFETY: the second page of the view, readable since above.
        assert_eq!(unsafe { view.read_volatile() }, 0x5a);
        assert_eq!(mapping.in_memory(0..3).unwrap(), [false, true, false]);
        mapping.revoke(0..3).unwrap();
        assert_eq!(mapping.in_memory(0..3).unwrap(), [false, true, false]);
        mapping.discard(1..2).unwrap();
        assert_eq!(mapping.in_memory(0..3).unwrap(), [false; 3]);
    }

    #[test]
    fn a_retired_mapping_keeps_its_addresses_without_memory() {
        let mapping = std::mem::ManuallyDrop::new(Mapping::new("test", 1).unwrap());
        // SAFETY: the first page of the alias.
        unsafe { mapping.alias(0).write(1) };
        mapping.retire();
        assert_eq!(mapping.in_memory(0..1).unwrap(), [false]);
        mapping.forget();
        assert!(mapping.in_memory(0..1).is_err(), "nothing is mapped there any more");
    }
}
