//! Cancel-safe IRP queues
//! (learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues): the driver gives
//! the routines that insert, remove, peek and lock; these here see to the cancel routine.
//!
//! `DriverContext[3]` of a queued IRP points to its context, or to the queue where there is none.

use std::ffi::c_void;
use std::mem;
use std::ptr;

use pagewise_lab_nt as nt;

use super::cancel::IoReleaseCancelSpinLock;
use super::shared::shared;
use super::{Irp, complete};

shared! {
    /// A queue: what the driver gave for it
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_io_csq).
    Queue of nt::IO_CSQ {
        /// `IO_TYPE_CSQ`, or `IO_TYPE_CSQ_EX` where inserting returns a status.
        kind: u32 = Type;
        /// Inserts.
        insert: nt::PIO_CSQ_INSERT_IRP = CsqInsertIrp;
        /// Removes.
        remove: nt::PIO_CSQ_REMOVE_IRP = CsqRemoveIrp;
        /// Finds the next one.
        peek: nt::PIO_CSQ_PEEK_NEXT_IRP = CsqPeekNextIrp;
        /// Locks.
        lock: nt::PIO_CSQ_ACQUIRE_LOCK = CsqAcquireLock;
        /// Unlocks.
        unlock: nt::PIO_CSQ_RELEASE_LOCK = CsqReleaseLock;
        /// Completes one that was cancelled.
        complete_canceled: nt::PIO_CSQ_COMPLETE_CANCELED_IRP = CsqCompleteCanceledIrp;
    }
}

/// A queue that is locked.
struct Locked {
    queue: Queue,
    irql: u8,
}

impl Queue {
    fn lock_it(self) -> Locked {
        let mut irql = 0;
        if let Some(lock) = self.lock() {
            // SAFETY: the driver gave the routine for this queue.
            unsafe { lock(self.as_ptr(), &raw mut irql) };
        }
        Locked { queue: self, irql }
    }

    fn complete_canceled_irp(self, irp: Irp) {
        match self.complete_canceled() {
            // SAFETY: the driver gave the routine for this queue, from which the IRP was taken.
            Some(routine) => unsafe { routine(self.as_ptr(), irp.as_ptr()) },
            None => complete(irp),
        }
    }
}

impl Locked {
    fn insert(&self, irp: Irp, context: *mut c_void) -> i32 {
        let Some(insert) = self.queue.insert() else { return nt::STATUS_INVALID_PARAMETER };
        let queue = self.queue.as_ptr();
        if self.queue.kind() != nt::IO_TYPE_CSQ_EX {
            // SAFETY: the driver gave the routine for this queue, which is locked.
            unsafe { insert(queue, irp.as_ptr()) };
            return nt::STATUS_SUCCESS;
        }
        type Plain = unsafe extern "win64" fn(*mut nt::IO_CSQ, nt::PIRP);
        type Extended = unsafe extern "win64" fn(*mut nt::IO_CSQ, nt::PIRP, *mut c_void) -> i32;
        // SAFETY: IoCsqInitializeEx took the routine in this form.
        let insert = unsafe { mem::transmute::<Plain, Extended>(insert) };
        // SAFETY: as for the plain form.
        unsafe { insert(queue, irp.as_ptr(), context) }
    }

    fn remove(&self, irp: Irp) {
        if let Some(remove) = self.queue.remove() {
            // SAFETY: the driver gave the routine for this queue, which is locked.
            unsafe { remove(self.queue.as_ptr(), irp.as_ptr()) };
        }
        forget(irp);
    }

    fn peek(&self, after: Option<Irp>, context: *mut c_void) -> Option<Irp> {
        let after = after.map_or(ptr::null_mut(), Irp::as_ptr);
        let peek = self.queue.peek()?;
        // SAFETY: the driver gave the routine for this queue, which is locked.
        let found = unsafe { peek(self.queue.as_ptr(), after, context) };
        // SAFETY: what is queued is an IRP.
        unsafe { Irp::from_raw(found) }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(unlock) = self.queue.unlock() {
            // SAFETY: the driver gave the routine for this queue, which is locked.
            unsafe { unlock(self.queue.as_ptr(), self.irql) };
        }
    }
}

/// The IRP is in no queue any more: its context says so.
fn forget(irp: Irp) {
    let noted = irp.driver_context_3();
    irp.set_driver_context_3(ptr::null_mut());
    let context = noted.cast::<nt::IO_CSQ_IRP_CONTEXT>();
    if context.is_null() {
        return;
    }
    // SAFETY: what is noted of a queued IRP begins with a type, context and queue alike.
    let kind = unsafe { noted.cast::<u32>().read() };
    if kind == nt::IO_TYPE_CSQ_IRP_CONTEXT {
        // SAFETY: its type says that it is a context.
        unsafe { (*context).Irp = ptr::null_mut() };
    }
}

