//! Threads: every host thread that enters driver code has an object, which can be waited for.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicI16, AtomicI32, AtomicU32, AtomicUsize, Ordering};

use crate::bugcheck;
use crate::ke::dispatcher::{Database, Header, Kind, Object};
use crate::ke::local::local;
use crate::ke::schedule::Seat;
use crate::ke::{inline, irql, processor};
use crate::ob::{self, ObjectType};

const KERNEL_APC_PENDING_DURING_EXIT: u32 = 0x20;
const THREAD_TERMINATE_HELD_MUTEX: u32 = 0x4000_008A;

/// The type of thread objects.
pub static THREAD: ObjectType = ObjectType::new("Thread", Some(delete));

/// No wait has to follow.
const NO_IRQL: u32 = u32::MAX;

/// The body of a thread object. Its header is all that drivers may know of it.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Thread {
    header: Header,
    id: usize,
    kernel_apc_disable: AtomicI16,
    special_apc_disable: AtomicI16,
    /// The count of critical regions the thread began with, which it has to end with.
    initial_apc_disable: i16,
    system: bool,
    priority: AtomicI32,
    exit_status: AtomicI32,
    /// The IRQL that the wait that has to follow will restore, or `NO_IRQL`.
    wait_next: AtomicU32,
    mutexes: AtomicUsize,
    last_mutex: AtomicUsize,
}

thread_local! {
    static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// What makes a host thread an NT thread. Dropped when the host thread ends.
struct Attached {
    thread: Current,
    _processor: processor::Entered,
    /// Given up last: who waits for the thread's end is woken by then.
    _seat: Seat,
}

/// A thread object, known to be alive: that of a running thread, or one that its holder references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current(*mut Thread);

// SAFETY: the fields that change are atomics, or belong to the dispatcher database.
unsafe impl Send for Current {}

/// Makes an object for a thread that will run.
///
/// `system`: made by `PsCreateSystemThread`, hence inside a critical region.
pub(crate) fn create(system: bool) -> Current {
    static NEXT_ID: AtomicUsize = AtomicUsize::new(8);
    let body = ob::allocate(&THREAD, size_of::<Thread>());
    // SAFETY: the memory is new and large enough, and has the header as its first field.
    let object = unsafe { Object::at(body) };
    let apc_disable = if system { -1 } else { 0 };
    let thread = Thread {
        header: Header::default(),
        id: NEXT_ID.fetch_add(4, Ordering::Relaxed),
        kernel_apc_disable: AtomicI16::new(apc_disable),
        special_apc_disable: AtomicI16::new(0),
        initial_apc_disable: apc_disable,
        system,
        priority: AtomicI32::new(8),
        exit_status: AtomicI32::new(0),
        wait_next: AtomicU32::new(NO_IRQL),
        mutexes: AtomicUsize::new(0),
        last_mutex: AtomicUsize::new(0),
    };
    // SAFETY: the memory is new, large enough and aligned to 16 bytes.
    unsafe { body.cast::<Thread>().write(thread) };
    object.initialize(Kind::Thread, size_of::<Thread>(), 0);
    Current(body.cast())
}

/// Nothing in a thread needs to be dropped.
fn delete(_body: *mut c_void) {
    const { assert!(!std::mem::needs_drop::<Thread>()) };
}

/// Makes this host thread the NT thread `thread`, whose reference it takes over, until it ends.
/// `seat` is its own.
pub(crate) fn attach(thread: Current, seat: Seat) {
    local().thread.set(thread.0);
    let attached = Attached { thread, _processor: processor::enter(), _seat: seat };
    if let Err(error) = inline::attach(thread.0.cast(), processor::number()) {
        panic!("the host cannot set gs: {error}");
    }
    ATTACHED.with(|slot| *slot.borrow_mut() = Some(attached));
}

/// Makes this host thread an NT thread, unless it is one, until it ends.
pub fn attach_current() {
    if local().thread.get().is_null() {
        let seat = Seat::outside("host");
        seat.take(false);
        attach(create(false), seat);
    }
}

// Win64, as the cold paths of `irql`.
#[cold]
#[inline(never)]
extern "win64" fn new() -> *mut Thread {
    attach_current();
    local().thread.get()
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.thread.end();
        local().thread.set(ptr::null_mut());
        // SAFETY: the reference that `attach` took over.
        unsafe { ob::dereference(self.thread.0.cast()) };
    }
}

impl Current {
    /// The thread that runs. A host thread that is none yet becomes one.
    #[inline]
    pub(crate) fn get() -> Self {
        let thread = local().thread.get();
        Self(if thread.is_null() { new() } else { thread })
    }

    /// The thread whose object is `body`.
    ///
    /// # Safety
    /// It is a thread object, which the caller references for as long as this is used.
    pub(crate) unsafe fn from_body(body: *mut c_void) -> Self {
        Self(body.cast())
    }

