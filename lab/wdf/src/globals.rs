//! What the framework keeps of each client.
//!
//! Here are the two reads of a client's image above APC_LEVEL, where the public source of KMDF
//! makes them: [`Globals::is_version_at_least`] is asked under a queue's spin lock when the queue
//! is purged, and [`Globals::cache_bug_check_info`] copies the version under the lock of the list
//! of drivers. A client whose image is paged out then dies there, as with KMDF.

use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, DRIVER_OBJECT, DelayedWorkQueue, IoAllocateWorkItem, IoFreeWorkItem,
    IoQueueWorkItem, PIO_WORKITEM, PVOID,
};

use crate::abi::{BindInfo, Handle, PublicGlobals, Version};
use crate::driver::Driver;
use crate::kernel::pool::{self, PoolBox};
use crate::kernel::spin::SpinLock;
use crate::kernel::violation;
use crate::node::Tree;
use crate::object::{Header, Instance, downcast, drain};

/// One client.
#[repr(C)]
pub struct Globals {
    // First: the client's pointer to its public part is one to all of it.
    public: UnsafeCell<PublicGlobals>,
    bind_info: NonNull<BindInfo>,
    driver_object: NonNull<DRIVER_OBJECT>,
    driver: AtomicPtr<Header>,
    tag: AtomicU32,
    tree: SpinLock<Tree>,
    to_reap: AtomicPtr<Header>,
    /// A device object whose work items may run the reaper.
    reaper: SpinLock<*mut DEVICE_OBJECT>,
}

// SAFETY: the public part is written while the driver is created and only read afterwards; the
// bind information is the client's and constant; the rest is locked or atomic.
unsafe impl Sync for Globals {}
// SAFETY: as above; the device object is used under its lock.
unsafe impl Send for Globals {}

