//! Timers
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdftimer).

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, DelayedWorkQueue, IoAllocateWorkItem, IoFreeWorkItem, IoQueueWorkItem, KDPC,
    KTIMER, KeCancelTimer, KeFlushQueuedDpcs, KeInitializeDpc, KeInitializeTimerEx, KeSetTimerEx,
    LARGE_INTEGER, NTSTATUS, NotificationTimer, PIO_WORKITEM, STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::abi::{
    Boolean, EvtSelf, Handle, ObjectAttributes, PublicGlobals,
    STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL, TimerConfig,
};
use crate::callback::{CallbackLock, locked};
use crate::kernel::event::Event;
use crate::kernel::spin::SpinLock;
use crate::kernel::violation;
use crate::object::{
    Allowed, Header, Instance, Kind, Level, Object, Ref, abandon, attributes, create_under,
    downcast, from_handle, handle_of, header_from_handle, to_handle,
};
use crate::queue::Queue;
use crate::work_item::{device_above, serialisation};

/// What is under a timer's lock.
struct State {
    /// Being disposed of: it is not started again.
    ending: bool,
    /// Its work item is queued or running.
    working: bool,
}

/// A timer: a kernel timer with a DPC, and at the passive level a work item behind that.
pub struct Timer {
    function: EvtSelf,
    period: u32,
    parent: NonNull<Header>,
    serialised: Option<NonNull<CallbackLock>>,
    timer: UnsafeCell<MaybeUninit<KTIMER>>,
    dpc: UnsafeCell<MaybeUninit<KDPC>>,
    item: AtomicPtr<c_void>,
    state: SpinLock<State>,
    /// Set while its work item is neither queued nor running.
    idle: Event,
}

// SAFETY: the one body of this kind. The kernel serialises timer and DPC; the parent and its lock
// outlive the object.
unsafe impl Object for Timer {
    const KIND: Kind = Kind::Timer;
    const PASSIVE: bool = true;

    fn dispose(this: &Instance<Self>) {
        this.state.lock().ending = true;
        stop(this, true);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let item: PIO_WORKITEM = (*self.item.get_mut()).cast();
        if !item.is_null() {
            // SAFETY: allocated for the object; a queued one holds a reference to it.
            unsafe { IoFreeWorkItem(item) };
        }
    }
}

