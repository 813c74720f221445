//! Waits, and who ends them.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Verifier;

use super::event::{KeInitializeEvent, KePulseEvent, KeReadStateEvent, KeResetEvent, KeSetEvent};
use super::mutex::{KeInitializeMutex, KeReadStateMutex, KeReleaseMutex};
use super::semaphore::{KeInitializeSemaphore, KeReadStateSemaphore, KeReleaseSemaphore};
use super::wait::{KeDelayExecutionThread, KeWaitForMultipleObjects, KeWaitForSingleObject};
use super::{Database, Object};
use crate::ke::testing::{dies, verify};
use crate::ke::{apc, irql, time};
use crate::mm::pool;
use crate::{mm, verifier};

const NOTIFICATION: i32 = 0;
const SYNCHRONIZATION: i32 = 1;
const WAIT_ALL: i32 = 0;
const WAIT_ANY: i32 = 1;
const MILLISECOND: i64 = 10_000;

/// An object at a fixed place.
struct At<T>(Box<MaybeUninit<T>>);

impl<T> At<T> {
    fn new(initialize: impl FnOnce(*mut T)) -> Self {
        let mut place = Box::new(MaybeUninit::uninit());
        initialize(place.as_mut_ptr());
        Self(place)
    }

    fn get(&self) -> *mut T {
        self.0.as_ptr().cast_mut()
    }

    fn address(&self) -> usize {
        self.get() as usize
    }
}

// SAFETY: dispatcher objects are made to be shared.
unsafe impl<T> Sync for At<T> {}

fn event(kind: i32, state: u8) -> At<nt::KEVENT> {
    // SAFETY: the place is an event's.
    At::new(|place| unsafe { KeInitializeEvent(place, kind, state) })
}

fn mutex() -> At<nt::KMUTANT> {
    // SAFETY: the place is a mutex's.
    At::new(|place| unsafe { KeInitializeMutex(place, 0) })
}

fn semaphore(count: i32, limit: i32) -> At<nt::KSEMAPHORE> {
    // SAFETY: the place is a semaphore's.
    At::new(|place| unsafe { KeInitializeSemaphore(place, count, limit) })
}

fn set(event: &At<nt::KEVENT>) -> i32 {
    // SAFETY: it is an event.
    unsafe { KeSetEvent(event.get(), 0, 0) }
}

fn state(event: &At<nt::KEVENT>) -> i32 {
    // SAFETY: it is an event.
    unsafe { KeReadStateEvent(event.get()) }
}

fn release(mutex: &At<nt::KMUTANT>) -> i32 {
    // SAFETY: it is a mutex.
    unsafe { KeReleaseMutex(mutex.get(), 0) }
}

fn wait<T>(object: &At<T>, timeout: Option<i64>) -> i32 {
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: it is a dispatcher object.
    unsafe { KeWaitForSingleObject(object.get().cast(), 0, 0, 0, timeout) }
}

fn wait_many(objects: &[usize], kind: i32, timeout: Option<i64>) -> i32 {
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = objects.len() as u32;
    // An `Object` is an address.
    let objects = objects.as_ptr().cast::<Object>();
    let blocks = ptr::dangling_mut();
    // SAFETY: they are dispatcher objects.
    unsafe { KeWaitForMultipleObjects(count, objects, kind, 0, 0, 0, timeout, blocks) }
}

/// Until somebody waits for it.
fn until_waited_for<T>(object: &At<T>) {
    // SAFETY: it is a dispatcher object.
    let object = unsafe { Object::at(object.get().cast()) };
    while Database::lock().waiters(object) == 0 {
        thread::yield_now();
    }
}

