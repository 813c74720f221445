//! DPCs
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdpc).

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};

use pagewise_lab_nt::{
    KDPC, KeFlushQueuedDpcs, KeInitializeDpc, KeInsertQueueDpc, NTSTATUS,
    STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::abi::{
    Boolean, CallbackConfig, EvtSelf, Handle, ObjectAttributes, PublicGlobals,
    STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL,
};
use crate::callback::{CallbackLock, locked};
use crate::kernel::routine::Routine;
use crate::kernel::violation;
use crate::object::{
    Allowed, Header, Instance, Kind, Level, Object, attributes, create_under, downcast,
    from_handle, handle_of, header_from_handle, to_handle,
};
use crate::queue::Queue;
use crate::work_item::{device_above, serialisation};

/// A DPC.
pub struct Dpc {
    function: EvtSelf,
    parent: NonNull<Header>,
    serialised: Option<NonNull<CallbackLock>>,
    dpc: UnsafeCell<MaybeUninit<KDPC>>,
}

// SAFETY: the one body of this kind. The kernel serialises the DPC; the parent and its lock
// outlive the object.
unsafe impl Object for Dpc {
    const KIND: Kind = Kind::Dpc;
    const PASSIVE: bool = true;

    fn dispose(this: &Instance<Self>) {
        remove(this);
        // SAFETY: at PASSIVE_LEVEL, as the kind wants to be disposed of.
        unsafe { KeFlushQueuedDpcs() };
    }
}

static KE_REMOVE_QUEUE_DPC: Routine = Routine::new(b"KeRemoveQueueDpc");

/// Looks up what a host may lack.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn find() {
    KE_REMOVE_QUEUE_DPC.find();
}

/// Takes the DPC off its queue, if the host can; whether it was on it.
fn remove(dpc: &Dpc) -> Boolean {
    let Some(routine) = KE_REMOVE_QUEUE_DPC.get() else { return 0 };
    // SAFETY: the address of `BOOLEAN KeRemoveQueueDpc(PRKDPC)`.
    let routine: unsafe extern "win64" fn(*mut KDPC) -> Boolean =
        unsafe { core::mem::transmute(routine) };
    // SAFETY: initialised when the object was made.
    unsafe { routine(dpc.dpc.get().cast()) }
}

/// `WdfDpcCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn dpc_create(
    _: *mut PublicGlobals,
    config: *const CallbackConfig,
    dpc_attributes: *const ObjectAttributes,
    dpc: *mut Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its pointer.
    let Some(config) = (unsafe { config.as_ref() }) else { violation::null_parameter() };
    if dpc.is_null() {
        violation::null_parameter();
    }
    if config.size as usize != size_of::<CallbackConfig>() {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    let Some(function) = config.function else { return STATUS_INVALID_PARAMETER };
    let allowed = Allowed { level: false, ..Allowed::REQUIRED_PARENT };
    // SAFETY: the client vouches for its attributes.
    let attributes = match unsafe { attributes(dpc_attributes, allowed) } {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    let parent = attributes.map_or(Handle::NULL, |attributes| attributes.parent);
    // SAFETY: the client vouches for the parent.
    let parent = unsafe { header_from_handle(parent) };
    let Some(device) = device_above(parent) else { return STATUS_INVALID_PARAMETER };
    let level = downcast::<Queue>(parent).map_or(device.level, |queue| queue.level);
    let serialised = serialisation(parent, config.automatic_serialization != 0);
    if serialised.is_some() && level == Level::Passive {
        return STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL;
    }
    let body = Dpc {
        function,
        parent: NonNull::from(parent),
        serialised,
        dpc: UnsafeCell::new(MaybeUninit::uninit()),
    };
    // SAFETY: validated above.
    match unsafe { create_under(parent.globals(), attributes, parent, body) } {
        Ok(made) => {
            let context = NonNull::from(made).as_ptr().cast();
            // SAFETY: memory for a DPC that nobody uses so far.
            unsafe { KeInitializeDpc(made.dpc.get().cast(), Some(run), context) };
            // SAFETY: not null; the client vouches for it.
            unsafe { dpc.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

unsafe extern "win64" fn run(_: *mut KDPC, context: *mut c_void, _: *mut c_void, _: *mut c_void) {
    // SAFETY: the object, which flushes its DPC before it goes.
    let Some(this) = (unsafe { context.cast::<Instance<Dpc>>().as_ref() }) else { return };
    // SAFETY: the lock of an object above this one.
    let lock = this.serialised.map(|lock| unsafe { lock.as_ref() });
    locked(lock, || {
        // SAFETY: the client's callback, with its DPC.
        unsafe { (this.function)(to_handle(this)) };
    });
}

/// `WdfDpcEnqueue`
///
/// # Safety
/// `dpc` is a DPC of the client.
///
/// # IRQL
/// Any.
pub unsafe extern "win64" fn dpc_enqueue(_: *mut PublicGlobals, dpc: Handle) -> Boolean {
    // SAFETY: the client vouches for its handle.
    let dpc = unsafe { from_handle::<Dpc>(dpc) };
    // SAFETY: initialised when the object was made.
    unsafe { KeInsertQueueDpc(dpc.dpc.get().cast(), null_mut(), null_mut()) }
}

/// `WdfDpcCancel`
///
/// # Safety
/// `dpc` is a DPC of the client.
///
/// # IRQL
/// PASSIVE_LEVEL to wait, else any.
pub unsafe extern "win64" fn dpc_cancel(
    _: *mut PublicGlobals,
    dpc: Handle,
    wait: Boolean,
) -> Boolean {
    // SAFETY: the client vouches for its handle.
    let dpc = unsafe { from_handle::<Dpc>(dpc) };
    let cancelled = remove(dpc);
    if wait != 0 {
        // SAFETY: at PASSIVE_LEVEL, as the function's page demands of who waits.
        unsafe { KeFlushQueuedDpcs() };
    }
    cancelled
}

/// `WdfDpcGetParentObject`
///
/// # Safety
/// `dpc` is a DPC of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn dpc_get_parent_object(_: *mut PublicGlobals, dpc: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    let parent = unsafe { from_handle::<Dpc>(dpc) }.parent;
    // SAFETY: the parent outlives its children.
    handle_of(unsafe { parent.as_ref() })
}

/// `WdfDpcWdmGetDpc`
///
/// # Safety
/// `dpc` is a DPC of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn dpc_wdm_get_dpc(_: *mut PublicGlobals, dpc: Handle) -> *mut KDPC {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Dpc>(dpc) }.dpc.get().cast()
}
