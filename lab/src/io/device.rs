//! Device objects: creation, names, references, deletion.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use pagewise_lab_nt as nt;

use super::Driver;
use super::shared::shared;
use super::verify::{self, Violation};
use crate::ob::{self, namespace};
use crate::pnp::DeviceNode;
use crate::se::Descriptor;

/// `IO_TYPE_DEVICE`
pub(super) const IO_TYPE_DEVICE: i16 = 3;
/// `IO_TYPE_DEVICE_OBJECT_EXTENSION`
const IO_TYPE_EXTENSION: i16 = 13;

shared! {
    /// A device object
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_device_object).
    Device of nt::DEVICE_OBJECT {
        /// `IO_TYPE_DEVICE`, as long as it is one.
        kind / set_kind: i16 = Type;
        /// How many file objects were opened on it.
        reference_count / set_reference_count: i32 = ReferenceCount;
        /// The driver it belongs to.
        driver_object: *mut nt::DRIVER_OBJECT = DriverObject;
        /// The driver's next device.
        next_device / set_next_device: *mut nt::DEVICE_OBJECT = NextDevice;
        /// The device attached on top of it.
        attached_device / set_attached_device: *mut nt::DEVICE_OBJECT = AttachedDevice;
        /// `DO_*` flags.
        flags / set_flags: u32 = Flags;
        /// `FILE_DEVICE_SECURE_OPEN` and its like.
        characteristics / set_characteristics: u32 = Characteristics;
        /// The driver's own memory.
        device_extension: *mut c_void = DeviceExtension;
        /// `FILE_DEVICE_*`
        device_type: u32 = DeviceType;
        /// Stack locations that an IRP for it needs.
        stack_size / set_stack_size: i8 = StackSize;
        /// Alignment of direct transfers, less one.
        alignment / set_alignment: u32 = AlignmentRequirement;
        /// Bytes in a sector.
        sector_size / set_sector_size: u16 = SectorSize;
        /// The kernel's part.
        extension: *mut nt::DEVOBJ_EXTENSION = DeviceObjectExtension;
    }
}

static DEVICE: ob::ObjectType =
    ob::ObjectType::new("Device", Some(delete)).on_set_security(set_security);

/// The type of device objects, as drivers name it.
#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static IoDeviceObjectType: &ob::ObjectType = &DEVICE;

/// What only the kernel knows of a device.
#[repr(C)]
pub(crate) struct Private {
    extension: nt::DEVOBJ_EXTENSION,
    /// The device below, to which this one is attached.
    pub(super) attached_to: AtomicPtr<nt::DEVICE_OBJECT>,
    delete_pending: AtomicBool,
    name: Option<Box<[u16]>>,
    security: Mutex<Option<Arc<Descriptor>>>,
    node: OnceLock<Arc<DeviceNode>>,
    /// What `PoSetPowerState` was last told: the system's and the device's state.
    pub(crate) power: [AtomicU32; 2],
}

// SAFETY: the pointer in the extension is to the device it belongs to.
unsafe impl Sync for Private {}

/// What serialises device lists, stacks and references, as the I/O database lock does. It is held
/// for moments only and nothing pageable is touched meanwhile.
pub(super) fn database() -> MutexGuard<'static, ()> {
    static DATABASE: Mutex<()> = Mutex::new(());
    DATABASE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The security of a device that was given none: everything for administrators and the system,
/// reading, writing and executing for everyone else
/// (learn.microsoft.com/windows-hardware/drivers/kernel/controlling-device-access).
pub(super) fn default_security() -> Arc<Descriptor> {
    const DEFAULT: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGWGX;;;WD)";
    static DESCRIPTOR: OnceLock<Arc<Descriptor>> = OnceLock::new();
    let make = || Arc::new(Descriptor::from_sddl(DEFAULT).expect("a constant in SDDL"));
    Arc::clone(DESCRIPTOR.get_or_init(make))
}

/// What a driver asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewDevice<'a> {
    pub(crate) extension_bytes: u32,
    pub(crate) name: Option<&'a [u16]>,
    pub(crate) device_type: u32,
    pub(crate) characteristics: u32,
    pub(crate) exclusive: bool,
}

