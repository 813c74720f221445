//! What an INF says of a device and its service: the part of it that a lab can act on.
//!
//! Follows learn.microsoft.com/windows-hardware/drivers/install/general-syntax-rules-for-inf-files
//! and the pages of the directives named below. Nothing is copied to a system folder and no class
//! installer runs: the lab is told where the images are.

mod install;
mod text;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use install::{Installation, Value};
pub use text::{Inf, Line};

/// Why an INF cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InfError {
    /// The file could not be read.
    #[error("cannot read the INF {path}; name an existing file with --inf")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the host said.
        #[source]
        source: io::Error,
    },
    /// It is neither UTF-8 nor UTF-16.
    #[error("the INF is neither UTF-8 nor UTF-16 with a byte order mark; save it as one of them")]
    Encoding,
    /// A quotation that does not end on its line.
    #[error("line {line} of the INF has an unbalanced quotation mark; close the quotation")]
    Quotation {
        /// The line, counted from 1.
        line: usize,
    },
    /// A `%token%` without a line in `[Strings]`.
    #[error("line {line} of the INF uses %{token}%, which [Strings] does not define")]
    Token {
        /// The line, counted from 1.
        line: usize,
        /// The token.
        token: String,
    },
    /// Something that must be there is not.
    #[error("the INF has no {missing}; the lab needs it to install the device")]
    Missing {
        /// What, in the INF's own words.
        missing: String,
    },
    /// A number that is none.
    #[error("{text:?} in [{section}] of the INF is not a number")]
    Number {
        /// The section.
        section: String,
        /// The text.
        text: String,
    },
}

/// Reads and interprets the file at `path`.
///
/// # Errors
/// [`InfError`]
pub fn read(path: &Path) -> Result<Installation, InfError> {
    let bytes =
        fs::read(path).map_err(|source| InfError::Read { path: path.to_owned(), source })?;
    from_bytes(&bytes)
}

/// Interprets the content of an INF.
///
/// # Errors
/// [`InfError`], but for [`InfError::Read`]
pub fn from_bytes(bytes: &[u8]) -> Result<Installation, InfError> {
    Installation::from_inf(&Inf::parse(&decode(bytes)?)?)
}

/// INF files are UTF-16 with a byte order mark, or of one byte a character.
fn decode(bytes: &[u8]) -> Result<String, InfError> {
    let pairs = |units: &[u8], make: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = units.as_chunks().0.iter().copied().map(make).collect();
        String::from_utf16(&units).map_err(|_| InfError::Encoding)
    };
    match bytes {
        [0xff, 0xfe, text @ ..] => pairs(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => pairs(text, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => {
            String::from_utf8(text.to_owned()).map_err(|_| InfError::Encoding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read() {
        let utf16: Vec<u8> =
            "\u{feff}[Version]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap(), "[Version]");
        assert_eq!(decode(b"\xef\xbb\xbf[Version]").unwrap(), "[Version]");
        assert_eq!(decode(b"[Version]").unwrap(), "[Version]");
        assert!(matches!(decode(b"\xff\xfe\x00\xd8"), Err(InfError::Encoding)));
        assert!(matches!(decode(b"[\xff]"), Err(InfError::Encoding)));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nonexistent/x.inf")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.inf"));
    }
}
