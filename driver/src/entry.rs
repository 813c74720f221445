//! `DriverEntry` and `EvtDriverUnload`.

use pagewise_core::{Driver, Image};
use wdk::paged_code;
use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_SYNCHRONIZATION_SCOPE, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    STATUS_INTERNAL_ERROR, STATUS_INVALID_IMAGE_FORMAT, STATUS_SUCCESS, WDF_DRIVER_CONFIG,
    WDF_OBJECT_ATTRIBUTES, WDFDRIVER,
};

use crate::context::{Context, type_info};
use crate::kernel::Nt;
use crate::{device, image, wdf};

/// Creates the driver object, then makes the image pageable. In this order: the framework reads its
/// bind information, which is in this image, at `DISPATCH_LEVEL` while it creates the object.
///
/// # Safety
/// Called once, by the framework's entry stub, with the kernel's arguments.
///
/// # IRQL
/// `PASSIVE_LEVEL`
// The framework's entry stub calls a function of this name.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(
    object: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    paged_code!();
    let Ok(image) = Image::walk(image::headers()) else {
        return STATUS_INVALID_IMAGE_FORMAT;
    };
    // SAFETY: the arguments are the kernel's.
    let driver = match unsafe { create(object, registry_path) } {
        Ok(driver) => driver,
        Err(status) => return status,
    };
    // SAFETY: there is no other one, and every user of it is a callback at PASSIVE_LEVEL.
    let kernel = unsafe { Nt::new(image.pages()) };
    // SAFETY: the object was just created with the context type, and callbacks come only after
    // this function has returned.
    let Some(context) = (unsafe { Context::attach(driver, Driver::new(image), kernel) }) else {
        return STATUS_INTERNAL_ERROR;
    };
    // SAFETY: callbacks come only after this function has returned.
    let paged = unsafe { context.exclusively(|driver, kernel| driver.paging.page_entire(kernel)) };
    match paged {
        Ok(()) => STATUS_SUCCESS,
        Err(refusal) => crate::status::of(refusal),
    }
}

/// # Safety
/// `object` and `registry_path` are the arguments of `DriverEntry`.
///
/// # IRQL
/// `PASSIVE_LEVEL`
#[unsafe(link_section = "INIT")]
unsafe fn create(
    object: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> Result<WDFDRIVER, NTSTATUS> {
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_struct::<WDF_DRIVER_CONFIG>(),
        EvtDriverDeviceAdd: Some(device::evt_device_add),
        EvtDriverUnload: Some(evt_driver_unload),
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        Size: wdf::size_of_struct::<WDF_OBJECT_ATTRIBUTES>(),
        // The framework's default is DISPATCH_LEVEL. Everything else inherits this.
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ContextTypeInfo: type_info(),
        ..WDF_OBJECT_ATTRIBUTES::default()
    };
    // SAFETY: the first two are the caller's; the others are initialised and outlive the call, and
    // the callbacks are of the documented types.
    unsafe { wdf::driver_create(object, registry_path, &mut attributes, &mut config) }
}

/// The last chance to reset: a driver that never had a device is still paged entire since
/// `DriverEntry`. No public source shows that the framework reads this image at `DISPATCH_LEVEL` from
/// here on; none shows that it does not.
///
/// # Safety
/// Called by the framework, with the driver object.
///
/// # IRQL
/// `PASSIVE_LEVEL`
#[unsafe(link_section = "PAGE")]
unsafe extern "C" fn evt_driver_unload(driver: WDFDRIVER) {
    paged_code!();
    // SAFETY: `DriverEntry` attached the context, or there would be no unload.
    if let Some(context) = unsafe { Context::of(driver) } {
        // SAFETY: the device, and with it every other callback, is gone.
        unsafe { context.exclusively(|driver, kernel| driver.paging.release(kernel)) };
    }
}
