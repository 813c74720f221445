//! Work items: a driver's routine that a system worker thread runs.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pagewise_lab_nt as nt;

use super::worker::queue_system_work;
use crate::ke::apc;
use crate::ke::irql::{self, PASSIVE_LEVEL};
use crate::ke::schedule;
use crate::mm::pool;
use crate::{bugcheck, ob};

const INVALID_WORK_QUEUE_ITEM: u32 = 0x96;
const WORKER_THREAD_RETURNED_AT_BAD_IRQL: u32 = 0xE1;

/// The tag of an allocated work item: `IoWi`.
const TAG: u32 = u32::from_le_bytes(*b"IoWi");

type Routine = unsafe extern "win64" fn(*mut c_void, *mut c_void);
type RoutineEx = unsafe extern "win64" fn(*mut c_void, *mut c_void, *mut IoWorkItem);
type WorkerRoutine = unsafe extern "win64" fn(*mut c_void);

/// `IO_WORKITEM`, which drivers see only the size of.
#[repr(C)]
#[derive(Debug)]
pub struct IoWorkItem {
    /// The device or driver object that keeps the driver loaded.
    object: *mut c_void,
    queued: AtomicBool,
}

/// A call of a driver's routine.
enum Call {
    Plain(Routine),
    Extended(RoutineEx),
    Raw(WorkerRoutine),
}

impl Call {
    fn address(&self) -> usize {
        match self {
            Self::Plain(routine) => *routine as usize,
            Self::Extended(routine) => *routine as usize,
            Self::Raw(routine) => *routine as usize,
        }
    }
}

/// What a worker needs once the item is no longer queued: its routine may free it.
struct Work {
    call: Call,
    object: *mut c_void,
    context: *mut c_void,
    item: *mut c_void,
}

// SAFETY: a driver that queues work passes what it points to on to the worker thread.
unsafe impl Send for Work {}

impl Work {
    fn run(self) {
        let before = apc::disabled();
        schedule::point("a work item");
        match self.call {
            // SAFETY: the driver vouches for its routine.
            Call::Plain(routine) => unsafe { routine(self.object, self.context) },
            // SAFETY: as above.
            Call::Extended(routine) => unsafe {
                routine(self.object, self.context, self.item.cast());
            },
            // SAFETY: as above.
            Call::Raw(routine) => unsafe { routine(self.context) },
        }
        let (routine, irql) = (self.call.address(), irql::current());
        if irql != PASSIVE_LEVEL {
            let parameters =
                [routine as u64, u64::from(irql), self.context as u64, self.item as u64];
            bugcheck::bug_check(WORKER_THREAD_RETURNED_AT_BAD_IRQL, parameters);
        }
        apc::expect(before, routine);
    }
}

#[cold]
fn already_queued(item: *mut c_void, routine: usize) -> ! {
    bugcheck::bug_check(INVALID_WORK_QUEUE_ITEM, [item as u64, 0, 0, routine as u64]);
}

/// Queues `item`. A driver or device object is referenced until the routine has returned.
unsafe fn queue(item: *mut IoWorkItem, call: Call, context: *mut c_void) {
    // SAFETY: the callers vouch for the item.
    let fields = unsafe { &*item };
    if fields.queued.swap(true, Ordering::AcqRel) {
        already_queued(item.cast(), call.address());
    }
    let object = fields.object;
    // SAFETY: the driver gave the item an object of the machine's.
    let counted = unsafe { ob::object_type(object) }.is_some();
    if counted {
        // SAFETY: as above.
        unsafe { ob::reference(object) };
    }
    let work = Work { call, object, context, item: item.cast() };
    queue_system_work(Box::new(move || {
        let Work { object, item, .. } = work;
        // SAFETY: a queued item must not be freed, and this one is queued until this store.
        unsafe { &(*item.cast::<IoWorkItem>()).queued }.store(false, Ordering::Release);
        work.run();
        if counted {
            // SAFETY: the reference from above.
            unsafe { ob::dereference(object) };
        }
    }));
}

/// Bytes of an `IO_WORKITEM`.
///
/// Page: wdm/nf-wdm-iosizeofworkitem.
///
/// # IRQL
/// Any.
pub extern "win64" fn IoSizeofWorkItem() -> u32 {
    size_of::<IoWorkItem>() as u32
}

/// Makes a work item in the caller's memory.
///
/// Page: wdm/nf-wdm-ioinitializeworkitem.
///
/// # IRQL
/// Any. The item has to lie in resident memory.
///
/// # Safety
/// `object` is the driver's or a device object of it, and `item` points to storage of
/// [`IoSizeofWorkItem`] bytes.
pub unsafe extern "win64" fn IoInitializeWorkItem(object: *mut c_void, item: *mut IoWorkItem) {
    // SAFETY: the caller vouches for it.
    unsafe { item.write(IoWorkItem { object, queued: AtomicBool::new(false) }) };
}

