//! What a request is made of.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicI8, AtomicPtr, AtomicU32, Ordering};

use core::ptr::NonNull;

use pagewise_lab_nt::IRP;

use crate::abi::EvtRequestCancel;
use crate::device::Device;
use crate::kernel::irp::Irp;
use crate::kernel::spin::SpinLock;
use crate::object::{Instance, Kind, Object, Ref};
use crate::queue::{Links, Queue};

/// The driver has the request: it may complete it.
const WITH_DRIVER: u32 = 1;
/// The driver had it at some time.
const PRESENTED: u32 = 2;
/// It was cancelled.
const CANCELLED: u32 = 4;
/// `EvtIoStop` is to be called for it.
const TO_STOP: u32 = 8;
/// The driver acknowledged that it stopped it.
const STOPPED: u32 = 0x10;

/// A request: an IRP on its way through the driver.
pub struct Request {
    irp: AtomicPtr<IRP>,
    device: Ref<Device>,
    queue: SpinLock<Option<Ref<Queue>>>,
    flags: AtomicU32,
    boost: AtomicI8,
    /// The status it was completed with.
    pub status: AtomicU32,
    cancel: SpinLock<Option<EvtRequestCancel>>,
    /// Its places in its queue's lists.
    pub links: [Links; 2],
    /// Whether its input buffer was given out as memory.
    pub input_memory: AtomicPtr<Instance<crate::memory::Memory>>,
    /// Whether its output buffer was.
    pub output_memory: AtomicPtr<Instance<crate::memory::Memory>>,
}

// SAFETY: the one body of this kind.
unsafe impl Object for Request {
    const KIND: Kind = Kind::Request;
    const DELETABLE: bool = false;
}

impl Request {
    /// A request for this IRP.
    pub fn new(device: &Instance<Device>, irp: Irp) -> Self {
        Self {
            irp: AtomicPtr::new(irp.as_ptr()),
            device: Ref::new(device),
            queue: SpinLock::new(None),
            flags: AtomicU32::new(0),
            boost: AtomicI8::new(0),
            status: AtomicU32::new(0),
            cancel: SpinLock::new(None),
            links: [Links::new(), Links::new()],
            input_memory: AtomicPtr::new(null_mut()),
            output_memory: AtomicPtr::new(null_mut()),
        }
    }

    /// Its IRP, until it is completed.
    pub fn irp(&self) -> Option<Irp> {
        // SAFETY: the driver has the IRP until `take_irp`.
        NonNull::new(self.irp.load(Ordering::Acquire)).map(|irp| unsafe { Irp::new(irp) })
    }

    /// Its IRP, for completing it; once.
    pub fn take_irp(&self) -> Option<Irp> {
        // SAFETY: the driver has the IRP, and whoever gets it completes it.
        NonNull::new(self.irp.swap(null_mut(), Ordering::AcqRel))
            .map(|irp| unsafe { Irp::new(irp) })
    }

    /// The device it was sent to.
    pub fn device(&self) -> &Instance<Device> {
        &self.device
    }

    /// The queue it is, or was last, in.
    pub fn queue(&self) -> Option<Ref<Queue>> {
        self.queue.lock().clone()
    }

    /// Notes that queue.
    pub fn set_queue(&self, queue: Option<Ref<Queue>>) {
        let before = core::mem::replace(&mut *self.queue.lock(), queue);
        drop(before);
    }

    fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    /// Sets a flag; whether it was clear.
    fn set(&self, flag: u32) -> bool {
        self.flags.fetch_or(flag, Ordering::AcqRel) & flag == 0
    }

    /// Clears a flag; whether it was set.
    fn clear(&self, flag: u32) -> bool {
        self.flags.fetch_and(!flag, Ordering::AcqRel) & flag != 0
    }

    /// The driver has it from here on.
    pub fn give_to_driver(&self) {
        self.set(WITH_DRIVER);
    }

    /// The driver no longer has it; whether it had.
    pub fn take_from_driver(&self) -> bool {
        self.clear(WITH_DRIVER)
    }

    /// Whether the driver has it.
    pub fn is_with_driver(&self) -> bool {
        self.has(WITH_DRIVER)
    }

    /// Notes that the driver saw it.
    pub fn set_presented(&self) {
        self.set(PRESENTED);
    }

    /// Whether the driver ever saw it.
    pub fn was_presented(&self) -> bool {
        self.has(PRESENTED)
    }

    /// Notes that it is cancelled.
    pub fn set_cancelled(&self) {
        self.set(CANCELLED);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    /// `EvtIoStop` is to be called, unless the driver had stopped it already; whether it is.
    pub fn set_to_stop(&self) -> bool {
        self.set(TO_STOP)
    }

    /// Whether `EvtIoStop` was to be called; it no longer is.
    pub fn take_to_stop(&self) -> bool {
        self.clear(TO_STOP)
    }

    /// The driver stopped it; whether that is news.
    pub fn set_stopped(&self) -> bool {
        self.set(STOPPED)
    }

    /// Whether the driver had stopped it; it no longer has.
    pub fn take_stopped(&self) -> bool {
        self.clear(STOPPED)
    }

    /// Sets what is called when it is cancelled.
    pub fn set_cancel_callback(&self, callback: Option<EvtRequestCancel>) {
        *self.cancel.lock() = callback;
    }

    /// What is called when it is cancelled; once.
    pub fn take_cancel_callback(&self) -> Option<EvtRequestCancel> {
        self.cancel.lock().take()
    }

    /// Whether the driver has marked it cancelable, and it is not cancelled.
    pub fn is_cancelable(&self) -> bool {
        !self.is_cancelled() && self.cancel.lock().is_some()
    }

    /// The priority boost of its sender.
    pub fn boost(&self) -> i8 {
        self.boost.load(Ordering::Relaxed)
    }

    /// Sets the boost.
    pub fn set_boost(&self, boost: i8) {
        self.boost.store(boost, Ordering::Relaxed);
    }
}