impl Globals {
    /// Globals for a client that binds.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn allocate(
        driver_object: NonNull<DRIVER_OBJECT>,
        bind_info: NonNull<BindInfo>,
    ) -> Option<NonNull<Self>> {
        let public = PublicGlobals {
            driver: Handle::NULL,
            flags: 0,
            tag: pool::TAG,
            name: [0; 32],
            displace_driver_unload: 0,
        };
        let globals = PoolBox::new(Self {
            public: UnsafeCell::new(public),
            bind_info,
            driver_object,
            driver: AtomicPtr::new(null_mut()),
            tag: AtomicU32::new(pool::TAG),
            tree: SpinLock::new(Tree::new()),
            to_reap: AtomicPtr::new(null_mut()),
            reaper: SpinLock::new(null_mut()),
        })?;
        Some(globals.into_raw())
    }

    /// Frees the globals of a client that unbinds.
    ///
    /// # Safety
    /// They came from [`Globals::allocate`], and nothing of the client is left.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub unsafe fn free(globals: NonNull<Self>) {
        // SAFETY: the caller vouches for the origin and for sole ownership.
        drop(unsafe { PoolBox::from_raw(globals) });
    }

    /// The globals that a client passes to each function.
    ///
    /// # Safety
    /// `public` is null or what the client got when it was bound, and it is bound still.
    ///
    /// # IRQL
    /// Any.
    pub unsafe fn of<'a>(public: *mut PublicGlobals) -> &'a Self {
        let Some(public) = NonNull::new(public) else { violation::null_parameter() };
        // SAFETY: the caller vouches for the pointer; the public part comes first.
        unsafe { public.cast::<Self>().as_ref() }
    }

    /// The part that the client sees.
    pub fn public(&self) -> *mut PublicGlobals {
        self.public.get()
    }

    /// The client's driver object.
    pub fn driver_object(&self) -> *mut DRIVER_OBJECT {
        self.driver_object.as_ptr()
    }

    /// The tag of allocations that are made for the client.
    pub fn tag(&self) -> u32 {
        self.tag.load(Ordering::Relaxed)
    }

    /// Sets the tag.
    pub fn set_tag(&self, tag: u32) {
        self.tag.store(tag, Ordering::Relaxed);
    }

    /// The lock of all parents and children.
    pub fn tree(&self) -> &SpinLock<Tree> {
        &self.tree
    }

    /// Objects that wait for their end.
    pub fn to_reap(&self) -> &AtomicPtr<Header> {
        &self.to_reap
    }

    /// The driver, once it was created.
    pub fn driver(&self) -> Option<&Instance<Driver>> {
        let header = NonNull::new(self.driver.load(Ordering::Acquire))?;
        // SAFETY: the driver object lives until `set_driver(None)`.
        downcast(unsafe { header.as_ref() })
    }

    /// The driver's header: what objects without a parent of their own are parented to.
    pub fn driver_header(&self) -> &Header {
        match self.driver() {
            Some(driver) => driver.header(),
            // No function that makes objects can be called with success before WdfDriverCreate.
            None => violation::null_parameter(),
        }
    }

    /// Notes the driver, or that it is gone.
    pub fn set_driver(&self, driver: Option<&Instance<Driver>>) {
        let header = driver.map_or(null_mut(), |d| core::ptr::from_ref(d.header()).cast_mut());
        self.driver.store(header, Ordering::Release);
    }

    /// Whether the client was built for this version or a later one. **This reads the bind
    /// information in the client's image, at the caller's IRQL.**
    ///
    /// # IRQL
    /// Any that the client's image is resident for.
    pub fn is_version_at_least(&self, major: u32, minor: u32) -> bool {
        let version = self.client_version();
        version.major > major || version.major == major && version.minor >= minor
    }

    /// The version that the client was built for, read from its image now.
    fn client_version(&self) -> Version {
        let version = self.bind_info.as_ptr().wrapping_byte_add(offset_of!(BindInfo, version));
        // Volatile: the read shall happen here, each time, as it does in the framework.
        // SAFETY: the bind information is part of the client's image, which stays mapped until
        // the client unbinds. Whether it is resident is the very question.
        unsafe { version.cast::<Version>().read_volatile() }
    }

    /// Keeps name and version for crash dumps. **This reads the bind information in the client's
    /// image at DISPATCH_LEVEL**, under the lock of the list of drivers.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn cache_bug_check_info(&self, name: [u8; 32]) {
        let mut drivers = DRIVERS.lock();
        let this = core::ptr::from_ref(self).addr();
        let free = drivers.iter().position(|entry| entry.globals == 0 || entry.globals == this);
        if let Some(entry) = free.and_then(|index| drivers.get_mut(index)) {
            *entry = DriverInfo { globals: this, version: self.client_version(), name };
        }
    }

    /// Forgets what [`Globals::cache_bug_check_info`] kept.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn purge_bug_check_info(&self) {
        let this = core::ptr::from_ref(self).addr();
        for entry in DRIVERS.lock().iter_mut().filter(|entry| entry.globals == this) {
            *entry = DriverInfo::NONE;
        }
    }

    /// Lets the reaper run in work items of this device; null when the device goes.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn set_reaper(&self, device: *mut DEVICE_OBJECT) {
        *self.reaper.lock() = device;
    }

    /// Has [`drain`] called at PASSIVE_LEVEL. Without a device to run it, the objects wait until
    /// the client unloads.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn schedule_reaper(&self) {
        let device = self.reaper.lock();
        if device.is_null() {
            return;
        }
        // SAFETY: the device lives while `reaper` names it, which the lock preserves.
        let item = unsafe { IoAllocateWorkItem(*device) };
        if item.is_null() {
            return;
        }
        let context = PoolBox::new(Reaper { globals: NonNull::from(self), item });
        let Some(context) = context.map(PoolBox::into_raw) else {
            // SAFETY: allocated above and not queued.
            unsafe { IoFreeWorkItem(item) };
            return;
        };
        // SAFETY: the item was allocated for this; the routine frees it and its context.
        unsafe {
            IoQueueWorkItem(item, Some(reap), DelayedWorkQueue, context.as_ptr().cast::<_>());
        }
    }
}

struct Reaper {
    globals: NonNull<Globals>,
    item: PIO_WORKITEM,
}

unsafe extern "win64" fn reap(_: *mut DEVICE_OBJECT, context: PVOID) {
    let Some(context) = NonNull::new(context.cast::<Reaper>()) else { return };
    // SAFETY: what `schedule_reaper` gave away.
    let context = unsafe { PoolBox::from_raw(context) };
    // SAFETY: the device object that the work item refers to keeps the client loaded.
    drain(unsafe { context.globals.as_ref() });
    // SAFETY: the item whose routine this is.
    unsafe { IoFreeWorkItem(context.item) };
}

/// Clients that are remembered for crash dumps.
const MAX_DRIVERS: usize = 32;

#[derive(Clone, Copy)]
#[expect(dead_code, reason = "kept for whoever reads a dump")]
struct DriverInfo {
    globals: usize,
    version: Version,
    name: [u8; 32],
}

impl DriverInfo {
    const NONE: Self =
        Self { globals: 0, version: Version { major: 0, minor: 0, build: 0 }, name: [0; 32] };
}

static DRIVERS: SpinLock<[DriverInfo; MAX_DRIVERS]> =
    SpinLock::new([DriverInfo::NONE; MAX_DRIVERS]);
