//! What drivers call of DPCs.

use std::ffi::c_void;
use std::ptr;

use pagewise_lab_nt as nt;

use super::{DRAINED, Routine, flush, insert, lock};
use crate::ke::dispatcher::wait;
use crate::ke::irql::{self, HIGH_LEVEL};

/// Types of DPC objects, as the kernel's public symbols give them.
const DPC_OBJECT: u8 = 19;
const THREADED_DPC_OBJECT: u8 = 26;

const MEDIUM_IMPORTANCE: u8 = 1;

unsafe fn initialize(dpc: *mut nt::KDPC, kind: u8, routine: Option<Routine>, context: *mut c_void) {
    // SAFETY: the caller vouches for the storage; every field of a KDPC may be zero.
    unsafe { dpc.write_bytes(0, 1) };
    // SAFETY: as before, and it has just been written.
    let object = unsafe { &mut *dpc };
    object.Type = kind;
    object.Importance = MEDIUM_IMPORTANCE;
    object.DeferredRoutine = routine;
    object.DeferredContext = context;
}

/// Makes a DPC object.
///
/// Page: wdm/nf-wdm-keinitializedpc.
///
/// # IRQL
/// Any. The object has to lie in resident memory.
///
/// # Safety
/// `dpc` points to storage for a `KDPC` that is not queued.
pub unsafe extern "win64" fn KeInitializeDpc(
    dpc: *mut nt::KDPC,
    routine: Option<Routine>,
    context: *mut c_void,
) {
    // SAFETY: the caller vouches for it.
    unsafe { initialize(dpc, DPC_OBJECT, routine, context) };
}

/// Makes a threaded DPC object. Its routine runs at `DISPATCH_LEVEL`, as the page says it may.
///
/// Page: wdm/nf-wdm-keinitializethreadeddpc.
///
/// # IRQL
/// Any. The object has to lie in resident memory.
///
/// # Safety
/// `dpc` points to storage for a `KDPC` that is not queued.
pub unsafe extern "win64" fn KeInitializeThreadedDpc(
    dpc: *mut nt::KDPC,
    routine: Option<Routine>,
    context: *mut c_void,
) {
    // SAFETY: the caller vouches for it.
    unsafe { initialize(dpc, THREADED_DPC_OBJECT, routine, context) };
}

/// Puts a DPC in the queue. TRUE, unless it is there.
///
/// Page: wdm/nf-wdm-keinsertqueuedpc.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `dpc` points to an initialised `KDPC`.
pub unsafe extern "win64" fn KeInsertQueueDpc(
    dpc: *mut nt::KDPC,
    argument1: *mut c_void,
    argument2: *mut c_void,
) -> u8 {
    // SAFETY: the caller vouches for it.
    u8::from(unsafe { insert(dpc, [argument1, argument2]) })
}

/// Takes a DPC out of the queue. TRUE if it was there.
///
/// Page: wdm/nf-wdm-keremovequeuedpc.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `dpc` points to an initialised `KDPC`.
pub unsafe extern "win64" fn KeRemoveQueueDpc(dpc: *mut nt::KDPC) -> u8 {
    let _raised = irql::Raised::to(HIGH_LEVEL);
    let mut queue = lock();
    let Some(index) = queue.waiting.iter().position(|queued| queued.dpc == dpc) else {
        return 0;
    };
    queue.waiting.remove(index);
    // SAFETY: the caller vouches for the object, and the lock's holder alone changes it.
    unsafe { (*dpc).DpcData = ptr::null_mut() };
    DRAINED.notify_all();
    1
}

/// Sets where in the queue a DPC goes: of high importance, first.
///
/// Page: wdm/nf-wdm-kesetimportancedpc.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `dpc` points to an initialised `KDPC`.
pub unsafe extern "win64" fn KeSetImportanceDpc(dpc: *mut nt::KDPC, importance: i32) {
    let _raised = irql::Raised::to(HIGH_LEVEL);
    let _queue = lock();
    // SAFETY: the caller vouches for the object, and the lock's holder alone changes it.
    unsafe { (*dpc).Importance = importance as u8 };
}

