//! Unwinding one frame of a driver by the unwind information of its image.
//!
//! Page: learn.microsoft.com/cpp/build/exception-handling-x64. The image may be hostile: nothing it
//! says is used before it is known to lie inside, and chains are followed only so far.

use super::ReadStack;
use crate::bugcheck::registers::{Register, Registers};
use crate::image::exception_directory;

/// No compiler chains more.
pub(crate) const MOST_CHAINED: usize = 32;

const EXCEPTION_HANDLER: u8 = 1;
const UNWIND_HANDLER: u8 = 2;
const CHAINED: u8 = 4;

/// A function: begin, end, and where its unwind information is, all RVAs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuntimeFunction {
    pub(crate) begin: u32,
    pub(crate) end: u32,
    pub(crate) unwind: u32,
}

/// Turns the registers of the function at `rva` into those of its caller. `image` is the image as
/// mapped; `first` says that the function was stopped there rather than having called another.
pub(crate) fn unwind(
    image: &[u8],
    rva: u32,
    first: bool,
    registers: &mut Registers,
    memory: &impl ReadStack,
) -> Option<()> {
    let Some(mut function) = find(image, rva) else {
        return unwind_leaf(registers, memory);
    };
    if first && let Some(epilog) = epilog(image, rva, function, *registers, memory) {
        *registers = epilog;
        return Some(());
    }
    let mut offset = rva - function.begin;
    for _ in 0..MOST_CHAINED {
        let info = UnwindInfo::at(image, function.unwind)?;
        if let Done::All = info.undo(offset, registers, memory)? {
            return Some(());
        }
        match info.chained {
            // The whole prolog of a chained function has run.
            Some(next) => (function, offset) = (next, u32::MAX),
            None => return unwind_leaf(registers, memory),
        }
    }
    None
}

/// Turns the registers of a function without a frame into those of its caller.
pub(super) fn unwind_leaf(registers: &mut Registers, memory: &impl ReadStack) -> Option<()> {
    registers.rip = pop(registers, memory)?;
    Some(())
}

fn pop(registers: &mut Registers, memory: &impl ReadStack) -> Option<u64> {
    let value = memory.read(registers.rsp())?;
    registers.set_rsp(registers.rsp().wrapping_add(8));
    Some(value)
}

/// The function that holds `rva`; none of a function without a frame.
pub(crate) fn find(image: &[u8], rva: u32) -> Option<RuntimeFunction> {
    functions(image).find(|function| (function.begin..function.end).contains(&rva))
}

/// The functions that have unwind information.
pub(crate) fn functions(image: &[u8]) -> impl Iterator<Item = RuntimeFunction> {
    exception_directory(image).unwrap_or_default().chunks_exact(12).filter_map(runtime_function)
}

fn runtime_function(bytes: &[u8]) -> Option<RuntimeFunction> {
    Some(RuntimeFunction {
        begin: u32_at(bytes, 0)?,
        end: u32_at(bytes, 4)?,
        unwind: u32_at(bytes, 8)?,
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// What undoing a prolog left to do.
enum Done {
    /// The return address is on top of the stack.
    ButReturn,
    /// Nothing: a machine frame held the caller's registers.
    All,
}

/// A step of a prolog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Pushes a register.
    Push(Register),
    /// Takes as many bytes of stack.
    Allocate(u64),
    /// Points the frame register into the frame.
    SetFrame,
    /// Saves a register so many bytes above the frame's base.
    Save(Register, u64),
    /// Of vector registers; or where an epilog is, which is no part of the prolog.
    Nothing,
    /// The processor pushed what an interrupt pushes.
    MachineFrame {
        /// An error code, too.
        error_code: bool,
    },
}

fn operation_of(code: u8, codes: &mut impl Iterator<Item = [u8; 2]>) -> Option<Operation> {
    let (operation, info) = (code & 15, code >> 4);
    let mut slot = || codes.next().map(|bytes| u64::from(u16::from_le_bytes(bytes)));
    let operand = match (operation, info) {
        (1, 0) | (4 | 8, _) => slot()?,
        (1, _) | (5 | 9, _) => slot()? | slot()? << 16,
        _ => 0,
    };
    Some(match operation {
        0 => Operation::Push(register(info)),
        1 if info == 0 => Operation::Allocate(operand * 8),
        1 => Operation::Allocate(operand),
        2 => Operation::Allocate(u64::from(info) * 8 + 8),
        3 => Operation::SetFrame,
        4 => Operation::Save(register(info), operand * 8),
        5 => Operation::Save(register(info), operand),
        6 | 8 | 9 => Operation::Nothing,
        10 => Operation::MachineFrame { error_code: info & 1 != 0 },
        _ => return None,
    })
}

/// `UNWIND_INFO`, checked to lie inside the image.
pub(crate) struct UnwindInfo<'a> {
    /// The frame register, and how far above the frame's base it points.
    pub(crate) frame_register: Option<(Register, u64)>,
    codes: &'a [u8],
    /// The function whose prolog comes before.
    pub(crate) chained: Option<RuntimeFunction>,
    /// Who is asked about exceptions in the function.
    pub(crate) handler: Option<Handler>,
}

/// A function's handler of exceptions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler {
    /// Whether it is asked who handles an exception.
    pub(crate) of_exceptions: bool,
    /// Whether it is told that the function is left.
    pub(crate) of_unwinding: bool,
    /// RVA of the routine.
    pub(crate) routine: u32,
    /// RVA of what the routine knows of the function.
    pub(crate) data: u32,
}

