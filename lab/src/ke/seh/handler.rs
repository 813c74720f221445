//! The handler of `__try`, `__except` and `__finally` in C.

#![expect(non_snake_case, reason = "named as drivers import it")]

use super::context::{Context, Record};
use super::dispatch::{
    CONTINUE_EXECUTION, CONTINUE_SEARCH, Dispatcher, TARGET_UNWIND, UNWINDING, unwind,
};

/// `EXCEPTION_EXIT_UNWIND`
const EXIT_UNWIND: u32 = 4;

/// In place of a filter: `EXCEPTION_EXECUTE_HANDLER` without asking.
const ALWAYS: u32 = 1;

/// No function has more scopes: what claims to is no table.
const MOST_SCOPES: u32 = 4096;

/// A `__try`: where it begins and ends, its filter or termination handler, and where its `__except`
/// is, which a `__finally` does not have. All RVAs.
#[repr(C)]
#[derive(Clone, Copy)]
struct Scope {
    begin: u32,
    end: u32,
    handler: u32,
    target: u32,
}

/// `EXCEPTION_POINTERS`
#[repr(C)]
struct Pointers {
    record: *mut Record,
    context: *mut Context,
}

type Filter = unsafe extern "win64" fn(*mut Pointers, u64) -> i32;
type Termination = unsafe extern "win64" fn(u8, u64);

/// Asks the filters of the `__try` blocks that hold the place of an exception, from inside out, and
/// goes on in the first that handles it; told that the function is left, runs its `__finally` blocks.
///
/// Page: learn.microsoft.com/windows/win32/devnotes/--c-specific-handler2; the table is that of
/// learn.microsoft.com/cpp/build/exception-handling-x64.
///
/// # IRQL
/// Any.
///
/// # Safety
/// Called by the dispatcher of exceptions, or by a handler that it called, with its arguments.
pub unsafe extern "win64" fn __C_specific_handler(
    record: *mut Record,
    frame: u64,
    context: *mut Context,
    dispatcher: *mut Dispatcher,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let flags = unsafe { (*record).flags };
    if flags & (UNWINDING | EXIT_UNWIND) == 0 {
        // SAFETY: the caller vouches for it.
        unsafe { search(record, frame, context, dispatcher) }
    } else {
        // SAFETY: the caller vouches for it.
        unsafe { leave(flags, frame, dispatcher) };
        CONTINUE_SEARCH
    }
}

/// # Safety
/// As [`__C_specific_handler`].
unsafe fn search(
    record: *mut Record,
    frame: u64,
    context: *mut Context,
    dispatcher: *mut Dispatcher,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let place = unsafe { dispatcher.read() };
    let base = place.image_base;
    for scope in scopes(&place).filter(|scope| scope.target != 0) {
        let answer = if scope.handler == ALWAYS {
            1
        } else {
            let mut pointers = Pointers { record, context };
            // SAFETY: the table of a loaded driver says that this is a filter.
            let filter =
                unsafe { std::mem::transmute::<u64, Filter>(base + u64::from(scope.handler)) };
            // SAFETY: the arguments are those of its convention, and live as long as the call.
            unsafe { filter(&raw mut pointers, frame) }
        };
        if answer < 0 {
            return CONTINUE_EXECUTION;
        }
        if answer > 0 {
            // SAFETY: the caller vouches for it.
            let code = unsafe { (*record).code };
            let target = base + u64::from(scope.target);
            // SAFETY: the dispatcher's search still runs, further up on this stack.
            unsafe { unwind(frame, target, record, u64::from(code), context, place.origin) };
        }
    }
    CONTINUE_SEARCH
}

/// # Safety
/// As [`__C_specific_handler`].
unsafe fn leave(flags: u32, frame: u64, dispatcher: *mut Dispatcher) {
    // SAFETY: the caller vouches for it.
    let place = unsafe { dispatcher.read() };
    let base = place.image_base;
    for scope in scopes(&place) {
        let goes_on = base + u64::from(scope.target) == place.target_ip;
        let is_target = flags & TARGET_UNWIND != 0 && goes_on;
        if is_target {
            // What is outside of the block that goes on is not left.
            return;
        }
        if scope.target == 0 {
            // SAFETY: the table of a loaded driver says that this is a termination handler.
            let handler =
                unsafe { std::mem::transmute::<u64, Termination>(base + u64::from(scope.handler)) };
            // SAFETY: the arguments are those of its convention: abnormally, and the frame.
            unsafe { handler(1, frame) };
        }
    }
}

/// The scopes that hold the place, from inside out.
fn scopes(place: &Dispatcher) -> impl Iterator<Item = Scope> + use<> {
    let rva = place.control_pc.wrapping_sub(place.image_base);
    let table = place.handler_data as *const u32;
    // SAFETY: the unwind information of a loaded driver has its table there.
    let count = unsafe { table.read_unaligned() }.min(MOST_SCOPES);
    let entries = table.wrapping_add(1).cast::<Scope>();
    (place.scope_index..count)
        // SAFETY: as above, as many as it says.
        .map(move |index| unsafe { entries.wrapping_add(index as usize).read_unaligned() })
        .filter(move |scope| (u64::from(scope.begin)..u64::from(scope.end)).contains(&rva))
}

crate::exports! {
    /// The handler of C.
    pub EXPORTS = [
        __C_specific_handler(_, _, _, _),
    ];
}
