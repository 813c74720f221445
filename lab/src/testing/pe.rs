//! Driver files made by hand: small, and wrong wherever a test wants them so.

use pagewise_contract::PAGE_SIZE;

use crate::image::compute_checksum;

const FILE_ALIGNMENT: usize = 0x200;
const NT_HEADERS: usize = 0x80;
const OPTIONAL_HEADER: usize = NT_HEADERS + 24;
const DIRECTORIES: usize = OPTIONAL_HEADER + 112;
const SECTION_HEADERS: usize = DIRECTORIES + 16 * 8;
const HEADERS: usize = 0x400;
/// Where every image wants to be loaded.
pub(crate) const IMAGE_BASE: u64 = 0x1_4000_0000;

/// Code, writable data, constants; resident or not by their names.
pub(crate) const CODE: u32 = 0x6000_0020;
pub(crate) const DATA: u32 = 0xc000_0040;
pub(crate) const CONSTANTS: u32 = 0x4000_0040;
pub(crate) const DISCARDABLE: u32 = 0x0200_0000;

/// A driver in the making.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    sections: Vec<(String, u32, Vec<u8>)>,
    directories: [(u32, u32); 16],
    entry_point: u32,
    /// RVAs of pointers.
    relocations: Vec<u32>,
    imports: Vec<(String, Vec<String>)>,
    exports: Vec<(String, u32)>,
}

impl Builder {
    /// No sections so far; the entry point is where the first one begins.
    pub(crate) fn new() -> Self {
        Self {
            sections: Vec::new(),
            directories: [(0, 0); 16],
            entry_point: PAGE_SIZE as u32,
            relocations: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
        }
    }

    /// Adds a section after the last one. The first begins at RVA 0x1000.
    pub(crate) fn section(mut self, name: &str, characteristics: u32, content: &[u8]) -> Self {
        self.sections.push((name.to_owned(), characteristics, content.to_vec()));
        self
    }

    /// The RVA of the next section.
    pub(crate) fn next_rva(&self) -> u32 {
        let pages: usize =
            self.sections.iter().map(|(_, _, content)| content.len().div_ceil(PAGE_SIZE)).sum();
        ((1 + pages) * PAGE_SIZE) as u32
    }

    /// Names the exception directory.
    pub(crate) fn exceptions(mut self, rva: u32, bytes: u32) -> Self {
        self.directories[3] = (rva, bytes);
        self
    }

    /// The eight bytes at `rva` are a pointer into the image.
    pub(crate) fn relocation(mut self, rva: u32) -> Self {
        self.relocations.push(rva);
        self
    }

    /// Imports routines; their addresses will be in section `.idata`.
    pub(crate) fn import(mut self, dll: &str, names: &[&str]) -> Self {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.imports.push((dll.to_owned(), names));
        self
    }

    /// Exports an RVA.
    pub(crate) fn export(mut self, name: &str, rva: u32) -> Self {
        self.exports.push((name.to_owned(), rva));
        self
    }

    /// The file, with its checksum.
    pub(crate) fn file(mut self) -> Vec<u8> {
        self.add_imports();
        self.add_exports();
        self.add_relocations();
        let mut file = self.headers();
        for (_, _, content) in &self.sections {
            file.extend_from_slice(content);
            file.resize(file.len().next_multiple_of(FILE_ALIGNMENT), 0);
        }
        fix_checksum(&mut file);
        file
    }

    /// The image as mapped, for what looks at mapped images only.
    pub(crate) fn mapped(self) -> Vec<u8> {
        let mut image = self.headers();
        for (_, _, content) in &self.sections {
            image.resize(image.len().next_multiple_of(PAGE_SIZE), 0);
            image.extend_from_slice(content);
        }
        image.resize(image.len().next_multiple_of(PAGE_SIZE), 0);
        image
    }

