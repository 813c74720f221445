//! Spin locks.
//!
//! The lock is the driver's eight bytes; while it is held they contain the owning thread's address
//! with the low bit set, so that a lock taken twice and a lock released by somebody else are
//! reported rather than waited for. Taking it reads and writes the driver's memory at
//! `DISPATCH_LEVEL`: a lock in pageable memory dies here as it does on Windows.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::ke::ddi;
use crate::ke::irql::{self, DISPATCH_LEVEL};
use crate::ke::schedule;
use crate::ke::thread::Current;
use crate::{bugcheck, verifier};

const SPIN_LOCK_ALREADY_OWNED: u32 = 0xF;
const SPIN_LOCK_NOT_OWNED: u32 = 0x10;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const DPC_WATCHDOG_VIOLATION: u32 = 0x133;

const VERIFIER_RELEASE: u64 = 0x32;
const VERIFIER_ACQUIRE_AT_DPC: u64 = 0x40;
const VERIFIER_RELEASE_FROM_DPC: u64 = 0x41;
const VERIFIER_ACQUIRE: u64 = 0x42;

const FREE: usize = 0;
const HELD: usize = 1;

/// Spins before the host's scheduler is asked to let the owner run.
const SPINS: u32 = 200;

/// After this time at `DISPATCH_LEVEL` the lock will not come, and the watchdog bites.
const WATCHDOG: Duration = Duration::from_secs(20);

fn word<'a>(lock: *mut usize) -> &'a AtomicUsize {
    // SAFETY: the callers of this module's routines vouch for the lock's memory while they use it,
    // and the reference does not outlive the routine.
    unsafe { AtomicUsize::from_ptr(lock) }
}

/// Makes a lock free, whatever it was.
///
/// # Safety
/// `lock` points to a `KSPIN_LOCK`'s storage.
pub unsafe fn initialize(lock: *mut usize) {
    word(lock).store(FREE, Ordering::Release);
}

/// Raises the IRQL to `DISPATCH_LEVEL`, takes the lock, and returns the former IRQL.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
#[inline]
pub unsafe fn acquire(lock: *mut usize) -> u8 {
    let irql = irql::raise(DISPATCH_LEVEL);
    take(lock);
    irql
}

/// Releases the lock and restores the IRQL.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
#[inline]
pub unsafe fn release(lock: *mut usize, irql: u8) {
    give(lock);
    irql::lower(irql);
}

#[inline]
pub(crate) fn take(lock: *mut usize) {
    let owner = Current::get().address() | HELD;
    let taken = word(lock).compare_exchange(FREE, owner, Ordering::Acquire, Ordering::Relaxed);
    if taken.is_err() {
        contend(lock, owner);
    }
}

