//! What the guests in Rust share: the framework's calls with Rust's types, as an author of several
//! drivers would keep them in a crate of their own.
//!
//! A guest's callbacks get handles from the framework and give them to these functions; the
//! `unsafe` of each says what it relies on.
#![no_std]
#![expect(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "handles are pointers that only the framework follows, and it checks what they are"
)]
#![expect(
    clippy::macro_metavars_in_unsafe,
    reason = "a call of the framework is what the macro is for, and its arguments are plain values"
)]

use core::ffi::c_void;
use core::ptr;

use wdk::nt_success;
use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_SYNCHRONIZATION_SCOPE, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    PWDFDEVICE_INIT, STATUS_INSUFFICIENT_RESOURCES, ULONG, UNICODE_STRING, WDF_DRIVER_CONFIG,
    WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFDEVICE, WDFDRIVER,
    WDFOBJECT, WDFREQUEST, call_unsafe_wdf_function_binding,
};

/// Calls a function of the framework.
#[macro_export]
macro_rules! framework {
    ($name:ident $(, $argument:expr)* $(,)?) => {{
        // SAFETY: handles are the framework's and alive, since a callback got them or the driver
        // made and has not deleted them; pointers are to locals or statics, or null where the
        // function's page allows that.
        unsafe { wdk_sys::call_unsafe_wdf_function_binding!($name $(, $argument)*) }
    }};
}

/// `Ok` where a status is a success.
///
/// # Errors
/// The status.
pub fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if nt_success(status) { Ok(()) } else { Err(status) }
}

/// The `Size` field of a framework structure.
#[must_use]
pub const fn size_of_struct<T>() -> ULONG {
    size_of::<T>() as ULONG
}

/// A string for the kernel, of a literal of UTF-16 units.
#[must_use]
pub const fn unicode(units: &'static [u16]) -> UNICODE_STRING {
    let bytes = size_of_val(units) as u16;
    UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: units.as_ptr().cast_mut() }
}

/// The UTF-16 units of an ASCII literal.
#[must_use]
pub const fn wide<const N: usize>(text: &[u8; N]) -> [u16; N] {
    let mut units = [0; N];
    let mut at = 0;
    while at < N {
        units[at] = text[at] as u16;
        at += 1;
    }
    units
}

/// Describes a context type to the framework, which knows it by its address.
#[repr(transparent)]
pub struct TypeInfo(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: it is never written, and what it points to is never written.
unsafe impl Sync for TypeInfo {}

impl TypeInfo {
    /// Of the type `T`; `this` is the static it is in.
    #[must_use]
    pub const fn new<T>(this: &'static Self, name: &'static core::ffi::CStr) -> Self {
        Self(WDF_OBJECT_CONTEXT_TYPE_INFO {
            Size: size_of_struct::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
            ContextName: name.as_ptr().cast(),
            ContextSize: size_of::<T>(),
            UniqueType: ptr::from_ref(this).cast(),
            EvtDriverGetUniqueContextType: None,
        })
    }

    /// As the framework wants it.
    #[must_use]
    pub const fn as_ptr(&'static self) -> *const WDF_OBJECT_CONTEXT_TYPE_INFO {
        ptr::from_ref(self).cast()
    }

    /// An object's context of this type, zeroed when the object was made.
    #[must_use]
    pub fn of(&'static self, object: WDFOBJECT) -> *mut c_void {
        framework!(WdfObjectGetTypedContextWorker, object, self.as_ptr())
    }
}

/// Attributes of an object, with a context and a parent where they are given.
#[must_use]
pub fn attributes(context: Option<&'static TypeInfo>, parent: WDFOBJECT) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_of_struct::<WDF_OBJECT_ATTRIBUTES>(),
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ParentObject: parent,
        ContextTypeInfo: context.map_or(ptr::null(), TypeInfo::as_ptr),
        ..WDF_OBJECT_ATTRIBUTES::default()
    }
}

/// Creates the driver object.
///
/// # Errors
/// NTSTATUS of the framework.
///
/// # Safety
/// `object` and `path` are the arguments of `DriverEntry`.
pub unsafe fn driver(
    object: PDRIVER_OBJECT,
    path: PCUNICODE_STRING,
    mut config: WDF_DRIVER_CONFIG,
    mut attributes: WDF_OBJECT_ATTRIBUTES,
) -> Result<WDFDRIVER, NTSTATUS> {
    config.Size = size_of_struct::<WDF_DRIVER_CONFIG>();
    let mut driver: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller vouches for the first two; the others are locals.
    check(unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            object,
            path,
            &raw mut attributes,
            &raw mut config,
            &raw mut driver,
        )
    })?;
    Ok(driver)
}

