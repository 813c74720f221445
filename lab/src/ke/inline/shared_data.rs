//! The page that the kernel shares with everyone: `KUSER_SHARED_DATA` at its fixed address.
//!
//! Page: ntddk/ns-ntddk-kuser_shared_data. Of its fields the times, the version and the processor's
//! multiplier have values; the rest reads as zero.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::register;
use crate::ke::time::{self, KeQueryInterruptTime, KeQueryTimeIncrement};
use crate::rtl::WINDOWS_VERSION;

const BASE: u64 = 0xffff_f780_0000_0000;
const LENGTH: usize = 0x1000;

const TICK_COUNT_MULTIPLIER: usize = 0x4;
const INTERRUPT_TIME: usize = 0x8;
const SYSTEM_TIME: usize = 0x14;
const NT_BUILD_NUMBER: usize = 0x260;
const NT_PRODUCT_TYPE: usize = 0x264;
const NT_MAJOR_VERSION: usize = 0x26c;
const TICK_COUNT: usize = 0x320;

/// Milliseconds of a tick, times 2^24: 15.625.
const MULTIPLIER: u32 = 0x0fa0_0000;
const WORKSTATION: u32 = 1;

/// Whether an address is in the page.
pub(super) fn holds(address: u64) -> bool {
    (BASE..BASE + LENGTH as u64).contains(&address)
}

/// Carries out a load from the page into a register; whether the instruction was one.
pub(super) fn load(
    instruction: &Instruction,
    address: u64,
    context: &mut libc::mcontext_t,
) -> bool {
    let is_load = instruction.op0_kind() == OpKind::Register
        && instruction.op1_kind() == OpKind::Memory
        && instruction.op_count() == 2;
    let size = instruction.memory_size().size();
    if !is_load || !(1..=8).contains(&size) {
        return false;
    }
    let offset = (address - BASE) as usize;
    let value = value(offset, size);
    let value = match instruction.mnemonic() {
        Mnemonic::Mov | Mnemonic::Movzx => value,
        Mnemonic::Movsx | Mnemonic::Movsxd => {
            let unused = 64 - 8 * size;
            ((value << unused).cast_signed() >> unused).cast_unsigned()
        }
        _ => return false,
    };
    register::set(context, instruction.op0_register(), value)
}

/// So many bytes of the page from `offset` on.
fn value(offset: usize, size: usize) -> u64 {
    let page = page();
    let mut bytes = [0; 8];
    let end = (offset + size).min(LENGTH);
    bytes[..end - offset].copy_from_slice(&page[offset..end]);
    u64::from_le_bytes(bytes)
}

/// Ticks of the clock since the machine booted.
fn ticks() -> u64 {
    KeQueryInterruptTime() / u64::from(KeQueryTimeIncrement())
}

/// The page at this moment.
fn page() -> [u8; LENGTH] {
    let mut page = [0; LENGTH];
    let mut put = |offset: usize, value: u32| {
        page[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    };
    put(TICK_COUNT_MULTIPLIER, MULTIPLIER);
    let (major, build) = WINDOWS_VERSION;
    put(NT_BUILD_NUMBER, build);
    put(NT_PRODUCT_TYPE, WORKSTATION);
    put(NT_MAJOR_VERSION, major);
    let times = [
        (INTERRUPT_TIME, KeQueryInterruptTime()),
        (SYSTEM_TIME, time::system_time().cast_unsigned()),
        (TICK_COUNT, ticks()),
    ];
    for (offset, time) in times {
        // A KSYSTEM_TIME: the low half, and the high one twice.
        let (low, high) = (time as u32, (time >> 32) as u32);
        put(offset, low);
        put(offset + 4, high);
        put(offset + 8, high);
    }
    page
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions, Register};

    use super::*;

    fn run(bytes: &[u8], offset: usize, context: &mut libc::mcontext_t) -> bool {
        let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        load(&instruction, BASE + offset as u64, context)
    }

    #[test]
    fn loads_of_each_kind_find_the_field() {
        let mut context = register::empty();
        assert!(run(&[0x48, 0x8b, 0x00], TICK_COUNT, &mut context), "mov rax, [rax]");
        let ticks = register::get(&context, Register::RAX).unwrap();
        assert!(ticks.abs_diff(super::ticks()) < 1000);
        assert!(run(&[0x8b, 0x08], NT_MAJOR_VERSION, &mut context), "mov ecx, [rax]");
        assert_eq!(register::get(&context, Register::RCX), Some(10));
        assert!(run(&[0x0f, 0xb6, 0x10], NT_MAJOR_VERSION, &mut context), "movzx edx, byte [rax]");
        assert_eq!(register::get(&context, Register::RDX), Some(10));
        assert!(run(&[0x48, 0x63, 0x10], TICK_COUNT_MULTIPLIER, &mut context), "movsxd rdx, [rax]");
        assert_eq!(register::get(&context, Register::RDX), Some(u64::from(MULTIPLIER)));
        let moffs = [0x48, 0xa1, 0x14, 0, 0, 0, 0x80, 0xf7, 0xff, 0xff];
        assert!(run(&moffs, SYSTEM_TIME, &mut context), "mov rax, [0xfffff78000000014]");
        let system = register::get(&context, Register::RAX).unwrap();
        assert!(system.abs_diff(time::system_time().cast_unsigned()) < 10_000_000);
    }

    #[test]
    fn stores_and_what_is_no_load_are_faults() {
        let mut context = register::empty();
        assert!(!run(&[0x48, 0x89, 0x00], TICK_COUNT, &mut context), "mov [rax], rax");
        assert!(!run(&[0x48, 0x3b, 0x00], TICK_COUNT, &mut context), "cmp rax, [rax]");
        assert!(!run(&[0x0f, 0x28, 0x00], TICK_COUNT, &mut context), "movaps xmm0, [rax]");
    }

    #[test]
    fn the_page_ends_where_it_ends() {
        assert!(holds(BASE) && holds(BASE + 0xfff) && !holds(BASE + 0x1000) && !holds(0));
        assert_eq!(value(LENGTH - 1, 8), 0);
    }
}