/// Names the processor for a DPC. It is kept, and has no effect: all DPCs run on one.
///
/// Page: wdm/nf-wdm-kesettargetprocessordpc.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `dpc` points to an initialised `KDPC`.
pub unsafe extern "win64" fn KeSetTargetProcessorDpc(dpc: *mut nt::KDPC, number: i8) {
    let _raised = irql::Raised::to(HIGH_LEVEL);
    let _queue = lock();
    // SAFETY: the caller vouches for the object, and the lock's holder alone changes it.
    unsafe { (*dpc).Number = u16::from(number as u8) };
}

/// Waits until every DPC that is queued has run.
///
/// Page: wdm/nf-wdm-keflushqueueddpcs.
///
/// # IRQL
/// `PASSIVE_LEVEL`. At `DISPATCH_LEVEL` it is a wait there: bug check 0xC4/0x3B when the verifier is
/// on, else 0xA.
pub extern "win64" fn KeFlushQueuedDpcs() {
    wait::require_wait_irql();
    flush();
}

crate::exports! {
    /// DPCs.
    pub EXPORTS = [
        KeInitializeDpc(_, _, _),
        KeInitializeThreadedDpc(_, _, _),
        KeInsertQueueDpc(_, _, _),
        KeRemoveQueueDpc(_),
        KeSetImportanceDpc(_, _),
        KeSetTargetProcessorDpc(_, _),
        KeFlushQueuedDpcs(),
    ];
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    use super::super::{HIGH_IMPORTANCE, find_in, is_running};
    use super::*;
    use crate::ke::apc;
    use crate::ke::dispatcher::event::KeSetEvent;
    use crate::ke::dispatcher::wait::Timeout;
    use crate::ke::event;
    use crate::ke::irql::{DISPATCH_LEVEL, PASSIVE_LEVEL};
    use crate::ke::testing::dies;

    /// What a DPC notes: a number, or that it has begun; and what it waits for.
    struct Log {
        notes: [AtomicUsize; 8],
        count: AtomicUsize,
        gate: AtomicUsize,
    }

    impl Log {
        const fn new() -> Self {
            Self {
                notes: [const { AtomicUsize::new(0) }; 8],
                count: AtomicUsize::new(0),
                gate: AtomicUsize::new(0),
            }
        }

        fn notes(&self) -> Vec<usize> {
            let count = self.count.load(Ordering::SeqCst);
            self.notes[..count].iter().map(|note| note.load(Ordering::SeqCst)).collect()
        }
    }

    unsafe extern "win64" fn note(
        _dpc: *mut nt::KDPC,
        log: *mut c_void,
        number: *mut c_void,
        irql: *mut c_void,
    ) {
        // SAFETY: the tests pass a log.
        let log = unsafe { &*log.cast::<Log>() };
        let slot = log.count.fetch_add(1, Ordering::SeqCst);
        log.notes[slot].store(number as usize + irql::current() as usize, Ordering::SeqCst);
        assert!(is_running());
        assert!(irql.is_null());
    }

    unsafe extern "win64" fn hold(
        _dpc: *mut nt::KDPC,
        log: *mut c_void,
        _number: *mut c_void,
        _second: *mut c_void,
    ) {
        // SAFETY: the tests pass a log.
        let log = unsafe { &*log.cast::<Log>() };
        log.gate.store(1, Ordering::SeqCst);
        while log.gate.load(Ordering::SeqCst) != 2 {
            std::hint::spin_loop();
        }
    }

    fn dpc(routine: Routine, context: *const Log) -> Box<nt::KDPC> {
        let mut place = Box::new(MaybeUninit::<nt::KDPC>::uninit());
        // SAFETY: the place is a DPC's.
        unsafe { KeInitializeDpc(place.as_mut_ptr(), Some(routine), context.cast_mut().cast()) };
        // SAFETY: it has just been initialised.
        unsafe { Box::from_raw(Box::into_raw(place).cast()) }
    }

    fn queue(dpc: &mut nt::KDPC, number: usize) -> u8 {
        // SAFETY: it is a DPC.
        unsafe { KeInsertQueueDpc(dpc, number as *mut c_void, ptr::null_mut()) }
    }

    /// Only one test at a time may hold the queue up.
    static TURN: Mutex<()> = Mutex::new(());

    #[test]
    fn they_run_in_order_at_dispatch_level_the_important_first() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let log = Log::new();
        let mut gate = dpc(hold, &raw const log);
        let mut dpcs: [_; 4] = std::array::from_fn(|_| dpc(note, &raw const log));
        assert_eq!(queue(&mut gate, 0), 1);
        while log.gate.load(Ordering::SeqCst) != 1 {
            std::thread::yield_now();
        }
        // SAFETY: it is a DPC.
        unsafe { KeSetImportanceDpc(&raw mut *dpcs[2], i32::from(HIGH_IMPORTANCE)) };
        let queued: Vec<u8> =
            dpcs.iter_mut().enumerate().map(|(index, dpc)| queue(dpc, index * 100)).collect();
        let again = queue(&mut dpcs[0], 900);
        // SAFETY: it is a DPC.
        let removed = [(); 2].map(|()| unsafe { KeRemoveQueueDpc(&raw mut *dpcs[1]) });
        let start = &raw const *dpcs[3] as usize;
        let found = find_in(&(start..start + 64));
        log.gate.store(2, Ordering::SeqCst);
        KeFlushQueuedDpcs();
        assert_eq!((queued, again, removed), (vec![1; 4], 0, [1, 0]));
        assert_eq!(found, Some(start));
        assert_eq!(log.notes(), [202, 2, 302]);
        assert_eq!(queue(&mut dpcs[1], 100), 1);
        KeFlushQueuedDpcs();
        assert_eq!(log.notes(), [202, 2, 302, 102]);
    }

    #[test]
    fn one_may_set_an_event() {
        unsafe extern "win64" fn signal(
            _dpc: *mut nt::KDPC,
            event: *mut c_void,
            _first: *mut c_void,
            _second: *mut c_void,
        ) {
            // SAFETY: the test passes an event.
            unsafe { KeSetEvent(event.cast(), 0, 0) };
        }
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = MaybeUninit::<nt::KEVENT>::uninit();
        let event = place.as_mut_ptr();
        // SAFETY: the place is an event's.
        unsafe { event::initialize(event, event::Kind::Notification, false) };
        let mut dpc = dpc(signal, event.cast());
        assert_eq!(queue(&mut dpc, 0), 1);
        // SAFETY: it is an event.
        assert!(unsafe { event::wait(event.cast(), Timeout::Never) });
        KeFlushQueuedDpcs();
    }

    unsafe extern "win64" fn waits(
        _dpc: *mut nt::KDPC,
        event: *mut c_void,
        _first: *mut c_void,
        _second: *mut c_void,
    ) {
        // SAFETY: the test passes an event.
        unsafe { event::wait(event, Timeout::Never) };
    }

    unsafe extern "win64" fn lowers(
        _dpc: *mut nt::KDPC,
        _context: *mut c_void,
        _first: *mut c_void,
        _second: *mut c_void,
    ) {
        irql::lower(PASSIVE_LEVEL);
    }

    unsafe extern "win64" fn enters(
        _dpc: *mut nt::KDPC,
        _context: *mut c_void,
        _first: *mut c_void,
        _second: *mut c_void,
    ) {
        apc::KeEnterCriticalRegion();
    }

    fn run_one(routine: Routine) {
        let log = Log::new();
        let mut dpc = dpc(routine, &raw const log);
        queue(&mut dpc, 0);
        KeFlushQueuedDpcs();
    }

    dies!(one_that_waits, { run_one(waits) }, |code, _| assert_eq!(code, 0xB8));
    dies!(one_that_returns_below_dispatch_level, { run_one(lowers) }, |code, parameters| {
        assert_eq!((code, parameters[0]), (0xC8, 0x202));
    });
    dies!(one_that_disables_apcs, { run_one(enters) }, |code, parameters| {
        assert_eq!((code, parameters[0], parameters[3]), (0xC7, 4, 0xffff));
    });
    dies!(
        a_flush_at_dispatch_level,
        {
            irql::raise(DISPATCH_LEVEL);
            KeFlushQueuedDpcs();
        },
        |code, parameters| assert_eq!((code, parameters[1]), (0xA, 2))
    );
}
