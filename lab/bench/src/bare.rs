//! The baseline of a soft page-in: the pages of a shared mapping lose their access at once, each is
//! touched, and the handler of SIGSEGV gives its access back. Nothing else.

use std::io;
use std::ptr;
use std::time::Instant;

use anyhow::{Context, Result};
use pagewise_contract::PAGE_SIZE;

/// Nanoseconds of one cycle, over `pages` pages.
pub fn cycle_ns(pages: usize) -> Result<f64> {
    let bytes = pages * PAGE_SIZE;
    // SAFETY: the name is a C string and the flags are none; the result is checked below.
    let file = unsafe { libc::memfd_create(c"bare".as_ptr(), 0) };
    check(file >= 0, "memfd_create")?;
    // SAFETY: `file` is a memfd of this process; growing it touches no memory.
    check(unsafe { libc::ftruncate(file, bytes as libc::off_t) } == 0, "ftruncate")?;
    // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            file,
            0,
        )
    };
    check(base != libc::MAP_FAILED, "mmap")?;
    install_handler()?;
    let pages: Vec<*mut u8> =
        (0..pages).map(|page| base.cast::<u8>().wrapping_add(page * PAGE_SIZE)).collect();
    let start = Instant::now();
    // SAFETY: the range is the mapping above, which nothing else refers to.
    check(unsafe { libc::mprotect(base, bytes, libc::PROT_NONE) } == 0, "mprotect")?;
    for &page in &pages {
        // SAFETY: the page is mapped; without access it faults, and the handler gives access back.
        let _ = unsafe { page.read_volatile() };
    }
    Ok(start.elapsed().as_nanos() as f64 / pages.len() as f64)
}

fn install_handler() -> Result<()> {
    // SAFETY: all zeroes is a valid sigaction: no handler, no flags, no mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_fault as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: `action` is filled in; the handler is async-signal-safe, it only calls mprotect.
    let result = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) };
    check(result == 0, "sigaction")
}

extern "C" fn on_fault(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a SA_SIGINFO handler.
    let info = unsafe { &*info };
    // SAFETY: SIGSEGV sets the address.
    let address = unsafe { info.si_addr() };
    let page = address.map_addr(|address| address & !(PAGE_SIZE - 1));
    // SAFETY: only the pages of `cycle_ns` are without access in this process.
    unsafe { libc::mprotect(page, PAGE_SIZE, libc::PROT_READ | libc::PROT_WRITE) };
}

fn check(success: bool, call: &'static str) -> Result<()> {
    if success { Ok(()) } else { Err(io::Error::last_os_error()).context(call) }
}
