//! What a device is made of.

use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, IO_REMOVE_LOCK, IRP_MJ_MAXIMUM_FUNCTION, IoAcquireRemoveLockEx,
    IoReleaseRemoveLockAndWaitEx, IoReleaseRemoveLockEx, NTSTATUS, PIRP,
};

use crate::abi::{
    EvtIoInCallerContext, FileObjectConfig, ObjectAttributes, PnpPowerCallbacks, tri_state,
};
use crate::callback::CallbackLock;
use crate::io_target::IoTarget;
use crate::kernel::pool::PoolBox;
use crate::kernel::spin::SpinLock;
use crate::kernel::string::PoolString;
use crate::object::{Header, Instance, Kind, Level, Object, Ref, Scope, downcast};
use crate::pnp::PnpState;
use crate::queue::{Queue, QueueList};

use super::init::PreprocessTable;
use super::interface::InterfaceList;
use super::state::ReportedState;

/// A device.
pub struct Device {
    /// The WDM device object; null once it is deleted.
    pub object: AtomicPtr<DEVICE_OBJECT>,
    /// The next lower device; null for a control device.
    pub attached: AtomicPtr<DEVICE_OBJECT>,
    /// The physical device; null for a control device.
    pub physical: *mut DEVICE_OBJECT,
    /// Its name, if it was given one.
    pub name: Option<PoolString>,
    /// Whether what it does not handle goes to the next driver.
    pub filter: bool,
    /// Whether one open at a time is allowed.
    pub exclusive: bool,
    /// Opens at present.
    pub opens: AtomicI32,
    /// How reads and writes pass their buffers.
    pub io_type: u32,
    /// PnP and power callbacks.
    pub callbacks: PnpPowerCallbacks,
    /// Callbacks for opens.
    pub file: Option<FileObjectConfig>,
    /// Attributes of file objects.
    pub file_attributes: Option<ObjectAttributes>,
    /// Attributes of requests.
    pub request_attributes: Option<ObjectAttributes>,
    /// Preprocess callbacks.
    pub preprocess: Option<PoolBox<PreprocessTable>>,
    /// `EvtIoInCallerContext`
    pub in_caller_context: Option<EvtIoInCallerContext>,
    /// The execution level that its objects inherit.
    pub level: Level,
    /// The synchronization scope that its objects inherit.
    pub scope: Scope,
    /// The lock of the scope `Device`.
    pub lock: CallbackLock,
    /// Its queues.
    pub queues: QueueList,
    /// The queue that takes what no other does.
    pub default_queue: AtomicPtr<Instance<Queue>>,
    /// Queues by major function.
    pub by_major: [AtomicPtr<Instance<Queue>>; IRP_MJ_MAXIMUM_FUNCTION as usize + 1],
    /// Where PnP has brought it.
    pub pnp: SpinLock<PnpState>,
    /// What it reports of itself to PnP.
    pub reported: SpinLock<ReportedState>,
    /// Its interfaces.
    pub interfaces: InterfaceList,
    /// Its symbolic link, where it has one.
    pub link: SpinLock<Option<PoolString>>,
    /// Its I/O target, once it was asked for.
    pub io_target: AtomicPtr<Instance<IoTarget>>,
    /// `WDF_DEVICE_FAILED_ACTION` that the driver asked for; 0 for none.
    pub failed_action: AtomicU32,
}

// SAFETY: the one body of this kind. The raw pointer is constant and names an object that PnP
// keeps while the device is attached.
unsafe impl Object for Device {
    const KIND: Kind = Kind::Device;
    const PASSIVE: bool = true;
    const DELETABLE: bool = false;
}

impl Device {
    /// The WDM device object.
    pub fn object(&self) -> *mut DEVICE_OBJECT {
        self.object.load(Ordering::Acquire)
    }

    /// The next lower device.
    pub fn attached(&self) -> *mut DEVICE_OBJECT {
        self.attached.load(Ordering::Acquire)
    }

    /// Whether it belongs to no device stack.
    pub fn is_control(&self) -> bool {
        self.physical.is_null()
    }

    /// The lock that callbacks of the device are called under, if they are synchronised.
    pub fn callback_lock(&self) -> Option<&CallbackLock> {
        (self.scope == Scope::Device).then_some(&self.lock)
    }

    /// Whether cleanup and close of an open go on to the next driver.
    pub fn forwards_cleanup_close(&self) -> bool {
        let wanted = self.file.map_or(tri_state::USE_DEFAULT, |f| f.auto_forward_cleanup_close);
        !self.is_control()
            && match wanted {
                tri_state::TRUE => true,
                tri_state::FALSE => false,
                _ => self.filter,
            }
    }