impl<'a> UnwindInfo<'a> {
    pub(crate) fn at(image: &'a [u8], rva: u32) -> Option<Self> {
        let bytes = image.get(rva as usize..)?;
        let [version_flags, _prolog, count, frame] = *bytes.first_chunk()?;
        if !matches!(version_flags & 7, 1 | 2) {
            return None;
        }
        let codes = bytes.get(4..4 + 2 * usize::from(count))?;
        let frame_register =
            (frame & 15 != 0).then(|| (register(frame & 15), u64::from(frame >> 4) * 16));
        // The array of codes has an even number of elements.
        let trailer = 4 + 2 * usize::from(count).next_multiple_of(2);
        let flags = version_flags >> 3;
        let chained = if flags & CHAINED == 0 {
            None
        } else {
            Some(runtime_function(bytes.get(trailer..)?)?)
        };
        let has_handler = chained.is_none() && flags & (EXCEPTION_HANDLER | UNWIND_HANDLER) != 0;
        let handler = has_handler.then(|| {
            Some(Handler {
                of_exceptions: flags & EXCEPTION_HANDLER != 0,
                of_unwinding: flags & UNWIND_HANDLER != 0,
                routine: u32_at(bytes, trailer)?,
                data: rva.checked_add(u32::try_from(trailer).ok()? + 4)?,
            })
        });
        Some(Self { frame_register, codes, chained, handler: handler.flatten() })
    }

    /// The vector registers that the prolog saves, and how far above the frame's base.
    pub(crate) fn vector_saves(&self) -> impl Iterator<Item = (u8, u64)> {
        let mut codes = self.codes.chunks_exact(2).map(|code| [code[0], code[1]]);
        std::iter::from_fn(move || {
            loop {
                let [_, code] = codes.next()?;
                let mut slot = || codes.next().map(|bytes| u64::from(u16::from_le_bytes(bytes)));
                match code & 15 {
                    8 => return Some((code >> 4, slot()? * 16)),
                    9 => return Some((code >> 4, slot()? | slot()? << 16)),
                    _ => operation_of(code, &mut codes)?,
                };
            }
        })
    }

    /// What the prolog does, in reverse: how far into the function each is done, and what it is.
    /// `None` of what no compiler makes.
    pub(crate) fn operations(&self) -> impl Iterator<Item = Option<(u8, Operation)>> {
        let mut codes = self.codes.chunks_exact(2).map(|code| [code[0], code[1]]);
        std::iter::from_fn(move || {
            let [at, operation] = codes.next()?;
            Some(operation_of(operation, &mut codes).map(|operation| (at, operation)))
        })
    }

    /// Undoes what the prolog had done when the program was `offset` bytes into the function.
    fn undo(
        &self,
        offset: u32,
        registers: &mut Registers,
        memory: &impl ReadStack,
    ) -> Option<Done> {
        for operation in self.operations() {
            let (at, operation) = operation?;
            // Those ahead of the program have not taken effect.
            if u32::from(at) > offset {
                continue;
            }
            let rsp = registers.rsp();
            match operation {
                Operation::Push(register) => {
                    let value = pop(registers, memory)?;
                    registers.set(register, value);
                }
                Operation::Allocate(bytes) => registers.set_rsp(rsp.wrapping_add(bytes)),
                Operation::SetFrame => {
                    let (frame, distance) = self.frame_register?;
                    registers.set_rsp(registers.get(frame).wrapping_sub(distance));
                }
                Operation::Save(register, distance) => {
                    let saved = memory.read(self.frame_base(registers).wrapping_add(distance))?;
                    registers.set(register, saved);
                }
                Operation::Nothing => {}
                Operation::MachineFrame { error_code } => {
                    let frame = rsp.wrapping_add(u64::from(error_code) * 8);
                    registers.rip = memory.read(frame)?;
                    registers.set_rsp(memory.read(frame.wrapping_add(24))?);
                    return Some(Done::All);
                }
            }
        }
        Some(Done::ButReturn)
    }