impl Device {
    /// Creates a device of `driver`; see [`IoCreateDevice`].
    ///
    /// # Errors
    /// `STATUS_OBJECT_NAME_COLLISION`, `STATUS_OBJECT_PATH_SYNTAX_BAD`
    pub(crate) fn create(driver: Driver, new: NewDevice<'_>) -> Result<Self, i32> {
        let extension = (new.extension_bytes as usize).next_multiple_of(16);
        let private_at = nt::DEVICE_OBJECT_SIZE + extension;
        let body = ob::allocate(&DEVICE, private_at + size_of::<Private>());
        let pointer = body.cast::<nt::DEVICE_OBJECT>();
        let private = body.wrapping_byte_add(private_at).cast::<Private>();
        let name: Option<Box<[u16]>> = name_of(&new);
        let mut flags = nt::DO_DEVICE_INITIALIZING;
        flags |= if name.is_some() { nt::DO_DEVICE_HAS_NAME } else { 0 };
        flags |= if new.exclusive { nt::DO_EXCLUSIVE } else { 0 };
        // SAFETY: the body is new and zeroed, which is a valid device object.
        let object = unsafe { &mut *pointer };
        object.Type = IO_TYPE_DEVICE;
        object.Size = (nt::DEVICE_OBJECT_SIZE + extension).try_into().unwrap_or(u16::MAX);
        object.DriverObject = driver.as_ptr();
        object.Flags = flags;
        object.Characteristics = new.characteristics & !nt::FILE_AUTOGENERATED_DEVICE_NAME;
        object.DeviceType = new.device_type;
        object.StackSize = 1;
        object.DeviceObjectExtension = private.cast();
        if new.extension_bytes > 0 {
            object.DeviceExtension = body.wrapping_byte_add(nt::DEVICE_OBJECT_SIZE);
        }
        let kernel_part = Private {
            extension: nt::DEVOBJ_EXTENSION {
                Type: IO_TYPE_EXTENSION,
                Size: 0,
                DeviceObject: pointer,
            },
            attached_to: AtomicPtr::default(),
            delete_pending: AtomicBool::new(false),
            name,
            security: Mutex::default(),
            node: OnceLock::new(),
            power: [nt::PowerSystemWorking, nt::PowerDeviceUnspecified].map(AtomicU32::new),
        };
        // SAFETY: the body has room for it after the driver's extension.
        unsafe { private.write(kernel_part) };
        // SAFETY: written just now; it lives until its last reference goes.
        let device = unsafe { Self::from_raw(pointer) }.ok_or(nt::STATUS_INSUFFICIENT_RESOURCES)?;
        if let Some(name) = device.name() {
            // SAFETY: an object, with the reference of its creation.
            let named = unsafe { namespace::insert(name, body) };
            if let Err(status) = named {
                // SAFETY: the reference of its creation; nobody else has one.
                unsafe { ob::dereference(body) };
                return Err(status);
            }
        }
        // SAFETY: the driver object is alive; the device keeps it so until it is deleted.
        unsafe { ob::reference(driver.as_ptr().cast()) };
        let _database = database();
        device.set_next_device(driver.first_device());
        driver.set_first_device(pointer);
        Ok(device)
    }

    pub(crate) fn private(&self) -> &Private {
        // SAFETY: every device has its private part there, from creation to its end.
        unsafe { &*self.extension().cast::<Private>() }
    }

    /// Whether the object is a device.
    ///
    /// # Safety
    /// `object` is an object, and alive.
    pub(super) unsafe fn is_one(object: *mut c_void) -> bool {
        // SAFETY: the caller vouches for the object.
        unsafe { ob::object_type(object) }.is_some_and(|kind| ptr::eq(kind, &raw const DEVICE))
    }

    /// The driver it belongs to.
    #[must_use]
    #[inline]
    pub fn driver(self) -> Driver {
        // SAFETY: a device references its driver object until it is deleted.
        let driver = unsafe { Driver::from_raw(self.driver_object()) };
        driver.unwrap_or_else(|| verify::fail(Violation::CallOfNoDevice, [self.address(), 0, 0]))
    }

