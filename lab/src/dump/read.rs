//! What a debugger is told of a dump before it opens it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::LittleEndian;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use pagewise_lab_wire::{BugCheck, MappedImage};

use super::notes::Program;
use super::{OWNER, PROGRAM, REPORT};

/// What a dump says of itself.
#[derive(Clone, Debug)]
pub struct Dump {
    /// The program of the machine.
    pub executable: PathBuf,
    /// The images that were loaded.
    pub images: Vec<MappedImage>,
    /// The report of the bug check.
    pub report: BugCheck,
}

/// Why a file is no dump.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the host says.
        source: io::Error,
    },
    /// It is something else, or it is broken.
    #[error("{path} is no dump of pagewise-lab: {why}")]
    NoDump {
        /// The file.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
}

/// Reads what is not memory.
///
/// # Errors
/// [`ReadError`]
pub fn read(path: &Path) -> Result<Dump, ReadError> {
    let bytes = fs::read(path).map_err(|source| ReadError::Read { path: path.into(), source })?;
    parse(&bytes).map_err(|why| ReadError::NoDump { path: path.into(), why })
}

pub(super) fn parse(bytes: &[u8]) -> Result<Dump, String> {
    let wrong = |error: object::read::Error| error.to_string();
    let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(wrong)?;
    let endian = header.endian().map_err(wrong)?;
    let (mut report, mut program) = (None, None);
    for segment in header.program_headers(endian, bytes).map_err(wrong)? {
        let Some(mut notes) = segment.notes(endian, bytes).map_err(wrong)? else { continue };
        while let Some(note) = notes.next().map_err(wrong)? {
            if note.name_bytes() != OWNER {
                continue;
            }
            match note.n_type(endian) {
                REPORT => report = Some(note.desc()),
                PROGRAM => program = Some(note.desc()),
                _ => {}
            }
        }
    }
    let report = report.ok_or("it holds no report")?;
    let program = program.ok_or("it does not name its program")?;
    let json = |error: serde_json::Error| error.to_string();
    let Program { executable, images } = serde_json::from_slice(program).map_err(json)?;
    Ok(Dump { executable, images, report: serde_json::from_slice(report).map_err(json)? })
}
