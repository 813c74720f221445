//! The framework's functions, one wrapper for each that is used, so that the unsafe call is written
//! once and takes Rust's types where it can.
//!
//! `call_unsafe_wdf_function_binding!` checks that the function table is long enough and panics
//! otherwise. It is the only panic in the image that a callback comes near, and the table's length
//! was settled when the framework bound the driver, before `DriverEntry`.

use core::ptr;

use wdk::nt_success;
use wdk_sys::{
    GUID, NTSTATUS, PCUNICODE_STRING, PCWDF_OBJECT_CONTEXT_TYPE_INFO, PDRIVER_OBJECT, PVOID,
    PWDFDEVICE_INIT, ULONG, UNICODE_STRING, WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG,
    WDF_OBJECT_ATTRIBUTES, WDF_PNPPOWER_EVENT_CALLBACKS, WDFDEVICE, WDFDRIVER, WDFOBJECT, WDFQUEUE,
    WDFREQUEST, call_unsafe_wdf_function_binding,
};

/// The `Size` field of a framework structure.
///
/// # IRQL
/// Any
pub const fn size_of_struct<T>() -> ULONG {
    assert!(size_of::<T>() <= u16::MAX as usize);
    size_of::<T>() as ULONG
}

/// `WdfDriverCreate` (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdriver/nf-wdfdriver-wdfdrivercreate).
///
/// # Safety
/// `object` and `registry_path` are the arguments of `DriverEntry`; callbacks in `config` may be
/// called from then on.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub unsafe fn driver_create(
    object: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
    attributes: &mut WDF_OBJECT_ATTRIBUTES,
    config: &mut WDF_DRIVER_CONFIG,
) -> Result<WDFDRIVER, NTSTATUS> {
    let mut driver: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller vouches for the first two; the others are borrowed for the call.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            object,
            registry_path,
            attributes,
            config,
            &raw mut driver,
        )
    };
    if nt_success(status) { Ok(driver) } else { Err(status) }
}

/// `WdfObjectGetTypedContextWorker`: the memory that the framework keeps with an object, null if it
/// has none of this type.
///
/// # Safety
/// `object` is alive, and `type_info` lasts as long as the image.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn typed_context(object: WDFOBJECT, type_info: PCWDF_OBJECT_CONTEXT_TYPE_INFO) -> PVOID {
    // SAFETY: the caller vouches for both.
    unsafe { call_unsafe_wdf_function_binding!(WdfObjectGetTypedContextWorker, object, type_info) }
}

/// `WdfDeviceInitSetPnpPowerEventCallbacks`
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdeviceinitsetpnppowereventcallbacks).
///
/// # Safety
/// `init` is being initialised.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn device_init_set_pnp_power_event_callbacks(
    init: PWDFDEVICE_INIT,
    callbacks: &mut WDF_PNPPOWER_EVENT_CALLBACKS,
) {
    // SAFETY: the caller vouches for `init`; the framework copies the callbacks.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceInitSetPnpPowerEventCallbacks, init, callbacks)
    }
}

/// `WdfDeviceInitSetCharacteristics`, adding to what is set
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdeviceinitsetcharacteristics).
///
/// # Safety
/// `init` is being initialised.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn device_init_set_characteristics(init: PWDFDEVICE_INIT, characteristics: ULONG) {
    let add = u8::from(true);
    // SAFETY: the caller vouches for `init`.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetCharacteristics,
            init,
            characteristics,
            add
        )
    }
}

/// `WdfDeviceInitAssignSDDLString`, for a text with a terminating zero
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdeviceinitassignsddlstring).
///
/// # Safety
/// `init` is being initialised.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub unsafe fn device_init_assign_sddl_string<const N: usize>(
    init: PWDFDEVICE_INIT,
    sddl: &'static [u16; N],
) -> NTSTATUS {
    let bytes = const {
        let bytes = N * size_of::<u16>();
        assert!(bytes >= size_of::<u16>() && bytes <= u16::MAX as usize);
        bytes as u16
    };
    let sddl = UNICODE_STRING {
        Length: bytes.saturating_sub(size_of::<u16>() as u16),
        MaximumLength: bytes,
        Buffer: sddl.as_ptr().cast_mut(),
    };
    // SAFETY: the caller vouches for `init`; the framework only reads the string.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceInitAssignSDDLString, init, &raw const sddl)
    }
}