    /// The address of the object.
    #[inline]
    pub(crate) fn address(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn body(self) -> *mut c_void {
        self.0.cast()
    }

    fn fields(&self) -> &Thread {
        // SAFETY: the object is alive, see `Current`, and what changes in it is atomic.
        unsafe { &*self.0 }
    }

    pub(crate) fn id(self) -> usize {
        self.fields().id
    }

    pub(crate) fn is_system(self) -> bool {
        self.fields().system
    }

    pub(crate) fn set_exit_status(self, status: i32) {
        self.fields().exit_status.store(status, Ordering::Relaxed);
    }

    /// Returns the former priority.
    pub(crate) fn set_priority(self, priority: i32) -> i32 {
        self.fields().priority.swap(priority, Ordering::Relaxed)
    }

    pub(crate) fn priority(self) -> i32 {
        self.fields().priority.load(Ordering::Relaxed)
    }

    /// Adds to the count of normal kernel APCs' being disabled (negative: disabled), and returns
    /// the new one. Only the thread itself changes it.
    #[inline]
    pub(crate) fn adjust_kernel_apcs(self, by: i16) -> i16 {
        adjust(&self.fields().kernel_apc_disable, by)
    }

    /// As [`Current::adjust_kernel_apcs`], for all APCs.
    #[inline]
    pub(crate) fn adjust_special_apcs(self, by: i16) -> i16 {
        adjust(&self.fields().special_apc_disable, by)
    }

    /// The counts of APCs' being disabled: kernel, special.
    pub(crate) fn apc_disable(self) -> (i16, i16) {
        let fields = self.fields();
        (
            fields.kernel_apc_disable.load(Ordering::Relaxed),
            fields.special_apc_disable.load(Ordering::Relaxed),
        )
    }

    /// The counts as one number, as bug checks give them.
    pub(crate) fn combined_apc_disable(self) -> u32 {
        let (kernel, special) = self.apc_disable();
        u32::from(special as u16) << 16 | u32::from(kernel as u16)
    }

    /// Keeps the IRQL at `DISPATCH_LEVEL` when `database` is unlocked, until the next wait.
    pub(crate) fn wait_follows(self, database: &mut Database) {
        let irql = database.stay_at_dispatch();
        self.fields().wait_next.store(u32::from(irql), Ordering::Relaxed);
    }

    /// The IRQL that the wait has to restore, once.
    pub(crate) fn take_wait_next(self) -> Option<u8> {
        let cell = &self.fields().wait_next;
        let irql = cell.load(Ordering::Relaxed);
        if irql == NO_IRQL {
            return None;
        }
        cell.store(NO_IRQL, Ordering::Relaxed);
        u8::try_from(irql).ok()
    }

    /// Under the database's lock: the thread, which may be another one than the current, holds a
    /// mutex, and normal kernel APCs are disabled for it.
    pub(crate) fn acquired_mutex(self, mutex: usize) {
        let fields = self.fields();
        fields.kernel_apc_disable.fetch_sub(1, Ordering::Relaxed);
        fields.mutexes.fetch_add(1, Ordering::Relaxed);
        fields.last_mutex.store(mutex, Ordering::Relaxed);
    }

    pub(crate) fn released_mutex(self) {
        let fields = self.fields();
        fields.kernel_apc_disable.fetch_add(1, Ordering::Relaxed);
        fields.mutexes.fetch_sub(1, Ordering::Relaxed);
    }

    /// A thread that is to end must hold no mutex (bug check 0x4000008A), be at `PASSIVE_LEVEL` and
    /// have left its critical regions (bug check 0x20).
    pub(crate) fn check_end(self) {
        let fields = self.fields();
        if fields.mutexes.load(Ordering::Relaxed) != 0 {
            let mutex = fields.last_mutex.load(Ordering::Relaxed) as u64;
            let parameters = [self.address() as u64, mutex, 0, 0];
            bugcheck::bug_check(THREAD_TERMINATE_HELD_MUTEX, parameters);
        }
        let irql = irql::current();
        if irql != irql::PASSIVE_LEVEL || self.apc_disable() != (fields.initial_apc_disable, 0) {
            let disabled = u64::from(self.combined_apc_disable());
            let parameters = [0, disabled, u64::from(irql), 0];
            bugcheck::bug_check(KERNEL_APC_PENDING_DURING_EXIT, parameters);
        }
    }

    /// The thread ends. Who waits for it goes on.
    fn end(self) {
        self.check_end();
        // SAFETY: the object is alive, see `Current`, and begins with its header.
        let object = unsafe { Object::at(self.0.cast()) };
        let mut database = Database::lock();
        object.set_state(1);
        database.signal(object);
    }
}

/// A thread's own counter: another thread touches it only while this one waits.
#[inline]
fn adjust(counter: &AtomicI16, by: i16) -> i16 {
    let new = counter.load(Ordering::Relaxed).wrapping_add(by);
    counter.store(new, Ordering::Relaxed);
    new
}

/// The current thread's object.
///
/// Page: wdm/nf-wdm-kegetcurrentthread.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub extern "win64" fn KeGetCurrentThread() -> *mut c_void {
    Current::get().body()
}

/// Sets the priority of a thread, and returns the former one. The priority is kept, and has no
/// effect: the host schedules, and the machine never touches host priorities.
///
/// Page: wdm/nf-wdm-kesetprioritythread.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `thread` is a thread object that the caller references.
pub unsafe extern "win64" fn KeSetPriorityThread(thread: *mut c_void, priority: i32) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { Current::from_body(thread) }.set_priority(priority)
}

/// The priority of a thread, as it was set.
///
/// Page: wdm/nf-wdm-kequeryprioritythread.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `thread` is a thread object that the caller references.
pub unsafe extern "win64" fn KeQueryPriorityThread(thread: *mut c_void) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { Current::from_body(thread) }.priority()
}

crate::exports! {
    /// Threads.
    pub EXPORTS = [
        KeGetCurrentThread(),
        KeSetPriorityThread(_, _),
        KeQueryPriorityThread(_),
    ];
}
