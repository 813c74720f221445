//! File objects: what a handle to a device stands for, from create to close.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

use super::device::default_security;
use super::shared::shared;
use super::sync::{self, Outcome};
use super::{Device, Irp, StackLocation, strings};
use crate::mm::pool;
use crate::{ob, se};

/// `UserMode`
pub(super) const USER_MODE: i8 = 1;

/// `FO_CLEANUP_COMPLETE`
const CLEANUP_COMPLETE: u32 = 0x4000;
/// `FO_HANDLE_CREATED`
const HANDLE_CREATED: u32 = 0x4_0000;

/// `IRP_CREATE_OPERATION`
const CREATE_OPERATION: u32 = 0x80;
/// `IRP_CLOSE_OPERATION`
const CLOSE_OPERATION: u32 = 0x400;
/// `IRP_SYNCHRONOUS_API`
const SYNCHRONOUS_API: u32 = 0x4;

/// `FILE_OPEN`, the create disposition, where the create options keep it.
const OPEN_EXISTING: u32 = 1 << 24;

shared! {
    /// A file object
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_file_object).
    File of nt::FILE_OBJECT {
        /// `FO_*` flags.
        flags / set_flags: u32 = Flags;
        /// The device it was opened on; null where the open failed.
        device_object / set_device_object: *mut nt::DEVICE_OBJECT = DeviceObject;
        /// The text of its name in the device's own namespace; null where it has none.
        name_buffer: *mut u16 = FileName.Buffer;
    }
}

static FILE: ob::ObjectType = ob::ObjectType::new("File", Some(delete));

/// The type of file objects, as drivers name it.
#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static IoFileObjectType: &ob::ObjectType = &FILE;

/// An open file: a reference to its file object, and what its handle was granted.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    granted: u32,
}

impl OpenFile {
    /// Opens `device` on behalf of `token`, as `CreateFile` does: checks the access against the
    /// device's security descriptor, and sends `IRP_MJ_CREATE` to the top of its stack.
    ///
    /// Pages: kernel/controlling-device-access, kernel/irp-mj-create.
    ///
    /// # Errors
    /// `STATUS_ACCESS_DENIED`; `STATUS_NO_SUCH_DEVICE` where the device is not started, or is going
    /// away; what the drivers say.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`.
    pub fn open(device: Device, desired: u32, token: Token) -> Result<Arc<Self>, i32> {
        Self::open_in(device, &[], desired, token)
    }

    /// As [`OpenFile::open`], for a file of this name in the device's own namespace: what follows
    /// the device's name, with its backslash. The driver finds it in `FileName`.
    ///
    /// The access is checked whatever the name. Windows leaves that to drivers whose devices lack
    /// `FILE_DEVICE_SECURE_OPEN`.
    ///
    /// # Errors
    /// As for [`OpenFile::open`].
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`.
    pub fn open_in(
        device: Device,
        name: &[u16],
        desired: u32,
        token: Token,
    ) -> Result<Arc<Self>, i32> {
        let descriptor = device.security().unwrap_or_else(default_security);
        let granted = se::access_check(&descriptor, token, desired)?;
        let node = device.node();
        node.map_or(Ok(()), |node| node.begin_open())?;
        let opened = device.open_reference().and_then(|()| create(device, name, granted));
        if opened.is_err()
            && let Some(node) = node
        {
            node.end_open();
        }
        Ok(Arc::new(Self { file: opened?, granted }))
    }

    /// The file object.
    #[must_use]
    pub fn file(&self) -> File {
        self.file
    }

    /// The specific access rights that the handle grants.
    #[must_use]
    pub fn granted(&self) -> u32 {
        self.granted
    }

    /// The device it was opened on.
    #[must_use]
    pub fn device(&self) -> Option<Device> {
        // SAFETY: the device's count of file objects keeps it until this one is gone.
        unsafe { Device::from_raw(self.file.device_object()) }
    }

    /// The last handle is closed: sends `IRP_MJ_CLEANUP`. Requests that are under way keep the
    /// file; with the last reference goes `IRP_MJ_CLOSE`.
    ///
    /// Page: kernel/irp-mj-cleanup.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`.
    pub fn cleanup(&self) {
        let Some(device) = self.device() else { return };
        sync::send(device.top(), |irp, location| {
            fill(irp, location, nt::IRP_MJ_CLEANUP, self.file);
            irp.set_flags(CLOSE_OPERATION | SYNCHRONOUS_API);
        });
        self.file.set_flags(self.file.flags() | CLEANUP_COMPLETE);
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // SAFETY: the reference of its creation.
        unsafe { ob::dereference(self.file.as_ptr().cast()) };
    }
}

