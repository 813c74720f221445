//! `WdfIoQueueCreate`.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pagewise_lab_nt::{
    IoAllocateWorkItem, KeInitializeDpc, NTSTATUS, STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
};

use crate::abi::{
    Handle, ObjectAttributes, PublicGlobals, QueueConfig, STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL,
    STATUS_WDF_NO_CALLBACK, dispatch_type, tri_state,
};
use crate::callback::CallbackLock;
use crate::device::Device;
use crate::gate::{Dispatch, Gate, Power};
use crate::kernel::event::Event;
use crate::kernel::spin::SpinLock;
use crate::kernel::violation;
use crate::object::{
    Allowed, Header, Instance, Level, Ref, Scope, abandon, attributes, create_under, from_handle,
    header_from_handle, to_handle,
};

use super::body::{Callbacks, Queue, State};
use super::events;
use super::list::RequestList;

/// `WdfIoQueueCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn io_queue_create(
    _: *mut PublicGlobals,
    device: Handle,
    config: *const QueueConfig,
    queue_attributes: *const ObjectAttributes,
    queue: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its pointer.
    let Some(config) = (unsafe { config.as_ref() }) else { violation::null_parameter() };
    if config.size as usize != size_of::<QueueConfig>() {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    let allowed = Allowed { level: true, scope: true, ..Allowed::PARENT };
    // SAFETY: the client vouches for its attributes.
    let created = unsafe { attributes(queue_attributes, allowed) }.and_then(|attributes| {
        // SAFETY: a parent that the attributes name is the client's.
        let parent = unsafe { parent(device, attributes) };
        create_queue(device, config, attributes, parent)
    });
    match created {
        Ok(created) => {
            if !queue.is_null() {
                // SAFETY: the client vouches for its pointer.
                unsafe { queue.write(to_handle(created)) };
            }
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// # Safety
/// A parent that the attributes name is a live object of the client.
unsafe fn parent<'a>(
    device: &'a Instance<Device>,
    attributes: Option<&ObjectAttributes>,
) -> &'a Header {
    match attributes {
        // SAFETY: the caller vouches for the parent.
        Some(attributes) if !attributes.parent.is_null() => unsafe {
            header_from_handle(attributes.parent)
        },
        _ => device.header(),
    }
}

fn create_queue<'a>(
    device: &'a Instance<Device>,
    config: &QueueConfig,
    attributes: Option<&ObjectAttributes>,
    parent: &Header,
) -> Result<&'a Instance<Queue>, NTSTATUS> {
    let dispatch = dispatch_of(config)?;
    let level = Level::of(attributes, device.level);
    let scope = Scope::of(attributes, device.scope);
    if scope == Scope::Device && level != device.level {
        return Err(STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL);
    }
    if config.default_queue != 0 && device.default_queue().is_some() {
        return Err(STATUS_UNSUCCESSFUL);
    }
    let power_managed = !device.is_control()
        && match config.power_managed {
            tri_state::TRUE => true,
            tri_state::FALSE => false,
            _ => !device.filter,
        };
    let off = power_managed && !device.pnp.lock().in_d0;
    let power = if off { Power::Off } else { Power::On };
    let body = body(device, config, Gate::new(dispatch, power), level, scope, power_managed);
    // SAFETY: validated by the caller.
    let queue = unsafe { create_under(device.globals(), attributes, parent, body) }?;
    queue.lock.initialise();
    queue.power_idle.initialise();
    queue.finished.initialise();
    let context = NonNull::from(queue).as_ptr().cast();
    // SAFETY: memory for a DPC that nobody uses so far.
    unsafe { KeInitializeDpc(queue.dpc.get().cast(), Some(events::deferred_dpc), context) };
    if level == Level::Passive {
        // SAFETY: the device's own object.
        let item = unsafe { IoAllocateWorkItem(device.object()) };
        if item.is_null() {
            queue.globals().tree().lock().detach(queue.header().node());
            abandon(queue.header().into());
            return Err(STATUS_INSUFFICIENT_RESOURCES);
        }
        queue.work_item.store(item.cast(), Ordering::Release);
    }
    device.queues.add(queue);
    if config.default_queue != 0 {
        make_default(device, queue);
    }
    Ok(queue)
}

/// The default queue takes every kind of request that has no queue yet, creates excepted.
fn make_default(device: &Device, queue: &Instance<Queue>) {
    let pointer = NonNull::from(queue).as_ptr();
    device.default_queue.store(pointer, Ordering::Release);
    for major in super::incoming::MAJORS {
        let slot = &device.by_major[usize::from(major)];
        let _ = slot.compare_exchange(null_mut(), pointer, Ordering::AcqRel, Ordering::Relaxed);
    }
}

fn dispatch_of(config: &QueueConfig) -> Result<Dispatch, NTSTATUS> {
    let presented = config.presented_requests;
    let handlers = config.default.is_some()
        || config.read.is_some()
        || config.write.is_some()
        || config.device_control.is_some()
        || config.internal_device_control.is_some();
    match config.dispatch_type {
        dispatch_type::MANUAL if handlers => Err(STATUS_INVALID_PARAMETER),
        dispatch_type::SEQUENTIAL | dispatch_type::PARALLEL if !handlers => {
            Err(STATUS_WDF_NO_CALLBACK)
        }
        dispatch_type::SEQUENTIAL | dispatch_type::MANUAL if presented != 0 => {
            Err(STATUS_INVALID_PARAMETER)
        }
        dispatch_type::SEQUENTIAL => Ok(Dispatch::Sequential),
        dispatch_type::MANUAL => Ok(Dispatch::Manual),
        dispatch_type::PARALLEL => Ok(Dispatch::Parallel(presented)),
        _ => Err(STATUS_INVALID_PARAMETER),
    }
}

fn body(
    device: &Instance<Device>,
    config: &QueueConfig,
    gate: Gate,
    level: Level,
    scope: Scope,
    power_managed: bool,
) -> Queue {
    Queue {
        device: Ref::new(device),
        callbacks: Callbacks {
            default: config.default,
            read: config.read,
            write: config.write,
            device_control: config.device_control,
            internal_device_control: config.internal_device_control,
            stop: config.stop,
            resume: config.resume,
            canceled_on_queue: config.canceled_on_queue,
        },
        level,
        scope,
        lock: CallbackLock::new(level),
        power_managed,
        allow_zero_length: config.allow_zero_length != 0,
        state: SpinLock::new(State {
            gate,
            waiting: RequestList::new(),
            owned: RequestList::new(),
            cancelled: RequestList::new(),
            cancelled_on_queue: RequestList::new(),
            idle: None,
            purge: None,
            ready: None,
            dispatching: [0; 8],
            work_item_queued: false,
            dpc_queued: false,
        }),
        power_idle: Event::uninitialised(),
        finished: Event::uninitialised(),
        work_item: AtomicPtr::new(null_mut()),
        dpc: UnsafeCell::new(MaybeUninit::uninit()),
        next: AtomicPtr::new(null_mut()),
        visit: AtomicU32::new(0),
    }
}