#[test]
fn a_notification_event_stays_and_a_synchronization_event_does_not() {
    for (kind, after) in [(NOTIFICATION, 1), (SYNCHRONIZATION, 0)] {
        let event = event(kind, 0);
        assert_eq!(wait(&event, Some(0)), nt::STATUS_TIMEOUT);
        assert_eq!([set(&event), set(&event)], [0, 1]);
        assert_eq!(wait(&event, None), nt::STATUS_SUCCESS);
        assert_eq!(state(&event), after);
        // SAFETY: it is an event.
        assert_eq!(unsafe { KeResetEvent(event.get()) }, after);
        assert_eq!(wait(&event, Some(0)), nt::STATUS_TIMEOUT);
    }
}

#[test]
fn setting_wakes_all_waiters_or_one() {
    for (kind, woken) in [(NOTIFICATION, 3), (SYNCHRONIZATION, 1)] {
        let (event, awake) = (event(kind, 0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    assert_eq!(wait(&event, None), nt::STATUS_SUCCESS);
                    awake.fetch_add(1, Ordering::SeqCst);
                });
            }
            // All three, since each entry is a thread's.
            // SAFETY: it is an event.
            let object = unsafe { Object::at(event.get().cast()) };
            while Database::lock().waiters(object) < 3 {
                thread::yield_now();
            }
            set(&event);
            thread::sleep(Duration::from_millis(30));
            assert_eq!(awake.load(Ordering::SeqCst), woken);
            while awake.load(Ordering::SeqCst) < 3 {
                set(&event);
                thread::yield_now();
            }
        });
    }
}

#[test]
fn a_pulse_ends_the_waits_there_are_and_leaves_nothing() {
    let event = event(NOTIFICATION, 0);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(wait(&event, None), nt::STATUS_SUCCESS));
        until_waited_for(&event);
        // SAFETY: it is an event.
        assert_eq!(unsafe { KePulseEvent(event.get(), 0, 0) }, 0);
    });
    assert_eq!(state(&event), 0);
}

#[test]
fn two_threads_take_turns() {
    let (ping, pong) = (event(SYNCHRONIZATION, 0), event(SYNCHRONIZATION, 0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2000 {
                assert_eq!(wait(&ping, None), nt::STATUS_SUCCESS);
                assert_eq!(set(&pong), 0);
            }
        });
        for _ in 0..2000 {
            assert_eq!(set(&ping), 0);
            assert_eq!(wait(&pong, None), nt::STATUS_SUCCESS);
        }
    });
}

#[test]
fn a_timeout_is_an_interval_or_a_date_and_never_early() {
    let event = event(NOTIFICATION, 0);
    let interval = || -20 * MILLISECOND;
    let date = || time::system_time() + 20 * MILLISECOND;
    for timeout in [interval as fn() -> i64, date] {
        let start = Instant::now();
        assert_eq!(wait(&event, Some(timeout())), nt::STATUS_TIMEOUT);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(19), "{waited:?}");
        assert!(waited < Duration::from_secs(5), "{waited:?}");
    }
    let start = Instant::now();
    // SAFETY: the interval can be read.
    let status = unsafe { KeDelayExecutionThread(0, 0, &(-10 * MILLISECOND)) };
    assert_eq!(status, nt::STATUS_SUCCESS);
    assert!(start.elapsed() >= Duration::from_millis(10));
}