/// `WdfDeviceCreate`, which uses `init` up where it succeeds
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdevicecreate).
///
/// # Safety
/// `init` is being initialised; callbacks in `attributes` may be called from then on.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub unsafe fn device_create(
    init: &mut PWDFDEVICE_INIT,
    attributes: &mut WDF_OBJECT_ATTRIBUTES,
) -> Result<WDFDEVICE, NTSTATUS> {
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: the caller vouches for `init`; the others are borrowed for the call.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceCreate, init, attributes, &raw mut device)
    };
    if nt_success(status) { Ok(device) } else { Err(status) }
}

/// `WdfDeviceCreateDeviceInterface`, without a reference string
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdevicecreatedeviceinterface).
///
/// # Safety
/// `device` is alive.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub unsafe fn device_create_device_interface(device: WDFDEVICE, class: &GUID) -> NTSTATUS {
    // SAFETY: the caller vouches for the device; the class is borrowed for the call.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceCreateDeviceInterface,
            device,
            class,
            ptr::null()
        )
    }
}

/// `WdfDeviceGetDriver`
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice/nf-wdfdevice-wdfdevicegetdriver).
///
/// # Safety
/// `device` is alive.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn device_get_driver(device: WDFDEVICE) -> WDFDRIVER {
    // SAFETY: the caller vouches for the device.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceGetDriver, device) }
}

/// `WdfIoQueueCreate`
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfio/nf-wdfio-wdfioqueuecreate).
///
/// # Safety
/// `device` is alive; callbacks in `config` may be called from then on.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub unsafe fn io_queue_create(
    device: WDFDEVICE,
    config: &mut WDF_IO_QUEUE_CONFIG,
    attributes: &mut WDF_OBJECT_ATTRIBUTES,
) -> NTSTATUS {
    let mut queue: WDFQUEUE = ptr::null_mut();
    // SAFETY: the caller vouches for the device; the others are borrowed for the call.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfIoQueueCreate,
            device,
            config,
            attributes,
            &raw mut queue
        )
    }
}

/// `WdfIoQueueGetDevice`
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfio/nf-wdfio-wdfioqueuegetdevice).
///
/// # Safety
/// `queue` is alive.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn io_queue_get_device(queue: WDFQUEUE) -> WDFDEVICE {
    // SAFETY: the caller vouches for the queue.
    unsafe { call_unsafe_wdf_function_binding!(WdfIoQueueGetDevice, queue) }
}

/// `WdfRequestRetrieveInputBuffer`: first byte and length
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfrequest/nf-wdfrequest-wdfrequestretrieveinputbuffer).
///
/// # Safety
/// The driver owns `request`.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn request_retrieve_input_buffer(
    request: WDFREQUEST,
    least: usize,
) -> Result<(*const u8, usize), NTSTATUS> {
    let mut buffer: PVOID = ptr::null_mut();
    let mut length = 0;
    // SAFETY: the caller vouches for the request; the others are locals.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfRequestRetrieveInputBuffer,
            request,
            least,
            &raw mut buffer,
            &raw mut length
        )
    };
    if nt_success(status) { Ok((buffer.cast_const().cast(), length)) } else { Err(status) }
}

/// `WdfRequestRetrieveOutputBuffer`: first byte and length
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfrequest/nf-wdfrequest-wdfrequestretrieveoutputbuffer).
///
/// # Safety
/// The driver owns `request`.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn request_retrieve_output_buffer(
    request: WDFREQUEST,
    least: usize,
) -> Result<(*mut u8, usize), NTSTATUS> {
    let mut buffer: PVOID = ptr::null_mut();
    let mut length = 0;
    // SAFETY: the caller vouches for the request; the others are locals.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfRequestRetrieveOutputBuffer,
            request,
            least,
            &raw mut buffer,
            &raw mut length
        )
    };
    if nt_success(status) { Ok((buffer.cast(), length)) } else { Err(status) }
}

/// `WdfRequestCompleteWithInformation`
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdfrequest/nf-wdfrequest-wdfrequestcompletewithinformation).
///
/// # Safety
/// The driver owns `request`, and does not touch it or its buffers afterwards.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe fn request_complete_with_information(
    request: WDFREQUEST,
    status: NTSTATUS,
    information: usize,
) {
    // SAFETY: the caller vouches for the request.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfRequestCompleteWithInformation,
            request,
            status,
            information as u64
        )
    }
}
