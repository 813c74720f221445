//! Fast mutexes and guarded mutexes.
//!
//! The count is 1 for a free mutex and less by one for its holder and each waiter; who releases it
//! hands it on by the event.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/fast-mutexes-and-guarded-mutexes.

use std::sync::atomic::{AtomicI32, Ordering};

use pagewise_lab_nt as nt;

use crate::ke::apc::{KeEnterGuardedRegion, KeLeaveGuardedRegion};
use crate::ke::ddi::{self, Rule};
use crate::ke::dispatcher::wait::Timeout;
use crate::ke::event;
use crate::ke::irql::{self, APC_LEVEL};
use crate::ke::thread::Current;
use crate::{bugcheck, verifier};

const IRQL_NOT_LESS_OR_EQUAL: u32 = 0xA;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_ACQUIRE: u64 = 0x33;
const VERIFIER_RELEASE: u64 = 0x34;
const VERIFIER_ACQUIRE_UNSAFE: u64 = 0x39;
const VERIFIER_RELEASE_UNSAFE: u64 = 0x3A;
const VERIFIER_SELF_DEADLOCK: u64 = 0x1000;
const VERIFIER_WRONG_THREAD: u64 = 0x1004;

type Mutex = nt::FAST_MUTEX;

fn count<'a>(mutex: *mut Mutex) -> &'a AtomicI32 {
    // SAFETY: the callers of this module's routines vouch for the mutex while they use it.
    let count = unsafe { &raw mut (*mutex).Count };
    // SAFETY: as above, and the reference does not outlive the routine.
    unsafe { AtomicI32::from_ptr(count) }
}

fn owner(mutex: *mut Mutex) -> usize {
    // SAFETY: as in `count`.
    let owner = unsafe { &raw const (*mutex).Owner };
    // SAFETY: as in `count`; only whether it is this thread matters, and this thread knows.
    unsafe { owner.read_volatile() as usize }
}

fn set_owner(mutex: *mut Mutex, thread: usize) {
    // SAFETY: as in `count`.
    let owner = unsafe { &raw mut (*mutex).Owner };
    // SAFETY: as in `count`, and the holder alone writes it.
    unsafe { owner.write_volatile(thread as _) };
}

fn take(mutex: *mut Mutex) {
    let me = Current::get().address();
    if count(mutex).fetch_sub(1, Ordering::Acquire) != 1 {
        if owner(mutex) == me {
            // It would wait for itself forever, so this is reported with the verifier off, too.
            violation([VERIFIER_SELF_DEADLOCK, mutex as u64, 0, 0]);
        }
        // SAFETY: as in `count`.
        let event = unsafe { &raw mut (*mutex).Event };
        // SAFETY: as in `count`; ExInitializeFastMutex, inline in the driver, made the event.
        unsafe { event::wait(event.cast(), Timeout::Never) };
    }
    set_owner(mutex, me);
}

fn try_take(mutex: *mut Mutex) -> bool {
    let taken = count(mutex).compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok();
    if taken {
        set_owner(mutex, Current::get().address());
    }
    taken
}

fn give(mutex: *mut Mutex) {
    let (me, owner) = (Current::get().address(), owner(mutex));
    if owner != me {
        violation([VERIFIER_WRONG_THREAD, mutex as u64, owner as u64, me as u64]);
    }
    set_owner(mutex, 0);
    if count(mutex).fetch_add(1, Ordering::Release) != 0 {
        // SAFETY: as in `count`.
        let event = unsafe { &raw mut (*mutex).Event };
        // SAFETY: as in `take`.
        unsafe { event::set(event) };
    }
}

#[cold]
fn violation(parameters: [u64; 4]) -> ! {
    bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
}

fn require(holds: bool, subcode: u64, mutex: *mut Mutex) {
    if !holds && verifier::active() {
        violation([subcode, u64::from(irql::current()), mutex as u64, 0]);
    }
}

fn old_irql(mutex: *mut Mutex) -> *mut u32 {
    // SAFETY: as in `count`.
    unsafe { &raw mut (*mutex).OldIrql }
}

/// Raises to `APC_LEVEL` for an acquire.
fn raise(mutex: *mut Mutex) -> u8 {
    let irql = irql::current();
    require(irql <= APC_LEVEL, VERIFIER_ACQUIRE, mutex);
    ddi::at_most(APC_LEVEL, Rule::ExApcLte1);
    if irql > APC_LEVEL {
        let parameters = [mutex as u64, u64::from(irql), 0, 0];
        bugcheck::bug_check(IRQL_NOT_LESS_OR_EQUAL, parameters);
    }
    irql::raise(APC_LEVEL)
}

/// Takes a fast mutex, and goes on at `APC_LEVEL`.
///
/// Page: wdm/nf-wdm-exacquirefastmutex. A thread that holds it already is bug check 0xC4/0x1000.
///
/// # IRQL
/// <= `APC_LEVEL`; else bug check 0xC4/0x33 with the verifier on, and 0xA without.
///
/// # Safety
/// `mutex` points to an initialised `FAST_MUTEX`.
pub unsafe extern "win64" fn ExAcquireFastMutex(mutex: *mut Mutex) {
    let old = raise(mutex);
    take(mutex);
    // SAFETY: the caller vouches for it, and now it is this thread's.
    unsafe { old_irql(mutex).write_volatile(u32::from(old)) };
}

