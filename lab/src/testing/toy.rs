//! A small WDM driver in Rust functions of the Windows calling convention: for tests of the I/O and
//! the Plug and Play manager without an image. The calling convention is all that matters to them.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;

use crate::io::csq::{IoCsqInitialize, IoCsqInsertIrp, IoCsqRemoveNextIrp};
use crate::io::device::{IoCreateDevice, IoDeleteDevice};
use crate::io::driver::{IoAllocateDriverObjectExtension, IoGetDriverObjectExtension};
use crate::io::interface::{IoRegisterDeviceInterface, IoSetDeviceInterfaceState};
use crate::io::stack::{IoAttachDeviceToDeviceStack, IoDetachDevice};
use crate::io::{Device, Driver, Irp, call, complete};
use crate::ke::spin_lock;

/// Codes the driver knows, all `FILE_ANY_ACCESS` but where said.
pub(crate) mod code {
    const fn code(function: u32, method: u32, access: u32) -> u32 {
        0x22 << 16 | access << 14 | function << 2 | method
    }

    /// Answers with the input, backwards.
    pub(crate) const REVERSE: u32 = code(0x900, 0, 0);
    /// Stays queued.
    pub(crate) const QUEUE: u32 = code(0x901, 0, 0);
    /// Completes the oldest queued one, whose output is its input.
    pub(crate) const RELEASE: u32 = code(0x902, 0, 0);
    /// Writes four bytes, and completes with `STATUS_BUFFER_OVERFLOW`, a warning.
    pub(crate) const WARN: u32 = code(0x903, 0, 0);
    /// Writes four bytes, and completes with `STATUS_UNSUCCESSFUL`, an error.
    pub(crate) const FAIL: u32 = code(0x904, 0, 0);
    /// [`REVERSE`] from the system buffer into the MDL, or from and to the user's addresses.
    pub(crate) const REVERSE_DIRECT: u32 = code(0x905, 2, 0);
    pub(crate) const REVERSE_NEITHER: u32 = code(0x905, 3, 0);
    /// Needs a handle with write access.
    pub(crate) const NEEDS_WRITE: u32 = code(0x906, 0, 2);
    /// Claims more bytes than there is room for.
    pub(crate) const BOAST: u32 = code(0x907, 0, 0);
    /// Completes, and returns `STATUS_PENDING` without having marked the request pending.
    pub(crate) const UNMARKED: u32 = code(0x920, 0, 0);
    /// Marks the request pending, completes it, and returns another status.
    pub(crate) const MARKED: u32 = code(0x921, 0, 0);
    /// Enters a critical region and stays there.
    pub(crate) const STAYS_CRITICAL: u32 = code(0x922, 0, 0);
    /// Does not complete the request, nor says that it is pending.
    pub(crate) const FORGET: u32 = code(0x908, 0, 0);
    /// Completes the request twice.
    pub(crate) const TWICE: u32 = code(0x909, 0, 0);
    /// Returns another status than the request has.
    pub(crate) const MISMATCH: u32 = code(0x90a, 0, 0);
}

/// What a test tells the driver, and what the driver tells the test.
#[derive(Debug, Default)]
pub(crate) struct Toy {
    /// Requests that arrived at the driver's devices: major, minor.
    log: Mutex<Vec<(u32, u32)>>,
    /// What `AddDevice` returns.
    pub(crate) add_status: AtomicI32,
    /// A minor that the driver fails.
    pub(crate) veto: AtomicU8,
    /// Whether it enables its interface when it starts.
    pub(crate) interface: AtomicBool,
    /// The flags it answers `IRP_MN_QUERY_PNP_DEVICE_STATE` with.
    pub(crate) state: AtomicU8,
    /// Whether it forgets to delete its device.
    pub(crate) keeps_device: AtomicBool,
}

/// No minor.
pub(crate) const NO_VETO: u8 = 0xff;

/// The class of the driver's interface.
pub(crate) const CLASS: nt::GUID =
    nt::GUID { Data1: 0x746f_7900, Data2: 1, Data3: 2, Data4: *b"toytoyto" };

