//! Traps that are no page faults: what an exception is that nobody handles.

use std::ffi::c_int;

use crate::bugcheck::{
    self, Crash, KERNEL_SECURITY_CHECK_FAILURE, KMODE_EXCEPTION_NOT_HANDLED, Registers,
};
use crate::ke::irql;
use crate::ke::seh::{self, Refused};
use crate::mm::peek;

/// The trap number of a double fault.
pub(super) const DOUBLE_FAULT: u64 = 8;

const STATUS_BREAKPOINT: u64 = 0x8000_0003;
pub(super) const STATUS_ACCESS_VIOLATION: u64 = 0xc000_0005;
const STATUS_ILLEGAL_INSTRUCTION: u64 = 0xc000_001d;
const STATUS_INTEGER_DIVIDE_BY_ZERO: u64 = 0xc000_0094;
const STATUS_PRIVILEGED_INSTRUCTION: u64 = 0xc000_0096;

/// Has a driver's handler take a trap, or stops the machine for it. Async-signal-safe.
#[cold]
pub(super) fn take(signal: c_int, in_driver: bool, context: &mut libc::mcontext_t) {
    let registers = Registers::from(&*context);
    let pc = registers.rip;
    let (code, parameters) = match signal {
        libc::SIGILL => exception(STATUS_ILLEGAL_INSTRUCTION, pc),
        libc::SIGFPE => exception(STATUS_INTEGER_DIVIDE_BY_ZERO, pc),
        // The program counter is past the one-byte instruction.
        libc::SIGTRAP => exception(STATUS_BREAKPOINT, pc.wrapping_sub(1)),
        _ => general_protection(&registers),
    };
    let (irql, processor) = (irql::current(), irql::processor());
    let crash = Crash { code, parameters, registers, irql, processor };
    // A breakpoint is for a debugger, not for handlers.
    if in_driver && code == KMODE_EXCEPTION_NOT_HANDLED && signal != libc::SIGTRAP {
        let [status, _, is_write, address] = parameters;
        let refused = Refused { status: status as u32, information: [is_write, address], crash };
        if seh::hand_over(refused, context) {
            return;
        }
    }
    bugcheck::stop(crash)
}

fn exception(status: u64, pc: u64) -> (u32, [u64; 4]) {
    (KMODE_EXCEPTION_NOT_HANDLED, [status, pc, 0, 0])
}

/// A general protection fault: the processor does not say why, the instruction does.
fn general_protection(registers: &Registers) -> (u32, [u64; 4]) {
    let pc = registers.rip;
    match instruction(pc) {
        // `int 29h`: `__fastfail`, its code in ECX.
        Some([0xcd, 0x29, _]) => {
            let code = registers.general[1] & 0xffff_ffff;
            (KERNEL_SECURITY_CHECK_FAILURE, [code, 0, 0, 0])
        }
        Some(bytes) if is_privileged(bytes) => exception(STATUS_PRIVILEGED_INSTRUCTION, pc),
        // A reference to an address that is not canonical; it is not known which.
        _ => (KMODE_EXCEPTION_NOT_HANDLED, [STATUS_ACCESS_VIOLATION, pc, 0, u64::MAX]),
    }
}

/// Whether the instruction can only be executed by a real kernel.
fn is_privileged(bytes: [u8; 3]) -> bool {
    let bytes = if bytes[0] & 0xf0 == 0x40 { &bytes[1..] } else { &bytes[..] };
    match bytes {
        // in, out, hlt, cli, sti
        [0xe4..=0xe7 | 0xec..=0xef | 0xf4 | 0xfa | 0xfb, ..] => true,
        // moves from and to control and debug registers, wrmsr, rdmsr, invd, wbinvd, clts
        [0x0f, 0x06 | 0x08 | 0x09 | 0x20..=0x23 | 0x30 | 0x32, ..] => true,
        _ => false,
    }
}

/// The first bytes of the instruction at `pc`.
fn instruction(pc: u64) -> Option<[u8; 3]> {
    let mut bytes = [0; 3];
    peek(pc, &mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileged_instructions_are_told_from_others() {
        assert!(is_privileged([0x44, 0x0f, 0x20]), "mov rax, cr8");
        assert!(is_privileged([0xfa, 0x90, 0x90]), "cli");
        assert!(is_privileged([0x0f, 0x32, 0xc3]), "rdmsr");
        assert!(!is_privileged([0x48, 0x8b, 0x00]), "mov rax, [rax]");
        assert!(!is_privileged([0x0f, 0x1f, 0x00]), "nop");
    }

    #[test]
    fn an_instruction_is_read_only_where_there_is_one() {
        static CODE: [u8; 3] = [0xcd, 0x29, 0x90];
        assert_eq!(instruction(CODE.as_ptr() as u64), Some(CODE));
        assert_eq!(instruction(8), None);
    }
}
