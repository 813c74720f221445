//! Unwind information of an image (learn.microsoft.com/cpp/build/exception-handling-x64) as that of
//! DWARF. Prologs are told step by step; an epilog counts as the body that it ends.

use gimli::write::FrameTable;
use gimli::write::{Address, CallFrameInstruction, CommonInformationEntry, FrameDescriptionEntry};
use gimli::{Encoding, X86_64};

use crate::bugcheck::Register;
use crate::bugcheck::stack::REGISTERS;
use crate::bugcheck::stack::pe::{MOST_CHAINED, Operation, RuntimeFunction, UnwindInfo, functions};

/// The frames of all functions of a mapped image.
pub(super) fn table(image: &[u8], encoding: Encoding) -> FrameTable {
    let mut table = FrameTable::default();
    let mut common = CommonInformationEntry::new(encoding, 1, -1, X86_64::RA);
    common.add_instruction(CallFrameInstruction::Cfa(X86_64::RSP, 8));
    common.add_instruction(CallFrameInstruction::Offset(X86_64::RA, -8));
    let common = table.add_cie(common);
    for function in functions(image).filter(|function| function.begin < function.end) {
        if let Some(entry) = entry(image, function) {
            table.add_fde(common, entry);
        }
    }
    table
}

fn entry(image: &[u8], function: RuntimeFunction) -> Option<FrameDescriptionEntry> {
    let address = Address::Constant(function.begin.into());
    let mut entry = FrameDescriptionEntry::new(address, function.end - function.begin);
    let mut chain = vec![UnwindInfo::at(image, function.unwind)?];
    while let Some(before) = chain.last().and_then(|info| info.chained) {
        if chain.len() > MOST_CHAINED {
            return None;
        }
        chain.push(UnwindInfo::at(image, before.unwind)?);
    }
    let mut frame = Frame { size: 8, base: None };
    let outermost = chain.len() - 1;
    let (last, mut before) = (function.end - function.begin - 1, 0);
    for (depth, info) in chain.iter().enumerate().rev() {
        let mut operations: Vec<_> = info.operations().collect::<Option<_>>()?;
        operations.reverse();
        for (at, operation) in operations {
            // What is chained has run before this part of the function is entered.
            let own = depth == 0 || outermost == 0;
            // An image may say anything; a table goes forward, and not beyond the function.
            before = if own { u32::from(at).min(last).max(before) } else { 0 };
            for instruction in frame.after(operation, info)? {
                entry.add_instruction(before, instruction);
            }
        }
    }
    Some(entry)
}

/// A frame while its prolog runs.
struct Frame {
    /// Bytes from the stack pointer up to what the caller had.
    size: i32,
    /// The same from the frame's base, once there is a frame register.
    base: Option<i32>,
}

impl Frame {
    fn after(
        &mut self,
        operation: Operation,
        info: &UnwindInfo<'_>,
    ) -> Option<Vec<CallFrameInstruction>> {
        let mut told = Vec::new();
        match operation {
            Operation::Push(register) => {
                self.grow(8, &mut told)?;
                told.extend(saved(register, -self.size));
            }
            Operation::Allocate(bytes) => self.grow(i32::try_from(bytes).ok()?, &mut told)?,
            Operation::SetFrame => {
                let (register, distance) = info.frame_register?;
                let offset = self.size.checked_sub(i32::try_from(distance).ok()?)?;
                told.push(CallFrameInstruction::Cfa(number(register)?, offset));
                self.base = Some(self.size);
            }
            Operation::Save(register, distance) => {
                let base = self.base.unwrap_or(self.size);
                told.extend(saved(register, i32::try_from(distance).ok()?.checked_sub(base)?));
            }
            Operation::Nothing => {}
            Operation::MachineFrame { .. } => return None,
        }
        Some(told)
    }

    fn grow(&mut self, bytes: i32, told: &mut Vec<CallFrameInstruction>) -> Option<()> {
        self.size = self.size.checked_add(bytes)?;
        if self.base.is_none() {
            told.push(CallFrameInstruction::CfaOffset(self.size));
        }
        Some(())
    }
}

/// That a register is so far from what the caller's stack pointer was. Nothing of one that a
/// function need not preserve.
fn saved(register: Register, offset: i32) -> Option<CallFrameInstruction> {
    Some(CallFrameInstruction::Offset(number(register)?, offset))
}

fn number(register: Register) -> Option<gimli::Register> {
    REGISTERS.iter().find(|(_, known)| *known == register).map(|&(number, _)| number)
}
