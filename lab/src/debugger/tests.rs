use gimli::{BaseAddresses, DebugFrame, EndianSlice, LittleEndian, UnwindContext, UnwindSection};
use object::ObjectSymbol;

use super::*;
use crate::testing::driver::Driver;

fn symbols() -> Symbols {
    Symbols {
        functions: vec![
            Function { name: "tiny::first".into(), begin: 0x1000, end: 0x1020 },
            Function { name: "tiny::second".into(), begin: 0x1020, end: 0x1060 },
        ],
        lines: vec![
            Line { begin: 0x1000, end: 0x1008, file: 0, line: 7 },
            Line { begin: 0x1008, end: 0x1020, file: 0, line: 8 },
            Line { begin: 0x1024, end: 0x1060, file: 1, line: 3 },
        ],
        files: vec!["/src/tiny.rs".into(), "other.rs".into()],
    }
}

fn written() -> Vec<u8> {
    let section =
        |name: &str, rva, executable| Section { name: name.into(), rva, size: 0x1000, executable };
    let sections = [section(".text", 0x1000, true), section(".data", 0x2000, false)];
    let image = Driver::builder().mapped();
    let debug = dwarf::sections("tiny.sys", &symbols(), &image).unwrap();
    elf::file(&sections, &symbols(), &debug).unwrap()
}

#[test]
fn functions_are_symbols_at_their_rvas() {
    let file = written();
    let file = object::File::parse(&*file).unwrap();
    let symbols: Vec<_> = file
        .symbols()
        .map(|symbol| (symbol.name().unwrap(), symbol.address(), symbol.size()))
        .collect();
    assert_eq!(symbols, [("tiny::first", 0x1000, 0x20), ("tiny::second", 0x1020, 0x40)]);
    let text = file.section_by_name(".text").unwrap();
    assert_eq!((text.address(), text.size()), (0x1000, 0x1000));
}

#[test]
fn lines_are_found_by_address_and_gaps_have_none() {
    let file = written();
    let file = object::File::parse(&*file).unwrap();
    let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let data = file.section_by_name(id.name()).map_or(&[][..], |it| it.data().unwrap());
        Ok(EndianSlice::new(data, LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(section).unwrap();
    let header = dwarf.units().next().unwrap().unwrap();
    let unit = dwarf.unit(header).unwrap();
    let mut rows = unit.line_program.unwrap().rows();
    let mut seen = Vec::new();
    while let Some((_, row)) = rows.next_row().unwrap() {
        let line = row.line().map_or(0, |line| line.get());
        seen.push((row.address(), if row.end_sequence() { 0 } else { line }));
    }
    let wanted = [(0x1000, 7), (0x1008, 8), (0x1020, 0), (0x1024, 3), (0x1060, 0)];
    assert_eq!(seen, wanted);
}

#[test]
fn frames_are_told_as_the_image_tells_them() {
    // `push rbx; sub rsp, 20h` in the image's one function with unwind information.
    let image = Driver::builder().mapped();
    let function = crate::bugcheck::stack::pe::functions(&image).next().unwrap();
    let file = written();
    let file = object::File::parse(&*file).unwrap();
    let data = file.section_by_name(".debug_frame").unwrap().data().unwrap();
    let mut frames = DebugFrame::new(data, LittleEndian);
    frames.set_address_size(8);
    let bases = BaseAddresses::default();
    let cfa_at = |address: u32| {
        let mut context = UnwindContext::new();
        let find = |section: &DebugFrame<_>, bases: &BaseAddresses, offset| {
            section.cie_from_offset(bases, offset)
        };
        let row =
            frames.unwind_info_for_address(&bases, &mut context, address.into(), find).unwrap();
        match row.cfa() {
            gimli::CfaRule::RegisterAndOffset { offset, .. } => *offset,
            other => panic!("{other:?}"),
        }
    };
    let before = cfa_at(function.begin);
    let body = cfa_at(function.end - 1);
    assert_eq!(before, 8, "only the return address is there");
    assert!(body > before, "the prolog has run: {body}");
}

#[test]
fn what_is_no_image_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.sys");
    assert!(matches!(symbol_file(&path), Err(Error::Read { .. })));
    fs::write(&path, b"MZ and nothing more").unwrap();
    let error = symbol_file(&path).unwrap_err();
    assert!(error.to_string().contains("is no image"), "{error}");
}

proptest::proptest! {
    #[test]
    fn whatever_an_image_says_of_its_frames_a_table_is_made(
        changes in proptest::collection::vec((0_usize..0x1000, proptest::prelude::any::<u8>()), 0..24),
    ) {
        let mut image = Driver::builder().mapped();
        for (place, byte) in changes {
            // The headers, the functions' table, their unwind information.
            let place = [place % 0x300, 0xa000 + place % 24, 0xb000 + place % 16][place % 3];
            image[place] = byte;
        }
        let written = dwarf::sections("tiny.sys", &symbols(), &image);
        proptest::prop_assert!(written.is_ok(), "{written:?}");
    }
}
