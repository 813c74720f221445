//! Work items
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfworkitem).

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, DelayedWorkQueue, IoAllocateWorkItem, IoFreeWorkItem, IoQueueWorkItem, NTSTATUS,
    PIO_WORKITEM, STATUS_INFO_LENGTH_MISMATCH, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::abi::{
    CallbackConfig, EvtSelf, Handle, ObjectAttributes, PublicGlobals,
    STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL,
};
use crate::callback::{CallbackLock, locked};
use crate::device::Device;
use crate::kernel::event::Event;
use crate::kernel::spin::SpinLock;
use crate::kernel::violation;
use crate::object::{
    Allowed, Header, Instance, Kind, Level, Object, Ref, abandon, attributes, create_under,
    downcast, from_handle, handle_of, header_from_handle, to_handle,
};
use crate::queue::Queue;

/// The device that an object belongs to: itself, or one above it.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn device_above(header: &Header) -> Option<&Instance<Device>> {
    if let Some(queue) = downcast::<Queue>(header) {
        return Some(&queue.device);
    }
    let tree = header.globals().tree().lock();
    let mut at = Some(NonNull::from(header.node()));
    while let Some(node) = at {
        // SAFETY: an object's parents live as long as the object.
        let object = unsafe { Header::of_node(node) };
        if let Some(device) = downcast::<Device>(object) {
            return Some(device);
        }
        at = tree.parent(object.node());
    }
    None
}

/// The lock that a callback of a child is called under, where it is serialised with its parent's.
pub fn serialisation(parent: &Header, wanted: bool) -> Option<NonNull<CallbackLock>> {
    if !wanted {
        return None;
    }
    let lock = downcast::<Queue>(parent)
        .and_then(|queue| queue.callback_lock())
        .or_else(|| device_above(parent).and_then(|device| device.callback_lock()));
    lock.map(NonNull::from)
}

/// A work item.
pub struct WorkItem {
    function: EvtSelf,
    parent: NonNull<Header>,
    serialised: Option<NonNull<CallbackLock>>,
    item: AtomicPtr<c_void>,
    queued: SpinLock<bool>,
    /// Set while it is neither queued nor running.
    idle: Event,
}

// SAFETY: the one body of this kind. Its parent and that one's lock outlive it.
unsafe impl Object for WorkItem {
    const KIND: Kind = Kind::WorkItem;
    const PASSIVE: bool = true;

    fn dispose(this: &Instance<Self>) {
        this.idle.wait();
    }
}

impl Drop for WorkItem {
    fn drop(&mut self) {
        let item: PIO_WORKITEM = (*self.item.get_mut()).cast();
        if !item.is_null() {
            // SAFETY: allocated for the object; a queued one holds a reference to it.
            unsafe { IoFreeWorkItem(item) };
        }
    }
}

/// `WdfWorkItemCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn work_item_create(
    globals: *mut PublicGlobals,
    config: *const CallbackConfig,
    item_attributes: *const ObjectAttributes,
    work_item: *mut Handle,
) -> NTSTATUS {
    let _ = globals;
    // SAFETY: the client vouches for its pointer.
    let Some(config) = (unsafe { config.as_ref() }) else { violation::null_parameter() };
    if work_item.is_null() {
        violation::null_parameter();
    }
    if config.size as usize != size_of::<CallbackConfig>() {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    let Some(function) = config.function else { return STATUS_INVALID_PARAMETER };
    let allowed = Allowed { level: false, ..Allowed::REQUIRED_PARENT };
    // SAFETY: the client vouches for its attributes.
    let attributes = match unsafe { attributes(item_attributes, allowed) } {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    let parent = attributes.map_or(Handle::NULL, |attributes| attributes.parent);
    // SAFETY: the client vouches for the parent.
    let parent = unsafe { header_from_handle(parent) };
    let Some(device) = device_above(parent) else { return STATUS_INVALID_PARAMETER };
    let serialised = config.automatic_serialization != 0;
    let dispatch_level = downcast::<Queue>(parent).map_or(device.level, |queue| queue.level);
    let lock = serialisation(parent, serialised);
    if lock.is_some() && dispatch_level == Level::Dispatch {
        return STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL;
    }
    let body = WorkItem {
        function,
        parent: NonNull::from(parent),
        serialised: lock,
        item: AtomicPtr::new(null_mut()),
        queued: SpinLock::new(false),
        idle: Event::uninitialised(),
    };
    // SAFETY: validated above.
    let made = unsafe { create_under(parent.globals(), attributes, parent, body) };
    let made = match made {
        Ok(made) => made,
        Err(status) => return status,
    };
    made.idle.initialise();
    made.idle.set();
    // SAFETY: the device's own object.
    let item = unsafe { IoAllocateWorkItem(device.object()) };
    if item.is_null() {
        made.globals().tree().lock().detach(made.header().node());
        abandon(made.header().into());
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    made.item.store(item.cast(), Ordering::Release);
    // SAFETY: not null; the client vouches for it.
    unsafe { work_item.write(to_handle(made)) };
    STATUS_SUCCESS
}

/// `WdfWorkItemEnqueue`: one that is queued already is left so.
///
/// # Safety
/// `work_item` is a work item of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn work_item_enqueue(_: *mut PublicGlobals, work_item: Handle) {
    // SAFETY: the client vouches for its handle.
    let this = unsafe { from_handle::<WorkItem>(work_item) };
    let mut queued = this.queued.lock();
    if *queued {
        return;
    }
    *queued = true;
    this.idle.clear();
    this.header().reference();
    let item: PIO_WORKITEM = this.item.load(Ordering::Acquire).cast();
    let context = NonNull::from(this).as_ptr().cast();
    // SAFETY: the object's own item, which is not queued; the routine drops the reference.
    unsafe { IoQueueWorkItem(item, Some(run), DelayedWorkQueue, context) };
}

unsafe extern "win64" fn run(_: *mut DEVICE_OBJECT, context: *mut c_void) {
    let Some(this) = NonNull::new(context.cast::<Instance<WorkItem>>()) else { return };
    // SAFETY: referenced by `work_item_enqueue`.
    let this = unsafe { Ref::from_raw(this) };
    *this.queued.lock() = false;
    // SAFETY: the lock of an object above this one.
    let lock = this.serialised.map(|lock| unsafe { lock.as_ref() });
    locked(lock, || {
        // SAFETY: the client's callback, with its work item.
        unsafe { (this.function)(to_handle(&this)) };
    });
    let queued = this.queued.lock();
    if !*queued {
        this.idle.set();
    }
    drop(queued);
}

/// `WdfWorkItemGetParentObject`
///
/// # Safety
/// `work_item` is a work item of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn work_item_get_parent_object(
    _: *mut PublicGlobals,
    work_item: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let parent = unsafe { from_handle::<WorkItem>(work_item) }.parent;
    // SAFETY: the parent outlives its children.
    handle_of(unsafe { parent.as_ref() })
}

/// `WdfWorkItemFlush`
///
/// # Safety
/// `work_item` is a work item of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn work_item_flush(_: *mut PublicGlobals, work_item: Handle) {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<WorkItem>(work_item) }.idle.wait();
}