/// [`CLASS`] as bytes.
pub(crate) fn class_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&CLASS.Data1.to_le_bytes());
    bytes[4..6].copy_from_slice(&CLASS.Data2.to_le_bytes());
    bytes[6..8].copy_from_slice(&CLASS.Data3.to_le_bytes());
    bytes[8..].copy_from_slice(&CLASS.Data4);
    bytes
}

impl Toy {
    /// Requests that arrived since the last call.
    pub(crate) fn take_log(&self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.log())
    }

    /// The minors of the Plug and Play requests among them.
    pub(crate) fn take_minors(&self) -> Vec<u32> {
        let of_pnp = |(major, minor)| (major == nt::IRP_MJ_PNP).then_some(minor);
        self.take_log().into_iter().filter_map(of_pnp).collect()
    }

    fn log(&self) -> MutexGuard<'_, Vec<(u32, u32)>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The driver object, and the driver's side of the conversation. Neither is ever freed.
pub(crate) fn load(name: &str) -> (Driver, Arc<Toy>) {
    let driver = Driver::create(name, None);
    for major in 0..=nt::IRP_MJ_MAXIMUM_FUNCTION {
        driver.set_dispatch(major, Some(pass_down));
    }
    for major in [nt::IRP_MJ_CREATE, nt::IRP_MJ_CLEANUP, nt::IRP_MJ_CLOSE] {
        driver.set_dispatch(major, Some(succeed));
    }
    driver.set_dispatch(nt::IRP_MJ_DEVICE_CONTROL, Some(device_control));
    driver.set_dispatch(nt::IRP_MJ_PNP, Some(pnp));
    driver.set_add_device(Some(add_device));
    let toy = Arc::new(Toy { veto: AtomicU8::new(NO_VETO), ..Toy::default() });
    let mut memory = ptr::null_mut();
    // SAFETY: the driver object is new.
    let status =
        unsafe { IoAllocateDriverObjectExtension(driver.as_ptr(), ID, 8, &raw mut memory) };
    assert_eq!(status, nt::STATUS_SUCCESS);
    let kept = Arc::into_raw(Arc::clone(&toy));
    // SAFETY: eight bytes were allocated.
    unsafe { memory.cast::<*const Toy>().write(kept) };
    (driver, toy)
}

const ID: *mut c_void = ptr::without_provenance_mut(1);

/// The driver's own part of its device.
#[repr(C)]
struct Extension {
    lower: *mut nt::DEVICE_OBJECT,
    toy: *const Toy,
    link: nt::UNICODE_STRING,
    queue: nt::IO_CSQ,
    lock: usize,
    list: nt::LIST_ENTRY,
}

fn extension<'a>(device: *mut nt::DEVICE_OBJECT) -> &'a mut Extension {
    // SAFETY: the driver's devices have such an extension, which `add_device` filled in.
    let memory = unsafe { (*device).DeviceExtension };
    // SAFETY: as above.
    unsafe { &mut *memory.cast::<Extension>() }
}

fn toy_of<'a>(device: *mut nt::DEVICE_OBJECT) -> &'a Toy {
    // SAFETY: a toy is never freed.
    unsafe { &*extension(device).toy }
}

fn irp_of(irp: *mut nt::IRP) -> Irp {
    // SAFETY: the I/O manager passes IRPs.
    unsafe { Irp::from_raw(irp) }.expect("an IRP")
}

fn note(device: *mut nt::DEVICE_OBJECT, irp: Irp) {
    let location = irp.current();
    let entry = (u32::from(location.major()), u32::from(location.minor()));
    toy_of(device).log().push(entry);
}

fn finish(irp: Irp, status: i32, information: u64) -> i32 {
    irp.set_status(status);
    irp.set_information(information);
    complete(irp);
    status
}

