//! IRPs.

use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt::{
    DEVICE_OBJECT, FILE_OBJECT, IO_STACK_LOCATION, IRP, IoCopyCurrentIrpStackLocationToNext,
    IoGetCurrentIrpStackLocation, IoMarkIrpPending, IoReleaseCancelSpinLock,
    IoSetCompletionRoutine, IoSkipCurrentIrpStackLocation, IofCallDriver, IofCompleteRequest,
    NTSTATUS, PIO_COMPLETION_ROUTINE, STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING,
};

use super::event::Event;

/// A routine that the I/O manager calls to cancel an IRP, with the cancel spin lock held.
pub type CancelRoutine = unsafe extern "win64" fn(*mut DEVICE_OBJECT, *mut IRP);

/// An IRP that this driver has at present: it was dispatched to it and not yet completed or passed
/// on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Irp(NonNull<IRP>);

// SAFETY: an IRP belongs to whoever has it, in whatever thread.
unsafe impl Send for Irp {}
// SAFETY: as above.
unsafe impl Sync for Irp {}

/// The parameters of a stack location as four pointer-sized slots: POINTER_ALIGNMENT puts each
/// parameter of the common requests into a slot of its own.
pub type Parameters = [usize; 4];

impl Irp {
    /// # Safety
    /// `irp` was dispatched to this driver, which has it as long as the value is used.
    pub unsafe fn new(irp: NonNull<IRP>) -> Self {
        Self(irp)
    }

    /// The IRP itself.
    pub fn as_ptr(self) -> *mut IRP {
        self.0.as_ptr()
    }

    fn stack(self) -> *mut IO_STACK_LOCATION {
        // SAFETY: an IRP that this driver has.
        unsafe { IoGetCurrentIrpStackLocation(self.as_ptr()) }
    }

    /// `IRP_MJ_*`
    pub fn major(self) -> u8 {
        // SAFETY: the current location is part of the IRP.
        unsafe { (*self.stack()).MajorFunction }
    }

    /// `IRP_MN_*`
    pub fn minor(self) -> u8 {
        // SAFETY: the current location is part of the IRP.
        unsafe { (*self.stack()).MinorFunction }
    }

    /// The open that the IRP is for; null if it is for none.
    pub fn file_object(self) -> *mut FILE_OBJECT {
        // SAFETY: the current location is part of the IRP.
        unsafe { (*self.stack()).FileObject }
    }

    /// The parameters of the request.
    pub fn parameters(self) -> Parameters {
        let parameters = offset_of!(IO_STACK_LOCATION, Parameters);
        let parameters = self.stack().wrapping_byte_add(parameters).cast::<Parameters>();
        // SAFETY: the current location is part of the IRP; its parameters are 32 bytes.
        unsafe { parameters.read() }
    }

    /// Whether `KernelMode` or `UserMode` asked.
    pub fn requestor_mode(self) -> i8 {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { (*self.as_ptr()).RequestorMode }
    }

    /// `AssociatedIrp.SystemBuffer`
    pub fn system_buffer(self) -> *mut c_void {
        self.read(offset_of!(IRP, AssociatedIrp.SystemBuffer))
    }

    /// `UserBuffer`
    pub fn user_buffer(self) -> *mut c_void {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { (*self.as_ptr()).UserBuffer }
    }

    /// `MdlAddress`
    pub fn mdl(self) -> *mut pagewise_lab_nt::MDL {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { (*self.as_ptr()).MdlAddress }
    }

    /// `IoStatus.Status`
    pub fn status(self) -> NTSTATUS {
        self.read(STATUS)
    }

    /// Sets `IoStatus.Status`.
    pub fn set_status(self, status: NTSTATUS) {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { self.as_ptr().wrapping_byte_add(STATUS).cast::<NTSTATUS>().write(status) };
    }

    /// `IoStatus.Information`
    pub fn information(self) -> u64 {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { (*self.as_ptr()).IoStatus.Information }
    }

    /// Sets `IoStatus.Information`.
    pub fn set_information(self, information: u64) {
        // SAFETY: a field of an IRP that this driver has.
        unsafe { (*self.as_ptr()).IoStatus.Information = information };
    }

    fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: private; called with offsets of fields of the IRP and their types.
        unsafe { self.as_ptr().wrapping_byte_add(offset).cast::<T>().read() }
    }

    /// A slot of `Tail.Overlay.DriverContext`, this driver's while it has the IRP.
    pub fn driver_context<'a>(self) -> &'a AtomicPtr<c_void> {
        let slot = self.as_ptr().wrapping_byte_add(DRIVER_CONTEXT).cast::<*mut c_void>();
        // SAFETY: an aligned pointer field of an IRP that this driver has.
        unsafe { AtomicPtr::from_ptr(slot) }
    }

    /// Whether it is to be cancelled.
    pub fn is_cancelled(self) -> bool {
        let cancel = self.as_ptr().wrapping_byte_add(offset_of!(IRP, Cancel)).cast::<u8>();
        // SAFETY: a field of an IRP that this driver has; others may set it at any time.
        unsafe { cancel.read_volatile() != 0 }
    }

    /// `IoSetCancelRoutine`: exchanges the routine; what was set before.
    pub fn set_cancel_routine(self, routine: Option<CancelRoutine>) -> Option<CancelRoutine> {
        let slot = self.as_ptr().wrapping_byte_add(offset_of!(IRP, CancelRoutine));
        // SAFETY: an aligned pointer field of an IRP that this driver has.
        let slot = unsafe { AtomicPtr::from_ptr(slot.cast::<*mut c_void>()) };
        let routine = routine.map_or(null_mut(), |routine| routine as *mut c_void);
        let before = slot.swap(routine, Ordering::SeqCst);
        // SAFETY: null is `None`, and what is not null was set as a cancel routine.
        unsafe { core::mem::transmute::<*mut c_void, Option<CancelRoutine>>(before) }
    }

    /// In a cancel routine: lets go of the cancel spin lock.
    ///
    /// # Safety
    /// The I/O manager holds the lock for the routine that calls this, once.
    pub unsafe fn release_cancel_lock(self) {
        // SAFETY: the IRQL that the I/O manager noted when it took the lock.
        let irql = unsafe { (*self.as_ptr()).CancelIrql };
        // SAFETY: the caller vouches that the lock is held for it.
        unsafe { IoReleaseCancelSpinLock(irql) };
    }

    /// Marks it pending; the dispatch routine must then return `STATUS_PENDING`.
    pub fn mark_pending(self) {
        // SAFETY: an IRP that this driver has.
        unsafe { IoMarkIrpPending(self.as_ptr()) };
    }

    /// Completes it. The driver does not have it afterwards.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn complete(self, boost: i8) {
        // SAFETY: an IRP that this driver has, without a cancel routine.
        unsafe { IofCompleteRequest(self.as_ptr(), boost) };
    }

    /// Completes it with a status and no information; the status.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn complete_with(self, status: NTSTATUS) -> NTSTATUS {
        self.set_status(status);
        self.set_information(0);
        self.complete(0);
        status
    }

    /// Completes it with what is in it; the status.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn complete_as_is(self) -> NTSTATUS {
        let status = self.status();
        self.complete(0);
        status
    }

    /// Passes it to the next driver, which gets this driver's stack location.
    ///
    /// # IRQL
    /// What the request allows.
    pub fn skip_to(self, device: *mut DEVICE_OBJECT) -> NTSTATUS {
        // SAFETY: an IRP that was dispatched to this driver.
        unsafe { IoSkipCurrentIrpStackLocation(self.as_ptr()) };
        // SAFETY: the next device of the stack, which lives while this one is attached.
        unsafe { IofCallDriver(device, self.as_ptr()) }
    }

    /// Passes a copy of the stack location to the next driver; `routine` is called with `context`
    /// when it is done.
    ///
    /// # Safety
    /// `routine` may be called with `context` once the next driver completes the IRP.
    ///
    /// # IRQL
    /// What the request allows.
    pub unsafe fn call(
        self,
        device: *mut DEVICE_OBJECT,
        routine: PIO_COMPLETION_ROUTINE,
        context: *mut c_void,
    ) -> NTSTATUS {
        // SAFETY: an IRP that was dispatched to a stack with a device below.
        unsafe { IoCopyCurrentIrpStackLocationToNext(self.as_ptr()) };
        // SAFETY: as above; the caller vouches for the routine.
        unsafe { IoSetCompletionRoutine(self.as_ptr(), routine, context, true, true, true) };
        // SAFETY: the next device of the stack, which lives while this one is attached.
        unsafe { IofCallDriver(device, self.as_ptr()) }
    }

    /// Passes it to the next driver and waits until that is done; this driver has it again then.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub fn call_and_wait(self, device: *mut DEVICE_OBJECT) -> NTSTATUS {
        let done = Event::uninitialised();
        done.initialise();
        let context = (&raw const done).cast_mut().cast();
        // SAFETY: the routine sets the event, which outlives the wait below.
        let status = unsafe { self.call(device, Some(signal), context) };
        if status != STATUS_PENDING {
            return status;
        }
        done.wait();
        self.status()
    }
}

const STATUS: usize = offset_of!(IRP, IoStatus);
const DRIVER_CONTEXT: usize = offset_of!(IRP, Tail);

unsafe extern "win64" fn signal(
    _: *mut DEVICE_OBJECT,
    irp: *mut IRP,
    context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the IRP that is being completed.
    if unsafe { (*irp).PendingReturned } != 0 {
        // SAFETY: what `call_and_wait` passed, which waits for this.
        unsafe { &*context.cast::<Event>() }.set();
    }
    STATUS_MORE_PROCESSING_REQUIRED
}
