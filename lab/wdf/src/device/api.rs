//! Functions of devices
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdevice).

use core::ffi::c_void;

use pagewise_lab_nt::{
    DEVICE_OBJECT, DEVICE_REGISTRY_PROPERTY, DO_DEVICE_INITIALIZING, FILE_OBJECT, IRP,
    IoGetDeviceProperty, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_SUCCESS,
};

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::abi::{Handle, PublicGlobals};
use crate::file;
use crate::kernel::irp::Irp;
use crate::kernel::string::PoolString;
use crate::kernel::violation;
use crate::object::{from_handle, to_handle};
use crate::string::WdfString;

use super::body::{Device, device_of, extension_of};
use super::dispatch::dispatch_worker;

/// `WdfWdmDeviceGetWdfDeviceHandle`
///
/// # Safety
/// `object` is a device object.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn wdm_device_get_wdf_device_handle(
    _: *mut PublicGlobals,
    object: *mut DEVICE_OBJECT,
) -> Handle {
    if object.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for the device object.
    unsafe { device_of(object) }.map_or(Handle::NULL, to_handle)
}

/// `WdfDeviceWdmGetDeviceObject`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_wdm_get_device_object(
    _: *mut PublicGlobals,
    device: Handle,
) -> *mut DEVICE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Device>(device) }.object()
}

/// `WdfDeviceWdmGetAttachedDevice`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_wdm_get_attached_device(
    _: *mut PublicGlobals,
    device: Handle,
) -> *mut DEVICE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Device>(device) }.attached()
}

/// `WdfDeviceWdmGetPhysicalDevice`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_wdm_get_physical_device(
    _: *mut PublicGlobals,
    device: Handle,
) -> *mut DEVICE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Device>(device) }.physical
}

/// `WdfDeviceGetDriver`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_driver(_: *mut PublicGlobals, device: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    device.globals().driver().map_or(Handle::NULL, to_handle)
}

/// `WdfDeviceGetDefaultQueue`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_default_queue(
    _: *mut PublicGlobals,
    device: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    device.default_queue().map_or(Handle::NULL, to_handle)
}

/// `WdfDeviceGetDevicePnpState`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_device_pnp_state(
    _: *mut PublicGlobals,
    device: Handle,
) -> u32 {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<Device>(device) }.pnp.lock().reported()
}

/// `WdfDeviceGetCharacteristics`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_characteristics(
    _: *mut PublicGlobals,
    device: Handle,
) -> u32 {
    // SAFETY: the client vouches for its handle.
    let object = unsafe { from_handle::<Device>(device) }.object();
    // SAFETY: the device's own object.
    unsafe { (*object).Characteristics }
}

/// `WdfDeviceSetCharacteristics`
///
/// # Safety
/// `device` is a device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_set_characteristics(
    _: *mut PublicGlobals,
    device: Handle,
    characteristics: u32,
) {
    // SAFETY: the client vouches for its handle.
    let object = unsafe { from_handle::<Device>(device) }.object();
    // SAFETY: the device's own object.
    unsafe { (*object).Characteristics = characteristics };
}

/// `WdfDeviceRetrieveDeviceName`
///
/// # Safety
/// The handles are objects of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_retrieve_device_name(
    _: *mut PublicGlobals,
    device: Handle,
    string: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: as above.
    let string = unsafe { from_handle::<WdfString>(string) };
    let Some(name) = &device.name else { return STATUS_INVALID_DEVICE_REQUEST };
    let Some(copy) = PoolString::new(name.units()) else { return STATUS_INSUFFICIENT_RESOURCES };
    string.assign(copy);
    STATUS_SUCCESS
}

/// `WdfDeviceGetFileObject`: the framework's object for an open; null where the driver has none.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_file_object(
    _: *mut PublicGlobals,
    device: Handle,
    file_object: *mut FILE_OBJECT,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    file::find(device, file_object).map_or(Handle::NULL, to_handle)
}

/// `WdfControlFinishInitializing`
///
/// # Safety
/// `device` is a control device of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn control_finish_initializing(_: *mut PublicGlobals, device: Handle) {
    // SAFETY: the client vouches for its handle.
    let object = unsafe { from_handle::<Device>(device) }.object();
    // SAFETY: the device's own object.
    unsafe { (*object).Flags &= !DO_DEVICE_INITIALIZING };
}

/// `WdfDeviceQueryProperty`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_query_property(
    _: *mut PublicGlobals,
    device: Handle,
    property: DEVICE_REGISTRY_PROPERTY,
    length: u32,
    buffer: *mut c_void,
    result: *mut u32,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    if device.is_control() || result.is_null() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    // SAFETY: PnP's physical device; the client vouches for its buffer and pointer.
    unsafe { IoGetDeviceProperty(device.physical, property, length, buffer, result) }
}

/// `WdfDeviceWdmDispatchPreprocessedIrp`
///
/// # Safety
/// The client has the IRP since its preprocess callback, and set the next stack location up.
///
/// # IRQL
/// What the request allows.
pub unsafe extern "win64" fn device_wdm_dispatch_preprocessed_irp(
    _: *mut PublicGlobals,
    device: Handle,
    irp: *mut IRP,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    let Some(irp) = NonNull::new(irp) else { violation::null_parameter() };
    // SAFETY: the client vouches for the IRP, and for its next location.
    unsafe { pagewise_lab_nt::IoSetNextIrpStackLocation(irp.as_ptr()) };
    // SAFETY: the client gives the IRP to the framework.
    let irp = unsafe { Irp::new(irp) };
    // SAFETY: the device's own object, which the IRP keeps.
    let Some(extension) = (unsafe { extension_of(device.object()) }) else {
        return irp.complete_with(STATUS_INVALID_DEVICE_REQUEST);
    };
    if super::dispatch::requires_remove_lock(irp) {
        // The dispatch routine gives its own acquisition back when the callback returns; this
        // one goes with the IRP.
        let status = extension.acquire(irp.as_ptr());
        if status < 0 {
            return irp.complete_with(status);
        }
    }
    dispatch_worker(extension, irp)
}

/// Whether an open is allowed, for an exclusive device; counts it.
pub fn count_open(device: &Device) -> bool {
    let opens = device.opens.fetch_add(1, Ordering::AcqRel);
    !device.exclusive || opens == 0
}

/// An open is gone.
pub fn count_close(device: &Device) {
    device.opens.fetch_sub(1, Ordering::AcqRel);
}