    fn headers(&self) -> Vec<u8> {
        let mut file = vec![0; HEADERS];
        let mut put = |offset: usize, bytes: &[u8]| {
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"MZ");
        put(0x3c, &(NT_HEADERS as u32).to_le_bytes());
        put(NT_HEADERS, b"PE\0\0");
        put(NT_HEADERS + 4, &0x8664_u16.to_le_bytes());
        put(NT_HEADERS + 6, &(self.sections.len() as u16).to_le_bytes());
        put(NT_HEADERS + 20, &240_u16.to_le_bytes());
        put(NT_HEADERS + 22, &0x22_u16.to_le_bytes());
        put(OPTIONAL_HEADER, &0x20b_u16.to_le_bytes());
        put(OPTIONAL_HEADER + 16, &self.entry_point.to_le_bytes());
        put(OPTIONAL_HEADER + 24, &IMAGE_BASE.to_le_bytes());
        put(OPTIONAL_HEADER + 32, &(PAGE_SIZE as u32).to_le_bytes());
        put(OPTIONAL_HEADER + 36, &(FILE_ALIGNMENT as u32).to_le_bytes());
        put(OPTIONAL_HEADER + 56, &self.next_rva().to_le_bytes());
        put(OPTIONAL_HEADER + 60, &(HEADERS as u32).to_le_bytes());
        put(OPTIONAL_HEADER + 68, &1_u16.to_le_bytes());
        put(OPTIONAL_HEADER + 108, &16_u32.to_le_bytes());
        for (index, (rva, bytes)) in self.directories.iter().enumerate() {
            put(DIRECTORIES + 8 * index, &rva.to_le_bytes());
            put(DIRECTORIES + 8 * index + 4, &bytes.to_le_bytes());
        }
        let (mut rva, mut offset) = (PAGE_SIZE, HEADERS);
        for (index, (name, characteristics, content)) in self.sections.iter().enumerate() {
            let at = SECTION_HEADERS + 40 * index;
            let raw = content.len().next_multiple_of(FILE_ALIGNMENT);
            put(at, name.as_bytes());
            for (field, value) in
                [(8, content.len()), (12, rva), (16, raw), (20, offset)].map(|(f, v)| (f, v as u32))
            {
                put(at + field, &value.to_le_bytes());
            }
            put(at + 36, &characteristics.to_le_bytes());
            rva += content.len().next_multiple_of(PAGE_SIZE);
            offset += raw;
        }
        file
    }

    fn add_relocations(&mut self) {
        let mut blocks = Vec::new();
        for &rva in &self.relocations {
            blocks.extend_from_slice(&(rva & !0xfff).to_le_bytes());
            blocks.extend_from_slice(&12_u32.to_le_bytes());
            blocks.extend_from_slice(&(0xa000 | rva as u16 & 0xfff).to_le_bytes());
            blocks.extend_from_slice(&[0, 0]);
        }
        if blocks.is_empty() {
            // A block without entries: relocatable, and nothing to do.
            blocks.extend_from_slice(&[0, 0, 0, 0, 8, 0, 0, 0]);
        }
        let rva = self.next_rva();
        self.directories[5] = (rva, blocks.len() as u32);
        self.sections.push((".reloc".into(), CONSTANTS | DISCARDABLE, blocks));
    }

    fn add_imports(&mut self) {
        if self.imports.is_empty() {
            return;
        }
        let rva = self.next_rva();
        let mut content = vec![0; 20 * (self.imports.len() + 1)];
        let mut at = 0;
        for (dll, names) in &self.imports {
            let dll_name = rva + content.len() as u32;
            content.extend_from_slice(dll.as_bytes());
            content.push(0);
            let mut thunks = Vec::new();
            for name in names {
                content.resize(content.len().next_multiple_of(2), 0);
                thunks.push(u64::from(rva) + content.len() as u64);
                content.extend_from_slice(&[0, 0]);
                content.extend_from_slice(name.as_bytes());
                content.push(0);
            }
            thunks.push(0);
            content.resize(content.len().next_multiple_of(8), 0);
            let table = rva + content.len() as u32;
            content.extend(thunks.iter().flat_map(|thunk| thunk.to_le_bytes()));
            for (field, value) in [(0, table), (12, dll_name), (16, table)] {
                content[at + field..at + field + 4].copy_from_slice(&value.to_le_bytes());
            }
            at += 20;
        }
        self.directories[1] = (rva, content.len() as u32);
        self.sections.push((".idata".into(), CONSTANTS, content));
    }

    fn add_exports(&mut self) {
        if self.exports.is_empty() {
            return;
        }
        let rva = self.next_rva();
        let count = self.exports.len() as u32;
        let (functions, names) = (rva + 40, rva + 40 + 4 * count);
        let ordinals = names + 4 * count;
        let mut strings = ordinals + 2 * count;
        let mut content = vec![0; 40];
        for (field, value) in
            [(20, count), (24, count), (28, functions), (32, names), (36, ordinals)]
        {
            content[field..field + 4].copy_from_slice(&value.to_le_bytes());
        }
        content.extend(self.exports.iter().flat_map(|(_, rva)| rva.to_le_bytes()));
        for (name, _) in &self.exports {
            content.extend_from_slice(&strings.to_le_bytes());
            strings += name.len() as u32 + 1;
        }
        content.extend((0..count as u16).flat_map(u16::to_le_bytes));
        for (name, _) in &self.exports {
            content.extend_from_slice(name.as_bytes());
            content.push(0);
        }
        self.directories[0] = (rva, content.len() as u32);
        self.sections.push((".edata".into(), CONSTANTS, content));
    }
}

/// Makes the checksum in the headers that of the file.
pub(crate) fn fix_checksum(file: &mut [u8]) {
    const FIELD: usize = OPTIONAL_HEADER + 64;
    let checksum = compute_checksum(file, FIELD);
    file[FIELD..FIELD + 4].copy_from_slice(&checksum.to_le_bytes());
}
