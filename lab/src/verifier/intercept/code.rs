//! The instructions that imports are bound to.
//!
//! They use only the registers that neither carry arguments nor survive a call.

use std::arch::global_asm;
use std::collections::HashMap;
use std::ptr;
use std::sync::OnceLock;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

use super::failure::Failure;
use super::object::Use;
use super::table::ROWS;
use super::{Allowed, Routine, look, scheduled};
use crate::exports;
use crate::ke::schedule;
use crate::verifier::{CHECKS, Check};

/// Bytes of an import's own code.
pub(super) const SIZE: usize = 64;

/// What any of the routines here is looked at for.
const LOOKED_FOR: u32 = Check::DdiCompliance as u32
    | Check::LowResources as u32
    | Check::ForceIrql as u32
    | Check::Deadlock as u32;

struct Code {
    routines: Vec<Routine>,
    entries: HashMap<&'static str, usize>,
}

// Saves what carries arguments, asks `look` where to go on, and goes there. Its number is in EAX.
global_asm!(
    ".pushsection .text.pagewise_lab_intercept,\"ax\",@progbits",
    ".globl pagewise_lab_intercept",
    ".hidden pagewise_lab_intercept",
    ".type pagewise_lab_intercept,@function",
    "pagewise_lab_intercept:",
    ".cfi_startproc",
    "push rcx",
    ".cfi_adjust_cfa_offset 8",
    "push rdx",
    ".cfi_adjust_cfa_offset 8",
    "push r8",
    ".cfi_adjust_cfa_offset 8",
    "push r9",
    ".cfi_adjust_cfa_offset 8",
    // With the return address and the four registers, the stack is aligned after it.
    "sub rsp, 104",
    ".cfi_adjust_cfa_offset 104",
    "movups [rsp + 32], xmm0",
    "movups [rsp + 48], xmm1",
    "movups [rsp + 64], xmm2",
    "movups [rsp + 80], xmm3",
    "mov ecx, eax",
    "lea rdx, [rsp + 136]",
    "call {look}",
    "movups xmm0, [rsp + 32]",
    "movups xmm1, [rsp + 48]",
    "movups xmm2, [rsp + 64]",
    "movups xmm3, [rsp + 80]",
    "add rsp, 104",
    ".cfi_adjust_cfa_offset -104",
    "pop r9",
    ".cfi_adjust_cfa_offset -8",
    "pop r8",
    ".cfi_adjust_cfa_offset -8",
    "pop rdx",
    ".cfi_adjust_cfa_offset -8",
    "pop rcx",
    ".cfi_adjust_cfa_offset -8",
    "jmp rax",
    ".cfi_endproc",
    ".size pagewise_lab_intercept, . - pagewise_lab_intercept",
    ".popsection",
    look = sym look,
);

unsafe extern "C" {
    #[link_name = "pagewise_lab_intercept"]
    fn intercept();
}

/// The first argument of a call that is being looked at.
pub(super) fn first_argument(frame: usize) -> u64 {
    saved(frame, 1)
}

/// The third argument.
pub(super) fn third_argument(frame: usize) -> u64 {
    saved(frame, 3)
}

fn saved(frame: usize, number: usize) -> u64 {
    let place: *const u64 = ptr::with_exposed_provenance(frame - 8 * number);
    // SAFETY: `pagewise_lab_intercept` pushed RCX, RDX, R8 and R9 in this order, and they are there
    // as long as `look` runs.
    unsafe { place.read() }
}

/// What a driver's import of the routine `name`, which is at `target`, is bound to.
pub(crate) fn entry(name: &str, target: usize) -> usize {
    code().and_then(|code| code.entries.get(name).copied()).unwrap_or(target)
}

/// A routine by its number.
pub(super) fn routine(index: u32) -> Option<&'static Routine> {
    code()?.routines.get(index as usize)
}

/// `None` where the host has no memory for it: then nothing is looked at.
fn code() -> Option<&'static Code> {
    static CODE: OnceLock<Option<Code>> = OnceLock::new();
    CODE.get_or_init(make).as_ref()
}

fn make() -> Option<Code> {
    let mut routines = Vec::new();
    let scheduled = schedule::on();
    for row in ROWS {
        let (failure, object) = (Failure::of(row.name), Use::of(row.name));
        let ruled = !matches!(row.allowed, Allowed::Any | Allowed::Own);
        let target = exports::resolve(exports::KERNEL, row.name);
        let point = scheduled && is_point(row.name);
        let looked_at = point || ruled || failure.is_some() || object.is_some();
        if let (true, Some(target)) = (looked_at, target) {
            routines.push(Routine { row, failure, object, target });
        }
    }
    let mut bytes = Vec::with_capacity(routines.len() * SIZE);
    for (index, routine) in (0..).zip(&routines) {
        bytes.extend_from_slice(&if scheduled && is_point(routine.row.name) {
            scheduled::instructions(index)
        } else {
            instructions(index, routine.target)
        });
    }
    let base = executable(&bytes)?;
    let names = routines.iter().map(|routine| routine.row.name);
    let entries = names.zip((base..).step_by(SIZE)).collect();
    Some(Code { routines, entries })
}

/// Whether calls of the routine are scheduling points: those of the C library are none, and those of
/// the run-time library only compute.
fn is_point(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.starts_with("Rtl")
}

/// On to `target` while nothing is looked for; else to `pagewise_lab_intercept` with the number.
fn instructions(index: u32, target: usize) -> [u8; SIZE] {
    let mut code = Vec::with_capacity(SIZE);
    let immediate = |value: usize| (value as u64).to_le_bytes();
    // mov r10, CHECKS; test dword ptr [r10], LOOKED_FOR; jnz +13
    code.extend([0x49, 0xba]);
    code.extend(immediate((&raw const CHECKS).expose_provenance()));
    code.extend([0x41, 0xf7, 0x02]);
    code.extend(LOOKED_FOR.to_le_bytes());
    code.extend([0x75, 13]);
    // mov r11, target; jmp r11
    code.extend([0x49, 0xbb]);
    code.extend(immediate(target));
    code.extend([0x41, 0xff, 0xe3]);
    // mov eax, index; mov r11, intercept; jmp r11
    code.push(0xb8);
    code.extend(index.to_le_bytes());
    code.extend([0x49, 0xbb]);
    code.extend(immediate(intercept as *const () as usize));
    code.extend([0x41, 0xff, 0xe3]);
    let mut all = [0xcc; SIZE];
    all[..code.len()].copy_from_slice(&code);
    all
}

/// Where the host has put a copy of `bytes` that can be executed.
fn executable(bytes: &[u8]) -> Option<usize> {
    // SAFETY: an address of the host's choice: nothing is replaced.
    let memory = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            bytes.len(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    };
    let memory = memory.ok()?;
    // SAFETY: as many bytes were mapped, and nobody else knows of them.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), memory.cast(), bytes.len()) };
    // SAFETY: mapped above; nothing borrows from it.
    let protected =
        unsafe { mprotect(memory, bytes.len(), MprotectFlags::READ | MprotectFlags::EXEC) };
    protected.ok().map(|()| memory.expose_provenance())
}