    /// The default queue.
    pub fn default_queue(&self) -> Option<&Instance<Queue>> {
        // SAFETY: a queue takes itself out of the device before it goes.
        unsafe { self.default_queue.load(Ordering::Acquire).as_ref() }
    }

    /// The queue for this major function.
    pub fn queue_for(&self, major: u8) -> Option<&Instance<Queue>> {
        let slot = self.by_major.get(usize::from(major))?;
        // SAFETY: a queue takes itself out of the device before it goes.
        unsafe { slot.load(Ordering::Acquire).as_ref() }
    }
}

/// Whether an object is a control device: the one kind of device that a client may delete.
pub fn is_control_device(header: &Header) -> bool {
    downcast::<Device>(header).is_some_and(|device| device.is_control())
}

/// `PwDv`: what this framework's device extensions begin with.
const SIGNATURE: u32 = u32::from_le_bytes(*b"PwDv");

/// What the framework keeps with the WDM device object.
#[repr(C)]
pub struct DeviceExtension {
    signature: u32,
    /// A counted reference, dropped when the device object is deleted.
    device: NonNull<Instance<Device>>,
    remove_lock: UnsafeCell<IO_REMOVE_LOCK>,
}

impl DeviceExtension {
    /// Fills the extension of a new device object.
    ///
    /// # Safety
    /// `extension` is memory for one, of a device object that nobody uses so far.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub unsafe fn initialise(extension: *mut Self, device: Ref<Device>, tag: u32) {
        let new = Self {
            signature: SIGNATURE,
            device: device.into_raw(),
            remove_lock: UnsafeCell::new(
                // SAFETY: a remove lock is plain data, initialised below.
                unsafe { core::mem::zeroed() },
            ),
        };
        // SAFETY: the caller vouches for the memory.
        unsafe { extension.write(new) };
        // SAFETY: just written.
        let lock = unsafe { (*extension).remove_lock.get() };
        // SAFETY: memory for a lock that nobody uses so far.
        unsafe { pagewise_lab_nt::IoInitializeRemoveLockEx(lock, tag, 0, 0, REMOVE_LOCK_SIZE) };
    }

    /// The device.
    pub fn device(&self) -> &Instance<Device> {
        // SAFETY: the extension holds a reference.
        unsafe { self.device.as_ref() }
    }

    /// Takes the reference out, when the device object is about to be deleted.
    ///
    /// # Safety
    /// Called once, when no IRP can reach the device object any more.
    pub unsafe fn take_device(&self) -> Ref<Device> {
        // SAFETY: counted when the extension was filled; the caller takes it once.
        unsafe { Ref::from_raw(self.device) }
    }

    /// Acquires the remove lock for an IRP.
    ///
    /// # Errors
    /// `STATUS_DELETE_PENDING` when the device is being removed.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn acquire(&self, irp: PIRP) -> NTSTATUS {
        let lock = self.remove_lock.get();
        // SAFETY: an initialised lock.
        unsafe { IoAcquireRemoveLockEx(lock, irp.cast(), c"wdfldr".as_ptr(), 0, REMOVE_LOCK_SIZE) }
    }

    /// Releases it.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn release(&self, irp: PIRP) {
        // SAFETY: acquired for this IRP.
        unsafe { IoReleaseRemoveLockEx(self.remove_lock.get(), irp.cast(), REMOVE_LOCK_SIZE) };
    }

    /// Releases it for the last time and waits until all others have.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub fn release_and_wait(&self, irp: PIRP) {
        let lock = self.remove_lock.get();
        // SAFETY: acquired for this IRP, which removes the device.
        unsafe { IoReleaseRemoveLockAndWaitEx(lock, irp.cast(), REMOVE_LOCK_SIZE) };
    }
}

const REMOVE_LOCK_SIZE: u32 = size_of::<IO_REMOVE_LOCK>() as u32;

/// The extension of a device object of this framework's.
///
/// # Safety
/// `object` is a device object that lives for as long as `'a`.
pub unsafe fn extension_of<'a>(object: *mut DEVICE_OBJECT) -> Option<&'a DeviceExtension> {
    if object.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for the device object.
    let extension = unsafe { (*object).DeviceExtension }.cast::<DeviceExtension>();
    // SAFETY: extensions of this framework's drivers are of this type; another driver's may be
    // shorter than a signature only if it is null.
    let extension = unsafe { extension.as_ref() }?;
    (extension.signature == SIGNATURE).then_some(extension)
}

/// The device of a device object of this framework's.
///
/// # Safety
/// As for [`extension_of`].
pub unsafe fn device_of<'a>(object: *mut DEVICE_OBJECT) -> Option<&'a Instance<Device>> {
    // SAFETY: the caller vouches for the device object.
    unsafe { extension_of(object) }.map(DeviceExtension::device)
}

/// No queue.
pub const NO_QUEUE: *mut Instance<Queue> = null_mut();