#[test]
fn timeouts_that_race_with_releases_lose_nothing() {
    const RELEASES: i32 = 3000;
    let semaphore = semaphore(0, i32::MAX);
    let taken = AtomicU32::new(0);
    let done = event(NOTIFICATION, 0);
    thread::scope(|scope| {
        for waiter in 0..3 {
            let (semaphore, taken, done) = (&semaphore, &taken, &done);
            scope.spawn(move || {
                while wait(done, Some(0)) == nt::STATUS_TIMEOUT {
                    if wait(semaphore, Some(-(waiter * 50) - 1)) == nt::STATUS_SUCCESS {
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for _ in 0..RELEASES {
            // SAFETY: it is a semaphore.
            unsafe { KeReleaseSemaphore(semaphore.get(), 0, 1, 0) };
            std::hint::spin_loop();
        }
        set(&done);
    });
    // SAFETY: it is a semaphore.
    let left = unsafe { KeReadStateSemaphore(semaphore.get()) };
    assert_eq!(taken.load(Ordering::SeqCst) as i32 + left, RELEASES);
}

#[test]
fn waiting_for_any_takes_the_first_that_is_signaled() {
    let (first, second) = (event(SYNCHRONIZATION, 0), event(SYNCHRONIZATION, 1));
    let third = semaphore(2, 2);
    let all = [first.address(), second.address(), third.address()];
    assert_eq!(wait_many(&all, WAIT_ANY, None), 1);
    assert_eq!(wait_many(&all, WAIT_ANY, None), 2);
    set(&first);
    assert_eq!(wait_many(&all, WAIT_ANY, None), 0);
    // SAFETY: it is a semaphore.
    assert_eq!(unsafe { KeReadStateSemaphore(third.get()) }, 1);
    thread::scope(|scope| {
        assert_eq!(wait_many(&all, WAIT_ANY, None), 2);
        scope.spawn(|| assert_eq!(wait_many(&all, WAIT_ANY, None), 1));
        until_waited_for(&third);
        set(&second);
    });
}

#[test]
fn waiting_for_all_takes_nothing_until_it_has_everything() {
    let (first, second) = (event(SYNCHRONIZATION, 1), mutex());
    let both = [first.address(), second.address()];
    wait(&second, None);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let status = wait_many(&both, WAIT_ALL, None);
            (status, release(&second))
        });
        until_waited_for(&second);
        assert_eq!(state(&first), 1);
        assert_eq!(release(&second), 0);
        assert_eq!(waiter.join().unwrap(), (nt::STATUS_SUCCESS, 0));
    });
    assert_eq!(state(&first), 0);
    assert_eq!(wait_many(&both, WAIT_ALL, Some(-MILLISECOND)), nt::STATUS_TIMEOUT);
}

#[test]
fn a_mutex_excludes_and_counts_its_owner_s_turns() {
    let (mutex, number) = (mutex(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    wait(&mutex, None);
                    wait(&mutex, None);
                    let value = number.load(Ordering::Relaxed);
                    number.store(value + 1, Ordering::Relaxed);
                    assert_eq!(release(&mutex), -1);
                    assert_eq!(release(&mutex), 0);
                }
            });
        }
    });
    assert_eq!(number.into_inner(), 4000);
    // SAFETY: it is a mutex.
    assert_eq!(unsafe { KeReadStateMutex(mutex.get()) }, 1);
}

#[test]
fn a_mutex_disables_apcs_while_it_is_held() {
    let mutex = mutex();
    assert_eq!(apc::KeAreApcsDisabled(), 0);
    wait(&mutex, None);
    assert_eq!(apc::KeAreApcsDisabled(), 1);
    release(&mutex);
    assert_eq!(apc::KeAreApcsDisabled(), 0);
}

#[test]
fn a_wait_that_follows_restores_the_irql() {
    let event = event(SYNCHRONIZATION, 0);
    // SAFETY: it is an event.
    unsafe { KeSetEvent(event.get(), 0, 1) };
    let between = irql::current();
    let status = wait(&event, None);
    assert_eq!((between, status), (irql::DISPATCH_LEVEL, nt::STATUS_SUCCESS));
    assert_eq!(irql::current(), irql::PASSIVE_LEVEL);
}

#[test]
fn at_dispatch_level_one_may_set_and_look() {
    let event = event(SYNCHRONIZATION, 0);
    let old = irql::raise(irql::DISPATCH_LEVEL);
    let statuses = (wait(&event, Some(0)), set(&event), wait(&event, Some(0)));
    irql::lower(old);
    assert_eq!(statuses, (nt::STATUS_TIMEOUT, 0, nt::STATUS_SUCCESS));
}

dies!(
    a_wait_at_dispatch_level,
    {
        let event = event(SYNCHRONIZATION, 1);
        irql::raise(irql::DISPATCH_LEVEL);
        wait(&event, None);
    },
    |code, parameters| assert_eq!((code, parameters[1]), (0xA, 2))
);

