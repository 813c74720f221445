//! What a queue is made of.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pagewise_lab_nt::{IoFreeWorkItem, KDPC, PIO_WORKITEM};

use crate::abi::{EvtIo, EvtIoControl, EvtIoStop, EvtIoTransfer, EvtQueueState};
use crate::callback::CallbackLock;
use crate::device::Device;
use crate::gate::Gate;
use crate::kernel::event::Event;
use crate::kernel::spin::{SpinGuard, SpinLock};
use crate::object::{Instance, Kind, Level, Object, Ref, Scope};

use super::list::RequestList;
use super::purge;

/// The driver's callbacks, copied when the queue was made.
#[derive(Clone, Copy)]
pub struct Callbacks {
    /// `EvtIoDefault`
    pub default: Option<EvtIo>,
    /// `EvtIoRead`
    pub read: Option<EvtIoTransfer>,
    /// `EvtIoWrite`
    pub write: Option<EvtIoTransfer>,
    /// `EvtIoDeviceControl`
    pub device_control: Option<EvtIoControl>,
    /// `EvtIoInternalDeviceControl`
    pub internal_device_control: Option<EvtIoControl>,
    /// `EvtIoStop`
    pub stop: Option<EvtIoStop>,
    /// `EvtIoResume`
    pub resume: Option<EvtIo>,
    /// `EvtIoCanceledOnQueue`
    pub canceled_on_queue: Option<EvtIo>,
}

/// A callback that somebody wants once.
pub type Wanted = (EvtQueueState, Context);

/// The context of such a callback.
#[derive(Clone, Copy)]
pub struct Context(pub *mut c_void);

// SAFETY: passed through, never used.
unsafe impl Send for Context {}

/// What is under a queue's lock.
pub struct State {
    /// Numbers and flags.
    pub gate: Gate,
    /// Requests that wait.
    pub waiting: RequestList<0>,
    /// Requests that the driver has.
    pub owned: RequestList<1>,
    /// Requests in the driver whose `EvtRequestCancel` is to be called.
    pub cancelled: RequestList<0>,
    /// Requests whose `EvtIoCanceledOnQueue` is to be called.
    pub cancelled_on_queue: RequestList<0>,
    /// Called when the driver has no request any more.
    pub idle: Option<Wanted>,
    /// Called when the queue is empty.
    pub purge: Option<Wanted>,
    /// Called when a manual queue fills.
    pub ready: Option<Wanted>,
    /// Threads in the dispatcher, as many as there is room for; 0 is none.
    pub dispatching: [usize; 8],
    /// A work item is on its way.
    pub work_item_queued: bool,
    /// A DPC is on its way.
    pub dpc_queued: bool,
}

/// A queue.
pub struct Queue {
    /// The device whose requests it takes. The device outlives its queues: it disposes of them,
    /// and its memory is kept by this.
    pub device: Ref<Device>,
    /// The driver's callbacks.
    pub callbacks: Callbacks,
    /// At which IRQL the driver is called.
    pub level: Level,
    /// Which callbacks exclude each other.
    pub scope: Scope,
    /// The lock of the scope `Queue`.
    pub lock: CallbackLock,
    /// Whether it follows the device's power.
    pub power_managed: bool,
    /// Whether reads and writes of no bytes reach the driver.
    pub allow_zero_length: bool,
    /// Lists, numbers and flags.
    pub state: SpinLock<State>,
    /// Set when a power transition is over.
    pub power_idle: Event,
    /// Set when the queue is at its end.
    pub finished: Event,
    /// For calling the driver at PASSIVE_LEVEL.
    pub work_item: AtomicPtr<c_void>,
    /// For calling the driver when its lock was held by the very thread that wanted to.
    pub dpc: UnsafeCell<MaybeUninit<KDPC>>,
    /// The next queue of the device.
    pub next: AtomicPtr<Instance<Self>>,
    /// The last visit of [`QueueList::for_each`].
    pub visit: AtomicU32,
}

// SAFETY: the one body of this kind. The DPC is the kernel's to serialise; the rest is locked,
// atomic or constant.
unsafe impl Object for Queue {
    const KIND: Kind = Kind::Queue;
    const PASSIVE: bool = true;

    fn dispose(this: &Instance<Self>) {
        purge::dispose(this);
    }
}

impl Queue {
    /// Takes its lock.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn lock_state(&self) -> SpinGuard<'_, State> {
        self.state.lock()
    }

    /// The lock that its callbacks are called under.
    pub fn callback_lock(&self) -> Option<&CallbackLock> {
        match self.scope {
            Scope::Device => Some(&self.device.lock),
            Scope::Queue => Some(&self.lock),
            Scope::None => None,
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let item: PIO_WORKITEM = (*self.work_item.get_mut()).cast();
        if !item.is_null() {
            // SAFETY: allocated when the queue was made; a queued one holds a reference to it.
            unsafe { IoFreeWorkItem(item) };
        }
    }
}

/// The queues of a device, in the order they were made.
pub struct QueueList {
    first: SpinLock<First>,
    visits: AtomicU32,
}

struct First(*mut Instance<Queue>);

// SAFETY: queues are shared between threads; the pointer is used under the lock.
unsafe impl Send for First {}

impl QueueList {
    /// No queues.
    pub const fn new() -> Self {
        Self { first: SpinLock::new(First(null_mut())), visits: AtomicU32::new(0) }
    }

    /// Adds a queue, last.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn add(&self, queue: &Instance<Queue>) {
        let new = NonNull::from(queue).as_ptr();
        let mut first = self.first.lock();
        let Some(mut last) = NonNull::new(first.0) else {
            first.0 = new;
            return;
        };
        loop {
            // SAFETY: a queue takes itself out before it goes.
            let entry = unsafe { last.as_ref() };
            match NonNull::new(entry.next.load(Ordering::Relaxed)) {
                Some(next) => last = next,
                None => return entry.next.store(new, Ordering::Relaxed),
            }
        }
    }

    /// Takes a queue out.
    ///
    /// # IRQL
    /// At most DISPATCH_LEVEL.
    pub fn remove(&self, queue: &Instance<Queue>) {
        let gone = NonNull::from(queue).as_ptr();
        let after = queue.next.load(Ordering::Relaxed);
        let mut first = self.first.lock();
        if first.0 == gone {
            first.0 = after;
            return;
        }
        let mut next = NonNull::new(first.0);
        while let Some(entry) = next {
            // SAFETY: a queue takes itself out before it goes.
            let entry = unsafe { entry.as_ref() };
            if entry.next.load(Ordering::Relaxed) == gone {
                return entry.next.store(after, Ordering::Relaxed);
            }
            next = NonNull::new(entry.next.load(Ordering::Relaxed));
        }
    }

    /// Calls `f` for every queue, without a lock; queues may come and go meanwhile.
    ///
    /// # IRQL
    /// What `f` allows, at most DISPATCH_LEVEL.
    pub fn for_each(&self, mut f: impl FnMut(&Instance<Queue>)) {
        let visit = self.visits.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        while let Some(queue) = self.next_to_visit(visit) {
            f(&queue);
        }
    }

    fn next_to_visit(&self, visit: u32) -> Option<Ref<Queue>> {
        let first = self.first.lock();
        let mut next = NonNull::new(first.0);
        while let Some(entry) = next {
            // SAFETY: a queue takes itself out before it goes.
            let queue = unsafe { entry.as_ref() };
            if queue.visit.swap(visit, Ordering::Relaxed) != visit {
                return Some(Ref::new(queue));
            }
            next = NonNull::new(queue.next.load(Ordering::Relaxed));
        }
        None
    }
}
