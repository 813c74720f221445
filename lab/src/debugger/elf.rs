//! The ELF file around it: the image's sections by name and place, without content; a symbol for
//! each function; DWARF.

use object::Endianness;
use object::elf;
use object::write::elf::{FileHeader, SectionHeader, SectionIndex, Sym, Writer};
use object::write::{Result, StringId};

use super::{Function, Section, Symbols, dwarf};

/// See the module.
pub(super) fn file(
    sections: &[Section],
    symbols: &Symbols,
    debug: &dwarf::Content,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    writer.reserve_null_section_index();
    let code: Vec<(SectionIndex, StringId)> = sections
        .iter()
        .map(|section| {
            let name = writer.add_section_name(section.name.as_bytes());
            (writer.reserve_section_index(), name)
        })
        .collect();
    let debug_names: Vec<_> = debug
        .iter()
        .map(|(name, _)| {
            let id = writer.add_section_name(name.as_bytes());
            writer.reserve_section_index();
            id
        })
        .collect();
    writer.reserve_symtab_section_index();
    writer.reserve_strtab_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_null_symbol_index();
    let named: Vec<(&Function, SectionIndex, StringId)> = symbols
        .functions
        .iter()
        .filter_map(|function| {
            let of = |section: &Section| function.begin.checked_sub(section.rva);
            let index =
                sections.iter().position(|it| of(it).is_some_and(|offset| offset < it.size))?;
            let section = code[index].0;
            writer.reserve_symbol_index(Some(section));
            Some((function, section, writer.add_string(function.name.as_bytes())))
        })
        .collect();

    writer.reserve_file_header();
    let places: Vec<_> =
        debug.iter().map(|(_, content)| writer.reserve(content.len(), 1)).collect();
    writer.reserve_symtab();
    writer.reserve_strtab();
    writer.reserve_shstrtab();
    writer.reserve_section_headers();

    writer.write_file_header(&FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_DYN,
        e_machine: elf::EM_X86_64,
        e_entry: 0,
        e_flags: 0,
    })?;
    for (_, content) in debug {
        writer.write_align(1);
        writer.write(content);
    }
    writer.write_null_symbol();
    for (function, section, name) in named {
        writer.write_symbol(&Sym {
            name: Some(name),
            section: Some(section),
            st_info: elf::STB_GLOBAL << 4 | elf::STT_FUNC,
            st_other: 0,
            st_shndx: 0,
            st_value: function.begin.into(),
            st_size: (function.end - function.begin).into(),
        });
    }
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    for (section, (_, name)) in sections.iter().zip(&code) {
        writer.write_section_header(&without_content(section, *name));
    }
    for (((_, content), name), place) in debug.iter().zip(debug_names).zip(places) {
        writer.write_section_header(&with_content(name, place, content.len()));
    }
    writer.write_symtab_section_header(1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Ok(bytes)
}

fn without_content(section: &Section, name: StringId) -> SectionHeader {
    let flags =
        if section.executable { elf::SHF_ALLOC | elf::SHF_EXECINSTR } else { elf::SHF_ALLOC };
    SectionHeader {
        name: Some(name),
        sh_type: elf::SHT_NOBITS,
        sh_flags: flags.into(),
        sh_addr: section.rva.into(),
        sh_offset: 0,
        sh_size: section.size.into(),
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    }
}

fn with_content(name: StringId, place: usize, bytes: usize) -> SectionHeader {
    SectionHeader {
        name: Some(name),
        sh_type: elf::SHT_PROGBITS,
        sh_flags: 0,
        sh_addr: 0,
        sh_offset: place as u64,
        sh_size: bytes as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    }
}
