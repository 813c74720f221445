//! Unwinding one frame of the machine itself, or of a library it uses, by `.eh_frame`; and the
//! names of their functions.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, RegisterRule,
    UnwindContext, UnwindSection, UnwindTableRow, X86_64,
};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolMap, SymbolMapName};

use super::ReadStack;
use crate::bugcheck::registers::{Register, Registers};

/// What `.eh_frame` calls the registers that a walk follows.
pub(crate) const REGISTERS: [(gimli::Register, Register); 9] = [
    (X86_64::RBX, Register::Rbx),
    (X86_64::RSP, Register::Rsp),
    (X86_64::RBP, Register::Rbp),
    (X86_64::RSI, Register::Rsi),
    (X86_64::RDI, Register::Rdi),
    (X86_64::R12, Register::R12),
    (X86_64::R13, Register::R13),
    (X86_64::R14, Register::R14),
    (X86_64::R15, Register::R15),
];

type Reader = EndianSlice<'static, NativeEndian>;

/// The executable files mapped into this process, read when first asked for.
#[derive(Debug)]
pub(crate) struct HostModules {
    /// Where each file's code is mapped, and the file.
    code: Vec<(Range<u64>, String)>,
    /// Where each file's first byte is mapped.
    starts: HashMap<String, u64>,
    /// `None` of what is no file, such as the vDSO.
    modules: HashMap<String, Option<Module>>,
}

/// A file, parsed. Its bytes are never given back: this is for the last moments of a process.
#[derive(Debug)]
struct Module {
    object: object::File<'static>,
    symbols: SymbolMap<SymbolMapName<'static>>,
    /// How far it is mapped from where it was linked for.
    bias: u64,
}

impl HostModules {
    /// As `/proc/self/maps` lists them now.
    pub(crate) fn new() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let mut modules =
            Self { code: Vec::new(), starts: HashMap::new(), modules: HashMap::new() };
        for line in maps.lines() {
            modules.note(line);
        }
        modules
    }

    fn note(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let (start, end) =
            (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let (access, offset) = (fields.next()?, fields.next()?);
        let path = fields.nth(2)?;
        if access.contains('x') {
            self.code.push((start..end, path.to_owned()));
        }
        if u64::from_str_radix(offset, 16) == Ok(0) {
            self.starts.entry(path.to_owned()).or_insert(start);
        }
        Some(())
    }

    /// The file whose code holds `address`.
    fn find(&mut self, address: u64) -> Option<&Module> {
        let (_, path) = self.code.iter().find(|(range, _)| range.contains(&address))?;
        let start = *self.starts.get(path)?;
        let known = self.modules.entry(path.clone()).or_insert_with(|| Module::open(path, start));
        known.as_ref()
    }

    /// Whether no code is mapped at `address`.
    pub(crate) fn is_nowhere(&self, address: u64) -> bool {
        !self.code.iter().any(|(range, _)| range.contains(&address))
    }

    /// Turns the registers of the function at `address` into those of its caller.
    pub(super) fn unwind(
        &mut self,
        address: u64,
        registers: &mut Registers,
        memory: &impl ReadStack,
    ) -> Option<()> {
        self.find(address)?.unwind(address, registers, memory)
    }

    /// The function that holds `address`, demangled.
    pub(crate) fn function(&mut self, address: u64) -> Option<String> {
        let symbol = self.find(address)?.symbol(address)?;
        Some(format!("{:#}", rustc_demangle::demangle(symbol)))
    }
}

impl Module {
    fn open(path: &str, start: u64) -> Option<Self> {
        let bytes: &'static [u8] = fs::read(path).ok()?.leak();
        let object = object::File::parse(bytes).ok()?;
        let symbols = object.symbol_map();
        let first = object.segments().find(|segment| segment.file_range().0 == 0)?;
        let bias = start.wrapping_sub(first.address());
        Some(Self { object, symbols, bias })
    }

    fn section(&self, name: &str) -> Option<(u64, &'static [u8])> {
        let section = self.object.section_by_name(name)?;
        Some((section.address(), section.data().ok()?))
    }

    fn unwind(
        &self,
        address: u64,
        registers: &mut Registers,
        memory: &impl ReadStack,
    ) -> Option<()> {
        let (frame_address, frame) = self.section(".eh_frame")?;
        let (header_address, header) = self.section(".eh_frame_hdr")?;
        let bases =
            BaseAddresses::default().set_eh_frame(frame_address).set_eh_frame_hdr(header_address);
        let header = EhFrameHdr::from(Reader::new(header, NativeEndian)).parse(&bases, 8).ok()?;
        let frame = EhFrame::from(Reader::new(frame, NativeEndian));
        let mut context = UnwindContext::new();
        let row = header
            .table()?
            .unwind_info_for_address(
                &frame,
                &bases,
                &mut context,
                address.wrapping_sub(self.bias),
                EhFrame::cie_from_offset,
            )
            .ok()?;
        undo(row, registers, memory)
    }

    fn symbol(&self, address: u64) -> Option<&'static str> {
        let linked = address.wrapping_sub(self.bias);
        if let Some(symbol) = self.symbols.containing(linked) {
            return Some(symbol.name());
        }
        // A library without a symbol table still has the names it exports.
        let holds = |symbol: &object::Symbol<'_, '_>| {
            linked.checked_sub(symbol.address()).is_some_and(|offset| offset < symbol.size())
        };
        self.object.dynamic_symbols().find(holds)?.name().ok()
    }
}

fn undo(
    row: &UnwindTableRow<usize>,
    registers: &mut Registers,
    memory: &impl ReadStack,
) -> Option<()> {
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
    let (_, base) = REGISTERS.iter().find(|(name, _)| *name == register)?;
    let cfa = registers.get(*base).wrapping_add_signed(offset);
    let mut caller = *registers;
    for (name, register) in REGISTERS {
        match row.register(name) {
            Some(RegisterRule::Offset(offset)) => {
                caller.set(register, memory.read(cfa.wrapping_add_signed(offset))?);
            }
            None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => {}
            Some(_) => return None,
        }
    }
    let Some(RegisterRule::Offset(offset)) = row.register(X86_64::RA) else { return None };
    caller.rip = memory.read(cfa.wrapping_add_signed(offset))?;
    caller.set_rsp(cfa);
    *registers = caller;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugcheck::stack::Walker;

    #[inline(never)]
    fn inner() -> Vec<u64> {
        Walker::new().walk(Registers::here())
    }

    #[inline(never)]
    extern "win64" fn outer(frames: &mut Vec<u64>) {
        *frames = inner();
        frames.push(0);
    }

    #[test]
    fn a_walk_through_the_machines_own_frames_finds_their_names() {
        let mut frames = Vec::new();
        outer(&mut frames);
        let mut host = HostModules::new();
        let names: Vec<_> = frames
            .iter()
            .take_while(|&&frame| frame != 0)
            .map(|&frame| host.function(frame.wrapping_sub(1)).unwrap_or_default())
            .collect();
        let position = |part: &str| names.iter().position(|name| name.contains(part));
        let inner = position("elf::tests::inner").unwrap();
        assert!(names[inner + 1].contains("elf::tests::outer"), "{names:#?}");
        assert!(position("a_walk_through_the_machines_own_frames").unwrap() > inner);
    }

    #[test]
    fn an_address_outside_every_file_is_nowhere() {
        let mut host = HostModules::new();
        assert!(host.is_nowhere(8));
        assert_eq!(host.function(8), None);
    }
}