fn fill(irp: Irp, location: StackLocation, major: u32, file: File) {
    irp.set_requestor_mode(USER_MODE);
    irp.set_original_file(file.as_ptr());
    location.begin(major, 0, Some(file));
}

/// A file object on `device`, which counts it already, accepted by the drivers.
fn create(device: Device, name: &[u16], granted: u32) -> Result<File, i32> {
    let body = ob::allocate(&FILE, size_of::<nt::FILE_OBJECT>()).cast::<nt::FILE_OBJECT>();
    // SAFETY: the body is new, and zeroes are a valid file object.
    let object = unsafe { &mut *body };
    object.Type = nt::IO_TYPE_FILE as i16;
    object.Size = size_of::<nt::FILE_OBJECT>() as i16;
    object.DeviceObject = device.as_ptr();
    object.ReadAccess = u8::from(granted & nt::FILE_READ_DATA != 0);
    object.WriteAccess = u8::from(granted & nt::FILE_WRITE_DATA != 0);
    object.Flags = HANDLE_CREATED;
    // SAFETY: filled in above; it lives until its last reference goes.
    let file = unsafe { File::from_raw(body) }.ok_or(nt::STATUS_INSUFFICIENT_RESOURCES)?;
    let copy = (!name.is_empty()).then(|| strings::allocate(name));
    let status = match copy {
        Some(None) => nt::STATUS_INSUFFICIENT_RESOURCES,
        Some(Some(copy)) => {
            object.FileName = copy;
            send_create(device, file, granted).status
        }
        None => send_create(device, file, granted).status,
    };
    if status >= 0 {
        return Ok(file);
    }
    // A file object whose create failed is closed without the drivers' hearing of it.
    file.set_device_object(ptr::null_mut());
    // SAFETY: the reference of its creation.
    unsafe { ob::dereference(body.cast()) };
    device.close_reference();
    Err(status)
}

fn send_create(device: Device, file: File, granted: u32) -> Outcome {
    // SAFETY: zeroes are a valid access state: nothing but numbers and null pointers.
    let mut state: nt::ACCESS_STATE = unsafe { std::mem::zeroed() };
    state.OriginalDesiredAccess = granted;
    state.PreviouslyGrantedAccess = granted;
    let mut context = nt::IO_SECURITY_CONTEXT {
        SecurityQos: ptr::null_mut(),
        AccessState: &raw mut state,
        DesiredAccess: granted,
        FullCreateOptions: OPEN_EXISTING,
    };
    sync::send(device.top(), |irp, location| {
        fill(irp, location, nt::IRP_MJ_CREATE, file);
        irp.set_flags(CREATE_OPERATION | SYNCHRONOUS_API);
        location.set_security_context(&raw mut context);
        location.set_create_options(OPEN_EXISTING);
        location.set_share_access((nt::FILE_SHARE_READ | nt::FILE_SHARE_WRITE) as u16);
    })
}

/// The last reference is gone: sends `IRP_MJ_CLOSE`
/// (learn.microsoft.com/windows-hardware/drivers/kernel/irp-mj-close), and lets the device go.
fn delete(body: *mut c_void) {
    // SAFETY: the body of a file object, which is still in place.
    let Some(file) = (unsafe { File::from_raw(body.cast()) }) else { return };
    close(file);
    if !file.name_buffer().is_null() {
        pool::free(file.name_buffer().cast(), None);
    }
}

fn close(file: File) {
    // SAFETY: the device's count of file objects keeps it until `close_reference`.
    let Some(device) = (unsafe { Device::from_raw(file.device_object()) }) else { return };
    sync::send(device.top(), |irp, location| {
        fill(irp, location, nt::IRP_MJ_CLOSE, file);
        irp.set_flags(CLOSE_OPERATION | SYNCHRONOUS_API);
    });
    let node = device.node().cloned();
    device.close_reference();
    if let Some(node) = node {
        node.end_open();
    }
}

crate::exports! {
    /// File objects.
    pub EXPORTS = [
        static IoFileObjectType,
    ];
}
