//! Making and unmaking devices.

use core::array;
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, DO_BUFFERED_IO, DO_DEVICE_INITIALIZING, DO_DIRECT_IO, DO_POWER_PAGABLE,
    IoAttachDeviceToDeviceStack, IoCreateDevice, IoDeleteDevice, IoDetachDevice, NT_SUCCESS,
    NTSTATUS, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE,
    STATUS_INVALID_SECURITY_DESCR, STATUS_NO_SUCH_DEVICE, STATUS_SUCCESS,
};

use crate::abi::{Handle, ObjectAttributes, PnpPowerCallbacks, PublicGlobals, io_type};
use crate::callback::CallbackLock;
use crate::kernel::pool::PoolBox;
use crate::kernel::spin::SpinLock;
use crate::kernel::{irql, violation};
use crate::object::{
    Allowed, Header, Instance, Level, Ref, Scope, abandon, attributes, create_under, delete,
    destroy_children, dispose, downcast, to_handle,
};
use crate::pnp::PnpState;
use crate::queue::QueueList;

use super::body::{Device, DeviceExtension, NO_QUEUE, extension_of};
use super::init::{DeviceInit, Role};
use super::interface::InterfaceList;
use super::security;
use super::state::ReportedState;

/// `WdfDeviceCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_create(
    _: *mut PublicGlobals,
    init: *mut *mut c_void,
    device_attributes: *const ObjectAttributes,
    device: *mut Handle,
) -> NTSTATUS {
    if init.is_null() || device.is_null() {
        violation::null_parameter();
    }
    // SAFETY: not null; the client vouches for its pointer.
    let what = unsafe { init.read() };
    // SAFETY: what the client got in EvtDriverDeviceAdd.
    let what = unsafe { DeviceInit::from_handle(what) };
    // SAFETY: not null; the client vouches for its pointer.
    unsafe { device.write(Handle::NULL) };
    if irql::current() != irql::PASSIVE_LEVEL {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    let allowed = Allowed { level: true, scope: true, ..Allowed::default() };
    // SAFETY: the client vouches for its attributes.
    let created = unsafe { attributes(device_attributes, allowed) }
        .and_then(|attributes| create_device(what, attributes));
    let created = match created {
        Ok(created) => created,
        Err(status) => return status,
    };
    // SAFETY: not null; the client vouches for its pointers.
    unsafe { device.write(to_handle(&created)) };
    // SAFETY: as above.
    unsafe { init.write(null_mut()) };
    if what.in_pool {
        // SAFETY: made by `PoolBox::into_raw` for the client, which gave it back.
        drop(unsafe { PoolBox::from_raw((&mut *what).into()) });
    } else {
        what.created = Some(created);
    }
    STATUS_SUCCESS
}

fn create_device(
    init: &mut DeviceInit,
    attributes: Option<&ObjectAttributes>,
) -> Result<Ref<Device>, NTSTATUS> {
    if init.created.is_some() {
        return Err(STATUS_INVALID_DEVICE_STATE);
    }
    if (init.sddl.is_some() || init.class_set) && !init.has_name() {
        return Err(STATUS_INVALID_SECURITY_DESCR);
    }
    let driver = init.driver().clone();
    let globals = driver.globals();
    let body = body(init, attributes);
    // SAFETY: validated by the caller; the body is plain data.
    let device = unsafe { create_under(globals, attributes, driver.header(), body) }?;
    device.lock.initialise();
    let device = Ref::new(device);
    let status = create_object(init, &device);
    if !NT_SUCCESS(status) {
        globals.tree().lock().detach(device.header().node());
        abandon(device.header().into());
        return Err(status);
    }
    globals.set_reaper(device.object());
    Ok(device)
}

fn body(init: &mut DeviceInit, attributes: Option<&ObjectAttributes>) -> Device {
    let driver = init.driver();
    let level = Level::of(attributes, driver.level());
    let scope = Scope::of(attributes, driver.scope());
    Device {
        object: AtomicPtr::new(null_mut()),
        attached: AtomicPtr::new(null_mut()),
        physical: init.physical(),
        name: init.name.take(),
        filter: init.filter,
        exclusive: init.exclusive,
        opens: AtomicI32::new(0),
        io_type: init.io_type,
        callbacks: init.pnp.unwrap_or(NO_CALLBACKS),
        file: init.file,
        file_attributes: init.file_attributes,
        request_attributes: init.request_attributes,
        preprocess: init.preprocess.take(),
        in_caller_context: init.in_caller_context,
        level,
        scope,
        lock: CallbackLock::new(level),
        queues: QueueList::new(),
        default_queue: AtomicPtr::new(NO_QUEUE),
        by_major: array::from_fn(|_| AtomicPtr::new(NO_QUEUE)),
        pnp: SpinLock::new(PnpState::new()),
        reported: SpinLock::new(ReportedState::new()),
        interfaces: InterfaceList::new(),
        link: SpinLock::new(None),
        io_target: AtomicPtr::new(null_mut()),
        failed_action: AtomicU32::new(0),
    }
}

// SAFETY: every field is a number or an optional function, for which zero is a value.
const NO_CALLBACKS: PnpPowerCallbacks = unsafe { core::mem::zeroed() };

/// Creates the WDM device object, and puts it on its stack.
fn create_object(init: &DeviceInit, device: &Ref<Device>) -> NTSTATUS {
    let globals = device.globals();
    let mut name = device.name.as_ref().map(crate::kernel::string::PoolString::unicode);
    let name = name.as_mut().map_or(null_mut(), |name| &raw mut *name);
    let mut object = null_mut();
    // SAFETY: the client's driver object and a name that lives through the call.
    let status = unsafe {
        IoCreateDevice(
            globals.driver_object(),
            size_of::<DeviceExtension>() as u32,
            name,
            init.device_type,
            init.characteristics,
            u8::from(init.exclusive),
            &raw mut object,
        )
    };
    if !NT_SUCCESS(status) {
        return status;
    }
    let status = secure(init, object);
    if !NT_SUCCESS(status) {
        // SAFETY: just created, and nobody knows of it.
        unsafe { IoDeleteDevice(object) };
        return status;
    }
    // SAFETY: a new device object, with an extension of this size.
    let extension = unsafe { (*object).DeviceExtension }.cast::<DeviceExtension>();
    // SAFETY: as above.
    unsafe { DeviceExtension::initialise(extension, device.clone(), globals.tag()) };
    device.object.store(object, Ordering::Release);
    let status = attach(init, device, object);
    if !NT_SUCCESS(status) {
        delete_object(device);
    }
    status
}

/// The descriptor of a named device: what the client asked for, or else SYSTEM and Administrators.
fn secure(init: &DeviceInit, object: *mut DEVICE_OBJECT) -> NTSTATUS {
    match &init.sddl {
        Some(sddl) => security::apply(object, sddl.units()),
        None if init.name.is_some() => {
            security::apply(object, &security::SYSTEM_AND_ADMINISTRATORS)
        }
        None => STATUS_SUCCESS,
    }
}

fn attach(init: &DeviceInit, device: &Device, object: *mut DEVICE_OBJECT) -> NTSTATUS {
    let mut flags = match init.io_type {
        io_type::BUFFERED => DO_BUFFERED_IO,
        io_type::DIRECT => DO_DIRECT_IO,
        _ => 0,
    };
    if let Role::Function(physical) = init.role {
        // SAFETY: PnP's physical device and our new device object.
        let lower = unsafe { IoAttachDeviceToDeviceStack(object, physical) };
        if lower.is_null() {
            return STATUS_NO_SUCH_DEVICE;
        }
        device.attached.store(lower, Ordering::Release);
        if init.filter {
            // A filter does what the device below does.
            // SAFETY: the device that was just attached to.
            flags = unsafe { (*lower).Flags } & (DO_BUFFERED_IO | DO_DIRECT_IO | DO_POWER_PAGABLE);
            // SAFETY: as above.
            let characteristics = unsafe { (*lower).Characteristics };
            // SAFETY: our own device object.
            unsafe { (*object).Characteristics |= characteristics };
        } else if init.power_pageable {
            flags |= DO_POWER_PAGABLE;
        }
    }
    // SAFETY: our own device object, which gets no IRP while it is being initialised.
    unsafe { (*object).Flags |= flags };
    STATUS_SUCCESS
}

/// After `EvtDriverDeviceAdd`: the device may be used.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn finish_add(device: &Instance<Device>) {
    device.pnp.lock().added();
    // SAFETY: the device's own object.
    unsafe { (*device.object()).Flags &= !DO_DEVICE_INITIALIZING };
}