    /// The driver's next device.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        // SAFETY: devices of a driver are in its list from creation to deletion.
        unsafe { Self::from_raw(self.next_device()) }
    }

    /// Its name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&[u16]> {
        self.private().name.as_deref()
    }

    /// Its address, for bug checks.
    #[must_use]
    pub fn address(self) -> u64 {
        self.as_ptr().addr() as u64
    }

    /// The device node it is the physical device object of.
    #[must_use]
    pub fn node(&self) -> Option<&Arc<DeviceNode>> {
        self.private().node.get()
    }

    /// Makes it the physical device object of `node`, once.
    pub(crate) fn set_node(self, node: Arc<DeviceNode>) {
        // A second node for one device is the bus driver's mistake; the first one stays.
        let _ = self.private().node.set(node);
    }

    /// The security descriptor that opens are judged by.
    #[must_use]
    pub fn security(self) -> Option<Arc<Descriptor>> {
        self.private().security.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets that descriptor.
    pub fn set_security(self, descriptor: Arc<Descriptor>) {
        *self.private().security.lock().unwrap_or_else(PoisonError::into_inner) = Some(descriptor);
    }

    /// Whether `IoDeleteDevice` was called for it.
    #[must_use]
    pub fn is_delete_pending(self) -> bool {
        self.private().delete_pending.load(Ordering::Acquire)
    }

    /// One more file object was opened on it.
    ///
    /// # Errors
    /// `STATUS_NO_SUCH_DEVICE` where it is being deleted or not yet initialised;
    /// `STATUS_ACCESS_DENIED` where it is exclusive and open
    /// (learn.microsoft.com/windows-hardware/drivers/kernel/specifying-exclusive-access-to-device-objects).
    pub(super) fn open_reference(self) -> Result<(), i32> {
        let _database = database();
        if self.is_delete_pending() || self.flags() & nt::DO_DEVICE_INITIALIZING != 0 {
            return Err(nt::STATUS_NO_SUCH_DEVICE);
        }
        if self.flags() & nt::DO_EXCLUSIVE != 0 && self.reference_count() > 0 {
            return Err(nt::STATUS_ACCESS_DENIED);
        }
        self.set_reference_count(self.reference_count() + 1);
        Ok(())
    }

    /// A file object that was opened on it is gone.
    pub(super) fn close_reference(self) {
        let last = {
            let _database = database();
            self.set_reference_count(self.reference_count() - 1);
            self.reference_count() == 0 && self.is_delete_pending()
        };
        if last {
            self.vanish();
        }
    }

    /// Takes the device out of its driver's list and drops the reference of its creation.
    fn vanish(self) {
        let driver = self.driver();
        {
            let _database = database();
            unlink(driver, self);
        }
        // SAFETY: the reference of its creation, dropped once: deletion happens once.
        unsafe { ob::dereference(self.as_ptr().cast()) };
        // SAFETY: the reference that `create` took.
        unsafe { ob::dereference(driver.as_ptr().cast()) };
    }
}

/// The name a new device gets: its own, or one of the I/O manager's.
fn name_of(new: &NewDevice<'_>) -> Option<Box<[u16]>> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if new.characteristics & nt::FILE_AUTOGENERATED_DEVICE_NAME == 0 {
        return new.name.map(Box::from);
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Some(format!("\\Device\\{number:08x}").encode_utf16().collect())
}

fn unlink(driver: Driver, gone: Device) {
    if driver.first() == Some(gone) {
        driver.set_first_device(gone.next_device());
        return;
    }
    let mut at = driver.first();
    while let Some(device) = at {
        if device.next() == Some(gone) {
            device.set_next_device(gone.next_device());
            return;
        }
        at = device.next();
    }
}

fn delete(body: *mut c_void) {
    // SAFETY: the body of a device whose last reference is gone; it is still in place.
    let Some(device) = (unsafe { Device::from_raw(body.cast()) }) else { return };
    device.set_kind(0);
    let private = device.extension().cast::<Private>();
    // SAFETY: `create` wrote it there, and nobody refers to it any more.
    unsafe { ptr::drop_in_place(private) };
}

fn set_security(body: *mut c_void, information: u32, descriptor: &Descriptor) -> i32 {
    if information & nt::DACL_SECURITY_INFORMATION != 0 {
        // SAFETY: the body of a device to which the object manager has a reference.
        let device = unsafe { Device::from_raw(body.cast()) };
        let Some(device) = device else { return nt::STATUS_INVALID_PARAMETER };
        device.set_security(Arc::new(descriptor.clone()));
    }
    nt::STATUS_SUCCESS
}