fn try_take(lock: *mut usize) -> bool {
    let owner = Current::get().address() | HELD;
    word(lock).compare_exchange(FREE, owner, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

#[inline]
pub(crate) fn give(lock: *mut usize) {
    let owner = Current::get().address() | HELD;
    let given = word(lock).compare_exchange(owner, FREE, Ordering::Release, Ordering::Relaxed);
    if let Err(found) = given {
        not_owned(lock, found);
    }
}

// Win64, as the cold paths of `irql`.
#[cold]
#[inline(never)]
extern "win64" fn contend(lock: *mut usize, owner: usize) {
    let mut spins = 0u32;
    let mut since = None;
    loop {
        let found = word(lock).load(Ordering::Relaxed);
        if found == owner {
            let parameters = [lock as u64, (owner & !HELD) as u64, 0, 0];
            bugcheck::bug_check(SPIN_LOCK_ALREADY_OWNED, parameters);
        }
        let free = found == FREE
            && word(lock)
                .compare_exchange_weak(FREE, owner, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if free {
            return;
        }
        schedule::give_way();
        spins += 1;
        if spins < SPINS {
            std::hint::spin_loop();
            continue;
        }
        // The owner may not be on a host processor at all; let it come to one.
        spins = 0;
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        if waited > WATCHDOG {
            bite(lock, found);
        }
        if waited < Duration::from_millis(1) {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// The second parameter is the watchdog's period, in ticks of the clock; the others are reserved,
/// and hold the lock and what was found in it.
#[cold]
fn bite(lock: *mut usize, found: usize) -> ! {
    const TICKS: u64 = WATCHDOG.as_micros() as u64 / 15_625;
    bugcheck::bug_check(DPC_WATCHDOG_VIOLATION, [1, TICKS, lock as u64, found as u64]);
}

#[cold]
#[inline(never)]
extern "win64" fn not_owned(lock: *mut usize, found: usize) -> ! {
    let me = Current::get().address() as u64;
    bugcheck::bug_check(SPIN_LOCK_NOT_OWNED, [lock as u64, found as u64, me, 0]);
}

#[cold]
#[inline(never)]
extern "win64" fn violation(subcode: u64, lock: *mut usize) -> ! {
    let parameters = [subcode, u64::from(irql::current()), lock as u64, 0];
    bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
}

/// Bug check 0xC4 with `subcode`, if the verifier is on and the IRQL is not as it has to be.
#[inline]
fn require(holds: bool, subcode: u64, lock: *mut usize) {
    if !holds && verifier::active() {
        violation(subcode, lock);
    }
}

/// Makes a lock that is free.
///
/// Page: wdm/nf-wdm-keinitializespinlock. In pageable memory it is bug check 0xC4/0xE1 under force
/// IRQL checking.
///
/// # IRQL
/// Any. The lock has to lie in resident memory.
///
/// # Safety
/// `lock` points to storage for a `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeInitializeSpinLock(lock: *mut usize) {
    ddi::require_resident(lock as usize);
    // SAFETY: the caller vouches for it.
    unsafe { initialize(lock) };
}

/// Raises the IRQL to `DISPATCH_LEVEL`, takes the lock and returns the former IRQL.
///
/// Page: wdm/nf-wdm-keacquirespinlockraisetodpc; `KeAcquireSpinLock` is this on x64. A lock that the
/// thread holds is bug check 0xF, and one that does not come in 20 s is 0x133.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`; above, bug check 0xC4/0x42 when the verifier is on, else as [`irql::raise`].
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeAcquireSpinLockRaiseToDpc(lock: *mut usize) -> u8 {
    require(irql::current() <= DISPATCH_LEVEL, VERIFIER_ACQUIRE, lock);
    // SAFETY: the caller vouches for it.
    unsafe { acquire(lock) }
}

/// Releases the lock and restores the IRQL.
///
/// Page: wdm/nf-wdm-kereleasespinlock. A lock that the thread does not hold is bug check 0x10.
///
/// # IRQL
/// `DISPATCH_LEVEL`; else bug check 0xC4/0x32 when the verifier is on.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeReleaseSpinLock(lock: *mut usize, irql: u8) {
    require(irql::current() == DISPATCH_LEVEL, VERIFIER_RELEASE, lock);
    // SAFETY: the caller vouches for it.
    unsafe { release(lock, irql) };
}

/// Takes the lock and leaves the IRQL as it is. Under force IRQL checking that too evicts
/// everything pageable.
///
/// Page: wdm/nf-wdm-keacquirespinlockatdpclevel.
///
/// # IRQL
/// >= `DISPATCH_LEVEL`; else bug check 0xC4/0x40 when the verifier is on.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeAcquireSpinLockAtDpcLevel(lock: *mut usize) {
    let irql = irql::current();
    require(irql >= DISPATCH_LEVEL, VERIFIER_ACQUIRE_AT_DPC, lock);
    if irql >= DISPATCH_LEVEL {
        irql::raise(irql);
    }
    take(lock);
}

/// Releases the lock and leaves the IRQL as it is.
///
/// Page: wdm/nf-wdm-kereleasespinlockfromdpclevel.
///
/// # IRQL
/// >= `DISPATCH_LEVEL`; else bug check 0xC4/0x41 when the verifier is on.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeReleaseSpinLockFromDpcLevel(lock: *mut usize) {
    require(irql::current() >= DISPATCH_LEVEL, VERIFIER_RELEASE_FROM_DPC, lock);
    give(lock);
}

/// Takes the lock if it is free, and leaves the IRQL as it is. TRUE if it was.
///
/// Page: wdm/nf-wdm-ketrytoacquirespinlockatdpclevel.
///
/// # IRQL
/// >= `DISPATCH_LEVEL`; else bug check 0xC4/0x40 when the verifier is on.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeTryToAcquireSpinLockAtDpcLevel(lock: *mut usize) -> u8 {
    require(irql::current() >= DISPATCH_LEVEL, VERIFIER_ACQUIRE_AT_DPC, lock);
    u8::from(try_take(lock))
}

/// Whether the lock is free now.
///
/// Page: wdm/nf-wdm-ketestspinlock.
///
/// # IRQL
/// Any.
///
/// # Safety
/// `lock` points to an initialised `KSPIN_LOCK`.
pub unsafe extern "win64" fn KeTestSpinLock(lock: *mut usize) -> u8 {
    u8::from(word(lock).load(Ordering::Relaxed) == FREE)
}

crate::exports! {
    /// Spin locks.
    pub EXPORTS = [
        KeInitializeSpinLock(_),
        KeAcquireSpinLockRaiseToDpc(_),
        KeReleaseSpinLock(_, _),
        KeAcquireSpinLockAtDpcLevel(_),
        KeReleaseSpinLockFromDpcLevel(_),
        "KefAcquireSpinLockAtDpcLevel" = KeAcquireSpinLockAtDpcLevel(_),
        "KefReleaseSpinLockFromDpcLevel" = KeReleaseSpinLockFromDpcLevel(_),
        KeTryToAcquireSpinLockAtDpcLevel(_),
        KeTestSpinLock(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::testing::{dies, verify};

    #[test]
    fn a_lock_excludes() {
        struct Shared(usize, u64);
        let mut shared = Shared(7, 0);
        let lock = &raw mut shared.0 as usize;
        let number = &raw mut shared.1 as usize;
        // SAFETY: it is a lock's storage.
        unsafe { KeInitializeSpinLock(lock as *mut usize) };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..5000 {
                        // SAFETY: it is a lock.
                        let irql = unsafe { KeAcquireSpinLockRaiseToDpc(lock as *mut usize) };
                        let number = number as *mut u64;
                        // SAFETY: the lock guards it.
                        let value = unsafe { number.read_volatile() };
                        // SAFETY: the lock guards it.
                        unsafe { number.write_volatile(value + 1) };
                        // SAFETY: it is a lock.
                        unsafe { KeReleaseSpinLock(lock as *mut usize, irql) };
                    }
                });
            }
        });
        assert_eq!((shared.0, shared.1), (0, 20_000));
        assert_eq!(irql::current(), irql::PASSIVE_LEVEL);
    }

    #[test]
    fn a_lock_that_is_held_is_not_had_by_trying() {
        let mut lock = 0;
        let lock = &raw mut lock;
        let old = irql::raise(DISPATCH_LEVEL);
        // SAFETY: it is a lock.
        let first = unsafe { KeTryToAcquireSpinLockAtDpcLevel(lock) };
        // SAFETY: it is a lock.
        let free = unsafe { KeTestSpinLock(lock) };
        // SAFETY: it is a lock.
        let second = unsafe { KeTryToAcquireSpinLockAtDpcLevel(lock) };
        // SAFETY: it is held.
        unsafe { KeReleaseSpinLockFromDpcLevel(lock) };
        irql::lower(old);
        assert_eq!((first, free, second), (1, 0, 0));
    }

    dies!(
        a_lock_taken_twice,
        {
            let mut lock = 0;
            for _ in 0..2 {
                // SAFETY: it is a lock.
                unsafe { KeAcquireSpinLockRaiseToDpc(&raw mut lock) };
            }
        },
        |code, _| assert_eq!(code, 0xF)
    );

    dies!(
        a_release_of_a_free_lock,
        {
            let mut lock = 0;
            // SAFETY: it is a lock.
            unsafe { KeReleaseSpinLock(&raw mut lock, 0) };
        },
        |code, parameters| assert_eq!((code, parameters[1]), (0x10, 0))
    );

    dies!(
        a_release_of_another_s_lock,
        {
            let mut lock = 0;
            let address = &raw mut lock as usize;
            thread::spawn(move || take(address as *mut usize)).join().unwrap();
            // SAFETY: it is a lock.
            unsafe { KeReleaseSpinLockFromDpcLevel(&raw mut lock) };
        },
        |code, parameters| {
            assert_eq!(code, 0x10);
            assert_ne!(parameters[1] & !1, parameters[2]);
        }
    );

    dies!(
        a_release_below_dispatch_level,
        {
            verify();
            let mut lock = 0;
            take(&raw mut lock);
            // SAFETY: it is a lock.
            unsafe { KeReleaseSpinLock(&raw mut lock, 0) };
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x32))
    );

    dies!(
        an_acquire_at_dpc_level_below_it,
        {
            verify();
            let mut lock = 0;
            // SAFETY: it is a lock.
            unsafe { KeAcquireSpinLockAtDpcLevel(&raw mut lock) };
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x40))
    );

    dies!(
        an_acquire_above_dispatch_level,
        {
            verify();
            let mut lock = 0;
            irql::raise(irql::HIGH_LEVEL);
            // SAFETY: it is a lock.
            unsafe { KeAcquireSpinLockRaiseToDpc(&raw mut lock) };
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x42))
    );
}