dies!(
    a_wait_at_dispatch_level_under_the_verifier,
    {
        verify();
        let event = event(SYNCHRONIZATION, 1);
        irql::raise(irql::DISPATCH_LEVEL);
        wait(&event, Some(-1));
    },
    |code, parameters| assert_eq!((code, &parameters[..2]), (0xC4, &[0x3B, 2][..]))
);

dies!(
    an_event_that_nobody_initialised,
    {
        let event: At<nt::KEVENT> = At(Box::new(MaybeUninit::zeroed()));
        set(&event);
    },
    |code, parameters| assert_eq!((code, &parameters[..3]), (0xA, &[0, 2, 0][..]))
);

dies!(
    an_event_that_was_moved,
    {
        let event = event(SYNCHRONIZATION, 0);
        // SAFETY: bytes may be copied.
        let moved = At(Box::new(unsafe { event.get().cast::<MaybeUninit<nt::KEVENT>>().read() }));
        wait(&moved, Some(0));
    },
    |code, _| assert_eq!(code, 0xA)
);

dies!(
    a_mutex_that_another_holds,
    {
        release(&mutex());
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0x1E, 0xC000_0046))
);

dies!(
    a_semaphore_beyond_its_limit,
    {
        let semaphore = semaphore(1, 2);
        // SAFETY: it is a semaphore.
        unsafe { KeReleaseSemaphore(semaphore.get(), 0, 2, 0) };
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0x1E, 0xC000_0047))
);

dies!(
    too_many_objects,
    {
        let event = event(NOTIFICATION, 1);
        let objects = [Object::NULL; 65].map(|_| event.address());
        wait_many(&objects, WAIT_ANY, None);
    },
    |code, parameters| assert_eq!((code, &parameters[..2]), (0xC, &[65, 64][..]))
);

dies!(
    a_thread_that_ends_with_a_mutex,
    {
        let mutex = mutex();
        thread::scope(|scope| {
            scope.spawn(|| wait(&mutex, None));
        });
        thread::sleep(Duration::from_secs(5));
    },
    |code, _| assert_eq!(code, 0x4000_008A)
);

dies!(
    a_thread_that_ends_in_a_critical_region,
    {
        let thread = thread::spawn(|| apc::KeEnterCriticalRegion());
        // The thread's end is what dies, and it comes after the join.
        let _joined = thread.join();
        thread::sleep(Duration::from_secs(5));
    },
    |code, parameters| assert_eq!((code, parameters[1]), (0x20, 0xffff))
);

dies!(
    an_unbalanced_critical_region_under_the_verifier,
    {
        verify();
        apc::KeEnterCriticalRegion();
        apc::KeLeaveCriticalRegion();
        apc::KeLeaveCriticalRegion();
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x3E))
);

dies!(
    an_event_in_paged_pool,
    {
        let event = pool::allocate(pool::Kind::Paged, size_of::<nt::KEVENT>(), 0x7473_6554, 0);
        // SAFETY: the memory is an event's.
        unsafe { KeInitializeEvent(event.cast(), SYNCHRONIZATION, 0) };
        mm::trim();
        // Without the verifier it works for as long as its page is valid.
        // SAFETY: it is an event.
        unsafe { KeSetEvent(event.cast(), 0, 0) };
    },
    |code, parameters| assert_eq!((code, parameters[1]), (0xA, 2))
);

dies!(
    an_event_in_paged_pool_under_force_irql,
    {
        let event = pool::allocate(pool::Kind::Paged, size_of::<nt::KEVENT>(), 0x7473_6554, 0);
        verifier::set(&Verifier { force_irql: true, ..Verifier::default() });
        // SAFETY: the memory is an event's.
        unsafe { KeInitializeEvent(event.cast(), SYNCHRONIZATION, 0) };
    },
    |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0xE1))
);
