//! Driver objects.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use pagewise_lab_nt as nt;

use super::shared::shared;
use super::{Device, Irp};
use crate::image::Image;
use crate::ob;

/// `IO_TYPE_DRIVER`
const IO_TYPE_DRIVER: i16 = 4;

shared! {
    /// A driver object
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_driver_object).
    Driver of nt::DRIVER_OBJECT {
        /// The first of its devices; `NextDevice` leads on.
        first_device / set_first_device: *mut nt::DEVICE_OBJECT = DeviceObject;
        /// `DRVO_*` flags.
        flags / set_flags: u32 = Flags;
        /// `DriverEntry`
        entry / set_entry: nt::PDRIVER_INITIALIZE = DriverInit;
        /// `DriverUnload`, where the driver has one.
        unload: nt::PDRIVER_UNLOAD = DriverUnload;
        /// `StartIo`, where the driver has one.
        start_io: nt::PDRIVER_STARTIO = DriverStartIo;
        /// The extension, which holds `AddDevice`.
        extension: *mut nt::DRIVER_EXTENSION = DriverExtension;
    }
}

static DRIVER: ob::ObjectType = ob::ObjectType::new("Driver", Some(delete));

/// The type of driver objects, as drivers name it.
#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static IoDriverObjectType: &ob::ObjectType = &DRIVER;

/// The body of a driver object: the structure that drivers know, and what they don't.
#[repr(C)]
struct Body {
    object: nt::DRIVER_OBJECT,
    extension: nt::DRIVER_EXTENSION,
    /// What `DriverName` points to.
    name: Box<[u16]>,
    /// What `ServiceKeyName` points to.
    service: Box<[u16]>,
    clients: Mutex<Vec<Client>>,
}

/// A driver object extension that the driver asked for.
struct Client {
    id: usize,
    // 16-aligned, as pool is.
    memory: Box<[u128]>,
}

impl Driver {
    /// A driver object called `\Driver\<service>`, every request to which fails until the driver
    /// says otherwise. Drivers that are part of the lab have no image.
    #[must_use]
    pub fn create(service: &str, image: Option<&Image>) -> Self {
        let name: Box<[u16]> = format!("\\Driver\\{service}").encode_utf16().collect();
        let service: Box<[u16]> = service.encode_utf16().collect();
        let body = ob::allocate(&DRIVER, size_of::<Body>()).cast::<Body>();
        let pointer = body.cast::<nt::DRIVER_OBJECT>();
        let object = nt::DRIVER_OBJECT {
            Type: IO_TYPE_DRIVER,
            Size: size_of::<nt::DRIVER_OBJECT>() as i16,
            DeviceObject: ptr::null_mut(),
            Flags: nt::DRVO_LEGACY_DRIVER,
            DriverStart: image.map_or(ptr::null_mut(), |image| image.base() as *mut c_void),
            DriverSize: image.map_or(0, |image| image.size() as u32),
            DriverSection: ptr::null_mut(),
            DriverExtension: pointer.wrapping_add(1).cast(),
            DriverName: counted(&name),
            HardwareDatabase: ptr::null_mut(),
            FastIoDispatch: ptr::null_mut(),
            DriverInit: None,
            DriverStartIo: None,
            DriverUnload: None,
            MajorFunction: [Some(invalid_device_request); 28],
        };
        let extension = nt::DRIVER_EXTENSION {
            DriverObject: pointer,
            AddDevice: None,
            Count: 0,
            ServiceKeyName: counted(&service),
        };
        const { assert!(std::mem::offset_of!(Body, extension) == size_of::<nt::DRIVER_OBJECT>()) };
        // SAFETY: the memory is new, large enough and aligned to 16 bytes.
        unsafe { body.write(Body { object, extension, name, service, clients: Mutex::default() }) };
        Self(ptr::NonNull::new(pointer).unwrap_or(ptr::NonNull::dangling()))
    }

    fn body(&self) -> &Body {
        // SAFETY: every driver object is the beginning of a body, and this one is alive.
        unsafe { self.0.cast::<Body>().as_ref() }
    }