/// After a failed `EvtDriverDeviceAdd`: what it created goes again. The queues are purged as they
/// are disposed of.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn undo_add(device: &Instance<Device>) {
    dispose(device.header());
    destroy_children(device.header());
    delete_object(device);
    delete(device.header());
}

/// Takes the device object off its stack and deletes it; the extension's reference goes.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn delete_object(device: &Instance<Device>) {
    device.globals().set_reaper(null_mut());
    super::delete_link(device);
    let lower = device.attached.swap(null_mut(), Ordering::AcqRel);
    if !lower.is_null() {
        // SAFETY: the device that ours is attached to.
        unsafe { IoDetachDevice(lower) };
    }
    let object = device.object.swap(null_mut(), Ordering::AcqRel);
    if object.is_null() {
        return;
    }
    // SAFETY: our own device object, not yet deleted.
    let reference = unsafe { extension_of(object) }
        // SAFETY: the object pointer was swapped out above, so this happens once.
        .map(|extension| unsafe { extension.take_device() });
    // SAFETY: our own device object, off every stack.
    unsafe { IoDeleteDevice(object) };
    drop(reference);
}

/// Deletes a control device at its client's wish; whether `header` is one.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn delete_control_device(header: &Header) -> bool {
    let Some(device) = downcast::<Device>(header).filter(|device| device.is_control()) else {
        return false;
    };
    let device = Ref::new(device);
    delete(device.header());
    delete_object(&device);
    true
}
