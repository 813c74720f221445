//! Executive resources: locks for one writer or many readers.
//!
//! Who holds a resource and who waits for it is kept in the machine, by its address; the driver's
//! `ERESOURCE` holds only what tells an initialised one.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-eresource-routines.

mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;

use self::state::{Share, State};
use crate::ke::apc::{self, KeEnterCriticalRegion, KeLeaveCriticalRegion};
use crate::ke::dispatcher::wait;
use crate::ke::irql::{self, APC_LEVEL, DISPATCH_LEVEL};
use crate::ke::schedule::Condvar;
use crate::ke::thread::Current;
use crate::{bugcheck, verifier};

const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_ACQUIRE: u64 = 0x37;
const VERIFIER_RELEASE: u64 = 0x38;
const VERIFIER_SELF_DEADLOCK: u64 = 0x1000;
const VERIFIER_UNINITIALIZED: u64 = 0x1002;
const RESOURCE_NOT_OWNED: u32 = 0xE3;

type Resource = nt::ERESOURCE;

static RESOURCES: Mutex<BTreeMap<usize, State>> = Mutex::new(BTreeMap::new());
static RELEASED: Condvar = Condvar::new();

type Resources = MutexGuard<'static, BTreeMap<usize, State>>;

fn lock() -> Resources {
    RESOURCES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state(resources: &mut Resources, resource: *mut Resource) -> &mut State {
    match resources.get_mut(&(resource as usize)) {
        Some(state) => state,
        None => violation([VERIFIER_UNINITIALIZED, resource as u64, 0, 0]),
    }
}

#[cold]
fn violation(parameters: [u64; 4]) -> ! {
    bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
}

/// The checks before a resource is taken or given back, and the touch of its memory at
/// `DISPATCH_LEVEL` that the resource's own spin lock brings.
fn check(resource: *mut Resource, subcode: u64) {
    let (irql, disabled) = (irql::current(), apc::disabled());
    if verifier::active() && irql < APC_LEVEL && disabled == 0 {
        violation([subcode, u64::from(irql), u64::from(disabled), resource as u64]);
    }
    let _raised = irql::Raised::to(DISPATCH_LEVEL);
    // SAFETY: the callers of this module's routines vouch for the resource.
    unsafe { resource.cast::<usize>().read_volatile() };
}

fn acquire(
    resource: *mut Resource,
    may_wait: u8,
    mut take: impl FnMut(&mut State) -> bool,
    waiters: impl Fn(&mut State) -> &mut u32,
) -> u8 {
    check(resource, VERIFIER_ACQUIRE);
    let mut resources = lock();
    if take(state(&mut resources, resource)) {
        return 1;
    }
    if may_wait == 0 {
        return 0;
    }
    drop(resources);
    wait::require_wait_irql();
    let mut resources = lock();
    *waiters(state(&mut resources, resource)) += 1;
    while !take(state(&mut resources, resource)) {
        resources = RELEASED.wait(&RESOURCES, resources);
    }
    *waiters(state(&mut resources, resource)) -= 1;
    1
}

fn exclusive(resource: *mut Resource, may_wait: u8) -> u8 {
    let me = Current::get().address();
    let take = |state: &mut State| {
        if may_wait != 0 && state.shared.contains_key(&me) {
            // It would wait for itself forever, so this is reported with the verifier off, too.
            violation([VERIFIER_SELF_DEADLOCK, resource as u64, 0, 0]);
        }
        state.take_exclusive(me)
    };
    acquire(resource, may_wait, take, |state| &mut state.exclusive_waiters)
}

fn shared(resource: *mut Resource, may_wait: u8, share: Share) -> u8 {
    let me = Current::get().address();
    let take = |state: &mut State| state.take_shared(me, share);
    acquire(resource, may_wait, take, |state| &mut state.shared_waiters)
}

fn release_for(resource: *mut Resource, thread: usize) {
    check(resource, VERIFIER_RELEASE);
    let mut resources = lock();
    if !state(&mut resources, resource).release(thread) {
        let parameters = [resource as u64, thread as u64, 0, 0];
        bugcheck::bug_check(RESOURCE_NOT_OWNED, parameters);
    }
    RELEASED.notify_all();
}

/// Makes a resource that nobody holds.
///
/// Page: wdm/nf-wdm-exinitializeresourcelite. `STATUS_SUCCESS`.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`. The resource has to lie in resident memory.
///
/// # Safety
/// `resource` points to storage for an `ERESOURCE`.
pub unsafe extern "win64" fn ExInitializeResourceLite(resource: *mut Resource) -> i32 {
    crate::ke::ddi::require_resident(resource as usize);
    // SAFETY: the caller vouches for the storage; every field may be zero.
    unsafe { resource.write_bytes(0, 1) };
    lock().insert(resource as usize, State::default());
    nt::STATUS_SUCCESS
}

/// Makes a resource what it was when it was new. One that was not initialised is bug check
/// 0xC4/0x1002.
///
/// Page: wdm/nf-wdm-exreinitializeresourcelite.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// `resource` points to an initialised `ERESOURCE`.
pub unsafe extern "win64" fn ExReinitializeResourceLite(resource: *mut Resource) -> i32 {
    *state(&mut lock(), resource) = State::default();
    nt::STATUS_SUCCESS
}

/// Ends a resource. One that was not initialised is bug check 0xC4/0x1002.
///
/// Page: wdm/nf-wdm-exdeleteresourcelite.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `resource` points to an `ERESOURCE`.
pub unsafe extern "win64" fn ExDeleteResourceLite(resource: *mut Resource) -> i32 {
    let mut resources = lock();
    state(&mut resources, resource);
    resources.remove(&(resource as usize));
    nt::STATUS_SUCCESS
}

/// Takes a resource alone; if it may wait, waits for it. Whether it is had.
///
/// Page: wdm/nf-wdm-exacquireresourceexclusivelite. A thread that shares it is bug check 0xC4/0x1000.
///
/// # IRQL
/// <= `APC_LEVEL`, with APCs disabled; else bug check 0xC4/0x37 with the verifier on.
///
/// # Safety
/// `resource` points to an initialised `ERESOURCE`.
pub unsafe extern "win64" fn ExAcquireResourceExclusiveLite(
    resource: *mut Resource,
    may_wait: u8,
) -> u8 {
    exclusive(resource, may_wait)
}

/// Takes a share of a resource, after those who wait to have it alone. Whether it is had.
///
/// Page: wdm/nf-wdm-exacquireresourcesharedlite.
///
/// # IRQL
/// As [`ExAcquireResourceExclusiveLite`].
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExAcquireResourceSharedLite(
    resource: *mut Resource,
    may_wait: u8,
) -> u8 {
    shared(resource, may_wait, Share::Polite)
}

/// Takes a share of a resource, before those who wait to have it alone. Whether it is had.
///
/// Page: wdm/nf-wdm-exacquiresharedstarveexclusive.
///
/// # IRQL
/// As [`ExAcquireResourceExclusiveLite`].
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExAcquireSharedStarveExclusive(
    resource: *mut Resource,
    may_wait: u8,
) -> u8 {
    shared(resource, may_wait, Share::Starve)
}

/// Gives a resource back. One that the thread does not hold is bug check 0xE3.
///
/// Page: wdm/nf-wdm-exreleaseresourcelite.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`, with APCs disabled; else bug check 0xC4/0x38 with the verifier on.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExReleaseResourceLite(resource: *mut Resource) {
    release_for(resource, Current::get().address());
}

