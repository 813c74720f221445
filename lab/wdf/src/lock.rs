//! Wait locks and spin locks
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfsync).

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use pagewise_lab_nt::{
    KSPIN_LOCK, KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock, LARGE_INTEGER, NTSTATUS,
    STATUS_SUCCESS,
};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::globals::Globals;
use crate::kernel::event::Event;
use crate::kernel::thread::{self, CriticalRegion};
use crate::kernel::violation::{self, Code};
use crate::object::{
    Allowed, Instance, Kind, Object, attributes, create_under, from_handle, to_handle,
};

/// `WDF_RECURSIVE_LOCK` is the verifier's; a thread that waits for itself is stopped here always.
fn stop_recursion(lock: usize, owner: usize) -> ! {
    violation::violation(Code::InvalidLockOperation, lock, owner, 0)
}

/// A lock that is waited for.
pub struct WaitLock {
    free: Event,
    owner: AtomicUsize,
}

// SAFETY: the one body of this kind.
unsafe impl Object for WaitLock {
    const KIND: Kind = Kind::WaitLock;
}

/// A spin lock.
pub struct SpinLock {
    lock: UnsafeCell<KSPIN_LOCK>,
    irql: AtomicU8,
    owner: AtomicUsize,
}

// SAFETY: the one body of this kind. The kernel serialises the lock; the rest is atomic.
unsafe impl Object for SpinLock {
    const KIND: Kind = Kind::SpinLock;
}

/// Makes a lock and writes its handle.
///
/// # Safety
/// The parameters are a client's globals, attributes and variable.
unsafe fn create<T: Object>(
    globals: *mut PublicGlobals,
    lock_attributes: *const ObjectAttributes,
    lock: *mut Handle,
    body: T,
    initialise: impl FnOnce(&Instance<T>),
) -> NTSTATUS {
    if lock.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the caller vouches for the globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: the caller vouches for the attributes.
    let made = unsafe { attributes(lock_attributes, Allowed::PARENT) }.and_then(|attributes| {
        // SAFETY: a parent that the attributes name is the client's.
        let parent = unsafe { crate::object::api::parent_or_driver(globals, attributes) };
        // SAFETY: validated just now.
        unsafe { create_under(globals, attributes, parent, body) }
    });
    match made {
        Ok(made) => {
            initialise(made);
            // SAFETY: not null; the caller vouches for it.
            unsafe { lock.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfWaitLockCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn wait_lock_create(
    globals: *mut PublicGlobals,
    attributes: *const ObjectAttributes,
    lock: *mut Handle,
) -> NTSTATUS {
    let body = WaitLock { free: Event::uninitialised(), owner: AtomicUsize::new(0) };
    // SAFETY: the client vouches for its parameters.
    unsafe {
        create(globals, attributes, lock, body, |made: &Instance<WaitLock>| {
            made.free.initialise_synchronization(true);
        })
    }
}

/// `WdfWaitLockAcquire`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL; at most DISPATCH_LEVEL with a timeout of 0.
pub unsafe extern "win64" fn wait_lock_acquire(
    _: *mut PublicGlobals,
    lock: Handle,
    timeout: *mut LARGE_INTEGER,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let wait_lock = unsafe { from_handle::<WaitLock>(lock) };
    let this = thread::current();
    if timeout.is_null() && wait_lock.owner.load(Ordering::Relaxed) == this {
        stop_recursion(lock.0.addr(), this);
    }
    let region = CriticalRegion::enter();
    let status = wait_lock.free.wait_until(timeout);
    if status == STATUS_SUCCESS {
        wait_lock.owner.store(this, Ordering::Relaxed);
        // Left when the lock is released.
        core::mem::forget(region);
    }
    status
}

/// `WdfWaitLockRelease`
///
/// # Safety
/// The client has the lock.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn wait_lock_release(_: *mut PublicGlobals, lock: Handle) {
    // SAFETY: the client vouches for its handle.
    let lock = unsafe { from_handle::<WaitLock>(lock) };
    lock.owner.store(0, Ordering::Relaxed);
    lock.free.set();
    // SAFETY: entered when the lock was acquired, by this thread.
    unsafe { pagewise_lab_nt::KeLeaveCriticalRegion() };
}

/// `WdfSpinLockCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn spin_lock_create(
    globals: *mut PublicGlobals,
    attributes: *const ObjectAttributes,
    lock: *mut Handle,
) -> NTSTATUS {
    let body =
        SpinLock { lock: UnsafeCell::new(0), irql: AtomicU8::new(0), owner: AtomicUsize::new(0) };
    // SAFETY: the client vouches for its parameters.
    unsafe { create(globals, attributes, lock, body, |_| {}) }
}

/// `WdfSpinLockAcquire`: **the caller, its code and its data are at DISPATCH_LEVEL afterwards.**
///
/// # Safety
/// The client does not have the lock.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn spin_lock_acquire(_: *mut PublicGlobals, lock: Handle) {
    // SAFETY: the client vouches for its handle.
    let spin_lock = unsafe { from_handle::<SpinLock>(lock) };
    let this = thread::current();
    if spin_lock.owner.load(Ordering::Relaxed) == this {
        stop_recursion(lock.0.addr(), this);
    }
    // SAFETY: an initialised lock in non-paged pool.
    let irql = unsafe { KeAcquireSpinLockRaiseToDpc(spin_lock.lock.get()) };
    spin_lock.owner.store(this, Ordering::Relaxed);
    spin_lock.irql.store(irql, Ordering::Relaxed);
}

/// `WdfSpinLockRelease`
///
/// # Safety
/// The client has the lock.
///
/// # IRQL
/// DISPATCH_LEVEL.
pub unsafe extern "win64" fn spin_lock_release(_: *mut PublicGlobals, lock: Handle) {
    // SAFETY: the client vouches for its handle.
    let lock = unsafe { from_handle::<SpinLock>(lock) };
    lock.owner.store(0, Ordering::Relaxed);
    let irql = lock.irql.load(Ordering::Relaxed);
    // SAFETY: acquired by this thread, at that IRQL.
    unsafe { KeReleaseSpinLock(lock.lock.get(), irql) };
}
