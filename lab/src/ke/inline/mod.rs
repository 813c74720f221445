//! What the headers for x64 compile into a driver where a call of the kernel could stand: reads and
//! writes of CR8 for the IRQL, reads of `gs` for the current thread, reads of the page that the kernel
//! shares with everyone for the time.
//!
//! A process may not touch CR8, and the shared page lies in the half of the address space that is the
//! host's. Either is a fault; the instruction is carried out here, and the driver goes on behind it.
//! `gs` is the machine's own in each thread, and costs nothing.

mod control_register;
mod fetch;
mod per_processor;
mod register;
mod shared_data;

pub(crate) use per_processor::attach;

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::ke::schedule;

/// `#GP` and `#PF`, as the processor numbers its exceptions.
const GENERAL_PROTECTION: i64 = 13;
const PAGE_FAULT: i64 = 14;

/// Whether a trap may be one of those. Async-signal-safe.
#[inline]
pub(crate) fn is_one(context: &libc::mcontext_t) -> bool {
    match context.gregs[libc::REG_TRAPNO as usize] {
        GENERAL_PROTECTION => true,
        PAGE_FAULT => shared_data::holds(faulted_at(context)),
        _ => false,
    }
}

fn faulted_at(context: &libc::mcontext_t) -> u64 {
    context.gregs[libc::REG_CR2 as usize].cast_unsigned()
}

/// Carries out the instruction of a trap that [may be one](is_one), if it is; whether the driver can
/// go on. The program counter must be in a driver's image. Async-signal-safe.
pub(crate) fn carry_out(context: &mut libc::mcontext_t) -> bool {
    let Some(instruction) = instruction(context.gregs[libc::REG_RIP as usize].cast_unsigned())
    else {
        // Its page was taken meanwhile. Executed again, it brings the page in and faults again.
        return true;
    };
    let done = if context.gregs[libc::REG_TRAPNO as usize] == PAGE_FAULT {
        shared_data::load(&instruction, faulted_at(context), context)
    } else {
        control_register::carry_out(&instruction, context)
    };
    if done {
        context.gregs[libc::REG_RIP as usize] = instruction.next_ip().cast_signed();
        // As where a call of the kernel stood; and who waits for the time must let it pass.
        schedule::point("an instruction of a header");
    }
    done
}

/// The instruction at `pc`; nothing where it cannot be read.
fn instruction(pc: u64) -> Option<Instruction> {
    let (bytes, length) = fetch::fetch(pc);
    let bytes = bytes.get(..length).filter(|bytes| !bytes.is_empty())?;
    Some(Decoder::with_ip(64, bytes, pc, DecoderOptions::NONE).decode())
}