/// Creates a device object. With `FILE_AUTOGENERATED_DEVICE_NAME` the I/O manager names it
/// (learn.microsoft.com/windows-hardware/drivers/kernel/specifying-device-characteristics).
///
/// Page: wdm/nf-wdm-iocreatedevice.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `driver` is a driver object; `name` is null or a string; `device` can be written.
pub unsafe extern "win64" fn IoCreateDevice(
    driver: *mut nt::DRIVER_OBJECT,
    extension_bytes: u32,
    name: *const nt::UNICODE_STRING,
    device_type: u32,
    characteristics: u32,
    exclusive: u8,
    device: *mut *mut nt::DEVICE_OBJECT,
) -> i32 {
    // SAFETY: the caller vouches for the driver object.
    let Some(driver) = (unsafe { Driver::from_raw(driver) }) else {
        return nt::STATUS_INVALID_PARAMETER;
    };
    // SAFETY: the caller vouches for the string.
    let name = unsafe { name.as_ref() };
    // SAFETY: as above.
    let name = name.map(|name| unsafe { nt::units(name) });
    let exclusive = exclusive != 0;
    let new = NewDevice { extension_bytes, name, device_type, characteristics, exclusive };
    let made = Device::create(driver, new);
    // SAFETY: the caller vouches for the result's place.
    unsafe { device.write(made.map_or(ptr::null_mut(), Device::as_ptr)) };
    made.err().unwrap_or(nt::STATUS_SUCCESS)
}

/// Deletes a device object: at once, or when the last file object opened on it is gone. Deleting
/// it twice is bug check 0xC9/0x240.
///
/// Page: wdm/nf-wdm-iodeletedevice.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `device` is a device object that its driver does not use any more.
pub unsafe extern "win64" fn IoDeleteDevice(device: *mut nt::DEVICE_OBJECT) {
    // SAFETY: the caller vouches for the device object.
    let Some(device) = (unsafe { Device::from_raw(device) }) else {
        verify::fail(Violation::CallOfNoDevice, [0; 3]);
    };
    let (twice, unused) = {
        let _database = database();
        let twice = device.private().delete_pending.swap(true, Ordering::AcqRel);
        (twice, device.reference_count() == 0)
    };
    if twice {
        verify::fail(Violation::DeletedTwice, [0, 0, device.address()]);
    }
    if let Some(name) = device.name() {
        // A device that has a name was inserted under it.
        let _ = namespace::remove(name);
    }
    if unused {
        device.vanish();
    }
}

/// Makes `link` a symbolic link to `target`.
///
/// Page: wdm/nf-wdm-iocreatesymboliclink.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both are strings.
pub unsafe extern "win64" fn IoCreateSymbolicLink(
    link: *const nt::UNICODE_STRING,
    target: *const nt::UNICODE_STRING,
) -> i32 {
    // SAFETY: the caller vouches for the string.
    let link = unsafe { &*link };
    // SAFETY: as above.
    let target = unsafe { &*target };
    // SAFETY: as above.
    let link = unsafe { nt::units(link) };
    // SAFETY: as above.
    let target = unsafe { nt::units(target) };
    namespace::link(link, target).err().unwrap_or(nt::STATUS_SUCCESS)
}

/// Deletes a symbolic link.
///
/// Page: wdm/nf-wdm-iodeletesymboliclink.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `link` is a string.
pub unsafe extern "win64" fn IoDeleteSymbolicLink(link: *const nt::UNICODE_STRING) -> i32 {
    // SAFETY: the caller vouches for the string.
    let link = unsafe { &*link };
    // SAFETY: as above.
    let link = unsafe { nt::units(link) };
    namespace::remove(link).err().unwrap_or(nt::STATUS_SUCCESS)
}

crate::exports! {
    /// Device objects.
    pub EXPORTS = [
        IoCreateDevice(_, _, _, _, _, _, _),
        IoDeleteDevice(_),
        IoCreateSymbolicLink(_, _),
        IoDeleteSymbolicLink(_),
        static IoDeviceObjectType,
    ];
}