/// Gives a resource back for another thread, by the address of its object.
///
/// Page: wdm/nf-wdm-exreleaseresourceforthreadlite.
///
/// # IRQL
/// As [`ExReleaseResourceLite`].
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExReleaseResourceForThreadLite(
    resource: *mut Resource,
    thread: usize,
) {
    release_for(resource, thread);
}

/// Makes a thread that has a resource alone share it. One that it does not have alone is bug check
/// 0xE3.
///
/// Page: wdm/nf-wdm-exconvertexclusivetosharedlite.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExConvertExclusiveToSharedLite(resource: *mut Resource) {
    let me = Current::get().address();
    let mut resources = lock();
    let state = state(&mut resources, resource);
    match state.exclusive.take() {
        Some((owner, times)) if owner == me => state.shared.insert(me, times),
        _ => bugcheck::bug_check(RESOURCE_NOT_OWNED, [resource as u64, me as u64, 0, 0]),
    };
    RELEASED.notify_all();
}

/// Whether the thread has the resource alone.
///
/// Page: wdm/nf-wdm-exisresourceacquiredexclusivelite.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExIsResourceAcquiredExclusiveLite(resource: *mut Resource) -> u8 {
    let me = Current::get().address();
    let mut resources = lock();
    let owner = state(&mut resources, resource).exclusive.map(|(owner, _)| owner);
    u8::from(owner == Some(me))
}

/// How many times the thread holds the resource, shared or alone.
///
/// Page: wdm/nf-wdm-exisresourceacquiredsharedlite.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExIsResourceAcquiredSharedLite(resource: *mut Resource) -> u32 {
    let me = Current::get().address();
    let mut resources = lock();
    let state = state(&mut resources, resource);
    let alone = state.exclusive.filter(|(owner, _)| *owner == me).map(|(_, times)| times);
    alone.or_else(|| state.shared.get(&me).copied()).unwrap_or(0)
}

/// Enters a critical region, and waits to have the resource alone.
///
/// Page: ntddk/nf-ntddk-exentercriticalregionandacquireresourceexclusive.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExEnterCriticalRegionAndAcquireResourceExclusive(
    resource: *mut Resource,
) -> usize {
    KeEnterCriticalRegion();
    exclusive(resource, 1);
    Current::get().address()
}

/// Enters a critical region, and waits to share the resource.
///
/// Page: ntddk/nf-ntddk-exentercriticalregionandacquireresourceshared.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExEnterCriticalRegionAndAcquireResourceShared(
    resource: *mut Resource,
) -> usize {
    KeEnterCriticalRegion();
    shared(resource, 1, Share::Polite);
    Current::get().address()
}

/// Gives the resource back, and leaves the critical region.
///
/// Page: ntddk/nf-ntddk-exreleaseresourceandleavecriticalregion.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ExAcquireResourceExclusiveLite`].
pub unsafe extern "win64" fn ExReleaseResourceAndLeaveCriticalRegion(resource: *mut Resource) {
    release_for(resource, Current::get().address());
    KeLeaveCriticalRegion();
}

crate::exports! {
    /// Executive resources.
    pub EXPORTS = [
        ExInitializeResourceLite(_),
        ExReinitializeResourceLite(_),
        ExDeleteResourceLite(_),
        ExAcquireResourceExclusiveLite(_, _),
        ExAcquireResourceSharedLite(_, _),
        ExAcquireSharedStarveExclusive(_, _),
        ExReleaseResourceLite(_),
        ExReleaseResourceForThreadLite(_, _),
        ExConvertExclusiveToSharedLite(_),
        ExIsResourceAcquiredExclusiveLite(_),
        ExIsResourceAcquiredSharedLite(_),
        ExEnterCriticalRegionAndAcquireResourceExclusive(_),
        ExEnterCriticalRegionAndAcquireResourceShared(_),
        ExReleaseResourceAndLeaveCriticalRegion(_),
    ];
}
