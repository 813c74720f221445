//! A stack for each thread to handle faults on: its own may be used up, and the one that Rust's
//! runtime gives it is too small where the host saves large vector registers.

use std::cell::RefCell;
use std::ffi::c_void;
use std::io;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Room for the largest register state that processors have today, and the handler.
const BYTES: usize = 64 * 1024;

/// A mapping whose first page is a guard.
struct SignalStack(*mut c_void);

thread_local! {
    static STACK: RefCell<Option<SignalStack>> = const { RefCell::new(None) };
}

/// Gives this thread its stack, unless it has one.
pub(super) fn attach() -> io::Result<()> {
    STACK.with_borrow_mut(|stack| {
        if stack.is_none() {
            *stack = Some(SignalStack::new()?);
        }
        Ok(())
    })
}

impl SignalStack {
    fn new() -> io::Result<Self> {
        let none = ProtFlags::empty();
        // SAFETY: an address of the host's choice: nothing is replaced.
        let base =
            unsafe { mmap_anonymous(ptr::null_mut(), PAGE_SIZE + BYTES, none, MapFlags::PRIVATE) }?;
        let mapping = Self(base);
        let usable = base.wrapping_byte_add(PAGE_SIZE);
        let access = rustix::mm::MprotectFlags::READ | rustix::mm::MprotectFlags::WRITE;
        // SAFETY: the mapping above but for its first page; nobody uses it so far.
        unsafe { rustix::mm::mprotect(usable, BYTES, access) }?;
        let stack = libc::stack_t { ss_sp: usable, ss_flags: 0, ss_size: BYTES };
        // SAFETY: `stack` describes memory that stays mapped until this is dropped.
        if unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(mapping)
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let none =
            libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: BYTES };
        // SAFETY: no handler runs on it, since this code runs.
        unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
        // SAFETY: ours, and no longer anybody's stack. It can only fail for want of host memory.
        let _ = unsafe { munmap(self.0, PAGE_SIZE + BYTES) };
    }
}