/// Ends the use of an item that [`IoInitializeWorkItem`] made. One that is queued is bug check 0x96.
///
/// Page: wdm/nf-wdm-iouninitializeworkitem.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `item` points to a work item.
pub unsafe extern "win64" fn IoUninitializeWorkItem(item: *mut IoWorkItem) {
    // SAFETY: the caller vouches for it.
    if unsafe { &*item }.queued.load(Ordering::Acquire) {
        already_queued(item.cast(), 0);
    }
}

/// Allocates a work item; null where there is no memory.
///
/// Page: wdm/nf-wdm-ioallocateworkitem.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `object` is the driver's or a device object of it.
pub unsafe extern "win64" fn IoAllocateWorkItem(object: *mut c_void) -> *mut IoWorkItem {
    let caller = IoAllocateWorkItem as *const () as usize;
    let item = pool::allocate(pool::Kind::NonPaged, size_of::<IoWorkItem>(), TAG, caller);
    if item.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the memory is new and large enough.
    unsafe { IoInitializeWorkItem(object, item.cast()) };
    item.cast()
}

/// Frees a work item. One that is queued is bug check 0x96; its own routine may free it.
///
/// Page: wdm/nf-wdm-iofreeworkitem.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `item` comes from [`IoAllocateWorkItem`].
pub unsafe extern "win64" fn IoFreeWorkItem(item: *mut IoWorkItem) {
    // SAFETY: the caller vouches for it.
    unsafe { IoUninitializeWorkItem(item) };
    pool::free(item.cast(), Some(TAG));
}

/// Has a system worker thread call `routine(object, context)` at `PASSIVE_LEVEL`. An item that is
/// queued already is bug check 0x96.
///
/// Page: wdm/nf-wdm-ioqueueworkitem.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `item` is a work item, and `routine` a worker routine.
pub unsafe extern "win64" fn IoQueueWorkItem(
    item: *mut IoWorkItem,
    routine: Routine,
    _queue: i32,
    context: *mut c_void,
) {
    // SAFETY: the caller vouches for it.
    unsafe { queue(item, Call::Plain(routine), context) };
}

/// As [`IoQueueWorkItem`], for a routine that is also given the item.
///
/// Page: wdm/nf-wdm-ioqueueworkitemex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`IoQueueWorkItem`].
pub unsafe extern "win64" fn IoQueueWorkItemEx(
    item: *mut IoWorkItem,
    routine: RoutineEx,
    _queue: i32,
    context: *mut c_void,
) {
    // SAFETY: the caller vouches for it.
    unsafe { queue(item, Call::Extended(routine), context) };
}

/// Has a system worker thread run a `WORK_QUEUE_ITEM`. One that is queued already is bug check 0x96.
///
/// Page: wdm/nf-wdm-exqueueworkitem.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `item` points to an initialised `WORK_QUEUE_ITEM`.
pub unsafe extern "win64" fn ExQueueWorkItem(item: *mut nt::WORK_QUEUE_ITEM, _queue: i32) {
    // SAFETY: the caller vouches for it.
    let fields = unsafe { &mut *item };
    let Some(routine) = fields.WorkerRoutine else {
        already_queued(item.cast(), 0);
    };
    // ExInitializeWorkItem, which is inline in the driver, makes the link null.
    if !fields.List.Flink.is_null() {
        already_queued(item.cast(), routine as usize);
    }
    fields.List.Flink = &raw mut fields.List;
    let context = fields.Parameter;
    let work =
        Work { call: Call::Raw(routine), object: ptr::null_mut(), context, item: item.cast() };
    queue_system_work(Box::new(move || {
        let item = work.item.cast::<nt::WORK_QUEUE_ITEM>();
        // SAFETY: a queued item must not be freed, and this one is queued until this store.
        unsafe { (*item).List.Flink = ptr::null_mut() };
        work.run();
    }));
}