/// Takes a fast mutex if it is free, and goes on at `APC_LEVEL` then. Whether it was free.
///
/// Page: wdm/nf-wdm-extrytoacquirefastmutex.
///
/// # IRQL
/// As [`ExAcquireFastMutex`].
///
/// # Safety
/// As [`ExAcquireFastMutex`].
pub unsafe extern "win64" fn ExTryToAcquireFastMutex(mutex: *mut Mutex) -> u8 {
    let old = raise(mutex);
    if !try_take(mutex) {
        irql::lower(old);
        return 0;
    }
    // SAFETY: the caller vouches for it, and now it is this thread's.
    unsafe { old_irql(mutex).write_volatile(u32::from(old)) };
    1
}

/// Releases a fast mutex, and restores the IRQL.
///
/// Page: wdm/nf-wdm-exreleasefastmutex. One that the thread does not hold is bug check 0xC4/0x1004.
///
/// # IRQL
/// `APC_LEVEL`; else bug check 0xC4/0x34 with the verifier on.
///
/// # Safety
/// As [`ExAcquireFastMutex`].
pub unsafe extern "win64" fn ExReleaseFastMutex(mutex: *mut Mutex) {
    require(irql::current() == APC_LEVEL, VERIFIER_RELEASE, mutex);
    // SAFETY: the caller vouches for it, and it is this thread's.
    let old = unsafe { old_irql(mutex).read_volatile() };
    give(mutex);
    irql::lower(old as u8);
}

/// Takes a fast mutex where APCs are disabled already; the IRQL stays.
///
/// Page: wdm/nf-wdm-exacquirefastmutexunsafe.
///
/// # IRQL
/// <= `APC_LEVEL`, with APCs disabled; else bug check 0xC4/0x39 with the verifier on.
///
/// # Safety
/// As [`ExAcquireFastMutex`].
pub unsafe extern "win64" fn ExAcquireFastMutexUnsafe(mutex: *mut Mutex) {
    require(apcs_disabled(), VERIFIER_ACQUIRE_UNSAFE, mutex);
    take(mutex);
}

/// Releases what [`ExAcquireFastMutexUnsafe`] took.
///
/// Page: wdm/nf-wdm-exreleasefastmutexunsafe.
///
/// # IRQL
/// <= `APC_LEVEL`, with APCs disabled; else bug check 0xC4/0x3A with the verifier on.
///
/// # Safety
/// As [`ExAcquireFastMutex`].
pub unsafe extern "win64" fn ExReleaseFastMutexUnsafe(mutex: *mut Mutex) {
    require(apcs_disabled(), VERIFIER_RELEASE_UNSAFE, mutex);
    give(mutex);
}

fn apcs_disabled() -> bool {
    irql::current() == APC_LEVEL || crate::ke::apc::disabled() != 0
}

/// Makes a free guarded mutex. (`ExInitializeFastMutex` is inline in the driver.)
///
/// Page: wdm/nf-wdm-keinitializeguardedmutex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mutex` points to storage for a `KGUARDED_MUTEX`.
pub unsafe extern "win64" fn KeInitializeGuardedMutex(mutex: *mut Mutex) {
    // SAFETY: the caller vouches for it; every field may be zero.
    unsafe { mutex.write_bytes(0, 1) };
    count(mutex).store(1, Ordering::Release);
    // SAFETY: as above.
    let event = unsafe { &raw mut (*mutex).Event };
    // SAFETY: as above.
    unsafe { event::initialize(event, event::Kind::Synchronization, false) };
}

/// Enters a guarded region, and takes a guarded mutex.
///
/// Page: wdm/nf-wdm-keacquireguardedmutex.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `mutex` points to an initialised `KGUARDED_MUTEX`.
pub unsafe extern "win64" fn KeAcquireGuardedMutex(mutex: *mut Mutex) {
    ddi::at_most(APC_LEVEL, Rule::KeApcLte1);
    KeEnterGuardedRegion();
    take(mutex);
}

/// Enters a guarded region, and takes a guarded mutex, if it is free. Whether it was.
///
/// Page: wdm/nf-wdm-ketrytoacquireguardedmutex.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `mutex` points to an initialised `KGUARDED_MUTEX`.
pub unsafe extern "win64" fn KeTryToAcquireGuardedMutex(mutex: *mut Mutex) -> u8 {
    ddi::at_most(APC_LEVEL, Rule::KeApcLte1);
    KeEnterGuardedRegion();
    let taken = try_take(mutex);
    if !taken {
        KeLeaveGuardedRegion();
    }
    u8::from(taken)
}

/// Releases a guarded mutex, and leaves the guarded region.
///
/// Page: wdm/nf-wdm-kereleaseguardedmutex.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `mutex` points to an initialised `KGUARDED_MUTEX`.
pub unsafe extern "win64" fn KeReleaseGuardedMutex(mutex: *mut Mutex) {
    ddi::at_most(APC_LEVEL, Rule::KeApcLte1);
    give(mutex);
    KeLeaveGuardedRegion();
}

