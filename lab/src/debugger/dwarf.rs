//! Functions, lines and frames as DWARF.

use std::collections::HashMap;

use gimli::write::{
    Address, AttributeValue, DebugFrame, DwarfUnit, EndianVec, LineProgram, LineString, Sections,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian};

use super::{Function, Line, Symbols, frames};

/// As debuggers of ten years ago can read it.
const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };

/// Names of sections, and what is in them.
pub(super) type Content = Vec<(&'static str, Vec<u8>)>;

/// The sections for an image of this name. All addresses are RVAs.
pub(super) fn sections(
    name: &str,
    symbols: &Symbols,
    image: &[u8],
) -> Result<Content, gimli::write::Error> {
    let mut dwarf = DwarfUnit::new(ENCODING);
    dwarf.unit.line_program = program(name, symbols);
    describe(&mut dwarf, name, &symbols.functions);
    let mut written = Sections::new(EndianVec::new(LittleEndian));
    dwarf.write(&mut written)?;
    let mut content = Vec::new();
    written.for_each_mut(|id, section| -> Result<(), gimli::write::Error> {
        let bytes = section.take();
        if !bytes.is_empty() {
            content.push((id.name(), bytes));
        }
        Ok(())
    })?;
    let mut frames = DebugFrame(EndianVec::new(LittleEndian));
    frames::table(image, ENCODING).write_debug_frame(&mut frames)?;
    content.push((".debug_frame", frames.0.take()));
    Ok(content)
}

fn describe(dwarf: &mut DwarfUnit, name: &str, functions: &[Function]) {
    let text = |dwarf: &mut DwarfUnit, text: &str| {
        AttributeValue::StringRef(dwarf.strings.add(text.as_bytes()))
    };
    let root = dwarf.unit.root();
    let name = text(dwarf, name);
    // Names have `::` in them, whatever the language was.
    let language = AttributeValue::Language(gimli::DW_LANG_C_plus_plus);
    let entry = dwarf.unit.get_mut(root);
    entry.set(gimli::DW_AT_name, name);
    entry.set(gimli::DW_AT_language, language);
    if let (Some(first), Some(end)) =
        (functions.first(), functions.iter().map(|function| function.end).max())
    {
        let low = AttributeValue::Address(Address::Constant(first.begin.into()));
        entry.set(gimli::DW_AT_low_pc, low);
        entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata((end - first.begin).into()));
    }
    // gdb finds a function by the last part of its name only where the others are namespaces.
    let mut namespaces = HashMap::new();
    for function in functions {
        let mut parts = parts(&function.name);
        let last = parts.pop().unwrap_or_default();
        let mut parent = root;
        for part in parts {
            parent = *namespaces.entry((parent, part)).or_insert_with(|| {
                let id = dwarf.unit.add(parent, gimli::DW_TAG_namespace);
                let name = text(dwarf, part);
                dwarf.unit.get_mut(id).set(gimli::DW_AT_name, name);
                id
            });
        }
        let name = text(dwarf, last);
        let id = dwarf.unit.add(parent, gimli::DW_TAG_subprogram);
        let entry = dwarf.unit.get_mut(id);
        entry.set(gimli::DW_AT_name, name);
        entry.set(gimli::DW_AT_external, AttributeValue::Flag(true));
        let low = AttributeValue::Address(Address::Constant(function.begin.into()));
        entry.set(gimli::DW_AT_low_pc, low);
        let bytes = AttributeValue::Udata((function.end - function.begin).into());
        entry.set(gimli::DW_AT_high_pc, bytes);
    }
}

/// A name taken apart at each `::` that is not between brackets.
fn parts(name: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    let bytes = name.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && at >= start && bytes.get(at + 1) == Some(&b':') => {
                parts.push(&name[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(&name[start.min(name.len())..]);
    parts
}

fn program(name: &str, symbols: &Symbols) -> LineProgram {
    let string = |text: &str| {
        // What no string may hold, a file name does not either.
        LineString::String(text.replace('\0', "?").into_bytes())
    };
    let folder = string(".");
    let mut program =
        LineProgram::new(ENCODING, LineEncoding::default(), folder, None, string(name), None);
    let folder = program.default_directory();
    let mut files = Vec::new();
    for name in &symbols.files {
        // A program has no file without a name.
        let file = (!name.is_empty()).then(|| program.add_file(string(name), folder, None));
        files.push(file);
    }
    let mut open: Option<(u32, u32)> = None;
    for Line { begin, end, file, line } in &symbols.lines {
        let Some(Some(file)) = files.get(*file) else { continue };
        // Lines follow each other without gap within a function.
        if let Some((start, before)) = open
            && before != *begin
        {
            program.end_sequence(u64::from(before.min(*begin) - start));
            open = None;
        }
        let start = match open {
            Some((start, _)) => start,
            None => {
                program.begin_sequence(Some(Address::Constant((*begin).into())));
                *begin
            }
        };
        let row = program.row();
        row.address_offset = u64::from(*begin - start);
        row.file = *file;
        row.line = u64::from(*line);
        row.is_statement = true;
        program.generate_row();
        open = Some((start, (*end).max(*begin)));
    }
    if let Some((start, end)) = open {
        program.end_sequence(u64::from(end - start));
    }
    program
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_name_is_taken_apart_outside_of_brackets() {
        assert_eq!(parts("OnDeviceControl"), ["OnDeviceControl"]);
        assert_eq!(parts("a::impl$1::reset"), ["a", "impl$1", "reset"]);
        assert_eq!(parts("a::Lock<b::State>::lock<c::d>"), ["a", "Lock<b::State>", "lock<c::d>"]);
        assert_eq!(parts("<T as a::B>::c"), ["<T as a::B>", "c"]);
        assert_eq!(parts("::x"), ["", "x"]);
        assert_eq!(parts("a::"), ["a", ""]);
        assert_eq!(parts(">>"), [">>"]);
        assert_eq!(parts(""), [""]);
    }
}