crate::exports! {
    /// Work items.
    pub EXPORTS = [
        IoSizeofWorkItem(),
        IoInitializeWorkItem(_, _),
        IoUninitializeWorkItem(_),
        IoAllocateWorkItem(_),
        IoFreeWorkItem(_),
        IoQueueWorkItem(_, _, _, _),
        IoQueueWorkItemEx(_, _, _, _),
        ExQueueWorkItem(_, _),
    ];
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use super::*;
    use crate::ke::testing::dies;
    use crate::ob::ObjectType;

    const DELAYED: i32 = 1;
    static KIND: ObjectType = ObjectType::new("Test", None);

    type Said = (usize, u8, u64);

    /// A channel whose sender is never dropped: the worker may still be in it when the test ends.
    fn channel() -> (*mut c_void, Receiver<Said>) {
        let (sender, receiver) = mpsc::channel();
        let sender: &'static mut Sender<Said> = Box::leak(Box::new(sender));
        (ptr::from_mut(sender).cast(), receiver)
    }

    /// Says which object it was given, at which IRQL it runs, and how many references the object has.
    unsafe extern "win64" fn say(object: *mut c_void, context: *mut c_void) {
        // SAFETY: the tests pass a sender.
        let sender = unsafe { &*context.cast::<Sender<Said>>() };
        // SAFETY: the tests pass an object.
        let references = unsafe { ob::reference_count(object) };
        sender.send((object as usize, irql::current(), references)).unwrap();
    }

    unsafe extern "win64" fn say_and_free(
        object: *mut c_void,
        context: *mut c_void,
        item: *mut IoWorkItem,
    ) {
        // SAFETY: a routine may free its item.
        unsafe { IoFreeWorkItem(item) };
        // SAFETY: the tests pass an object and a sender.
        unsafe { say(object, context) };
    }

    #[test]
    fn a_routine_runs_at_passive_level_and_keeps_its_object() {
        let (context, receiver) = channel();
        let object = ob::allocate(&KIND, 8);
        let mut item = IoWorkItem { object: ptr::null_mut(), queued: AtomicBool::new(true) };
        assert_eq!(IoSizeofWorkItem() as usize, size_of_val(&item));
        // SAFETY: object and item are ours.
        unsafe { IoInitializeWorkItem(object, &raw mut item) };
        for _ in 0..3 {
            let old = irql::raise(irql::DISPATCH_LEVEL);
            // SAFETY: it is a work item, and free since its routine runs.
            unsafe { IoQueueWorkItem(&raw mut item, say, DELAYED, context) };
            irql::lower(old);
            let said = receiver.recv_timeout(Duration::from_secs(10));
            assert_eq!(said, Ok((object as usize, PASSIVE_LEVEL, 2)));
            // SAFETY: it is an object. The worker gives its reference back after the routine.
            while unsafe { ob::reference_count(object) } != 1 {
                std::thread::yield_now();
            }
        }
        // SAFETY: the last reference.
        unsafe { ob::dereference(object) };
    }

    #[test]
    fn a_routine_may_free_its_item() {
        crate::mm::boot().unwrap();
        let (context, receiver) = channel();
        let object = ob::allocate(&KIND, 8);
        // SAFETY: it is an object.
        let item = unsafe { IoAllocateWorkItem(object) };
        assert!(!item.is_null());
        // SAFETY: it is a work item.
        unsafe { IoQueueWorkItemEx(item, say_and_free, DELAYED, context) };
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)).unwrap().0, object as usize);
    }

    unsafe extern "win64" fn count(counter: *mut c_void) {
        // SAFETY: the test passes a counter.
        unsafe { &*counter.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
    }

    fn queue_item(routine: WorkerRoutine, parameter: *mut c_void) -> nt::WORK_QUEUE_ITEM {
        nt::WORK_QUEUE_ITEM {
            List: nt::LIST_ENTRY { Flink: ptr::null_mut(), Blink: ptr::null_mut() },
            WorkerRoutine: Some(routine),
            Parameter: parameter,
        }
    }

    #[test]
    fn an_executive_work_item_may_be_queued_again_once_it_runs() {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let counter = &COUNTER;
        let mut item = queue_item(count, counter.as_ptr().cast());
        for round in 1..=100 {
            // SAFETY: it is a work item.
            unsafe { ExQueueWorkItem(&raw mut item, DELAYED) };
            while counter.load(Ordering::SeqCst) < round {
                std::thread::yield_now();
            }
        }
    }

    unsafe extern "win64" fn raise(_context: *mut c_void) {
        irql::raise(irql::DISPATCH_LEVEL);
    }

    unsafe extern "win64" fn enter(_context: *mut c_void) {
        apc::KeEnterCriticalRegion();
    }

    unsafe extern "win64" fn block(_context: *mut c_void) {
        loop {
            std::thread::park();
        }
    }

    fn run(routine: WorkerRoutine) {
        let mut item = queue_item(routine, 7 as *mut c_void);
        // SAFETY: it is a work item.
        unsafe { ExQueueWorkItem(&raw mut item, DELAYED) };
        std::thread::sleep(Duration::from_secs(10));
    }

    dies!(one_that_returns_at_dispatch_level, { run(raise) }, |code, parameters| {
        assert_eq!((code, parameters[1], parameters[2]), (0xE1, 2, 7));
    });

    dies!(one_that_returns_in_a_critical_region, { run(enter) }, |code, parameters| {
        assert_eq!((code, &parameters[2..]), (0x1, &[0xffff, 1][..]));
    });

    dies!(
        one_that_is_queued_already,
        {
            // All workers are busy, so that what is queued stays so.
            let mut items = [(); 257].map(|()| queue_item(block, ptr::null_mut()));
            for item in &mut items {
                // SAFETY: it is a work item.
                unsafe { ExQueueWorkItem(item, DELAYED) };
            }
            std::thread::sleep(Duration::from_millis(500));
            let last: *mut _ = &mut items[256];
            // SAFETY: it is a work item.
            unsafe { ExQueueWorkItem(last, DELAYED) };
        },
        |code, _| assert_eq!(code, 0x96)
    );
}
