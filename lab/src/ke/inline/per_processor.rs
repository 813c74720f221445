//! What `gs` points to: of the processor's control region, what headers read.
//!
//! The region is not documented beyond what public headers inline: its own address at 0x18, the
//! processor's number at 0x184, the current thread at 0x188 (mingw-w64's `ddk/wdm.h` and
//! `ddk/ntddk.h`, in the public domain). The rest is zero.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::io;

/// `ARCH_SET_GS` of `arch_prctl(2)`.
const ARCH_SET_GS: libc::c_int = 0x1001;

const SELF: usize = 0x18;
const NUMBER: usize = 0x184;
const CURRENT_THREAD: usize = 0x188;

#[repr(align(64))]
struct Region(UnsafeCell<[u8; 0x1000]>);

thread_local! {
    static REGION: Region = const { Region(UnsafeCell::new([0; 0x1000])) };
}

/// Has `gs` of this thread point to its region, as long as the thread runs.
///
/// # Errors
/// What the host says.
pub(crate) fn attach(thread: *mut c_void, processor: u32) -> io::Result<()> {
    REGION.with(|region| {
        let start = region.0.get().cast::<u8>();
        put(region, SELF, &(start as u64).to_le_bytes());
        put(region, NUMBER, &(processor as u16).to_le_bytes());
        put(region, CURRENT_THREAD, &(thread as u64).to_le_bytes());
        // SAFETY: gs is used by neither Rust nor the C library on x86-64; the region is this thread's
        // and outlives whatever driver code runs in it.
        let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, start) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    })
}

fn put(region: &Region, offset: usize, bytes: &[u8]) {
    let place = region.0.get().cast::<u8>().wrapping_add(offset);
    // SAFETY: inside the region, as the offsets are constants and a few bytes are written; nobody
    // else refers to it while this thread is here.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

#[cfg(test)]
mod tests {
    use std::arch::asm;

    use super::*;

    fn read(offset: usize) -> u64 {
        let value: u64;
        // SAFETY: gs points to a region of this thread that is larger than the offset.
        unsafe { asm!("mov {}, gs:[{}]", out(reg) value, in(reg) offset, options(nostack)) };
        value
    }

    #[test]
    fn each_thread_reads_its_own() {
        let run = |thread: u64, number: u32| {
            attach(thread as *mut c_void, number).unwrap();
            let here = read(SELF);
            assert_eq!(read(CURRENT_THREAD), thread);
            assert_eq!(read(NUMBER) & 0xffff, u64::from(number));
            here
        };
        let other = std::thread::spawn(move || run(0x1234_5678_9abc, 3)).join().unwrap();
        assert_ne!(run(0x5678, 4), other);
    }
}