/// What a control device is made of, for SYSTEM and administrators, with this name.
///
/// # Errors
/// NTSTATUS of the framework.
pub fn control_device_init(
    driver: WDFDRIVER,
    name: &'static [u16],
) -> Result<PWDFDEVICE_INIT, NTSTATUS> {
    const SDDL: [u16; 27] = wide(b"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    static ADMINISTRATORS: [u16; 27] = SDDL;
    let sddl = unicode(&ADMINISTRATORS);
    let init: PWDFDEVICE_INIT = framework!(WdfControlDeviceInitAllocate, driver, &raw const sddl);
    if init.is_null() {
        return Err(STATUS_INSUFFICIENT_RESOURCES);
    }
    let name = unicode(name);
    let named = check(framework!(WdfDeviceInitAssignName, init, &raw const name));
    if let Err(status) = named {
        framework!(WdfDeviceInitFree, init);
        return Err(status);
    }
    Ok(init)
}

/// Creates a device of `init`, which is freed where that fails.
///
/// # Errors
/// NTSTATUS of the framework.
pub fn device(
    mut init: PWDFDEVICE_INIT,
    mut attributes: WDF_OBJECT_ATTRIBUTES,
) -> Result<WDFDEVICE, NTSTATUS> {
    let mut device: WDFDEVICE = ptr::null_mut();
    let status = framework!(WdfDeviceCreate, &raw mut init, &raw mut attributes, &raw mut device);
    if let Err(status) = check(status) {
        framework!(WdfDeviceInitFree, init);
        return Err(status);
    }
    Ok(device)
}

/// Gives a device a name in the DOS devices.
///
/// # Errors
/// NTSTATUS of the framework.
pub fn symbolic_link(device: WDFDEVICE, link: &'static [u16]) -> Result<(), NTSTATUS> {
    let link = unicode(link);
    check(framework!(WdfDeviceCreateSymbolicLink, device, &raw const link))
}

/// Creates a queue.
///
/// # Errors
/// NTSTATUS of the framework.
pub fn queue(
    device: WDFDEVICE,
    mut config: WDF_IO_QUEUE_CONFIG,
) -> Result<wdk_sys::WDFQUEUE, NTSTATUS> {
    config.Size = size_of_struct::<WDF_IO_QUEUE_CONFIG>();
    config.PowerManaged = wdk_sys::_WDF_TRI_STATE::WdfUseDefault;
    let mut attributes = attributes(None, ptr::null_mut());
    let mut queue = ptr::null_mut();
    check(framework!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        &raw mut attributes,
        &raw mut queue
    ))?;
    Ok(queue)
}

/// Creates the default queue: device control requests, one at a time.
///
/// # Errors
/// NTSTATUS of the framework.
pub fn control_queue(
    device: WDFDEVICE,
    control: wdk_sys::PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL,
) -> Result<wdk_sys::WDFQUEUE, NTSTATUS> {
    let config = WDF_IO_QUEUE_CONFIG {
        DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchSequential,
        DefaultQueue: 1,
        EvtIoDeviceControl: control,
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    queue(device, config)
}

/// The number that a request brings.
///
/// # Errors
/// NTSTATUS of the framework: the input is too short.
pub fn input(request: WDFREQUEST) -> Result<u32, NTSTATUS> {
    let mut buffer = ptr::null_mut();
    check(framework!(
        WdfRequestRetrieveInputBuffer,
        request,
        size_of::<u32>(),
        &raw mut buffer,
        ptr::null_mut()
    ))?;
    // SAFETY: the framework has checked that the input is so long; it need not be aligned.
    Ok(unsafe { buffer.cast::<u32>().read_unaligned() })
}

/// Completes a request with a number.
pub fn answer(request: WDFREQUEST, number: u32) {
    answer_bytes(request, &number.to_le_bytes());
}

/// Completes a request with bytes; with the status that says so where it has no room for them.
pub fn answer_bytes(request: WDFREQUEST, bytes: &[u8]) {
    let mut buffer = ptr::null_mut();
    let status = framework!(
        WdfRequestRetrieveOutputBuffer,
        request,
        bytes.len(),
        &raw mut buffer,
        ptr::null_mut()
    );
    if nt_success(status) {
        // SAFETY: the framework has checked that there is room; a buffer is no static of ours.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>(), bytes.len()) };
    }
    let information = if nt_success(status) { bytes.len() as u64 } else { 0 };
    framework!(WdfRequestCompleteWithInformation, request, status, information);
}

/// Completes a request without an answer.
pub fn complete(request: WDFREQUEST, status: NTSTATUS) {
    framework!(WdfRequestComplete, request, status);
}
