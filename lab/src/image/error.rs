//! Why an image could not be loaded.

use std::fmt;
use std::io;

/// A part of the file that is looked at, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The MS-DOS header.
    DosHeader,
    /// The PE signature, the file header and the optional header.
    NtHeaders,
    /// The section headers.
    SectionHeaders,
    /// The content of a section.
    SectionContent,
    /// The base relocations.
    Relocations,
    /// The import directory.
    Imports,
    /// The export directory.
    Exports,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::DosHeader => "the MS-DOS header",
            Self::NtHeaders => "the PE headers",
            Self::SectionHeaders => "the section headers",
            Self::SectionContent => "a section's content",
            Self::Relocations => "the base relocations",
            Self::Imports => "the import directory",
            Self::Exports => "the export directory",
        })
    }
}

/// An import that nobody provides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingImport {
    /// The image it should come from.
    pub dll: String,
    /// The routine.
    pub name: String,
    /// Whether that image is there at all.
    pub dll_loaded: bool,
}

impl fmt::Display for MissingImport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dll, name, dll_loaded } = self;
        write!(formatter, "{dll}!{name}")?;
        if *dll_loaded { Ok(()) } else { write!(formatter, " ({dll} is not loaded)") }
    }
}

/// Why an image could not be loaded. Nothing of it stays behind.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file ends early, or a number in it points past its end.
    #[error("{part} would lie at {offset:#x}, {bytes:#x} bytes long, beyond the file or image")]
    OutOfBounds {
        /// What would lie there.
        part: Part,
        /// Where it begins: an offset in the file, or an RVA.
        offset: u64,
        /// How long it is.
        bytes: u64,
    },
    /// It is no PE image at all.
    #[error("{part} should begin with {expected:#x}, but begins with {found:#x}: not a PE image")]
    Signature {
        /// Where.
        part: Part,
        /// What stands there.
        found: u32,
        /// What should.
        expected: u32,
    },
    /// It is for another processor.
    #[error("the image is for machine {found:#x}; only x64 (0x8664) images can be loaded")]
    Machine {
        /// `FileHeader.Machine`
        found: u16,
    },
    /// It is no driver.
    #[error("subsystem {found} is not native (1): not a driver; link with /SUBSYSTEM:NATIVE")]
    Subsystem {
        /// `OptionalHeader.Subsystem`
        found: u16,
    },
    /// A number in the headers is not one that the loader takes.
    #[error("{field} is {found:#x}, which {rule}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it holds.
        found: u64,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// The checksum in the headers is not that of the file.
    #[error(
        "the headers say checksum {stored:#x}, but the file's is {computed:#x}: it was changed \
         after it was linked, or linked without /RELEASE"
    )]
    Checksum {
        /// `OptionalHeader.CheckSum`
        stored: u32,
        /// What it should be.
        computed: u32,
    },
    /// A section does not begin where the one before it ends.
    #[error(
        "section {index} ({name}) is at RVA {rva:#x}, but what precedes it ends at {expected:#x}"
    )]
    SectionPlace {
        /// Number of the section, from 0.
        index: usize,
        /// Its name.
        name: String,
        /// `VirtualAddress`
        rva: u32,
        /// Where it should be.
        expected: u32,
    },
    /// The image cannot be relocated, and drivers must be.
    #[error("the image has no base relocations; link with /DYNAMICBASE")]
    NotRelocatable,
    /// A relocation of a kind that x64 images do not have.
    #[error("a base relocation at RVA {rva:#x} has type {kind}, which x64 images do not have")]
    RelocationType {
        /// What it relocates.
        rva: u32,
        /// Its type.
        kind: u16,
    },
    /// Imports by number.
    #[error("{dll} is imported by ordinal {ordinal}; import by name")]
    Ordinal {
        /// From where.
        dll: String,
        /// The number.
        ordinal: u16,
    },
    /// Imports that nobody provides, all of them.
    #[error("{} not provided: {}", if missing.len() == 1 { "an import is" } else { "imports are" },
        missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    MissingImports {
        /// In the order of the import directory.
        missing: Vec<MissingImport>,
    },
    /// An image of this file name is loaded.
    #[error("{name} is loaded already; unload it first")]
    AlreadyLoaded {
        /// The name.
        name: String,
    },
    /// There are too many images.
    #[error("the machine has no room for one more image; unload one")]
    TooMany,
    /// The host has no memory for it.
    #[error("the host could not map {bytes:#x} bytes for the image")]
    Map {
        /// How much was asked for.
        bytes: u64,
        /// What the host said.
        #[source]
        source: io::Error,
    },
}
