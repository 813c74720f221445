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
    if super::spawn("system", thread, super::Begin::Inside, move || start.run()).is_err() {
        // Neither can fail: the handle is new, and so is the reference that no thread took over.
        let _closed = ob::close_handle(new);
        // SAFETY: the reference that the thread would have taken over.
        unsafe { ob::dereference(thread.body()) };
        return nt::STATUS_INSUFFICIENT_RESOURCES;
    }
    if !client_id.is_null() {
        let ids =
            nt::CLIENT_ID { UniqueProcess: super::process::SYSTEM_ID as _, UniqueThread: id as _ };
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    use super::*;
    use crate::ke::dispatcher::wait::Timeout;
    use crate::ke::testing::{dies, verify};
    use crate::ke::{apc, event};
    use crate::ob::{dereference, reference_by_handle};
    use crate::ps::process::{PsGetCurrentThreadId, PsIsSystemThread};

    /// Starts a thread; its object, referenced, and its id.
    fn start(routine: StartRoutine, context: *mut c_void) -> (*mut c_void, usize) {
        let (mut handle, mut id) = (
            ptr::null_mut(),
            nt::CLIENT_ID { UniqueProcess: ptr::null_mut(), UniqueThread: ptr::null_mut() },
        );
        // SAFETY: the pointers are to variables, and the routine is a thread's.
        let status = unsafe {
            PsCreateSystemThread(
                &raw mut handle,
                0x1f_ffff,
                ptr::null_mut(),
                ptr::null_mut(),
                &raw mut id,
                Some(routine),
                context,
            )
        };
        assert_eq!(status, nt::STATUS_SUCCESS);
        let (object, granted) = reference_by_handle(handle).unwrap();
        assert_eq!(granted, 0x1f_ffff);
        assert!(ob::close_handle(handle));
        (object, id.UniqueThread as usize)
    }

    fn join(thread: *mut c_void) {
        // SAFETY: it is a thread's object.
        assert!(unsafe { event::wait(thread, Timeout::Never) });
        // Once it has ended, it has for good.
        // SAFETY: as above.
        assert!(unsafe { event::wait(thread, Timeout::Poll) });
        // SAFETY: the reference of `start`.
        unsafe { dereference(thread) };
    }

    struct Seen {
        id: AtomicUsize,
        disabled: AtomicU32,
        end: bool,
    }

    unsafe extern "win64" fn look(context: *mut c_void) {
        // SAFETY: the tests pass what is to be seen.
        let seen = unsafe { &*context.cast::<Seen>() };
        assert_eq!(irql::current(), PASSIVE_LEVEL);
        seen.disabled.store(apc::disabled(), Ordering::SeqCst);
        seen.id.store(PsGetCurrentThreadId() as usize, Ordering::SeqCst);
        // SAFETY: it is the current thread.
        assert_eq!(unsafe { PsIsSystemThread(Current::get().body()) }, 1);
        if seen.end {
            PsTerminateSystemThread(5);
            seen.id.store(0, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_thread_ends_by_returning_or_by_terminating_itself() {
        for end in [false, true] {
            let mut seen = Seen { id: AtomicUsize::new(1), disabled: AtomicU32::new(0), end };
            let (thread, id) = start(look, (&raw mut seen).cast());
            join(thread);
            // It begins inside a critical region.
            assert_eq!((seen.id.into_inner(), seen.disabled.into_inner()), (id, 0xffff));
        }
    }

    #[test]
    fn only_a_system_thread_may_terminate_itself() {
        assert_eq!(PsTerminateSystemThread(0), nt::STATUS_INVALID_PARAMETER);
    }

    #[test]
    fn a_thread_needs_a_routine_and_the_system_process() {
        let mut handle = ptr::null_mut();
        let refused = [(ptr::null_mut(), None), (4 as *mut c_void, Some(look as StartRoutine))];
        // SAFETY: the handle is a variable, and no routine runs.
        let statuses = refused.map(|(process, routine)| unsafe {
            let (attributes, id) = (ptr::null_mut(), ptr::null_mut());
            let context = ptr::null_mut();
            PsCreateSystemThread(&raw mut handle, 0, attributes, process, id, routine, context)
        });
        assert_eq!(statuses, [nt::STATUS_INVALID_PARAMETER, nt::STATUS_INVALID_HANDLE]);
        assert!(handle.is_null());
    }

    unsafe extern "win64" fn raise_and_end(_context: *mut c_void) {
        irql::raise(irql::APC_LEVEL);
        PsTerminateSystemThread(0);
    }

    unsafe extern "win64" fn raise_and_return(_context: *mut c_void) {
        irql::raise(irql::APC_LEVEL);
    }

    unsafe extern "win64" fn leave_and_return(_context: *mut c_void) {
        apc::KeLeaveCriticalRegion();
    }

    dies!(
        one_that_terminates_at_high_irql,
        {
            join(start(raise_and_end, ptr::null_mut()).0);
        },
        |code, parameters| assert_eq!((code, parameters[2]), (0x20, 1))
    );

    dies!(
        one_that_returns_at_high_irql,
        {
            join(start(raise_and_return, ptr::null_mut()).0);
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC8, 0x1_0002))
    );

    dies!(
        one_that_leaves_the_region_it_began_in,
        {
            join(start(leave_and_return, ptr::null_mut()).0);
        },
        |code, parameters| assert_eq!((code, parameters[1]), (0x20, 0))
    );

    dies!(
        one_created_at_high_irql_under_ddi_compliance,
        {
            verify();
            irql::raise(irql::APC_LEVEL);
            start(look, ptr::null_mut());
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0xC4, 0x2001C))
    );
}
