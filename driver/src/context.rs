//! The driver's memory: the context of its `WDFDRIVER`, in non-paged pool.
//!
//! It must not be in the image: statics are paged out with everything else.

use core::cell::UnsafeCell;
use core::ptr;

use pagewise_core::{Driver, Place};
use wdk_sys::{PCWDF_OBJECT_CONTEXT_TYPE_INFO, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFDRIVER};

use crate::kernel::Nt;
use crate::wdf;

/// What the callbacks share.
pub struct Context {
    /// Taken by the one device.
    pub place: Place,
    driver: UnsafeCell<Driver>,
    kernel: UnsafeCell<Nt>,
}

/// Tells the framework how large a context is. Paging does it no harm: the framework reads it at
/// `PASSIVE_LEVEL`, when the driver object is created, and later compares its address only.
#[repr(transparent)]
struct TypeInfo(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: it is never written, and what it points to is never written.
unsafe impl Sync for TypeInfo {}

static TYPE_INFO: TypeInfo = TypeInfo(WDF_OBJECT_CONTEXT_TYPE_INFO {
    Size: wdf::size_of_struct::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
    ContextName: c"pagewise::Context".as_ptr().cast(),
    ContextSize: size_of::<Context>(),
    UniqueType: (&raw const TYPE_INFO).cast(),
    EvtDriverGetUniqueContextType: None,
});

/// What `WDF_OBJECT_ATTRIBUTES::ContextTypeInfo` of the driver object has to be.
///
/// # IRQL
/// Any
pub fn type_info() -> PCWDF_OBJECT_CONTEXT_TYPE_INFO {
    (&raw const TYPE_INFO).cast()
}

impl Context {
    /// Fills the context of a driver object that was just created.
    ///
    /// # Safety
    /// `driver` was created with [`type_info`] and no callback of it has run yet.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub unsafe fn attach<'a>(driver: WDFDRIVER, state: Driver, kernel: Nt) -> Option<&'a Self> {
        // SAFETY: the handle is the caller's, and the type is the one it was created with.
        let memory: *mut Self = unsafe { wdf::typed_context(driver.cast(), type_info()) }.cast();
        if memory.is_null() {
            return None;
        }
        let context = Self {
            place: Place::default(),
            driver: UnsafeCell::new(state),
            kernel: UnsafeCell::new(kernel),
        };
        // SAFETY: the framework allocated `ContextSize` bytes, aligned for any type, and nobody
        // else knows them yet.
        unsafe { memory.write(context) };
        // SAFETY: it was just written, and lives as long as the driver object.
        Some(unsafe { &*memory })
    }

    /// The context of the driver object.
    ///
    /// # Safety
    /// [`Context::attach`] filled it, and the reference is not kept beyond the callback at hand.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub unsafe fn of<'a>(driver: WDFDRIVER) -> Option<&'a Self> {
        // SAFETY: the handle is the caller's, and the type is the one it was created with.
        let memory: *const Self = unsafe { wdf::typed_context(driver.cast(), type_info()) }.cast();
        // SAFETY: null, or a context that `attach` filled and of which only shared references exist.
        unsafe { memory.as_ref() }
    }

    /// Runs `work` on the driver's state.
    ///
    /// # Safety
    /// No other thread is in this function, and `work` does not call it. The framework sees to that
    /// for the callbacks of the one device: its queue is sequential, and power-managed, so that it
    /// presents nothing before `EvtDevicePrepareHardware` and after `EvtDeviceReleaseHardware`.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub unsafe fn exclusively<R>(&self, work: impl FnOnce(&mut Driver, &mut Nt) -> R) -> R {
        // SAFETY: the caller promises that this is the only reference.
        let driver = unsafe { &mut *self.driver.get() };
        // SAFETY: the caller promises that this is the only reference.
        let kernel = unsafe { &mut *self.kernel.get() };
        work(driver, kernel)
    }
}

const _: () = assert!(align_of::<Context>() <= align_of::<ptr::NonNull<u8>>());
