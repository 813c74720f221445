//! A small image that obeys every rule, to break one rule at a time.

use crate::pe as places;

/// Where the PE header is.
const PE: usize = 0x40;
/// Where the optional header is.
const OPTIONAL: usize = PE + 24;
/// `IMAGE_OPTIONAL_HEADER64` with its 16 directories.
const OPTIONAL_BYTES: usize = 240;
/// Where the data directories are.
const DIRECTORIES: usize = OPTIONAL + 112;
/// Where the section headers are.
const SECTIONS: usize = OPTIONAL + OPTIONAL_BYTES;
/// Of a section, in the file.
const RAW: usize = 0x200;
/// Of a section, in memory.
const PAGE: usize = 0x1000;
/// The section that holds imports and the debug directory.
const RDATA: usize = 1;

/// Name and flags of each section.
const NAMES: [(&[u8], u32); 5] = [
    (b".text", 0x6800_0020),
    (b".rdata", 0x4800_0040),
    (b"PAGE", 0x6000_0020),
    (b"INIT", 0x6200_0020),
    (b".reloc", 0x4200_0040),
];

/// What may be put elsewhere than into the sound image.
#[derive(Clone)]
pub struct Sample {
    /// The DLLs, each with one import.
    pub dlls: [&'static [u8]; 2],
    /// What is imported from each.
    pub import: &'static [u8],
    /// What the debug directory says.
    pub pdb: &'static [u8],
    /// `Subsystem` in the optional header.
    pub subsystem: u16,
    /// `Machine` in the file header.
    pub machine: u16,
    /// `Characteristics` in the file header.
    pub characteristics: u16,
    /// Bytes of the relocation directory.
    pub relocations: u32,
    /// Sections.
    pub sections: Vec<(&'static [u8], u32)>,
    /// Text within the code.
    pub text: Vec<u8>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            dlls: [b"ntoskrnl.exe", b"WDFLDR.SYS"],
            import: b"Routine",
            pdb: b"sample.pdb",
            subsystem: 1,
            machine: 0x8664,
            characteristics: 0x2022,
            relocations: 12,
            sections: NAMES.to_vec(),
            text: Vec::new(),
        }
    }
}

impl Sample {
    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0_u8; RAW * 2 + RAW * self.sections.len()];
        let first = RAW * 2;
        put(&mut file, 0, b"MZ");
        put32(&mut file, 0x3c, PE);
        put(&mut file, PE, b"PE\0\0");
        put(&mut file, PE + 4, &self.machine.to_le_bytes());
        put(&mut file, PE + 6, &(self.sections.len() as u16).to_le_bytes());
        put(&mut file, PE + 20, &(OPTIONAL_BYTES as u16).to_le_bytes());
        put(&mut file, PE + 22, &self.characteristics.to_le_bytes());

        put(&mut file, OPTIONAL, &0x20b_u16.to_le_bytes());
        put32(&mut file, OPTIONAL + 32, PAGE);
        put32(&mut file, OPTIONAL + 36, RAW);
        put32(&mut file, OPTIONAL + 56, PAGE * (self.sections.len() + 1));
        put32(&mut file, OPTIONAL + 60, first);
        put(&mut file, OPTIONAL + 68, &self.subsystem.to_le_bytes());
        put32(&mut file, OPTIONAL + 108, 16);

        for (index, (name, flags)) in self.sections.iter().enumerate() {
            let at = SECTIONS + index * 40;
            put(&mut file, at, name);
            put32(&mut file, at + 8, RAW);
            put32(&mut file, at + 12, PAGE * (index + 1));
            put32(&mut file, at + 16, RAW);
            put32(&mut file, at + 20, first + RAW * index);
            put(&mut file, at + 36, &flags.to_le_bytes());
        }
        put(&mut file, first, &self.text);
        self.imports(&mut file, first + RAW * RDATA);
        self.debug(&mut file, first + RAW * RDATA + 0x100);
        directory(&mut file, 5, PAGE * self.sections.len(), self.relocations as usize);
        places::set_checksum(&mut file).unwrap();
        file
    }

    fn imports(&self, file: &mut [u8], at: usize) {
        let rva = PAGE * (RDATA + 1);
        directory(file, 1, rva, 60);
        for (index, dll) in self.dlls.iter().enumerate() {
            let descriptor = at + index * 20;
            let thunks = 0x40 + index * 0x10;
            let name = 0x80 + index * 0x20;
            let import = 0xc0 + index * 0x10;
            put32(file, descriptor, rva + thunks);
            put32(file, descriptor + 12, rva + name);
            put32(file, descriptor + 16, rva + thunks);
            put32(file, at + thunks, rva + import);
            put(file, at + name, dll);
            put(file, at + import + 2, self.import);
        }
    }

    fn debug(&self, file: &mut [u8], at: usize) {
        let rva = PAGE * (RDATA + 1) + 0x100;
        directory(file, 6, rva, 28);
        put32(file, at + 12, 2);
        put32(file, at + 16, 24 + self.pdb.len() + 1);
        put32(file, at + 20, rva + 0x20);
        put32(file, at + 24, at + 0x20);
        put(file, at + 0x20, b"RSDS");
        put(file, at + 0x20 + 24, self.pdb);
    }
}

fn directory(file: &mut [u8], index: usize, rva: usize, bytes: usize) {
    put32(file, DIRECTORIES + index * 8, rva);
    put32(file, DIRECTORIES + index * 8 + 4, bytes);
}

fn put32(file: &mut [u8], at: usize, value: usize) {
    put(file, at, &(value as u32).to_le_bytes());
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