unsafe extern "win64" fn add_device(
    driver: *mut nt::DRIVER_OBJECT,
    physical: *mut nt::DEVICE_OBJECT,
) -> i32 {
    // SAFETY: the Plug and Play manager passes the driver object, which has the extension.
    let memory = unsafe { IoGetDriverObjectExtension(driver, ID) };
    // SAFETY: `load` wrote it.
    let toy = unsafe { memory.cast::<*const Toy>().read() };
    // SAFETY: a toy is never freed.
    let failure = unsafe { (*toy).add_status.load(Ordering::Relaxed) };
    if failure != 0 {
        return failure;
    }
    let mut device = ptr::null_mut();
    let bytes = size_of::<Extension>() as u32;
    // SAFETY: the driver object is the driver's own.
    let status = unsafe { IoCreateDevice(driver, bytes, ptr::null(), 0x22, 0, 0, &raw mut device) };
    assert_eq!(status, nt::STATUS_SUCCESS);
    let own = extension(device);
    own.toy = toy;
    // SAFETY: both are device objects, and the new one is in no stack.
    own.lower = unsafe { IoAttachDeviceToDeviceStack(device, physical) };
    assert_eq!(own.lower, physical);
    // SAFETY: the list is the device's own.
    unsafe { nt::InitializeListHead(&raw mut own.list) };
    // SAFETY: the queue is the device's own, and so are the routines.
    unsafe {
        IoCsqInitialize(
            &raw mut own.queue,
            Some(csq_insert),
            Some(csq_remove),
            Some(csq_peek),
            Some(csq_lock),
            Some(csq_unlock),
            Some(csq_cancelled),
        )
    };
    // SAFETY: the physical device has a node, and the string is the device's own.
    let status =
        unsafe { IoRegisterDeviceInterface(physical, &CLASS, ptr::null(), &raw mut own.link) };
    assert!(status >= 0);
    // SAFETY: the driver's own device.
    unsafe { (*device).Flags &= !nt::DO_DEVICE_INITIALIZING };
    nt::STATUS_SUCCESS
}

unsafe extern "win64" fn succeed(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    let irp = irp_of(irp);
    note(device, irp);
    finish(irp, nt::STATUS_SUCCESS, 0)
}

unsafe extern "win64" fn pass_down(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    note(device, irp_of(irp));
    forward(device, irp)
}

fn forward(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    // SAFETY: the driver was called with the IRP.
    unsafe { nt::IoSkipCurrentIrpStackLocation(irp) };
    // SAFETY: the device below is there as long as this one is attached.
    let lower = unsafe { Device::from_raw(extension(device).lower) }.expect("a lower device");
    // SAFETY: the IRP goes on to the device below.
    unsafe { call(lower, irp_of(irp)) }
}

/// Passes the IRP down and waits for it: the driver owns it again after.
fn forward_and_wait(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    // The lower driver is the bus, which completes at once: the routine runs within the call.
    unsafe extern "win64" fn done(
        _device: *mut nt::DEVICE_OBJECT,
        _irp: *mut nt::IRP,
        context: *mut c_void,
    ) -> i32 {
        // SAFETY: the context is the flag below.
        unsafe { context.cast::<bool>().write(true) };
        nt::STATUS_MORE_PROCESSING_REQUIRED
    }
    let mut is_done = false;
    // SAFETY: the driver was called with the IRP, and there is a device below.
    unsafe { nt::IoCopyCurrentIrpStackLocationToNext(irp) };
    // SAFETY: as above; the flag outlives the call.
    unsafe {
        nt::IoSetCompletionRoutine(irp, Some(done), (&raw mut is_done).cast(), true, true, true)
    };
    // SAFETY: the device below is there as long as this one is attached.
    let lower = unsafe { Device::from_raw(extension(device).lower) }.expect("a lower device");
    // SAFETY: the IRP goes on to the device below.
    unsafe { call(lower, irp_of(irp)) };
    assert!(is_done);
    irp_of(irp).status()
}

