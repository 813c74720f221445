//! Timer objects: a queue in the dispatcher database, and a thread that sleeps until the next is
//! due.
//!
//! A timer never expires early; how late depends on the host. Windows rounds up to its clock tick,
//! which a driver cannot rely on, and the lab does not do.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/timer-objects-and-dpcs.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::{Once, PoisonError};
use std::time::{Duration, Instant};

use pagewise_lab_nt as nt;

use crate::ke::dispatcher::{Database, Kind, Object};
use crate::ke::irql::{self, DISPATCH_LEVEL, PASSIVE_LEVEL};
use crate::ke::schedule::{Condvar, clock};
use crate::ke::{dpc, time};
use crate::ps;

/// When it is due, and a number to tell apart those that are due at once.
type Key = (Instant, u64);

/// A timer that is set.
struct Set {
    timer: *mut nt::KTIMER,
    period: Duration,
}

// SAFETY: a timer object is shared between processors by its nature; the database's lock orders
// access to it.
unsafe impl Send for Set {}

/// The timers that are set, by due time and by address.
pub(crate) struct TimerQueue {
    due: BTreeMap<Key, Set>,
    keys: BTreeMap<usize, Key>,
    serial: u64,
}

/// Told when an earlier timer than all before is set.
static EARLIER: Condvar = Condvar::new();

impl TimerQueue {
    pub(crate) const fn new() -> Self {
        Self { due: BTreeMap::new(), keys: BTreeMap::new(), serial: 0 }
    }

    fn insert(&mut self, due: Instant, set: Set) {
        self.serial += 1;
        let key = (due, self.serial);
        self.keys.insert(set.timer as usize, key);
        self.due.insert(key, set);
        if self.due.first_key_value().is_some_and(|(first, _)| *first == key) {
            EARLIER.notify_one();
        }
    }

    fn remove(&mut self, timer: *mut nt::KTIMER) -> bool {
        let key = self.keys.remove(&(timer as usize));
        key.is_some_and(|key| self.due.remove(&key).is_some())
    }

    /// The first timer, if it is due by `now`.
    fn pop(&mut self, now: Instant) -> Option<(Instant, Set)> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((due, _), set) = entry.remove_entry();
        self.keys.remove(&(set.timer as usize));
        Some((due, set))
    }

    fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }
}

/// A timer that is set and lies in `range`.
#[must_use]
pub(crate) fn find_in(range: &Range<usize>) -> Option<usize> {
    let mut database = Database::lock();
    database.timers().keys.range(range.clone()).next().map(|(&address, _)| address)
}

fn run() {
    loop {
        let state = Database::mutex().lock().unwrap_or_else(PoisonError::into_inner);
        let state = match state.timers.next() {
            Some(due) if due > clock::now() => EARLIER.wait_until(Database::mutex(), state, due),
            Some(_) => state,
            None => EARLIER.wait(Database::mutex(), state),
        };
        irql::set(DISPATCH_LEVEL);
        let mut database = Database::from_guard(state);
        while let Some((due, set)) = database.timers().pop(clock::now()) {
            expire(&mut database, due, set);
        }
        drop(database);
        irql::set(PASSIVE_LEVEL);
    }
}

fn expire(database: &mut Database, due: Instant, set: Set) {
    let Set { timer, period } = set;
    // SAFETY: what is set is a timer object; a driver that frees a set timer gets what it gets on
    // Windows, a fault at DISPATCH_LEVEL or a corrupted heap.
    let object = unsafe { Object::at(timer.cast()) };
    object.kind();
    if period.is_zero() {
        object.set_inserted(false);
    } else {
        // From when it was due, so that a period does not drift; but periods that the host slept
        // through are not made up for.
        let next = (due + period).max(clock::now());
        database.timers().insert(next, set);
    }
    object.set_state(1);
    database.signal(object);
    // SAFETY: as before.
    let dpc = unsafe { &raw const (*timer).Dpc };
    // SAFETY: as before.
    let dpc = unsafe { dpc.read_volatile() };
    if !dpc.is_null() {
        let now = time::system_time();
        let halves = [now & 0xffff_ffff, now >> 32].map(|half| half as usize as *mut c_void);
        // SAFETY: the driver gave the DPC with the timer.
        unsafe { dpc::insert(dpc, halves) };
    }
}

