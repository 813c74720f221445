//! The instructions that imports are bound to on a machine with a schedule: a scheduling point before
//! the routine, and one after it.
//!
//! They are bound when a driver is loaded, so that without a schedule nobody pays for them.

use std::arch::global_asm;
use std::ptr;

use super::code::{self, SIZE};
use super::look;
use crate::bugcheck::{Register, Registers};
use crate::ke::schedule;

/// Arguments on the stack that are handed on: more than any routine takes that has a fixed number of
/// them, and enough for a line of `DbgPrint`.
const ON_STACK: usize = 24;

// Saves what carries arguments as `pagewise_lab_intercept` does, asks `before` where to go on, calls
// that with a copy of the arguments on the stack, and calls `after`. Its number is in EAX.
global_asm!(
    ".pushsection .text.pagewise_lab_scheduled,\"ax\",@progbits",
    ".globl pagewise_lab_scheduled",
    ".hidden pagewise_lab_scheduled",
    ".type pagewise_lab_scheduled,@function",
    "pagewise_lab_scheduled:",
    ".cfi_startproc",
    "push rcx",
    ".cfi_adjust_cfa_offset 8",
    "push rdx",
    ".cfi_adjust_cfa_offset 8",
    "push r8",
    ".cfi_adjust_cfa_offset 8",
    "push r9",
    ".cfi_adjust_cfa_offset 8",
    "push rbp",
    ".cfi_adjust_cfa_offset 8",
    ".cfi_rel_offset rbp, 0",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "push rbx",
    ".cfi_offset rbx, -56",
    // With the return address and six registers, eight bytes more align the stack.
    "sub rsp, 104",
    "mov ebx, eax",
    "movups [rsp + 32], xmm0",
    "movups [rsp + 48], xmm1",
    "movups [rsp + 64], xmm2",
    "movups [rsp + 80], xmm3",
    "mov ecx, eax",
    "lea rdx, [rbp + 40]",
    "call {before}",
    "movups xmm0, [rsp + 32]",
    "movups xmm1, [rsp + 48]",
    "movups xmm2, [rsp + 64]",
    "movups xmm3, [rsp + 80]",
    // Past the four pushed registers, the return address and the room for the register arguments
    // are the caller's further arguments.
    "sub rsp, {room}",
    "mov r10d, {last}",
    "2:",
    "mov r11, [rbp + r10 * 8 + 80]",
    "mov [rsp + r10 * 8 + 32], r11",
    "dec r10d",
    "jns 2b",
    "mov rcx, [rbp + 32]",
    "mov rdx, [rbp + 24]",
    "mov r8, [rbp + 16]",
    "mov r9, [rbp + 8]",
    "call rax",
    ".globl pagewise_lab_scheduled_return",
    ".hidden pagewise_lab_scheduled_return",
    "pagewise_lab_scheduled_return:",
    "mov [rsp + 32], rax",
    "movups [rsp + 48], xmm0",
    "mov ecx, ebx",
    "call {after}",
    "mov rax, [rsp + 32]",
    "movups xmm0, [rsp + 48]",
    "mov rbx, [rbp - 8]",
    "mov rsp, rbp",
    ".cfi_def_cfa_register rsp",
    "pop rbp",
    ".cfi_adjust_cfa_offset -8",
    ".cfi_restore rbp",
    "add rsp, 32",
    ".cfi_adjust_cfa_offset -32",
    "ret",
    ".cfi_endproc",
    ".size pagewise_lab_scheduled, . - pagewise_lab_scheduled",
    ".popsection",
    before = sym before,
    after = sym after,
    room = const 8 * ON_STACK,
    last = const ON_STACK - 1,
);

unsafe extern "C" {
    #[link_name = "pagewise_lab_scheduled"]
    fn scheduled();
    /// Where routines return to that were called from there.
    #[link_name = "pagewise_lab_scheduled_return"]
    fn returned();
}

/// From the place of such a return address to that of the driver's: the arguments and the room that
/// were added, the saved registers and the return address itself.
const BETWEEN: usize = 8 + 8 * ON_STACK + 104 + 8 + 40;

/// Where the driver's own return address is, if the one at `frame`, which a routine was called with,
/// is of the code between the two.
pub(crate) fn frame_of_driver(frame: usize, return_address: u64) -> usize {
    if return_address == returned as *const () as u64 { frame + BETWEEN } else { frame }
}

/// Turns the registers with which this code waits for a routine to return into those of the driver
/// that called it; leaves those of others alone.
///
/// # Safety
/// They are of a call that has not returned.
pub(crate) unsafe fn leave(registers: &mut Registers) {
    if registers.rip != returned as *const () as u64 {
        return;
    }
    let frame = registers.get(Register::Rbp);
    let word = |offset: u64| {
        let place: *const u64 = ptr::with_exposed_provenance(frame.wrapping_add(offset) as usize);
        // SAFETY: the frame that RBP points to is there as long as the call has not returned, and
        // what is read was pushed below the return address or next to it.
        unsafe { place.read() }
    };
    registers.rip = word(40);
    registers.set(Register::Rbx, word(0_u64.wrapping_sub(8)));
    registers.set(Register::Rbp, word(0));
    registers.set_rsp(frame + 48);
}

extern "win64" fn before(index: u32, frame: usize) -> usize {
    if let Some(routine) = code::routine(index) {
        schedule::point_at("", routine.row.name);
    }
    look(index, frame)
}

extern "win64" fn after(index: u32) {
    if let Some(routine) = code::routine(index) {
        schedule::point_at("after ", routine.row.name);
    }
}

/// To `pagewise_lab_scheduled` with the number.
pub(super) fn instructions(index: u32) -> [u8; SIZE] {
    let mut code = Vec::with_capacity(SIZE);
    // mov eax, index; mov r11, scheduled; jmp r11
    code.push(0xb8);
    code.extend(index.to_le_bytes());
    code.extend([0x49, 0xbb]);
    code.extend((scheduled as *const () as u64).to_le_bytes());
    code.extend([0x41, 0xff, 0xe3]);
    let mut all = [0xcc; SIZE];
    all[..code.len()].copy_from_slice(&code);
    all
}