unsafe extern "win64" fn pnp(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    let own = irp_of(irp);
    note(device, own);
    let minor = own.current().minor();
    let toy = toy_of(device);
    if toy.veto.load(Ordering::Relaxed) == minor {
        return finish(own, nt::STATUS_UNSUCCESSFUL, 0);
    }
    match u32::from(minor) {
        nt::IRP_MN_START_DEVICE => {
            let status = forward_and_wait(device, irp);
            if status >= 0 && toy.interface.load(Ordering::Relaxed) {
                set_interface(device, true);
            }
            finish(own, status, 0)
        }
        nt::IRP_MN_QUERY_PNP_DEVICE_STATE => {
            let status = forward_and_wait(device, irp);
            finish(own, status, u64::from(toy.state.load(Ordering::Relaxed)))
        }
        nt::IRP_MN_SURPRISE_REMOVAL => {
            set_interface(device, false);
            own.set_status(nt::STATUS_SUCCESS);
            forward(device, irp)
        }
        nt::IRP_MN_REMOVE_DEVICE => {
            set_interface(device, false);
            own.set_status(nt::STATUS_SUCCESS);
            let status = forward(device, irp);
            remove(device);
            status
        }
        nt::IRP_MN_QUERY_REMOVE_DEVICE
        | nt::IRP_MN_CANCEL_REMOVE_DEVICE
        | nt::IRP_MN_QUERY_STOP_DEVICE
        | nt::IRP_MN_CANCEL_STOP_DEVICE
        | nt::IRP_MN_STOP_DEVICE => {
            own.set_status(nt::STATUS_SUCCESS);
            forward(device, irp)
        }
        _ => forward(device, irp),
    }
}

fn set_interface(device: *mut nt::DEVICE_OBJECT, enable: bool) {
    // SAFETY: the link is the one that registering gave.
    unsafe { IoSetDeviceInterfaceState(&extension(device).link, u8::from(enable)) };
}

fn remove(device: *mut nt::DEVICE_OBJECT) {
    let own = extension(device);
    crate::mm::pool::free(own.link.Buffer.cast(), None);
    // SAFETY: the device below is what this one is attached to.
    unsafe { IoDetachDevice(own.lower) };
    // SAFETY: a toy is never freed.
    if !unsafe { (*own.toy).keeps_device.load(Ordering::Relaxed) } {
        // SAFETY: the driver's own device, which it does not use any more.
        unsafe { IoDeleteDevice(device) };
    }
}

unsafe extern "win64" fn device_control(device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) -> i32 {
    let own = irp_of(irp);
    note(device, own);
    let location = own.current();
    let lengths = (location.input_length() as usize, location.output_length() as usize);
    let four = || {
        // SAFETY: the tests give these codes four bytes of buffer at least.
        unsafe { own.system_buffer().cast::<[u8; 4]>().write(*b"four") };
    };
    match location.control_code() {
        code::REVERSE => reverse(own, own.system_buffer(), own.system_buffer(), lengths),
        code::REVERSE_DIRECT => {
            // SAFETY: a direct request with output has an MDL, which is mapped.
            let output = unsafe { (*own.mdl()).MappedSystemVa };
            reverse(own, own.system_buffer(), output, lengths)
        }
        code::REVERSE_NEITHER => reverse(own, location.type3_input(), own.user_buffer(), lengths),
        code::QUEUE => {
            // SAFETY: the queue is the device's own, and the driver was called with the IRP.
            unsafe { IoCsqInsertIrp(&raw mut extension(device).queue, irp, ptr::null_mut()) };
            nt::STATUS_PENDING
        }
        code::RELEASE => {
            let queue = &raw mut extension(device).queue;
            // SAFETY: the queue is the device's own.
            let oldest = unsafe { IoCsqRemoveNextIrp(queue, ptr::null_mut()) };
            // SAFETY: an IRP of the queue, or null.
            let oldest = unsafe { Irp::from_raw(oldest) };
            let count = oldest.map_or(0, |oldest| {
                let length = u64::from(oldest.current().input_length());
                finish(oldest, nt::STATUS_SUCCESS, length);
                1
            });
            finish(own, if count == 0 { nt::STATUS_NO_MORE_ENTRIES } else { 0 }, 0)
        }
        code::WARN => {
            four();
            finish(own, nt::STATUS_BUFFER_OVERFLOW, 4)
        }
        code::FAIL => {
            four();
            finish(own, nt::STATUS_UNSUCCESSFUL, 4)
        }
        code::NEEDS_WRITE => finish(own, nt::STATUS_SUCCESS, 0),
        code::BOAST => finish(own, nt::STATUS_SUCCESS, 1 << 20),
        code::UNMARKED => {
            finish(own, nt::STATUS_SUCCESS, 0);
            nt::STATUS_PENDING
        }
        code::MARKED => {
            // SAFETY: the driver was called with the IRP.
            unsafe { nt::IoMarkIrpPending(irp) };
            finish(own, nt::STATUS_SUCCESS, 0)
        }
        code::STAYS_CRITICAL => {
            crate::ke::apc::KeEnterCriticalRegion();
            finish(own, nt::STATUS_SUCCESS, 0)
        }
        code::FORGET => nt::STATUS_SUCCESS,
        code::TWICE => {
            finish(own, nt::STATUS_SUCCESS, 0);
            finish(own, nt::STATUS_SUCCESS, 0)
        }
        code::MISMATCH => {
            finish(own, nt::STATUS_SUCCESS, 0);
            nt::STATUS_UNSUCCESSFUL
        }
        _ => finish(own, nt::STATUS_INVALID_DEVICE_REQUEST, 0),
    }
}