/// Makes a notification timer.
///
/// Page: wdm/nf-wdm-keinitializetimer.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`. The timer has to lie in resident memory.
///
/// # Safety
/// `timer` points to storage for a `KTIMER` that is not set.
pub unsafe extern "win64" fn KeInitializeTimer(timer: *mut nt::KTIMER) {
    // SAFETY: the caller vouches for it.
    unsafe { KeInitializeTimerEx(timer, 0) };
}

/// Makes a timer: 0 a notification timer, 1 a synchronization timer.
///
/// Page: wdm/nf-wdm-keinitializetimerex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`. The timer has to lie in resident memory.
///
/// # Safety
/// `timer` points to storage for a `KTIMER` that is not set.
pub unsafe extern "win64" fn KeInitializeTimerEx(timer: *mut nt::KTIMER, kind: i32) {
    const SYNCHRONIZATION_TIMER: i32 = 1;
    let kind = match kind {
        SYNCHRONIZATION_TIMER => Kind::SynchronizationTimer,
        _ => Kind::NotificationTimer,
    };
    // SAFETY: the caller vouches for the storage; every field of a KTIMER may be zero.
    unsafe { timer.write_bytes(0, 1) };
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(timer.cast()) };
    object.initialize(kind, size_of::<nt::KTIMER>(), 0);
}

/// Sets a timer that expires once. TRUE if it was set before.
///
/// Page: wdm/nf-wdm-kesettimer.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`KeSetTimerEx`].
pub unsafe extern "win64" fn KeSetTimer(
    timer: *mut nt::KTIMER,
    due: i64,
    dpc: *mut nt::KDPC,
) -> u8 {
    // SAFETY: the caller vouches for it.
    unsafe { KeSetTimerEx(timer, due, 0, dpc) }
}

/// Sets a timer: it is not signalled until it is due, and then its DPC is queued; with a period, in
/// milliseconds, again and again. TRUE if it was set before, which is cancelled.
///
/// Page: wdm/nf-wdm-kesettimerex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `timer` points to an initialised `KTIMER`, `dpc` is null or points to an initialised `KDPC`, and
/// both stay until the timer has expired or was cancelled.
pub unsafe extern "win64" fn KeSetTimerEx(
    timer: *mut nt::KTIMER,
    due: i64,
    period: i32,
    dpc: *mut nt::KDPC,
) -> u8 {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        ps::spawn_system("timer", run);
    });
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(timer.cast()) };
    let mut database = Database::lock();
    object.kind();
    let was_set = database.timers().remove(timer);
    // SAFETY: the caller vouches for it, and the lock's holder alone changes it.
    let fields = unsafe { &mut *timer };
    fields.Dpc = dpc;
    fields.Period = period.max(0) as u32;
    object.set_state(0);
    object.set_inserted(true);
    let period = Duration::from_millis(u64::from(fields.Period));
    database.timers().insert(time::due(due), Set { timer, period });
    u8::from(was_set)
}

/// Cancels a timer. TRUE if it was set. A DPC of it that is queued already runs nevertheless.
///
/// Page: wdm/nf-wdm-kecanceltimer.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `timer` points to an initialised `KTIMER`.
pub unsafe extern "win64" fn KeCancelTimer(timer: *mut nt::KTIMER) -> u8 {
    // SAFETY: the caller vouches for it.
    let object = unsafe { Object::at(timer.cast()) };
    let mut database = Database::lock();
    object.kind();
    let was_set = database.timers().remove(timer);
    if was_set {
        object.set_inserted(false);
    }
    u8::from(was_set)
}

/// Whether a timer is signalled.
///
/// Page: wdm/nf-wdm-kereadstatetimer.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `timer` points to an initialised `KTIMER`.
pub unsafe extern "win64" fn KeReadStateTimer(timer: *mut nt::KTIMER) -> u8 {
    // SAFETY: the caller vouches for it.
    u8::from(unsafe { Object::at(timer.cast()) }.state() > 0)
}

