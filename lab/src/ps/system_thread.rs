//! System threads of drivers.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use pagewise_lab_nt as nt;

use super::stack_switch;
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::{self, PASSIVE_LEVEL};
use crate::ke::thread::{self, Current, THREAD};
use crate::ob::{self, ObjectType};

/// What the machine waits with for the start of a thread.
type StartRoutine = unsafe extern "win64" fn(*mut c_void);

thread_local! {
    /// Where [`PsTerminateSystemThread`] returns to.
    static END: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// The type of thread objects, as drivers name it.
#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static PsThreadType: &ObjectType = &THREAD;

struct Start {
    routine: StartRoutine,
    context: *mut c_void,
}

// SAFETY: the driver that starts the thread passes the context to it.
unsafe impl Send for Start {}

impl Start {
    fn run(self) {
        END.with(|end| {
            let routine = self.routine as *const c_void;
            // SAFETY: the driver vouches for its routine; `end` outlives the call.
            unsafe { stack_switch::call(end.as_ptr(), routine, self.context) };
            end.set(ptr::null_mut());
        });
        irql::expect(PASSIVE_LEVEL, self.routine as usize, self.context as usize);
    }
}

/// Starts a thread at `PASSIVE_LEVEL`, inside a critical region; `handle` gets a kernel handle to it,
/// which the caller has to close.
///
/// Page: wdm/nf-wdm-pscreatesystemthread. The process has to be the system's (null, or
/// `NtCurrentProcess`), else `STATUS_INVALID_HANDLE`; `STATUS_INSUFFICIENT_RESOURCES` when the host
/// has no thread left.
///
/// # IRQL
/// `PASSIVE_LEVEL`; else bug check 0xC4/0x2001C under DDI compliance checking.
///
/// # Safety
/// `handle` can be written, `client_id` is null or can be written, and `routine` is a thread's
/// routine that is there until the thread has ended.
pub unsafe extern "win64" fn PsCreateSystemThread(
    handle: *mut *mut c_void,
    access: u32,
    _attributes: *mut nt::OBJECT_ATTRIBUTES,
    process: *mut c_void,
    client_id: *mut nt::CLIENT_ID,
    routine: Option<StartRoutine>,
    context: *mut c_void,
) -> i32 {
    const CURRENT_PROCESS: isize = -1;
    ddi::at_most(PASSIVE_LEVEL, Rule::PsPassive);
    let Some(routine) = routine else { return nt::STATUS_INVALID_PARAMETER };
    if !process.is_null() && process as isize != CURRENT_PROCESS {
        return nt::STATUS_INVALID_HANDLE;
    }
    let thread = thread::create(true);
    // SAFETY: the object was made with a reference, which is still ours.
    let new = unsafe { ob::insert_handle(thread.body(), access) };
    let id = thread.id();
    let start = Start { routine, context };
    if super::spawn("system", thread, move || start.run()).is_err() {
        // Neither can fail: the handle is new, and so is the reference that no thread took over.
        let _closed = ob::close_handle(new);
        // SAFETY: the reference that the thread would have taken over.
        unsafe { ob::dereference(thread.body()) };
        return nt::STATUS_INSUFFICIENT_RESOURCES;
    }
    if !client_id.is_null() {
        let ids = nt::CLIENT_ID {
            UniqueProcess: super::process::SYSTEM_ID as _,
            UniqueThread: id as _,
        };
        // SAFETY: the caller vouches for it.
        unsafe { client_id.write(ids) };
    }
    // SAFETY: the caller vouches for it.
    unsafe { handle.write(new) };
    nt::STATUS_SUCCESS
}

/// Ends the current thread, which a driver must have created; returns only where it is none such.
///
/// Page: wdm/nf-wdm-psterminatesystemthread. `STATUS_INVALID_PARAMETER` on any other thread.
///
/// # IRQL
/// `PASSIVE_LEVEL`. A thread that ends above it, or with APCs disabled, is bug check 0x20; one that
/// holds a mutex is 0x4000008A.
pub extern "win64" fn PsTerminateSystemThread(status: i32) -> i32 {
    let thread = Current::get();
    let end = END.get();
    if !thread.is_system() || end.is_null() {
        return nt::STATUS_INVALID_PARAMETER;
    }
    thread.check_end();
    thread.set_exit_status(status);
    // SAFETY: `Start::run` is in the call that noted the mark, and between here and there are only
    // frames of the driver.
    unsafe { stack_switch::leave(end) }
}

crate::exports! {
    /// System threads.
    pub EXPORTS = [
        PsCreateSystemThread(_, _, _, _, _, _, _),
        PsTerminateSystemThread(_),
        static PsThreadType,
    ];
}