    /// Name of its service, which is the last component of its own name.
    #[must_use]
    pub fn service(self) -> String {
        String::from_utf16_lossy(&self.body().service)
    }

    /// Its name, `\Driver\<service>`.
    #[must_use]
    pub fn name(self) -> String {
        String::from_utf16_lossy(&self.body().name)
    }

    /// `AddDevice`, where the driver has one.
    #[must_use]
    pub fn add_device(self) -> nt::PDRIVER_ADD_DEVICE {
        // SAFETY: the extension is part of the body, which is alive.
        let place = unsafe { &raw const (*self.extension()).AddDevice };
        // SAFETY: as above; the driver may write it meanwhile.
        unsafe { place.read_volatile() }
    }

    /// Sets `AddDevice`.
    #[cfg(test)]
    pub(crate) fn set_add_device(self, routine: nt::PDRIVER_ADD_DEVICE) {
        // SAFETY: the extension is part of the body, which is alive.
        unsafe { (*self.extension()).AddDevice = routine };
    }

    /// Its dispatch routine for `major`.
    #[must_use]
    #[inline]
    pub fn dispatch(self, major: u8) -> nt::PDRIVER_DISPATCH {
        // SAFETY: the object is alive; the driver fills in the table in `DriverEntry`.
        let table = unsafe { &(*self.as_ptr()).MajorFunction };
        table.get(usize::from(major)).copied().flatten()
    }

    /// Sets its dispatch routine for `major`: for drivers that are part of the lab.
    pub fn set_dispatch(self, major: u32, routine: nt::PDRIVER_DISPATCH) {
        // SAFETY: the object is alive and not in use by anyone else yet.
        let table = unsafe { &mut (*self.as_ptr()).MajorFunction };
        table[major as usize] = routine;
    }

    /// Requests that the driver left without a routine fail.
    pub fn fill_in_dispatch(self) {
        for major in 0..=nt::IRP_MJ_MAXIMUM_FUNCTION {
            if self.dispatch(major as u8).is_none() {
                self.set_dispatch(major, Some(invalid_device_request));
            }
        }
    }

    /// The first of its devices.
    #[must_use]
    pub fn first(self) -> Option<Device> {
        // SAFETY: devices of a driver are in its list from creation to deletion.
        unsafe { Device::from_raw(self.first_device()) }
    }

    /// Drops the reference that [`Driver::create`] gave.
    ///
    /// # Safety
    /// The caller has that reference and does not use the driver any more.
    pub unsafe fn release(self) {
        // SAFETY: the caller vouches for the reference.
        unsafe { ob::dereference(self.as_ptr().cast()) };
    }
}

/// A `UNICODE_STRING` over `text`, which must live on. Names are short.
fn counted(text: &[u16]) -> nt::UNICODE_STRING {
    nt::unicode_string(text).unwrap_or_else(|| counted(&[]))
}

fn delete(body: *mut c_void) {
    // SAFETY: `Driver::create` wrote a body there, and nobody refers to it any more.
    unsafe { ptr::drop_in_place(body.cast::<Body>()) };
}

/// What a driver that has no routine for a request does with it.
pub(super) unsafe extern "win64" fn invalid_device_request(
    _device: *mut nt::DEVICE_OBJECT,
    irp: *mut nt::IRP,
) -> i32 {
    // SAFETY: the I/O manager passes the IRP that is being sent.
    if let Some(irp) = unsafe { Irp::from_raw(irp) } {
        irp.set_status(nt::STATUS_INVALID_DEVICE_REQUEST);
        super::complete::complete(irp);
    }
    nt::STATUS_INVALID_DEVICE_REQUEST
}

