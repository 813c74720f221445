//! The page fault handler: the host's SIGSEGV and SIGBUS.
//!
//! At `APC_LEVEL` and below a page that is not valid is brought in and the reference repeated;
//! above, nobody can wait for it, and the machine stops. All of this is async-signal-safe: no
//! allocation, no lock but the region's own, which nobody holds while touching pageable memory.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PageState;
use rustix::io::Errno;

use crate::bugcheck::{
    self, Crash, KERNEL_DATA_INPAGE_ERROR, Place, Reference, Registers,
    UNEXPECTED_KERNEL_MODE_TRAP, Why, bug_check, classify,
};
use crate::ke::seh::{self, Refused};
use crate::ke::{inline, irql, schedule};
use crate::mm::pool::special::{self, Verdict};
use crate::mm::protection::Access;
use crate::mm::region::{Fault, Kind};
use crate::mm::{observe, pool, registry, trap};
use crate::trail;

/// `#PF`, as the processor numbers its exceptions.
const PAGE_FAULT: i64 = 14;

/// Has the host's signals for faults and traps handled here.
pub(super) fn install() -> io::Result<()> {
    for signal in
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT]
    {
        // SAFETY: all zeroes is a valid sigaction: no handler, no flags, an empty mask.
        let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: `action` is complete, and the handler is async-signal-safe.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a SA_SIGINFO handler a valid ucontext, which it owns meanwhile.
    let context = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
    // SAFETY: and a valid siginfo.
    if signal == libc::SIGTRAP && observe::step(unsafe { (*info).si_code }, context) {
        return;
    }
    if signal == libc::SIGABRT {
        return bugcheck::aborted();
    }
    if inline::is_one(context) && in_driver(context) && inline::carry_out(context) {
        return;
    }
    let register = |index: c_int| context.gregs[index as usize];
    let is_fault = signal == libc::SIGBUS
        || (signal == libc::SIGSEGV && register(libc::REG_TRAPNO) == PAGE_FAULT);
    if !is_fault {
        return trap::take(signal, in_driver(context), context);
    }
    let reference = Reference {
        address: register(libc::REG_CR2).cast_unsigned(),
        access: access(register(libc::REG_ERR).cast_unsigned()),
        program_counter: register(libc::REG_RIP).cast_unsigned(),
        irql: irql::current(),
    };
    if observe::touch(&reference, context) {
        return;
    }
    if let Err(why) = resolve(reference) {
        return unresolved(reference, why, context);
    }
    // A page that was brought in just now is withdrawn again where it is observed.
    observe::touch(&reference, context);
    // What waits for a page lets others run. Where a driver was interrupted, and not the machine, no
    // lock is held, and anything may be done.
    if schedule::on() && place(reference.program_counter) == Place::Driver {
        schedule::point_of_fault();
    }
}

/// Whether a driver was interrupted, and not the machine.
fn in_driver(context: &libc::mcontext_t) -> bool {
    place(context.gregs[libc::REG_RIP as usize].cast_unsigned()) == Place::Driver
}

/// From the error code that the processor pushes with a page fault.
#[inline]
fn access(error_code: u64) -> Access {
    const WRITE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;
    if error_code & FETCH != 0 {
        Access::Execute
    } else if error_code & WRITE != 0 {
        Access::Write
    } else {
        Access::Read
    }
}

/// Makes the page of a reference valid, if it may be.
#[inline]
fn resolve(reference: Reference) -> Result<(), Why> {
    let address = reference.address as usize;
    let Some(region) = registry::find(address) else {
        return Err(if reference.irql > irql::APC_LEVEL { Why::IrqlTooHigh } else { Why::NoPage });
    };
    let page = region.page_of(address);
    if reference.irql > irql::APC_LEVEL {
        let forbidden = region.state(page) == PageState::Valid
            && !region.group_of(page).protection.allows(reference.access);
        return Err(if forbidden { Why::Forbidden } else { Why::IrqlTooHigh });
    }
    match region.fault(page, reference.access) {
        Fault::Resolved(how) => {
            if let Some(how) = how {
                trail::paging::note(how, 1, address, reference.program_counter as usize);
            }
            Ok(())
        }
        Fault::Forbidden => Err(Why::Forbidden),
        Fault::Freed => Err(Why::NoPage),
        Fault::Failed(error) => Err(Why::InPageError(status(error))),
    }
}

#[cold]
fn unresolved(reference: Reference, why: Why, context: &mut libc::mcontext_t) {
    let registers = Registers::from(&*context);
    let target = place(reference.address);
    let (code, parameters) = if target == Place::Elsewhere && is_stack(reference, &registers) {
        (UNEXPECTED_KERNEL_MODE_TRAP, [trap::DOUBLE_FAULT, reference.address, 0, 0])
    } else {
        classify(reference, target, place(reference.program_counter), why)
    };
    let (irql, processor) = (reference.irql, irql::processor());
    let crash = Crash { code, parameters, registers, irql, processor };
    // A driver may be ready for a client's address that leads nowhere; for nothing else.
    if why == Why::NoPage && target == Place::Elsewhere && code != UNEXPECTED_KERNEL_MODE_TRAP {
        let information = [u64::from(reference.access == Access::Write), reference.address];
        let refused = Refused { status: trap::STATUS_ACCESS_VIOLATION as u32, information, crash };
        if in_driver(context) && seh::hand_over(refused, context) {
            return;
        }
    }
    bugcheck::stop(crash);
}

/// What an address lies in.
fn place(address: u64) -> Place {
    let address = address as usize;
    match registry::find(address).map(|region| region.kind()) {
        Some(Kind::Image) => Place::Driver,
        Some(Kind::PagedPool) => Place::PagedPool,
        Some(Kind::SpecialPool) => special_pool(address),
        None if registry::find_retired(address).is_some() => Place::Unloaded,
        None => Place::Elsewhere,
    }
}

fn special_pool(address: usize) -> Place {
    match special::verdict(address) {
        Some(Verdict::Live(pool::Kind::Paged)) => Place::PagedPool,
        Some(Verdict::Freed(_)) => Place::FreedSpecialPool,
        Some(Verdict::Beyond(_)) => Place::BeyondSpecialPool,
        _ => Place::Elsewhere,
    }
}

/// Whether the reference was just below the stack pointer, or just above: there was no stack left.
fn is_stack(reference: Reference, registers: &Registers) -> bool {
    const NEAR: u64 = 16 * PAGE_SIZE as u64;
    reference.access != Access::Execute && reference.address.abs_diff(registers.rsp()) < NEAR
}

/// The NTSTATUS of a page-in that failed.
fn status(error: Errno) -> u32 {
    const STATUS_INSUFFICIENT_RESOURCES: u32 = 0xc000_009a;
    const STATUS_IO_DEVICE_ERROR: u32 = 0xc000_0185;
    if error == Errno::NOMEM { STATUS_INSUFFICIENT_RESOURCES } else { STATUS_IO_DEVICE_ERROR }
}

/// Bug check 0x7A, for routines that page in and cannot say that it failed.
#[cold]
pub(super) fn in_page_error(error: Errno, address: usize) -> ! {
    let parameters = [1, u64::from(status(error)), 0, address as u64];
    bug_check(KERNEL_DATA_INPAGE_ERROR, parameters)
}
