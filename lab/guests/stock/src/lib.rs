//! A Plug and Play driver: `\\.\Stock` keeps numbers as memory objects in a collection, under a
//! spin lock. Whoever asks for the total waits in a manual queue until a work item, at
//! `PASSIVE_LEVEL` and under a wait lock, has counted.
#![no_std]

extern crate wdk_panic;

use core::ptr;

use guest_support::{
    TypeInfo, answer, answer_bytes, attributes, check, complete, control_queue, driver, framework,
    input, queue, size_of_struct, symbolic_link, unicode, wide,
};
use wdk_alloc::WdkAllocator;
use wdk_sys::{
    _POOL_TYPE, _WDF_IO_QUEUE_DISPATCH_TYPE, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    PWDFDEVICE_INIT, STATUS_INVALID_DEVICE_REQUEST, STATUS_NO_MORE_ENTRIES, STATUS_SUCCESS,
    WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_WORKITEM_CONFIG, WDFCOLLECTION, WDFDEVICE,
    WDFDRIVER, WDFMEMORY, WDFQUEUE, WDFREQUEST, WDFSPINLOCK, WDFWAITLOCK, WDFWORKITEM,
};

#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;

static NAME: [u16; 13] = wide(b"\\Device\\Stock");
static LINK: [u16; 17] = wide(b"\\DosDevices\\Stock");

/// in: a number
const IOCTL_ADD: u32 = 0x22_2000;
/// out: the number that was added first
const IOCTL_TAKE: u32 = 0x22_2004;
/// out: the sum of all, how many there are, and how often the work item has counted
const IOCTL_COUNT: u32 = 0x22_2008;

/// `Stok`
const TAG: u32 = u32::from_le_bytes(*b"Stok");

/// Of the device.
struct Stock {
    items: WDFCOLLECTION,
    /// Of the collection.
    lock: WDFSPINLOCK,
    waiting: WDFQUEUE,
    worker: WDFWORKITEM,
    /// Of `counts`.
    counting: WDFWAITLOCK,
    counts: u32,
}

static STOCK: TypeInfo = TypeInfo::new::<Stock>(&STOCK, c"Stock");

fn stock(device: WDFDEVICE) -> *mut Stock {
    STOCK.of(device.cast()).cast()
}

/// # Safety
/// Called once, with the kernel's arguments.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(
    object: PDRIVER_OBJECT,
    path: PCUNICODE_STRING,
) -> NTSTATUS {
    let config =
        WDF_DRIVER_CONFIG { EvtDriverDeviceAdd: Some(device_add), ..WDF_DRIVER_CONFIG::default() };
    // SAFETY: the arguments are the kernel's.
    let made = unsafe { driver(object, path, config, attributes(None, ptr::null_mut())) };
    made.err().unwrap_or(STATUS_SUCCESS)
}

extern "C" fn device_add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    create(init).err().unwrap_or(STATUS_SUCCESS)
}

fn create(mut init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    let name = unicode(&NAME);
    check(framework!(WdfDeviceInitAssignName, init, &raw const name))?;
    let mut of_device = attributes(Some(&STOCK), ptr::null_mut());
    let mut device: WDFDEVICE = ptr::null_mut();
    check(framework!(WdfDeviceCreate, &raw mut init, &raw mut of_device, &raw mut device))?;
    let made = parts(device)?;
    // SAFETY: the framework made the context of this size, and no request can come before the
    // device is started.
    unsafe { stock(device).write(made) };
    symbolic_link(device, &LINK)
}

fn parts(device: WDFDEVICE) -> Result<Stock, NTSTATUS> {
    let mut below = attributes(None, device.cast());
    let (mut lock, mut counting) = (ptr::null_mut(), ptr::null_mut());
    let (mut items, mut worker) = (ptr::null_mut(), ptr::null_mut());
    check(framework!(WdfSpinLockCreate, &raw mut below, &raw mut lock))?;
    check(framework!(WdfWaitLockCreate, &raw mut below, &raw mut counting))?;
    check(framework!(WdfCollectionCreate, &raw mut below, &raw mut items))?;
    let mut work = WDF_WORKITEM_CONFIG {
        Size: size_of_struct::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: Some(count),
        AutomaticSerialization: 1,
    };
    check(framework!(WdfWorkItemCreate, &raw mut work, &raw mut below, &raw mut worker))?;
    control_queue(device, Some(control))?;
    let waiting = queue(
        device,
        WDF_IO_QUEUE_CONFIG {
            DispatchType: _WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchManual,
            ..WDF_IO_QUEUE_CONFIG::default()
        },
    )?;
    Ok(Stock { items, lock, waiting, worker, counting, counts: 0 })
}