/// Allocates zeroed memory that lives as long as the driver object and can be found by `id`.
/// `STATUS_OBJECT_NAME_COLLISION` where the driver has one of that id already.
///
/// Page: wdm/nf-wdm-ioallocatedriverobjectextension.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `driver` is a driver object, `extension` can be written.
pub unsafe extern "win64" fn IoAllocateDriverObjectExtension(
    driver: *mut nt::DRIVER_OBJECT,
    id: *mut c_void,
    bytes: u32,
    extension: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the result's place.
    unsafe { extension.write(ptr::null_mut()) };
    // SAFETY: the caller vouches for the driver object.
    let Some(driver) = (unsafe { Driver::from_raw(driver) }) else {
        return nt::STATUS_INVALID_PARAMETER;
    };
    let mut clients = driver.body().clients.lock().unwrap_or_else(PoisonError::into_inner);
    if clients.iter().any(|client| client.id == id.addr()) {
        return nt::STATUS_OBJECT_NAME_COLLISION;
    }
    let words = (bytes as usize).div_ceil(size_of::<u128>()).max(1);
    let mut client = Client { id: id.addr(), memory: vec![0; words].into_boxed_slice() };
    let memory = client.memory.as_mut_ptr();
    clients.push(client);
    // SAFETY: the caller vouches for the result's place.
    unsafe { extension.write(memory.cast()) };
    nt::STATUS_SUCCESS
}

/// The memory that [`IoAllocateDriverObjectExtension`] gave for `id`; null where it gave none.
///
/// Page: wdm/nf-wdm-iogetdriverobjectextension.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `driver` is a driver object.
pub unsafe extern "win64" fn IoGetDriverObjectExtension(
    driver: *mut nt::DRIVER_OBJECT,
    id: *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller vouches for the driver object.
    let Some(driver) = (unsafe { Driver::from_raw(driver) }) else { return ptr::null_mut() };
    let mut clients = driver.body().clients.lock().unwrap_or_else(PoisonError::into_inner);
    let found = clients.iter_mut().find(|client| client.id == id.addr());
    found.map_or(ptr::null_mut(), |client| client.memory.as_mut_ptr().cast())
}

crate::exports! {
    /// Driver objects.
    pub EXPORTS = [
        IoAllocateDriverObjectExtension(_, _, _, _),
        IoGetDriverObjectExtension(_, _),
        static IoDriverObjectType,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_object_knows_its_names_and_has_every_routine() {
        let driver = Driver::create("sample", None);
        assert_eq!((driver.name(), driver.service()), ("\\Driver\\sample".into(), "sample".into()));
        assert!((0..=27).all(|major| driver.dispatch(major).is_some()));
        assert!(driver.dispatch(28).is_none());
        assert!(driver.add_device().is_none() && driver.first().is_none());
        driver.set_dispatch(nt::IRP_MJ_PNP, None);
        driver.fill_in_dispatch();
        assert!(driver.dispatch(27).is_some());
        // SAFETY: created above and not used any more.
        unsafe { driver.release() };
    }

    #[test]
    fn extensions_are_found_by_their_id_and_given_once() {
        let driver = Driver::create("extended", None);
        let id = ptr::without_provenance_mut(0x51);
        let mut memory = ptr::null_mut();
        let mut allocate = || {
            // SAFETY: the driver object is alive.
            let status = unsafe {
                IoAllocateDriverObjectExtension(driver.as_ptr(), id, 20, &raw mut memory)
            };
            (status, memory)
        };
        let (status, first) = allocate();
        assert_eq!(status, nt::STATUS_SUCCESS);
        // SAFETY: twenty bytes were allocated.
        assert_eq!(unsafe { first.cast::<[u8; 20]>().read() }, [0; 20]);
        assert_eq!(allocate(), (nt::STATUS_OBJECT_NAME_COLLISION, ptr::null_mut()));
        // SAFETY: the driver object is alive.
        assert_eq!(unsafe { IoGetDriverObjectExtension(driver.as_ptr(), id) }, first);
        // SAFETY: as above.
        let other = unsafe { IoGetDriverObjectExtension(driver.as_ptr(), ptr::null_mut()) };
        assert!(other.is_null());
        // SAFETY: created above and not used any more.
        unsafe { driver.release() };
    }
}
