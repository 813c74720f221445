//! The search for who handles an exception, and the way to them.

use super::context::{Context, Record, resume};
use super::frame::{Frame, Waiting, Where};
use crate::bugcheck::{KMODE_EXCEPTION_NOT_HANDLED, bug_check};

/// `EXCEPTION_UNWINDING`, `EXCEPTION_TARGET_UNWIND`
pub(super) const UNWINDING: u32 = 2;
pub(super) const TARGET_UNWIND: u32 = 0x20;

const STATUS_NONCONTINUABLE_EXCEPTION: u64 = 0xc000_0025;
const STATUS_BAD_STACK: u64 = 0xc000_0028;

/// `EXCEPTION_DISPOSITION`: what a handler answers.
pub(super) const CONTINUE_EXECUTION: i32 = 0;
pub(super) const CONTINUE_SEARCH: i32 = 1;

/// `DISPATCHER_CONTEXT`
/// (learn.microsoft.com/cpp/build/exception-handling-x64#unwind-procedure and what follows there).
#[repr(C)]
pub(super) struct Dispatcher {
    pub(super) control_pc: u64,
    pub(super) image_base: u64,
    function_entry: u64,
    pub(super) establisher: u64,
    pub(super) target_ip: u64,
    context: *mut Context,
    language_handler: u64,
    pub(super) handler_data: u64,
    /// Ours to use: where the exception was.
    pub(super) origin: *const Origin,
    pub(super) scope_index: u32,
}

/// Where an exception was.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    innermost: Waiting,
}

/// A language's handler: `EXCEPTION_ROUTINE`.
type Routine = unsafe extern "win64" fn(*mut Record, u64, *mut Context, *mut Dispatcher) -> i32;

/// Asks every function from `context` outwards; returns where nobody handles it.
///
/// # Safety
/// As [`super::raise`]; `record` is that of the exception.
pub(super) unsafe fn search(record: *mut Record, context: *mut Context, at: Where) {
    // SAFETY: the caller vouches for it.
    let innermost = Waiting::innermost(unsafe { &*context }, at);
    let origin = Origin { innermost };
    let mut waiting = innermost;
    while let Some((frame, caller)) = waiting.step() {
        if let Some(frame) = frame
            && frame.handler.is_some_and(|handler| handler.of_exceptions)
        {
            // SAFETY: the caller vouches for record and context; the frame is the one found there.
            let answer = unsafe { ask(&frame, record, context, 0, &raw const origin) };
            if answer == CONTINUE_EXECUTION {
                // SAFETY: the caller vouches for record and context.
                unsafe { go_on(record, context) };
            }
        }
        waiting = caller;
    }
}

/// # Safety
/// As [`search`].
unsafe fn go_on(record: *const Record, context: *const Context) -> ! {
    // SAFETY: the caller vouches for it.
    let record = unsafe { &*record };
    if record.flags & super::NONCONTINUABLE != 0 {
        let parameters = [STATUS_NONCONTINUABLE_EXCEPTION, 0, u64::from(record.code), 0];
        bug_check(KMODE_EXCEPTION_NOT_HANDLED, parameters);
    }
    // SAFETY: the code that was stopped waits to go on, and a handler said that it can.
    unsafe { resume(context) }
}

/// Calls a frame's handler.
///
/// # Safety
/// As [`search`]; the frame is on the stack, and has a handler.
unsafe fn ask(
    frame: &Frame,
    record: *mut Record,
    context: *mut Context,
    target_ip: u64,
    origin: *const Origin,
) -> i32 {
    let Some(handler) = frame.handler else { return CONTINUE_SEARCH };
    let base = frame.image.base() as u64;
    let size = frame.image.size() as u64;
    if u64::from(handler.routine) >= size || u64::from(handler.data) >= size {
        return CONTINUE_SEARCH;
    }
    let routine = base + u64::from(handler.routine);
    let mut dispatcher = Dispatcher {
        control_pc: frame.control_pc,
        image_base: base,
        function_entry: base + u64::from(frame.function.begin),
        establisher: frame.establisher,
        target_ip,
        context,
        language_handler: routine,
        handler_data: base + u64::from(handler.data),
        origin,
        scope_index: 0,
    };
    // SAFETY: the unwind information of a loaded driver says that this is a routine of that form.
    let routine = unsafe { std::mem::transmute::<u64, Routine>(routine) };
    // SAFETY: the arguments are those of its page, and live as long as the call.
    unsafe { routine(record, frame.establisher, context, &raw mut dispatcher) }
}

/// Has every function up to the one with the frame `target` leave, and goes on in that one at
/// `target_ip` with `value` in RAX.
///
/// # Safety
/// As [`search`]; `origin` is what the dispatcher was given.
pub(super) unsafe fn unwind(
    target: u64,
    target_ip: u64,
    record: *mut Record,
    value: u64,
    context: *mut Context,
    origin: *const Origin,
) -> ! {
    // SAFETY: the caller vouches for it: the dispatch it belongs to still runs.
    let mut waiting = unsafe { (*origin).innermost };
    // SAFETY: the caller vouches for the record.
    unsafe { (*record).flags |= UNWINDING };
    while let Some((frame, caller)) = waiting.step() {
        if let Some(frame) = frame {
            let is_target = frame.establisher == target;
            if is_target {
                // SAFETY: as above.
                unsafe { (*record).flags |= TARGET_UNWIND };
            }
            if frame.handler.is_some_and(|handler| handler.of_unwinding) {
                // SAFETY: the frame is on the stack still.
                unsafe { ask(&frame, record, context, target_ip, origin) };
            }
            if is_target {
                // No trap, no direction: of the flags, only the latter survives a call.
                let context = waiting.going_on(target_ip, value).context(0x202);
                // SAFETY: the function named the place, and has its registers as at its call. The
                // stack below it is nobody's: this context, which lies there, is read before anything
                // else can be put in its place.
                unsafe { resume(&raw const context) };
            }
        }
        waiting = caller;
    }
    bug_check(KMODE_EXCEPTION_NOT_HANDLED, [STATUS_BAD_STACK, target_ip, target, 0]);
}