/// The queue that an IRP is in.
fn queue_of(irp: Irp) -> Option<Queue> {
    let noted = irp.driver_context_3();
    if noted.is_null() {
        return None;
    }
    // SAFETY: what is noted of a queued IRP begins with a type, context and queue alike.
    let kind = unsafe { noted.cast::<u32>().read() };
    if kind != nt::IO_TYPE_CSQ_IRP_CONTEXT {
        // SAFETY: its type says that it is a queue.
        return unsafe { Queue::from_raw(noted.cast()) };
    }
    // SAFETY: its type says that it is a context.
    let queue = unsafe { (*noted.cast::<nt::IO_CSQ_IRP_CONTEXT>()).Csq };
    // SAFETY: a context is of a queue.
    unsafe { Queue::from_raw(queue) }
}

/// The cancel routine of every queued IRP.
unsafe extern "win64" fn canceled(_device: *mut nt::DEVICE_OBJECT, irp: *mut nt::IRP) {
    // SAFETY: the canceller passes a live IRP.
    let irp = unsafe { Irp::from_raw(irp) };
    let Some(irp) = irp else { return };
    // SAFETY: the canceller holds the lock and has noted the IRQL.
    unsafe { IoReleaseCancelSpinLock(irp.cancel_irql()) };
    let Some(queue) = queue_of(irp) else { return };
    queue.lock_it().remove(irp);
    queue.complete_canceled_irp(irp);
}

/// Describes a queue whose inserting cannot fail.
///
/// Page: wdm/nf-wdm-iocsqinitialize.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `queue` points to storage for an `IO_CSQ`; the routines are of the queue's driver.
pub unsafe extern "win64" fn IoCsqInitialize(
    queue: *mut nt::IO_CSQ,
    insert: nt::PIO_CSQ_INSERT_IRP,
    remove: nt::PIO_CSQ_REMOVE_IRP,
    peek: nt::PIO_CSQ_PEEK_NEXT_IRP,
    lock: nt::PIO_CSQ_ACQUIRE_LOCK,
    unlock: nt::PIO_CSQ_RELEASE_LOCK,
    complete_canceled: nt::PIO_CSQ_COMPLETE_CANCELED_IRP,
) -> i32 {
    let value = nt::IO_CSQ {
        Type: nt::IO_TYPE_CSQ,
        CsqInsertIrp: insert,
        CsqRemoveIrp: remove,
        CsqPeekNextIrp: peek,
        CsqAcquireLock: lock,
        CsqReleaseLock: unlock,
        CsqCompleteCanceledIrp: complete_canceled,
        ReservePointer: ptr::null_mut(),
    };
    // SAFETY: the caller vouches for the storage.
    unsafe { queue.write(value) };
    nt::STATUS_SUCCESS
}

/// Describes a queue whose inserting returns a status.
///
/// Page: wdm/nf-wdm-iocsqinitializeex.
///
/// # IRQL
/// Any.
///
/// # Safety
/// As for [`IoCsqInitialize`].
pub unsafe extern "win64" fn IoCsqInitializeEx(
    queue: *mut nt::IO_CSQ,
    insert: nt::PIO_CSQ_INSERT_IRP_EX,
    remove: nt::PIO_CSQ_REMOVE_IRP,
    peek: nt::PIO_CSQ_PEEK_NEXT_IRP,
    lock: nt::PIO_CSQ_ACQUIRE_LOCK,
    unlock: nt::PIO_CSQ_RELEASE_LOCK,
    complete_canceled: nt::PIO_CSQ_COMPLETE_CANCELED_IRP,
) -> i32 {
    // SAFETY: both are an optional pointer; `Locked::insert` turns it back, by the type.
    let insert =
        unsafe { mem::transmute::<nt::PIO_CSQ_INSERT_IRP_EX, nt::PIO_CSQ_INSERT_IRP>(insert) };
    // SAFETY: the caller vouches for all of it.
    let status =
        unsafe { IoCsqInitialize(queue, insert, remove, peek, lock, unlock, complete_canceled) };
    // SAFETY: written by the call above.
    unsafe { (*queue).Type = nt::IO_TYPE_CSQ_EX };
    status
}