crate::exports! {
    /// Timer objects.
    pub EXPORTS = [
        KeInitializeTimer(_),
        KeInitializeTimerEx(_, _),
        KeSetTimer(_, _, _),
        KeSetTimerEx(_, _, _, _),
        KeCancelTimer(_),
        KeReadStateTimer(_),
    ];
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::ke::dispatcher::wait::Timeout;
    use crate::ke::event;

    const MILLISECOND: i64 = 10_000;

    struct Timer(Box<MaybeUninit<nt::KTIMER>>);

    impl Timer {
        fn new(kind: i32) -> Self {
            let mut place = Box::new(MaybeUninit::uninit());
            // SAFETY: the place is a timer's.
            unsafe { KeInitializeTimerEx(place.as_mut_ptr(), kind) };
            Self(place)
        }

        fn get(&self) -> *mut nt::KTIMER {
            self.0.as_ptr().cast_mut()
        }

        fn set(&self, due: i64, period: i32, dpc: *mut nt::KDPC) -> u8 {
            // SAFETY: it is a timer, and the tests' DPCs are DPCs.
            unsafe { KeSetTimerEx(self.get(), due, period, dpc) }
        }

        fn cancel(&self) -> u8 {
            // SAFETY: it is a timer.
            unsafe { KeCancelTimer(self.get()) }
        }

        fn state(&self) -> u8 {
            // SAFETY: it is a timer.
            unsafe { KeReadStateTimer(self.get()) }
        }

        fn wait(&self) -> bool {
            let limit = Instant::now() + Duration::from_secs(10);
            // SAFETY: it is a dispatcher object.
            unsafe { event::wait(self.get().cast(), Timeout::At(limit)) }
        }
    }

    #[test]
    fn a_notification_timer_stays_signaled_and_a_synchronization_timer_does_not() {
        for (kind, after) in [(0, 1), (1, 0)] {
            let timer = Timer::new(kind);
            let start = Instant::now();
            assert_eq!(timer.set(-15 * MILLISECOND, 0, ptr::null_mut()), 0);
            assert_eq!(timer.state(), 0);
            assert!(timer.wait());
            assert!(start.elapsed() >= Duration::from_millis(15));
            assert_eq!((timer.state(), timer.cancel()), (after, 0));
        }
    }

    #[test]
    fn timers_expire_in_the_order_in_which_they_are_due() {
        let (late, soon) = (Timer::new(0), Timer::new(0));
        late.set(-300 * MILLISECOND, 0, ptr::null_mut());
        soon.set(time::system_time() + 10 * MILLISECOND, 0, ptr::null_mut());
        assert!(soon.wait());
        assert_eq!(late.state(), 0);
        assert!(late.wait());
    }

    #[test]
    fn a_cancelled_timer_never_expires() {
        let timer = Timer::new(0);
        assert_eq!(timer.set(-10_000 * MILLISECOND, 0, ptr::null_mut()), 0);
        let range = timer.get() as usize..timer.get() as usize + 64;
        assert_eq!(find_in(&range), Some(range.start));
        // Setting it again cancels it, and says so.
        assert_eq!(timer.set(-20 * MILLISECOND, 0, ptr::null_mut()), 1);
        assert_eq!((timer.cancel(), timer.cancel()), (1, 0));
        assert_eq!(find_in(&range), None);
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(timer.state(), 0);
    }

    unsafe extern "win64" fn count(
        _dpc: *mut nt::KDPC,
        counter: *mut c_void,
        low: *mut c_void,
        high: *mut c_void,
    ) {
        let time = (high as i64) << 32 | low as i64;
        if (time::system_time() - time).abs() < 10_000 * MILLISECOND {
            // SAFETY: the test passes a counter.
            unsafe { &*counter.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_periodic_timer_queues_its_dpc_until_it_is_cancelled() {
        let counter = AtomicUsize::new(0);
        let mut dpc = MaybeUninit::<nt::KDPC>::uninit();
        let context = (&raw const counter).cast_mut().cast();
        // SAFETY: the place is a DPC's.
        unsafe { dpc::KeInitializeDpc(dpc.as_mut_ptr(), Some(count), context) };
        let timer = Timer::new(1);
        timer.set(-MILLISECOND, 5, dpc.as_mut_ptr());
        let limit = Instant::now() + Duration::from_secs(10);
        while counter.load(Ordering::SeqCst) < 5 && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(timer.cancel(), 1);
        dpc::KeFlushQueuedDpcs();
        let counted = counter.load(Ordering::SeqCst);
        assert!(counted >= 5);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(counter.load(Ordering::SeqCst), counted);
    }
}