crate::exports! {
    /// Fast mutexes and guarded mutexes.
    pub EXPORTS = [
        ExAcquireFastMutex(_),
        ExTryToAcquireFastMutex(_),
        ExReleaseFastMutex(_),
        ExAcquireFastMutexUnsafe(_),
        ExReleaseFastMutexUnsafe(_),
        KeInitializeGuardedMutex(_),
        KeAcquireGuardedMutex(_),
        KeTryToAcquireGuardedMutex(_),
        KeReleaseGuardedMutex(_),
    ];
}

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;
    use std::mem::MaybeUninit;

    use super::*;
    use crate::ke::testing::{dies, verify};

    struct Shared {
        mutex: UnsafeCell<MaybeUninit<Mutex>>,
        number: UnsafeCell<u64>,
    }

    // SAFETY: the mutex is made to be shared, and guards the number.
    unsafe impl Sync for Shared {}

    impl Shared {
        fn new() -> Box<Self> {
            let shared = Box::new(Self {
                mutex: UnsafeCell::new(MaybeUninit::uninit()),
                number: UnsafeCell::new(0),
            });
            // SAFETY: the place is a mutex's, and stays.
            unsafe { KeInitializeGuardedMutex(shared.mutex()) };
            shared
        }

        fn mutex(&self) -> *mut Mutex {
            self.mutex.get().cast()
        }

        fn add_one(&self) {
            // SAFETY: the mutex guards it.
            let number = unsafe { &mut *self.number.get() };
            let value = *number;
            std::hint::black_box(());
            *number = value + 1;
        }
    }

    fn acquire(mutex: *mut Mutex) {
        // SAFETY: the tests pass a mutex.
        unsafe { ExAcquireFastMutex(mutex) };
    }

    fn release(mutex: *mut Mutex) {
        // SAFETY: the tests pass a mutex.
        unsafe { ExReleaseFastMutex(mutex) };
    }

    #[test]
    fn a_fast_mutex_excludes_and_restores_the_irql() {
        let shared = Shared::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        acquire(shared.mutex());
                        let inside = irql::current();
                        shared.add_one();
                        release(shared.mutex());
                        assert_eq!((inside, irql::current()), (APC_LEVEL, irql::PASSIVE_LEVEL));
                    }
                });
            }
        });
        // SAFETY: nobody else is left.
        assert_eq!(unsafe { *shared.number.get() }, 8000);
        assert_eq!(count(shared.mutex()).load(Ordering::Relaxed), 1);
    }

    #[test]
    fn trying_does_not_wait() {
        let shared = Shared::new();
        // SAFETY: it is a mutex.
        assert_eq!(unsafe { ExTryToAcquireFastMutex(shared.mutex()) }, 1);
        let other = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // SAFETY: it is a mutex.
                let taken = unsafe { ExTryToAcquireFastMutex(shared.mutex()) };
                (taken, irql::current())
            });
            thread.join().unwrap()
        });
        release(shared.mutex());
        assert_eq!(other, (0, irql::PASSIVE_LEVEL));
    }

    #[test]
    fn a_guarded_mutex_disables_apcs_and_leaves_the_irql() {
        let shared = Shared::new();
        // SAFETY: it is a mutex.
        unsafe { KeAcquireGuardedMutex(shared.mutex()) };
        let inside = (irql::current(), crate::ke::apc::KeAreAllApcsDisabled());
        // SAFETY: it is held.
        unsafe { KeReleaseGuardedMutex(shared.mutex()) };
        assert_eq!(inside, (irql::PASSIVE_LEVEL, 1));
        assert_eq!(crate::ke::apc::KeAreAllApcsDisabled(), 0);
    }

    dies!(
        one_taken_twice,
        {
            let shared = Shared::new();
            acquire(shared.mutex());
            acquire(shared.mutex());
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x1000))
    );

    dies!(
        one_released_by_another,
        {
            let shared = Shared::new();
            std::thread::scope(|scope| {
                // SAFETY: it is a mutex.
                scope.spawn(|| unsafe { ExAcquireFastMutexUnsafe(shared.mutex()) });
            });
            acquire(Shared::new().mutex());
            release(shared.mutex());
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x1004))
    );

    dies!(
        one_taken_at_dispatch_level,
        {
            irql::raise(irql::DISPATCH_LEVEL);
            acquire(Shared::new().mutex());
        },
        |code, parameters| assert_eq!((code, parameters[1]), (0xA, 2))
    );

    dies!(
        one_taken_at_dispatch_level_under_the_verifier,
        {
            verify();
            irql::raise(irql::DISPATCH_LEVEL);
            acquire(Shared::new().mutex());
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x33))
    );

    dies!(
        one_taken_without_apcs_disabled_under_the_verifier,
        {
            verify();
            // SAFETY: it is a mutex.
            unsafe { ExAcquireFastMutexUnsafe(Shared::new().mutex()) };
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x39))
    );
}
