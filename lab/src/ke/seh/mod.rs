//! Structured exceptions: who in a driver handles what was raised, or what the processor refused.
//!
//! Page: learn.microsoft.com/cpp/build/exception-handling-x64. The stack is searched outwards from the
//! exception; each function with a handler is asked. Who handles it has every function in between
//! leave, and goes on in its own.
//!
//! The search goes through frames of drivers and of libraries such as the framework, and ends at the
//! first frame of the machine itself, which handles nothing: an exception in a callback does not
//! reach the driver's code that had the machine call it. Exceptions inside filters and termination
//! handlers are nobody's, either.

mod context;
mod dispatch;
mod fault;
mod frame;
mod handler;

use crate::bugcheck::{self, Crash, KMODE_EXCEPTION_NOT_HANDLED};
use crate::ke::irql;

pub(crate) use context::{Context, capturing};
pub(crate) use fault::{Refused, hand_over};
pub(crate) use handler::EXPORTS;

use context::Record;
use frame::Where;

/// `EXCEPTION_NONCONTINUABLE`
const NONCONTINUABLE: u32 = 1;

/// Raises `status` where a driver called the routine that captured `context`, because of the object
/// at `address`: what handles it goes on, and this never returns. Unhandled, it is bug check 0x1E.
///
/// # Safety
/// `context` was captured by a caller's [`capturing`], and no frame between here and there has
/// anything to drop.
#[cold]
pub(crate) unsafe fn raise(status: i32, address: usize, context: *mut Context) -> ! {
    // SAFETY: the caller vouches for it: whatever was on the stack before, it has some bits by now.
    let captured = unsafe { &mut *context };
    // SAFETY: the driver's call has not returned.
    unsafe { captured.leave_schedule() };
    let registers = captured.registers();
    let mut record = Record::new(status.cast_unsigned(), registers.rip, &[]);
    record.flags = NONCONTINUABLE;
    // SAFETY: the caller vouches for it.
    unsafe { dispatch::search(&raw mut record, context, Where::Calling) };
    let parameters = [u64::from(status.cast_unsigned()), registers.rip, address as u64, 0];
    let (code, irql, processor) = (KMODE_EXCEPTION_NOT_HANDLED, irql::current(), irql::processor());
    bugcheck::stop(Crash { code, parameters, registers, irql, processor })
}