    /// What saved registers are addressed from: the stack pointer as it was when they were saved.
    pub(crate) fn frame_base(&self, registers: &Registers) -> u64 {
        match self.frame_register {
            Some((frame, distance)) => registers.get(frame).wrapping_sub(distance),
            None => registers.rsp(),
        }
    }
}

fn register(number: u8) -> Register {
    use Register::*;
    const ALL: [Register; 16] =
        [Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15];
    ALL[usize::from(number & 15)]
}

/// The caller's registers, if the program is inside an epilog: unwind codes say nothing about one,
/// but it has a fixed form. Stack release, pops, and a return or a jump out of the function.
fn epilog(
    image: &[u8],
    rva: u32,
    function: RuntimeFunction,
    mut registers: Registers,
    memory: &impl ReadStack,
) -> Option<Registers> {
    let mut code = image.get(rva as usize..function.end as usize)?;
    if let [0x48, 0x83, 0xc4, distance, rest @ ..] = code {
        registers.set_rsp(registers.rsp().wrapping_add_signed(i64::from(distance.cast_signed())));
        code = rest;
    } else if let [0x48, 0x81, 0xc4, a, b, c, d, rest @ ..] = code {
        let distance = i32::from_le_bytes([*a, *b, *c, *d]);
        registers.set_rsp(registers.rsp().wrapping_add_signed(i64::from(distance)));
        code = rest;
    }
    loop {
        let (number, rest) = match code {
            [opcode @ 0x58..=0x5f, rest @ ..] => (opcode - 0x58, rest),
            [0x41, opcode @ 0x58..=0x5f, rest @ ..] => (opcode - 0x58 + 8, rest),
            [0xc3, ..] | [0xf3, 0xc3, ..] => {
                unwind_leaf(&mut registers, memory)?;
                return Some(registers);
            }
            _ => return None,
        };
        let value = pop(&mut registers, memory)?;
        registers.set(register(number), value);
        code = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::driver::Driver;
    use crate::testing::pe::Builder;

    /// A stack of eight-byte words from `base` on.
    struct Stack {
        base: u64,
        words: Vec<u64>,
    }

    impl ReadStack for Stack {
        fn read(&self, address: u64) -> Option<u64> {
            let index = address.checked_sub(self.base)? / 8;
            self.words.get(usize::try_from(index).ok()?).copied()
        }
    }

    const BEGIN: u32 = 0x1000;

    /// An image with one function of 64 bytes, `code` first, and this unwind information.
    fn image(code: &[u8], unwind: &[u8]) -> Vec<u8> {
        let mut text = code.to_vec();
        text.resize(64, 0x90);
        let mut pdata = Vec::new();
        for word in [BEGIN, BEGIN + 64, 0x3000] {
            pdata.extend_from_slice(&word.to_le_bytes());
        }
        Builder::new()
            .section(".text", 0x6800_0020, &text)
            .section(".pdata", 0x4800_0040, &pdata)
            .section(".rdata", 0x4800_0040, unwind)
            .exceptions(0x2000, 12)
            .mapped()
    }

    /// `push rbx; sub rsp, 0x20`, described.
    const PUSH_AND_ALLOCATE: [u8; 8] = [1, 5, 2, 0, 5, 0x32, 1, 0x30];
    const PROLOG: [u8; 5] = [0x53, 0x48, 0x83, 0xec, 0x20];

    fn unwound(image: &[u8], at: u32, words: &[u64]) -> Option<Registers> {
        let stack = Stack { base: 0x7000, words: words.to_vec() };
        let mut registers = Registers { rip: 1, general: [0x11; 16] };
        registers.set_rsp(stack.base);
        unwind(image, BEGIN + at, true, &mut registers, &stack)?;
        Some(registers)
    }

    #[test]
    fn a_frame_is_undone_as_far_as_it_was_made() {
        let image = image(&PROLOG, &PUSH_AND_ALLOCATE);
        let entry = unwound(&image, 0, &[0xabc]).unwrap();
        assert_eq!((entry.rip, entry.rsp(), entry.get(Register::Rbx)), (0xabc, 0x7008, 0x11));
        let pushed = unwound(&image, 1, &[0xb0, 0xabc]).unwrap();
        assert_eq!((pushed.rip, pushed.rsp(), pushed.get(Register::Rbx)), (0xabc, 0x7010, 0xb0));
        let body = unwound(&image, 20, &[0, 0, 0, 0, 0xb0, 0xabc]).unwrap();
        assert_eq!((body.rip, body.rsp(), body.get(Register::Rbx)), (0xabc, 0x7030, 0xb0));
    }

    #[test]
    fn saved_vector_registers_and_handlers_are_found() {
        // `movaps [rsp + 0x20], xmm6; sub rsp, 0x48`, described; a handler with its data.
        let unwind = [1 | 3 << 3, 9, 3, 0, 9, 0x68, 2, 0, 4, 0x82, 0, 0, 0x34, 0x12, 0, 0];
        let image = image(&PROLOG, &unwind);
        let info = UnwindInfo::at(&image, 0x3000).unwrap();
        assert_eq!(info.vector_saves().collect::<Vec<_>>(), [(6, 0x20)]);
        let handler = info.handler.unwrap();
        assert_eq!((handler.routine, handler.data), (0x1234, 0x3010));
        assert!(handler.of_exceptions && handler.of_unwinding);
        let plain = self::image(&PROLOG, &PUSH_AND_ALLOCATE);
        assert!(UnwindInfo::at(&plain, 0x3000).unwrap().handler.is_none());
    }

    #[test]
    fn an_epilog_is_followed_to_its_return() {
        let mut code = PROLOG.to_vec();
        code.extend([0x90, 0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3]);
        let image = image(&code, &PUSH_AND_ALLOCATE);
        let before = unwound(&image, 6, &[0, 0, 0, 0, 0xb0, 0xabc]).unwrap();
        assert_eq!((before.rip, before.get(Register::Rbx)), (0xabc, 0xb0));
        let released = unwound(&image, 10, &[0xb0, 0xabc]).unwrap();
        assert_eq!((released.rip, released.get(Register::Rbx)), (0xabc, 0xb0));
        let popped = unwound(&image, 11, &[0xabc]).unwrap();
        assert_eq!((popped.rip, popped.rsp()), (0xabc, 0x7008));
    }

    #[test]
    fn a_frame_register_wins_over_the_stack_pointer() {
        // push rbp; sub rsp, 0x20; lea rbp, [rsp + 0x10], described.
        let image = image(&[], &[1, 10, 3, 0x15, 10, 0x03, 5, 0x32, 1, 0x50, 0, 0]);
        let stack = Stack { base: 0x7000, words: vec![0, 0, 0, 0, 0xbb, 0xabc] };
        let mut registers = Registers::default();
        registers.set_rsp(0x6000);
        registers.set(Register::Rbp, 0x7010);
        unwind(&image, BEGIN + 20, false, &mut registers, &stack).unwrap();
        assert_eq!((registers.rip, registers.get(Register::Rbp)), (0xabc, 0xbb));
    }

    #[test]
    fn hostile_unwind_information_ends_the_walk() {
        assert!(unwound(&image(&[], &[3, 0, 0, 0]), 9, &[1]).is_none(), "unknown version");
        assert!(unwound(&image(&[], &[1, 0, 2, 0, 0, 0x0f, 0, 0]), 9, &[1]).is_none(), "operation");
        let chained_to_itself: Vec<u8> = [0x21, 0, 0, 0]
            .into_iter()
            .chain([BEGIN, BEGIN + 64, 0x3000].into_iter().flat_map(u32::to_le_bytes))
            .collect();
        assert!(unwound(&image(&[], &chained_to_itself), 9, &[1]).is_none(), "circular chain");
        assert!(unwound(&image(&PROLOG, &PUSH_AND_ALLOCATE), 20, &[1]).is_none(), "short stack");
        let mut outside = image(&[], &[]);
        let pdata = 0x2008..0x200c;
        outside[pdata].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(unwound(&outside, 9, &[1]).is_none(), "information outside the image");
    }

    proptest! {
        #[test]
        fn whatever_an_image_says_the_walk_comes_back(
            changes in proptest::collection::vec((0_usize..0x1000, any::<u8>()), 0..24),
            rva in 0_u32..0xd000,
            first in any::<bool>(),
        ) {
            let mut image = Driver::builder().mapped();
            for (place, byte) in changes {
                // The headers, the routines, the functions' table, their unwind information.
                let place = [place % 0x300, 0x1000 + place % 0x60, 0xa000 + place % 24,
                    0xb000 + place % 16][place / 0x400];
                image[place] = byte;
            }
            let stack = Stack { base: 0x7000, words: vec![0x1234; 64] };
            let mut registers = Registers { rip: 1, general: [0x7000; 16] };
            if unwind(&image, rva, first, &mut registers, &stack).is_some() {
                prop_assert_ne!(registers.rip, 1);
            }
        }
    }
}
