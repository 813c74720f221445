//! The memory manager and the clock, as `pagewise-core` asks for them.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU8, Ordering};

use pagewise_contract::{BallastRegion, MAX_SECTIONS, PAGE_SIZE};
use pagewise_core::{Answer, CodePage, Counter, Kernel, LivePage, Refusal, WritablePage};
use wdk_sys::ntddk::{
    KeQueryPerformanceCounter, MmIsAddressValid, MmLockPagableDataSection,
    MmLockPagableSectionByHandle, MmPageEntireDriver, MmResetDriverPaging,
    MmUnlockPagableImageSection,
};
use wdk_sys::{LARGE_INTEGER, PVOID};

use crate::{ballast, device, image};

/// The real kernel.
pub struct Nt {
    image_pages: u32,
    /// What `MmLockPagableDataSection` gave for each section, null before the first lock. A handle
    /// stays good for as long as the driver is loaded.
    handles: [PVOID; MAX_SECTIONS],
}

impl Nt {
    /// For an image of so many pages.
    ///
    /// # Safety
    /// There is one at a time, it is used by one thread at a time, and only at `PASSIVE_LEVEL`.
    pub unsafe fn new(image_pages: u32) -> Self {
        Self { image_pages, handles: [ptr::null_mut(); MAX_SECTIONS] }
    }

    /// An address in a section that lasts, which stands for the whole image. It is not the base, so
    /// that a kernel that answers with the base has found the image.
    fn anywhere() -> PVOID {
        let callback: *const c_void = (device::evt_device_add as *const ()).cast();
        callback.cast_mut()
    }
}

impl Kernel for Nt {
    fn page_entire(&mut self) -> Answer {
        // SAFETY: the IRQL is PASSIVE_LEVEL, the address is in this image, the driver has no
        // interrupt connected, and no code or data of it is used above APC_LEVEL.
        let answer = unsafe { MmPageEntireDriver(Self::anywhere()) };
        Answer::describe(answer.addr(), image::base(), self.image_pages)
    }

    fn reset(&mut self) {
        // SAFETY: the IRQL is PASSIVE_LEVEL and the address is in this image.
        unsafe { MmResetDriverPaging(Self::anywhere()) };
    }

    fn lock(&mut self, section: usize, first_page: u32) -> Result<(), Refusal> {
        let handle = self.handles.get_mut(section).ok_or(Refusal::InvalidParameter)?;
        if handle.is_null() {
            let offset = (first_page as usize).saturating_mul(PAGE_SIZE);
            let address: PVOID =
                ptr::with_exposed_provenance_mut(image::base().saturating_add(offset));
            // SAFETY: the IRQL is PASSIVE_LEVEL and the address is in a pageable section of this
            // image.
            *handle = unsafe { MmLockPagableDataSection(address) };
            if handle.is_null() {
                return Err(Refusal::InsufficientResources);
            }
        } else {
            // SAFETY: the IRQL is PASSIVE_LEVEL and the handle came from MmLockPagableDataSection.
            unsafe { MmLockPagableSectionByHandle(*handle) };
        }
        Ok(())
    }

    fn unlock(&mut self, section: usize) {
        let handle = self.handles.get(section).copied().unwrap_or(ptr::null_mut());
        if !handle.is_null() {
            // SAFETY: the IRQL is PASSIVE_LEVEL, and the caller holds a lock that `lock` took with
            // this handle.
            unsafe { MmUnlockPagableImageSection(handle) };
        }
    }

    fn is_valid(&self, page: LivePage) -> bool {
        // SAFETY: it may be asked about any address, and answers about this instant only.
        let valid = unsafe { MmIsAddressValid(image::address(page).cast()) };
        valid != 0
    }

    fn read(&mut self, page: LivePage) {
        // SAFETY: a live page is mapped, readable and, at PASSIVE_LEVEL, faulted in at need.
        let _ = unsafe { image::address(page).read_volatile() };
    }

    fn write(&mut self, page: WritablePage) {
        let first = image::address(page.page());
        // SAFETY: a writable page is mapped, valid for writes and, at PASSIVE_LEVEL, faulted in at
        // need; one byte is always aligned; whoever else writes to the page does so as a whole,
        // since an exchange with what was just read cannot undo it.
        let byte = unsafe { AtomicU8::from_ptr(first) };
        let value = byte.load(Ordering::Relaxed);
        // Always a write cycle for the processor. Losing a race leaves the winner's value.
        let _ = byte.compare_exchange(value, value, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn execute(&mut self, page: CodePage) -> u32 {
        ballast::call(page)
    }

    fn counter(&self) -> Counter {
        let mut frequency = LARGE_INTEGER::default();
        // SAFETY: the pointer is to a local that may be written.
        let ticks = unsafe { KeQueryPerformanceCounter(&raw mut frequency) };
        // SAFETY: the kernel filled the union, all views of which are plain integers.
        let ticks = unsafe { ticks.QuadPart };
        // SAFETY: as above.
        let frequency = unsafe { frequency.QuadPart };
        Counter {
            ticks: u64::try_from(ticks).unwrap_or(0),
            frequency: u64::try_from(frequency).unwrap_or(0),
        }
    }

    fn ballast_page(&self, region: BallastRegion) -> u32 {
        let offset = ballast::address(region).addr().saturating_sub(image::base());
        u32::try_from(offset / PAGE_SIZE).unwrap_or(u32::MAX)
    }

    fn ballast(&self, region: BallastRegion) -> &[u8] {
        // SAFETY: the only writable slices come from `ballast_mut`, which borrows `self` uniquely,
        // and there is one `Nt`.
        unsafe { ballast::bytes(region) }
    }

    fn ballast_mut(&mut self, region: BallastRegion) -> Option<&mut [u8]> {
        // SAFETY: slices come only from here and from `ballast`, both of which borrow `self`, and
        // there is one `Nt`.
        unsafe { ballast::bytes_mut(region) }
    }
}
