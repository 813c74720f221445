//! Opens: create, cleanup and close of a device
//! (learn.microsoft.com/windows-hardware/drivers/wdf/framework-file-objects).
//!
//! A driver that gave a `WDF_FILEOBJECT_CONFIG` with a class gets a file object for each open. It
//! is found by the kernel's FILE_OBJECT, through `FsContext` or `FsContext2` where the class allows
//! that and through the device's children else.

use core::ptr::{NonNull, null_mut};

use pagewise_lab_nt::{
    FILE_OBJECT, NT_SUCCESS, NTSTATUS, STATUS_ACCESS_DENIED, STATUS_PENDING, STATUS_SUCCESS,
    UNICODE_STRING,
};

use crate::abi::{EvtFile, Handle, PublicGlobals, file_object_class};
use crate::device::{Device, count_close, count_open, file_object_class_of};
use crate::kernel::irp::Irp;
use crate::kernel::irql;
use crate::kernel::thread::CriticalRegion;
use crate::object::{
    Header, Instance, Kind, Object, Ref, create_under, delete, downcast, from_handle, to_handle,
};
use crate::queue;
use crate::request::{complete, create_for_irp};

/// An open.
pub struct File {
    object: *mut FILE_OBJECT,
    device: Ref<Device>,
}

// SAFETY: the one body of this kind. The kernel's file object lives until its close is completed.
unsafe impl Object for File {
    const KIND: Kind = Kind::File;
    const DELETABLE: bool = false;
}

impl File {
    /// The kernel's file object.
    pub fn object(&self) -> *mut FILE_OBJECT {
        self.object
    }
}

/// The class of the device's file objects; `None` if it wants none.
fn class_of(device: &Device) -> Option<u32> {
    let class = file_object_class_of(device.file.as_ref()?);
    (class != file_object_class::NOT_REQUIRED).then_some(class)
}

/// The field of a FILE_OBJECT that holds the framework's object, if the class has one.
///
/// # Safety
/// `object` is a file object of an open of the device.
unsafe fn slot(class: u32, object: *mut FILE_OBJECT) -> Option<*mut *mut Instance<File>> {
    let slot = match class {
        // SAFETY: the caller vouches for the file object.
        file_object_class::FS_CONTEXT => unsafe { &raw mut (*object).FsContext },
        // SAFETY: as above.
        file_object_class::FS_CONTEXT2 => unsafe { &raw mut (*object).FsContext2 },
        _ => return None,
    };
    Some(slot.cast())
}

/// The framework's object of an open.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn find(device: &Instance<Device>, object: *mut FILE_OBJECT) -> Option<&Instance<File>> {
    let class = class_of(device)?;
    if object.is_null() {
        return None;
    }
    // SAFETY: a file object that a request of the device names.
    if let Some(slot) = unsafe { slot(class, object) } {
        // SAFETY: the field of the file object, written by `create`.
        let file = unsafe { slot.read() };
        // SAFETY: null, or the object of an open that is not closed.
        return unsafe { file.as_ref() };
    }
    let tree = device.globals().tree().lock();
    let mut child = tree.first_child(device.header().node());
    while let Some(node) = child {
        // SAFETY: children live while the tree is locked.
        let header = unsafe { Header::of_node(node) };
        if let Some(file) = downcast::<File>(header).filter(|file| file.object == object) {
            return Some(file);
        }
        child = tree.next_sibling(header.node());
    }
    None
}

fn new_file(
    device: &Instance<Device>,
    object: *mut FILE_OBJECT,
) -> Result<Option<&Instance<File>>, NTSTATUS> {
    let Some(class) = class_of(device) else { return Ok(None) };
    if object.is_null() {
        return Ok(None);
    }
    let body = File { object, device: Ref::new(device) };
    let attributes = device.file_attributes.as_ref();
    // SAFETY: validated when the driver set them.
    let file = unsafe { create_under(device.globals(), attributes, device.header(), body) }?;
    // SAFETY: the file object of the open that is being made.
    if let Some(slot) = unsafe { slot(class, object) } {
        // SAFETY: the field of the file object, the driver's to use.
        unsafe { slot.write(NonNull::from(file).as_ptr()) };
    }
    Ok(Some(file))
}

