//! `DISPATCHER_HEADER`, with which every dispatcher object begins.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use pagewise_lab_nt as nt;

use crate::bugcheck;
use crate::ke::{ddi, irql};

const IRQL_NOT_LESS_OR_EQUAL: u32 = 0xA;

/// What kind of object it is. The numbers are the kernel's as its public symbols give them
/// (`KOBJECTS`); of those for events and timers `EVENT_TYPE` and `TIMER_TYPE` are the low bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    NotificationEvent = 0,
    SynchronizationEvent = 1,
    Mutant = 2,
    Semaphore = 5,
    Thread = 6,
    NotificationTimer = 8,
    SynchronizationTimer = 9,
}

impl Kind {
    fn from_u8(value: u8) -> Option<Self> {
        Some(match value {
            0 => Self::NotificationEvent,
            1 => Self::SynchronizationEvent,
            2 => Self::Mutant,
            5 => Self::Semaphore,
            6 => Self::Thread,
            8 => Self::NotificationTimer,
            9 => Self::SynchronizationTimer,
            _ => return None,
        })
    }
}

/// The layout that all objects share (wdm.h `DISPATCHER_HEADER`, x64: 24 bytes).
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Header {
    kind: u8,
    /// Of a mutex whose owner is gone.
    abandoned: u8,
    /// Of the object, in units of four bytes.
    size: u8,
    /// Of a timer that is in the timer queue.
    inserted: u8,
    state: AtomicI32,
    /// Points to itself in an initialised object: the machine keeps its waiters elsewhere.
    wait_list: [AtomicPtr<c_void>; 2],
}

const _: () = assert!(size_of::<Header>() == size_of::<nt::DISPATCHER_HEADER>());

/// A dispatcher object by its address. Every access is made at `DISPATCH_LEVEL`, under the
/// database's lock or while it is being initialised, but for [`Object::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Object(*mut Header);

impl Object {
    /// No object: to fill an array with.
    pub(crate) const NULL: Self = Self(ptr::null_mut());

    /// The object at `address`.
    ///
    /// # Safety
    /// For as long as the `Object` is used, `address` points to memory that holds a dispatcher
    /// object or is about to, or whose access is a fault that ends in a bug check.
    pub(crate) const unsafe fn at(address: *mut c_void) -> Self {
        Self(address.cast())
    }

    pub(crate) fn address(self) -> usize {
        self.0 as usize
    }

    fn field<T>(self, offset: usize) -> *mut T {
        self.0.wrapping_byte_add(offset).cast()
    }

    /// Makes it an object of `kind`, `bytes` long. In pageable memory it is bug check 0xC4/0xE1 under
    /// force IRQL checking.
    pub(crate) fn initialize(self, kind: Kind, bytes: usize, state: i32) {
        ddi::require_resident(self.address());
        let _raised = irql::Raised::to(irql::DISPATCH_LEVEL);
        let list = self.field::<*mut c_void>(offset_of!(Header, wait_list));
        let header = Header {
            kind: kind as u8,
            abandoned: 0,
            size: u8::try_from(bytes / 4).unwrap_or(u8::MAX),
            inserted: 0,
            state: AtomicI32::new(state),
            wait_list: [AtomicPtr::new(list.cast()), AtomicPtr::new(list.cast())],
        };
        // SAFETY: `at` vouches for the memory, and nobody else uses an object that is not yet one.
        unsafe { ptr::write_volatile(self.0, header) };
    }

    /// Its kind.
    ///
    /// An object that was never initialised, or was moved or overwritten since, is a bug check 0xA
    /// with what is found in place of its list of waiters: Windows would follow that pointer at
    /// `DISPATCH_LEVEL`.
    pub(crate) fn kind(self) -> Kind {
        let list = self.field::<*mut c_void>(offset_of!(Header, wait_list));
        // SAFETY: `at` vouches for the memory; an atomic, since another processor may be
        // initialising it, wrongly.
        let first = unsafe { AtomicPtr::from_ptr(list) };
        let first = first.load(Ordering::Relaxed);
        // SAFETY: `at` vouches for the memory.
        let kind = unsafe { self.field::<u8>(offset_of!(Header, kind)).read_volatile() };
        match Kind::from_u8(kind) {
            Some(kind) if first == list.cast() => kind,
            _ => not_an_object(self, first),
        }
    }

    /// `SignalState`. Needs no lock.
    pub(crate) fn state(self) -> i32 {
        self.state_cell().load(Ordering::Acquire)
    }

    pub(crate) fn set_state(self, state: i32) {
        self.state_cell().store(state, Ordering::Release);
    }

    fn state_cell<'a>(self) -> &'a AtomicI32 {
        // SAFETY: `at` vouches for the memory while the object is used; the reference does not
        // leave this module's methods.
        unsafe { &(*self.0).state }
    }

    /// Of a timer: whether it is in the timer queue.
    pub(crate) fn set_inserted(self, inserted: bool) {
        let field = self.field::<u8>(offset_of!(Header, inserted));
        // SAFETY: `at` vouches for the memory; the lock's holder is the only writer.
        unsafe { field.write_volatile(u8::from(inserted)) };
    }

    /// The owner of a mutex, as an address.
    pub(crate) fn owner(self) -> usize {
        debug_assert_eq!(self.kind(), Kind::Mutant);
        let field = self.field::<usize>(offset_of!(nt::KMUTANT, OwnerThread));
        // SAFETY: `at` vouches for the memory, and a mutant is a KMUTANT.
        unsafe { field.read_volatile() }
    }

    pub(crate) fn set_owner(self, owner: usize) {
        debug_assert_eq!(self.kind(), Kind::Mutant);
        let field = self.field::<usize>(offset_of!(nt::KMUTANT, OwnerThread));
        // SAFETY: as for `owner`; the lock's holder is the only writer.
        unsafe { field.write_volatile(owner) };
    }
}

#[cold]
fn not_an_object(object: Object, found: *mut c_void) -> ! {
    let parameters = [found as u64, u64::from(irql::DISPATCH_LEVEL), 0, object.address() as u64];
    bugcheck::bug_check(IRQL_NOT_LESS_OR_EQUAL, parameters);
}