fn reverse(irp: Irp, input: *mut c_void, output: *mut c_void, lengths: (usize, usize)) -> i32 {
    if lengths.1 < lengths.0 {
        return finish(irp, nt::STATUS_BUFFER_TOO_SMALL, 0);
    }
    let mut bytes = vec![0_u8; lengths.0];
    // SAFETY: the request's input has that many bytes.
    unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(input.cast(), lengths.0) };
    bytes.reverse();
    // SAFETY: the request's output has as many at least.
    unsafe { output.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), lengths.0) };
    finish(irp, nt::STATUS_SUCCESS, lengths.0 as u64)
}

fn extension_of<'a>(queue: *mut nt::IO_CSQ) -> &'a mut Extension {
    let at = queue.wrapping_byte_sub(std::mem::offset_of!(Extension, queue));
    // SAFETY: the driver's queues are in its extensions.
    unsafe { &mut *at.cast::<Extension>() }
}

const LINK: usize = std::mem::offset_of!(nt::IRP, Tail.Overlay.__bindgen_anon_2.ListEntry);

unsafe extern "win64" fn csq_insert(queue: *mut nt::IO_CSQ, irp: *mut nt::IRP) {
    let entry = irp.wrapping_byte_add(LINK).cast();
    // SAFETY: the list is the queue's, and locked.
    unsafe { nt::InsertTailList(&raw mut extension_of(queue).list, entry) };
}

unsafe extern "win64" fn csq_remove(_queue: *mut nt::IO_CSQ, irp: *mut nt::IRP) {
    // SAFETY: the IRP is in the list, which is locked.
    unsafe { nt::RemoveEntryList(irp.wrapping_byte_add(LINK).cast()) };
}

unsafe extern "win64" fn csq_peek(
    queue: *mut nt::IO_CSQ,
    after: *mut nt::IRP,
    _context: *mut c_void,
) -> *mut nt::IRP {
    let head = &raw mut extension_of(queue).list;
    let from =
        if after.is_null() { head } else { after.wrapping_byte_add(LINK).cast::<nt::LIST_ENTRY>() };
    // SAFETY: an entry or the head of the list, which is locked.
    let next = unsafe { (*from).Flink };
    if next == head { ptr::null_mut() } else { next.cast::<nt::IRP>().wrapping_byte_sub(LINK) }
}

unsafe extern "win64" fn csq_lock(queue: *mut nt::IO_CSQ, irql: *mut u8) {
    // SAFETY: the lock is the queue's.
    let old = unsafe { spin_lock::acquire(&raw mut extension_of(queue).lock) };
    // SAFETY: the caller's variable.
    unsafe { irql.write(old) };
}

unsafe extern "win64" fn csq_unlock(queue: *mut nt::IO_CSQ, irql: u8) {
    // SAFETY: the lock is the queue's, and held.
    unsafe { spin_lock::release(&raw mut extension_of(queue).lock, irql) };
}

unsafe extern "win64" fn csq_cancelled(_queue: *mut nt::IO_CSQ, irp: *mut nt::IRP) {
    finish(irp_of(irp), nt::STATUS_CANCELLED, 0);
}