/// IRP_MJ_CREATE.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn create(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    if !count_open(device) {
        count_close(device);
        return irp.complete_with(STATUS_ACCESS_DENIED);
    }
    let file = match new_file(device, irp.file_object()) {
        Ok(file) => file,
        Err(status) => return refuse(device, irp, status),
    };
    let callback = device.file.and_then(|config| config.create);
    let queue = device.queue_for(irp.major());
    if callback.is_none() && queue.is_none() {
        if device.forwards_cleanup_close() {
            return forward_create(device, irp);
        }
        return irp.complete_with(STATUS_SUCCESS);
    }
    let request = match create_for_irp(device, irp) {
        Ok(request) => request,
        Err(status) => return refuse(device, irp, status),
    };
    let region = (irql::current() <= irql::APC_LEVEL).then(CriticalRegion::enter);
    let status = match (queue, callback) {
        (Some(queue), _) => queue::enqueue(&Ref::new(queue), request, irp),
        (None, Some(callback)) => {
            irp.mark_pending();
            request.give_to_driver();
            request.set_presented();
            let file = file.map_or(Handle::NULL, to_handle);
            // SAFETY: the client's callback, with its device and a request that it has now.
            unsafe { callback(to_handle(device), to_handle(request), file) };
            STATUS_PENDING
        }
        (None, None) => {
            complete(request, STATUS_SUCCESS);
            STATUS_SUCCESS
        }
    };
    drop(region);
    status
}

/// An open that fails leaves nothing behind.
fn refuse(device: &Instance<Device>, irp: Irp, status: NTSTATUS) -> NTSTATUS {
    undo(device, irp.file_object());
    irp.complete_with(status)
}

/// The open failed, or is closed: its object goes.
fn undo(device: &Instance<Device>, object: *mut FILE_OBJECT) {
    count_close(device);
    let Some(file) = find(device, object) else { return };
    if let Some(class) = class_of(device) {
        // SAFETY: the file object of the open that ends.
        if let Some(slot) = unsafe { slot(class, object) } {
            // SAFETY: the field of the file object, written by `new_file`.
            unsafe { slot.write(null_mut()) };
        }
    }
    delete(file.header());
}

fn forward_create(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let object = irp.file_object();
    let status = irp.call_and_wait(device.attached());
    if !NT_SUCCESS(status) {
        undo(device, object);
    }
    irp.complete_as_is()
}

/// The driver completed a create request: a failure leaves no open behind.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn create_completed(device: &Instance<Device>, object: *mut FILE_OBJECT, status: NTSTATUS) {
    if !NT_SUCCESS(status) {
        undo(device, object);
    }
}

fn call(file: Option<&Instance<File>>, callback: Option<EvtFile>) {
    if let (Some(file), Some(callback)) = (file, callback) {
        // SAFETY: the client's callback, with its file object.
        unsafe { callback(to_handle(file)) };
    }
}

/// IRP_MJ_CLEANUP: the last handle of an open is gone.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn cleanup(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let file = find(device, irp.file_object());
    call(file, device.file.and_then(|config| config.cleanup));
    queue::cancel_of_open(device, irp.file_object());
    pass_on(device, irp)
}

/// IRP_MJ_CLOSE: the last reference of an open is gone.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub fn close(device: &Instance<Device>, irp: Irp) -> NTSTATUS {
    let file = find(device, irp.file_object());
    call(file, device.file.and_then(|config| config.close));
    undo(device, irp.file_object());
    pass_on(device, irp)
}

fn pass_on(device: &Device, irp: Irp) -> NTSTATUS {
    if device.forwards_cleanup_close() {
        irp.skip_to(device.attached())
    } else {
        irp.complete_with(STATUS_SUCCESS)
    }
}

/// `WdfFileObjectGetFileName`
///
/// # Safety
/// `file` is a file object of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn file_object_get_file_name(
    _: *mut PublicGlobals,
    file: Handle,
) -> *mut UNICODE_STRING {
    // SAFETY: the client vouches for its handle.
    let object = unsafe { from_handle::<File>(file) }.object;
    // SAFETY: the open is not closed, so its file object lives.
    unsafe { &raw mut (*object).FileName }
}

/// `WdfFileObjectGetFlags`
///
/// # Safety
/// `file` is a file object of the client.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn file_object_get_flags(_: *mut PublicGlobals, file: Handle) -> u32 {
    // SAFETY: the client vouches for its handle.
    let object = unsafe { from_handle::<File>(file) }.object;
    // SAFETY: the open is not closed, so its file object lives.
    unsafe { (*object).Flags }
}

/// `WdfFileObjectGetDevice`
///
/// # Safety
/// `file` is a file object of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn file_object_get_device(_: *mut PublicGlobals, file: Handle) -> Handle {
    // SAFETY: the client vouches for its handle.
    to_handle(&unsafe { from_handle::<File>(file) }.device)
}

/// `WdfFileObjectWdmGetFileObject`
///
/// # Safety
/// `file` is a file object of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn file_object_wdm_get_file_object(
    _: *mut PublicGlobals,
    file: Handle,
) -> *mut FILE_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { from_handle::<File>(file) }.object
}
