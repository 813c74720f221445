//! CR8: the task priority of x64, which is the IRQL.
//!
//! Pages: learn.microsoft.com/cpp/intrinsics/readcr8 and writecr8; the IRQL's place is that of Intel's
//! manual, volume 3, "Task Priority in IA-32e Mode". A header's `KeRaiseIrql` reads and writes it
//! (mingw-w64's `ddk/wdm.h`, in the public domain).

use iced_x86::{Code, Instruction, Register};

use super::register;
use crate::ke::irql;

/// Moves to and from CR8; whether the instruction was one. A value that no IRQL has is left to be
/// the fault that it is.
pub(super) fn carry_out(instruction: &Instruction, context: &mut libc::mcontext_t) -> bool {
    match (instruction.code(), instruction.op0_register(), instruction.op1_register()) {
        (Code::Mov_r64_cr, to, Register::CR8) => {
            register::set(context, to, u64::from(irql::current()))
        }
        (Code::Mov_cr_r64, Register::CR8, from) => {
            let new = register::get(context, from).and_then(|value| u8::try_from(value).ok());
            match new {
                Some(new) if new <= irql::HIGH_LEVEL => {
                    write(new);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// The processor asks nobody whether that is a raise or a lowering.
fn write(new: u8) {
    if new >= irql::current() {
        irql::raise(new);
    } else {
        irql::lower(new);
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;
    use crate::ke::irql::{DISPATCH_LEVEL, PASSIVE_LEVEL};

    fn run(bytes: &[u8], context: &mut libc::mcontext_t) -> bool {
        let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        carry_out(&instruction, context)
    }

    #[test]
    fn cr8_is_the_irql_both_ways() {
        let mut context = register::empty();
        assert!(register::set(&mut context, Register::RCX, u64::from(DISPATCH_LEVEL)));
        assert!(run(&[0x44, 0x0f, 0x22, 0xc1], &mut context), "mov cr8, rcx");
        assert_eq!(irql::current(), DISPATCH_LEVEL);
        assert!(run(&[0x44, 0x0f, 0x20, 0xc0], &mut context), "mov rax, cr8");
        assert_eq!(register::get(&context, Register::RAX), Some(u64::from(DISPATCH_LEVEL)));
        assert!(register::set(&mut context, Register::RCX, u64::from(PASSIVE_LEVEL)));
        assert!(run(&[0x44, 0x0f, 0x22, 0xc1], &mut context));
        assert_eq!(irql::current(), PASSIVE_LEVEL);
    }

    #[test]
    fn other_control_registers_and_impossible_values_are_faults() {
        let mut context = register::empty();
        assert!(!run(&[0x0f, 0x20, 0xd8], &mut context), "mov rax, cr3");
        assert!(register::set(&mut context, Register::RCX, 16));
        assert!(!run(&[0x44, 0x0f, 0x22, 0xc1], &mut context));
        assert!(!run(&[0xfa], &mut context), "cli");
    }
}