/// Queues an IRP, marking it pending. One that is cancelled already is completed as cancelled and
/// not queued.
///
/// Page: wdm/nf-wdm-iocsqinsertirpex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `queue` is an initialised queue; the caller owns the IRP; `context` is null or storage for a
/// context that stays as long as the IRP is queued.
pub unsafe extern "win64" fn IoCsqInsertIrpEx(
    queue: *mut nt::IO_CSQ,
    irp: *mut nt::IRP,
    context: *mut nt::IO_CSQ_IRP_CONTEXT,
    insert_context: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the queue.
    let queue = unsafe { Queue::from_raw(queue) };
    // SAFETY: the caller vouches for the IRP.
    let irp = unsafe { Irp::from_raw(irp) };
    let (Some(queue), Some(irp)) = (queue, irp) else { return nt::STATUS_INVALID_PARAMETER };
    if context.is_null() {
        irp.set_driver_context_3(queue.as_ptr().cast());
    } else {
        let value = nt::IO_CSQ_IRP_CONTEXT {
            Type: nt::IO_TYPE_CSQ_IRP_CONTEXT,
            Irp: irp.as_ptr(),
            Csq: queue.as_ptr(),
        };
        // SAFETY: the caller vouches for the storage.
        unsafe { context.write(value) };
        irp.set_driver_context_3(context.cast());
    }
    let location = irp.current();
    location.set_control(location.control() | nt::SL_PENDING_RETURNED as u8);
    let locked = queue.lock_it();
    if irp.cancel() != 0 {
        forget(irp);
        drop(locked);
        queue.complete_canceled_irp(irp);
        return nt::STATUS_SUCCESS;
    }
    let status = locked.insert(irp, insert_context);
    if status < 0 {
        forget(irp);
        return status;
    }
    irp.set_cancel_routine(canceled);
    // Cancelled meanwhile, by someone who found no routine: then nobody else takes it out.
    if irp.cancel() != 0 && irp.take_cancel_routine().is_some() {
        locked.remove(irp);
        drop(locked);
        queue.complete_canceled_irp(irp);
    }
    status
}

/// [`IoCsqInsertIrpEx`] without a context for inserting.
///
/// Page: wdm/nf-wdm-iocsqinsertirp.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As for [`IoCsqInsertIrpEx`].
pub unsafe extern "win64" fn IoCsqInsertIrp(
    queue: *mut nt::IO_CSQ,
    irp: *mut nt::IRP,
    context: *mut nt::IO_CSQ_IRP_CONTEXT,
) {
    // SAFETY: the caller vouches for all of it.
    unsafe { IoCsqInsertIrpEx(queue, irp, context, ptr::null_mut()) };
}

/// Takes an IRP out of its queue; null where it was cancelled before.
///
/// Page: wdm/nf-wdm-iocsqremoveirp.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `queue` is an initialised queue, `context` what the IRP was inserted with.
pub unsafe extern "win64" fn IoCsqRemoveIrp(
    queue: *mut nt::IO_CSQ,
    context: *mut nt::IO_CSQ_IRP_CONTEXT,
) -> *mut nt::IRP {
    // SAFETY: the caller vouches for the queue.
    let Some(queue) = (unsafe { Queue::from_raw(queue) }) else { return ptr::null_mut() };
    let locked = queue.lock_it();
    // SAFETY: the caller vouches for the context, which only changes under the lock.
    let irp = unsafe { (*context).Irp };
    // SAFETY: the context of a queued IRP points to it.
    let Some(irp) = (unsafe { Irp::from_raw(irp) }) else { return ptr::null_mut() };
    if irp.take_cancel_routine().is_none() {
        // Its canceller is on the way.
        return ptr::null_mut();
    }
    locked.remove(irp);
    irp.as_ptr()
}

/// Takes the next IRP that the driver's peek routine gives for `peek_context` out of the queue;
/// null where there is none.
///
/// Page: wdm/nf-wdm-iocsqremovenextirp.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `queue` is an initialised queue.
pub unsafe extern "win64" fn IoCsqRemoveNextIrp(
    queue: *mut nt::IO_CSQ,
    peek_context: *mut c_void,
) -> *mut nt::IRP {
    // SAFETY: the caller vouches for the queue.
    let Some(queue) = (unsafe { Queue::from_raw(queue) }) else { return ptr::null_mut() };
    let locked = queue.lock_it();
    let mut after = None;
    loop {
        let Some(irp) = locked.peek(after, peek_context) else { return ptr::null_mut() };
        if irp.take_cancel_routine().is_some() {
            locked.remove(irp);
            return irp.as_ptr();
        }
        // Its canceller is on the way; look further.
        after = Some(irp);
    }
}

crate::exports! {
    /// Cancel-safe queues.
    pub EXPORTS = [
        IoCsqInitialize(_, _, _, _, _, _, _),
        IoCsqInitializeEx(_, _, _, _, _, _, _),
        IoCsqInsertIrp(_, _, _),
        IoCsqInsertIrpEx(_, _, _, _),
        IoCsqRemoveIrp(_, _),
        IoCsqRemoveNextIrp(_, _),
    ];
}