extern "C" fn control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    _output: usize,
    _input: usize,
    code: u32,
) {
    let device = framework!(WdfIoQueueGetDevice, queue);
    // SAFETY: `create` has filled it, and only the work item writes, to a field of its own.
    let stock = unsafe { &*stock(device) };
    match code {
        IOCTL_ADD => {
            let added = input(request).and_then(|number| add(device, stock, number));
            complete(request, added.err().unwrap_or(STATUS_SUCCESS));
        }
        IOCTL_TAKE => match take(stock) {
            Some(number) => answer(request, number),
            None => complete(request, STATUS_NO_MORE_ENTRIES),
        },
        IOCTL_COUNT => {
            let forwarded = framework!(WdfRequestForwardToIoQueue, request, stock.waiting);
            match check(forwarded) {
                Ok(()) => framework!(WdfWorkItemEnqueue, stock.worker),
                Err(status) => complete(request, status),
            }
        }
        _ => complete(request, STATUS_INVALID_DEVICE_REQUEST),
    }
}

fn add(device: WDFDEVICE, stock: &Stock, number: u32) -> Result<(), NTSTATUS> {
    let mut below = attributes(None, device.cast());
    let mut memory: WDFMEMORY = ptr::null_mut();
    let mut buffer = ptr::null_mut();
    check(framework!(
        WdfMemoryCreate,
        &raw mut below,
        _POOL_TYPE::NonPagedPoolNx,
        TAG,
        size_of::<u32>(),
        &raw mut memory,
        &raw mut buffer
    ))?;
    // SAFETY: the framework made it of this size.
    unsafe { buffer.cast::<u32>().write_unaligned(number) };
    framework!(WdfSpinLockAcquire, stock.lock);
    let added = check(framework!(WdfCollectionAdd, stock.items, memory.cast()));
    framework!(WdfSpinLockRelease, stock.lock);
    if added.is_err() {
        framework!(WdfObjectDelete, memory.cast());
    }
    added
}

/// The number in a memory object.
fn number(memory: WDFMEMORY) -> u32 {
    let buffer = framework!(WdfMemoryGetBuffer, memory, ptr::null_mut());
    // SAFETY: `add` made each of this size.
    unsafe { buffer.cast::<u32>().read_unaligned() }
}

fn take(stock: &Stock) -> Option<u32> {
    framework!(WdfSpinLockAcquire, stock.lock);
    let first: WDFMEMORY = framework!(WdfCollectionGetFirstItem, stock.items).cast();
    if !first.is_null() {
        framework!(WdfCollectionRemoveItem, stock.items, 0);
    }
    framework!(WdfSpinLockRelease, stock.lock);
    if first.is_null() {
        return None;
    }
    let number = number(first);
    framework!(WdfObjectDelete, first.cast());
    Some(number)
}

fn total(stock: &Stock) -> (u32, u32) {
    framework!(WdfSpinLockAcquire, stock.lock);
    let items = framework!(WdfCollectionGetCount, stock.items);
    let mut sum = 0_u32;
    for index in 0..items {
        let item = framework!(WdfCollectionGetItem, stock.items, index);
        sum = sum.wrapping_add(number(item.cast()));
    }
    framework!(WdfSpinLockRelease, stock.lock);
    (sum, items)
}

extern "C" fn count(worker: WDFWORKITEM) {
    let device: WDFDEVICE = framework!(WdfWorkItemGetParentObject, worker).cast();
    let place = stock(device);
    // SAFETY: `create` has filled it; what is written below is a field that nobody else reads.
    let stock = unsafe { &*place };
    let mut request = ptr::null_mut();
    loop {
        let next = framework!(WdfIoQueueRetrieveNextRequest, stock.waiting, &raw mut request);
        if check(next).is_err() {
            return;
        }
        let _ = framework!(WdfWaitLockAcquire, stock.counting, ptr::null_mut());
        // SAFETY: a field of the context.
        let counts = unsafe { &raw mut (*place).counts };
        // SAFETY: the wait lock is held.
        let run = unsafe { counts.read() }.wrapping_add(1);
        // SAFETY: as above.
        unsafe { counts.write(run) };
        framework!(WdfWaitLockRelease, stock.counting);
        let (sum, items) = total(stock);
        let mut bytes = [0; 12];
        for (figure, place) in [sum, items, run].iter().zip(bytes.as_chunks_mut::<4>().0) {
            *place = figure.to_le_bytes();
        }
        answer_bytes(request, &bytes);
    }
}
