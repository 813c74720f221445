//! From what the processor refused to an exception.
//!
//! A signal handler may not run a driver's filters: it has the interrupted thread go on here, on its
//! own stack, with what was refused.

use super::context::{Context, Record};
use super::dispatch;
use super::frame::Where;
use crate::bugcheck::{self, Crash, Registers};

const RED_ZONE: u64 = 128;
/// Room for the arguments of a callee that it may use.
const HOME: u64 = 32;

/// An instruction of a driver's that the processor refused.
#[derive(Clone, Copy)]
pub(crate) struct Refused {
    /// NTSTATUS.
    pub(crate) status: u32,
    /// `ExceptionInformation`: of an access violation, 0 for a read and 1 for a write, and the
    /// address.
    pub(crate) information: [u64; 2],
    /// What it is if nobody handles it.
    pub(crate) crash: Crash,
}

/// What is put on the thread's stack.
#[repr(C, align(16))]
struct Fault {
    context: Context,
    refused: Refused,
}

/// Has the interrupted thread, which `interrupted` is, go on in search of a handler. False where it
/// has no stack for that. Async-signal-safe.
pub(crate) fn hand_over(refused: Refused, interrupted: &mut libc::mcontext_t) -> bool {
    let rsp = interrupted.gregs[libc::REG_RSP as usize].cast_unsigned();
    let size = size_of::<Fault>() as u64;
    let Some(place) = rsp.checked_sub(size + RED_ZONE).map(|place| place & !15) else {
        return false;
    };
    let mut fault = Fault { context: context(interrupted), refused };
    let local = libc::iovec { iov_base: (&raw mut fault).cast(), iov_len: size as usize };
    let remote = libc::iovec { iov_base: place as *mut _, iov_len: size as usize };
    // SAFETY: takes nothing, and cannot fail.
    let process = unsafe { libc::getpid() };
    // SAFETY: `local` describes `fault`; `remote` is below the thread's stack pointer, where nothing
    // is in use, and the host looks whether it is there.
    let written =
        unsafe { libc::process_vm_writev(process, &raw const local, 1, &raw const remote, 1, 0) };
    if u64::try_from(written) != Ok(size) {
        return false;
    }
    let mut set = |register: libc::c_int, value: u64| {
        interrupted.gregs[register as usize] = value.cast_signed();
    };
    set(libc::REG_RCX, place);
    // As after a call.
    set(libc::REG_RSP, place - HOME - 8);
    set(libc::REG_RIP, go_on as *const () as u64);
    true
}

/// All registers of an interrupted thread.
fn context(interrupted: &libc::mcontext_t) -> Context {
    let eflags = interrupted.gregs[libc::REG_EFL as usize] as u32;
    // SAFETY: the host gives a signal handler its state of vector registers, which it owns meanwhile,
    // or none.
    let state = unsafe { interrupted.fpregs.as_ref() };
    let vectors = state.map_or([[0; 16]; 16], |state| {
        state._xmm.map(|vector| {
            let [a, b, c, d] = vector.element.map(u128::from);
            (a | b << 32 | c << 64 | d << 96).to_le_bytes()
        })
    });
    Context::new(&Registers::from(interrupted), vectors, eflags)
}

/// Where the interrupted thread goes on.
///
/// # Safety
/// [`hand_over`] made `fault`.
unsafe extern "win64" fn go_on(fault: *mut Fault) -> ! {
    // SAFETY: `hand_over` wrote it.
    let refused = unsafe { &*fault }.refused;
    let (address, context) = (refused.crash.registers.rip, fault.cast::<Context>());
    let mut record = Record::new(refused.status, address, &refused.information);
    // SAFETY: the context is that of the driver's code which was interrupted; between it and here is
    // this frame only, which has nothing to drop.
    unsafe { dispatch::search(&raw mut record, context, Where::Stopped) };
    bugcheck::stop(refused.crash)
}
