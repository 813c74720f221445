//! A driver without Plug and Play that is as pageable as it can be: what runs at `PASSIVE_LEVEL` is
//! in the section `PAGE`, and a checksum that is at times needed under a spin lock is in `PAGELK`,
//! which has to be locked before.
#![no_std]

extern crate wdk_panic;

use core::hint::black_box;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use guest_support::{
    TypeInfo, answer, attributes, check, complete, control_device_init, control_queue, device,
    driver, framework, symbolic_link, wide,
};
use wdk_alloc::WdkAllocator;
use wdk_sys::ntddk::{
    KeGetCurrentIrql, MmLockPagableDataSection, MmLockPagableSectionByHandle,
    MmUnlockPagableImageSection,
};
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE, STATUS_SUCCESS, WDF_DRIVER_CONFIG,
    WDFDRIVER, WDFQUEUE, WDFREQUEST, WDFSPINLOCK,
};

#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;

static NAME: [u16; 16] = wide(b"\\Device\\Pageable");
static LINK: [u16; 20] = wide(b"\\DosDevices\\Pageable");

/// out: the checksum, at `PASSIVE_LEVEL`
const IOCTL_LOW: u32 = 0x22_2000;
/// one lock of `PAGELK` more
const IOCTL_LOCK: u32 = 0x22_2004;
/// one lock less
const IOCTL_UNLOCK: u32 = 0x22_2008;
/// out: the checksum, under a spin lock; refused where `PAGELK` is not locked
const IOCTL_HIGH: u32 = 0x22_200C;
/// the same without a look at the lock: what a driver must not do
const IOCTL_RASH: u32 = 0x22_2010;
/// out: what two resident functions say, of which only one runs under a spin lock
const IOCTL_RESIDENT: u32 = 0x22_2014;

/// Of the device; the framework makes it in non-paged pool.
struct Context {
    lock: WDFSPINLOCK,
    /// Of `PAGELK`, once it was locked.
    handle: AtomicPtr<core::ffi::c_void>,
    locks: core::sync::atomic::AtomicU32,
}

static CONTEXT: TypeInfo = TypeInfo::new::<Context>(&CONTEXT, c"Context");

/// # Safety
/// Called once, with the kernel's arguments.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(
    object: PDRIVER_OBJECT,
    path: PCUNICODE_STRING,
) -> NTSTATUS {
    let config = WDF_DRIVER_CONFIG {
        DriverInitFlags: _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver,
        EvtDriverUnload: Some(unload),
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: the arguments are the kernel's.
    let made = unsafe { driver(object, path, config, attributes(None, ptr::null_mut())) };
    made.and_then(create).err().unwrap_or(STATUS_SUCCESS)
}

#[unsafe(link_section = "PAGE")]
extern "C" fn unload(_driver: WDFDRIVER) {}

#[unsafe(link_section = "INIT")]
fn create(driver: WDFDRIVER) -> Result<(), NTSTATUS> {
    let init = control_device_init(driver, &NAME)?;
    let device = device(init, attributes(Some(&CONTEXT), ptr::null_mut()))?;
    let mut lock = ptr::null_mut();
    let mut below = attributes(None, device.cast());
    check(framework!(WdfSpinLockCreate, &raw mut below, &raw mut lock))?;
    let place = CONTEXT.of(device.cast()).cast::<Context>();
    let context = Context { lock, handle: AtomicPtr::default(), locks: 0.into() };
    // SAFETY: the framework made it of this size, and nobody else knows of it yet.
    unsafe { place.write(context) };
    symbolic_link(device, &LINK)?;
    control_queue(device, Some(control))?;
    framework!(WdfControlFinishInitializing, device);
    Ok(())
}

#[unsafe(link_section = "PAGE")]
extern "C" fn control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    _output: usize,
    _input: usize,
    code: u32,
) {
    let device = framework!(WdfIoQueueGetDevice, queue);
    // SAFETY: the one device was made with this type, and filled before it could be opened.
    let context = unsafe { &*CONTEXT.of(device.cast()).cast::<Context>() };
    match code {
        IOCTL_LOW => answer(request, checksum()),
        IOCTL_LOCK => {
            lock_section(context);
            complete(request, STATUS_SUCCESS);
        }
        IOCTL_UNLOCK => complete(request, unlock_section(context)),
        IOCTL_HIGH if context.locks.load(Ordering::Relaxed) == 0 => {
            complete(request, STATUS_INVALID_DEVICE_STATE);
        }
        IOCTL_HIGH | IOCTL_RASH => answer(request, under_lock(context.lock, checksum)),
        IOCTL_RESIDENT => {
            let low = only_low();
            answer(request, low.wrapping_add(under_lock(context.lock, only_high)));
        }
        _ => complete(request, STATUS_INVALID_DEVICE_REQUEST),
    }
}

#[unsafe(link_section = "PAGE")]
#[inline(never)]
fn lock_section(context: &Context) {
    let handle = context.handle.load(Ordering::Relaxed);
    if handle.is_null() {
        let address: *const () = checksum as *const ();
        // SAFETY: at PASSIVE_LEVEL, and the address is in a section whose name begins with PAGE.
        let handle = unsafe { MmLockPagableDataSection(address.cast_mut().cast()) };
        context.handle.store(handle, Ordering::Relaxed);
    } else {
        // SAFETY: at PASSIVE_LEVEL, with a handle that stays good while the driver is loaded.
        unsafe { MmLockPagableSectionByHandle(handle) };
    }
    context.locks.fetch_add(1, Ordering::Relaxed);
}

#[unsafe(link_section = "PAGE")]
#[inline(never)]
fn unlock_section(context: &Context) -> NTSTATUS {
    if context.locks.load(Ordering::Relaxed) == 0 {
        return STATUS_INVALID_DEVICE_STATE;
    }
    context.locks.fetch_sub(1, Ordering::Relaxed);
    let handle = context.handle.load(Ordering::Relaxed);
    // SAFETY: at PASSIVE_LEVEL, and the queue is sequential: the lock counted above is there.
    unsafe { MmUnlockPagableImageSection(handle) };
    STATUS_SUCCESS
}

/// Calls a function with the spin lock held: resident, as everything that runs meanwhile has to be.
#[inline(never)]
fn under_lock(lock: WDFSPINLOCK, function: fn() -> u32) -> u32 {
    framework!(WdfSpinLockAcquire, lock);
    let result = function();
    framework!(WdfSpinLockRelease, lock);
    result
}

#[unsafe(link_section = "PAGELK")]
#[inline(never)]
fn checksum() -> u32 {
    (1..=100_u32).fold(0_u32, |sum, number| black_box(sum).wrapping_mul(31).wrapping_add(number))
}

/// Runs at `PASSIVE_LEVEL` only, and could be pageable.
#[inline(never)]
fn only_low() -> u32 {
    // SAFETY: at any IRQL.
    let irql = unsafe { KeGetCurrentIrql() };
    black_box(100 + u32::from(irql))
}

/// Runs at `DISPATCH_LEVEL` only, and has to be resident.
#[inline(never)]
fn only_high() -> u32 {
    // SAFETY: at any IRQL.
    let irql = unsafe { KeGetCurrentIrql() };
    black_box(200 + u32::from(irql))
}