/// `WdfTimerCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn timer_create(
    _: *mut PublicGlobals,
    config: *const TimerConfig,
    timer_attributes: *const ObjectAttributes,
    timer: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its pointer.
    let Some(config) = (unsafe { config.as_ref() }) else { violation::null_parameter() };
    if timer.is_null() {
        violation::null_parameter();
    }
    if config.size as usize != size_of::<TimerConfig>() {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    // SAFETY: the client vouches for its attributes.
    let attributes = match unsafe { attributes(timer_attributes, Allowed::REQUIRED_PARENT) } {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    match create_timer(config, attributes) {
        Ok(made) => {
            // SAFETY: not null; the client vouches for it.
            unsafe { timer.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

fn create_timer<'a>(
    config: &TimerConfig,
    attributes: Option<&ObjectAttributes>,
) -> Result<&'a Instance<Timer>, NTSTATUS> {
    let Some(function) = config.function else { return Err(STATUS_INVALID_PARAMETER) };
    let parent = attributes.map_or(Handle::NULL, |attributes| attributes.parent);
    // SAFETY: a parent that the attributes name is the client's.
    let parent: &'a Header = unsafe { header_from_handle(parent) };
    let device = device_above(parent).ok_or(STATUS_INVALID_PARAMETER)?;
    let parent_level = downcast::<Queue>(parent).map_or(device.level, |queue| queue.level);
    let level = Level::of(attributes, Level::Dispatch);
    let serialised = serialisation(parent, config.automatic_serialization != 0);
    if serialised.is_some() && level != parent_level {
        return Err(STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL);
    }
    let body = Timer {
        function,
        period: config.period,
        parent: NonNull::from(parent),
        serialised,
        timer: UnsafeCell::new(MaybeUninit::uninit()),
        dpc: UnsafeCell::new(MaybeUninit::uninit()),
        item: AtomicPtr::new(null_mut()),
        state: SpinLock::new(State { ending: false, working: false }),
        idle: Event::uninitialised(),
    };
    // SAFETY: validated by the caller.
    let made = unsafe { create_under(parent.globals(), attributes, parent, body) }?;
    made.idle.initialise();
    made.idle.set();
    let context = NonNull::from(made).as_ptr().cast();
    // SAFETY: memory for a timer that nobody uses so far.
    unsafe { KeInitializeTimerEx(made.timer.get().cast(), NotificationTimer) };
    // SAFETY: memory for a DPC that nobody uses so far.
    unsafe { KeInitializeDpc(made.dpc.get().cast(), Some(fired), context) };
    if level == Level::Passive {
        // SAFETY: the device's own object.
        let item = unsafe { IoAllocateWorkItem(device.object()) };
        if item.is_null() {
            made.globals().tree().lock().detach(made.header().node());
            abandon(made.header().into());
            return Err(STATUS_INSUFFICIENT_RESOURCES);
        }
        made.item.store(item.cast(), Ordering::Release);
    }
    Ok(made)
}

fn call(this: &Instance<Timer>) {
    // SAFETY: the lock of an object above this one.
    let lock = this.serialised.map(|lock| unsafe { lock.as_ref() });
    locked(lock, || {
        // SAFETY: the client's callback, with its timer.
        unsafe { (this.function)(to_handle(this)) };
    });
}

unsafe extern "win64" fn fired(_: *mut KDPC, context: *mut c_void, _: *mut c_void, _: *mut c_void) {
    // SAFETY: the object, which cancels its timer and flushes its DPC before it goes.
    let Some(this) = (unsafe { context.cast::<Instance<Timer>>().as_ref() }) else { return };
    let item: PIO_WORKITEM = this.item.load(Ordering::Acquire).cast();
    if item.is_null() {
        return call(this);
    }
    let mut state = this.state.lock();
    if state.working || state.ending {
        return;
    }
    state.working = true;
    this.idle.clear();
    this.header().reference();
    // SAFETY: the object's own item, which is not queued; the routine drops the reference.
    unsafe { IoQueueWorkItem(item, Some(work), DelayedWorkQueue, context) };
}

unsafe extern "win64" fn work(_: *mut DEVICE_OBJECT, context: *mut c_void) {
    let Some(this) = NonNull::new(context.cast::<Instance<Timer>>()) else { return };
    // SAFETY: referenced by `fired`.
    let this = unsafe { Ref::from_raw(this) };
    call(&this);
    let mut state = this.state.lock();
    state.working = false;
    this.idle.set();
    drop(state);
}

fn stop(this: &Timer, wait: bool) -> Boolean {
    // SAFETY: initialised when the object was made.
    let was_set = unsafe { KeCancelTimer(this.timer.get().cast()) };
    if wait {
        // SAFETY: at PASSIVE_LEVEL, as the function's page demands of who waits.
        unsafe { KeFlushQueuedDpcs() };
        this.idle.wait();
    }
    was_set
}

/// `WdfTimerStart`
///
/// # Safety
/// `timer` is a timer of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn timer_start(
    _: *mut PublicGlobals,
    timer: Handle,
    due: i64,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    let timer = unsafe { from_handle::<Timer>(timer) };
    if timer.state.lock().ending {
        return 0;
    }
    let due = LARGE_INTEGER { QuadPart: due };
    let period = timer.period.cast_signed();
    // SAFETY: timer and DPC were initialised when the object was made.
    unsafe { KeSetTimerEx(timer.timer.get().cast(), due, period, timer.dpc.get().cast()) }
}

/// `WdfTimerStop`
///
/// # Safety
/// `timer` is a timer of the client.
///
/// # IRQL
/// PASSIVE_LEVEL to wait, else at most DISPATCH_LEVEL.
pub unsafe extern "win64" fn timer_stop(
    _: *mut PublicGlobals,
    timer: Handle,
    wait: Boolean,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    stop(unsafe { from_handle::<Timer>(timer) }, wait != 0)
}

/// `WdfTimerGetParentObject`
///
/// # Safety
/// `timer` is a timer of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn timer_get_parent_object(
    _: *mut PublicGlobals,
    timer: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let parent = unsafe { from_handle::<Timer>(timer) }.parent;
    // SAFETY: the parent outlives its children.
    handle_of(unsafe { parent.as_ref() })
}
