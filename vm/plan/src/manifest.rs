//! The disk by which the host hands everything over: `plan.json`, `manifest.json`, `package/`, and
//! `out/` for what the guest leaves.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Label of the disk's volume.
pub const LABEL: &str = "PAGEWISE";
/// The plan.
pub const PLAN: &str = "plan.json";
/// This file.
pub const MANIFEST: &str = "manifest.json";
/// Folder of the driver's package.
pub const PACKAGE: &str = "package";
/// Folder for what the guest writes.
pub const OUT: &str = "out";
/// The version of the form of a manifest.
pub const VERSION: u32 = 1;

/// Every file that the host put on the disk, but this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The files.
    pub files: Vec<Entry>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path from the root of the disk, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a hand-over is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The manifest is none.
    #[error("manifest.json cannot be read: {0}")]
    Form(String),
    /// Another version.
    #[error("the manifest has version {0}, and this program knows {VERSION}")]
    Version(u32),
    /// A path that leads elsewhere.
    #[error("{0:?} in the manifest is no path on the hand-over disk")]
    Path(String),
    /// It does not list the plan.
    #[error("the manifest does not list {PLAN}")]
    NoPlan,
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what the host put there.
    #[error("{path} is not what the host put there: {what}")]
    Differs {
        /// Which.
        path: String,
        /// Size or hash.
        what: String,
    },
}

impl Manifest {
    /// Of these files: their paths and bytes.
    #[must_use]
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let entry = |(path, bytes): (&str, &[u8])| Entry {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        Self { version: VERSION, files: files.into_iter().map(entry).collect() }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| Refusal::Form(error.to_string()))?;
        if manifest.version != VERSION {
            return Err(Refusal::Version(manifest.version));
        }
        if let Some(entry) = manifest.files.iter().find(|entry| !is_inside(&entry.path)) {
            return Err(Refusal::Path(entry.path.clone()));
        }
        if !manifest.files.iter().any(|entry| entry.path == PLAN) {
            return Err(Refusal::NoPlan);
        }
        Ok(manifest)
    }

    /// The file's text.
    #[must_use]
    pub fn write(&self) -> String {
        // Strings and numbers only: this cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Compares every file with what is listed.
    ///
    /// # Errors
    /// [`Refusal`] for the first that differs.
    pub fn check<R: Read>(&self, open: impl Fn(&str) -> io::Result<R>) -> Result<(), Refusal> {
        self.files.iter().try_for_each(|entry| entry.check(&open))
    }
}

impl Entry {
    fn check<R: Read>(&self, open: impl Fn(&str) -> io::Result<R>) -> Result<(), Refusal> {
        let found = open(&self.path).and_then(digest);
        let (bytes, sha256) =
            found.map_err(|source| Refusal::File { path: self.path.clone(), source })?;
        let what = if bytes != self.bytes {
            format!("{bytes} bytes instead of {}", self.bytes)
        } else if sha256 != self.sha256 {
            format!("SHA-256 {sha256} instead of {}", self.sha256)
        } else {
            return Ok(());
        };
        Err(Refusal::Differs { path: self.path.clone(), what })
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Size and SHA-256 of a file that may be large.
///
/// # Errors
/// What reading says.
pub fn digest(mut file: impl Read) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hexadecimal(&hash.finalize()))),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&chunk[..count]);
        bytes += count as u64;
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a path leads nowhere but to a file of the disk.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']) && part.is_ascii()
    };
    path.len() <= 200 && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &[u8]); 2] =
        [("plan.json", b"{}".as_slice()), ("package/pagewise.sys", b"MZ".as_slice())];

    fn open(path: &str) -> io::Result<&'static [u8]> {
        let found = FILES.into_iter().find(|file| file.0 == path);
        found.map(|file| file.1).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    #[test]
    fn whole_files_pass() {
        let manifest = Manifest::of(FILES);
        let read = Manifest::read(manifest.write().as_bytes()).unwrap();
        assert_eq!(read, manifest);
        read.check(open).unwrap();
    }

    #[test]
    fn a_changed_cut_or_missing_file_is_refused_by_name() {
        let refused = |change: fn(&mut Entry)| {
            let mut manifest = Manifest::of(FILES);
            change(&mut manifest.files[1]);
            manifest.check(open).unwrap_err().to_string()
        };
        assert!(refused(|entry| entry.bytes += 1).contains("2 bytes instead of 3"));
        assert!(refused(|entry| entry.sha256 = sha256(b"ZM")).contains("package/pagewise.sys"));
        assert!(refused(|entry| entry.path = "package/x".to_owned()).contains("package/x"));
    }

    #[test]
    fn no_path_leads_off_the_disk() {
        for path in ["", "/etc", "a//b", "../a", "a/../b", r"a\b", "C:a", "a/.", "a\0"] {
            assert!(!is_inside(path), "{path:?}");
            let manifest = Manifest::of([("plan.json", b"".as_slice()), (path, b"")]);
            assert!(matches!(Manifest::read(manifest.write().as_bytes()), Err(Refusal::Path(_))));
        }
        assert!(is_inside("package/pagewise.sys"));
    }

    #[test]
    fn a_manifest_without_the_plan_is_none() {
        let manifest = Manifest::of([("package/pagewise.sys", b"".as_slice())]);
        assert!(matches!(Manifest::read(manifest.write().as_bytes()), Err(Refusal::NoPlan)));
        assert!(matches!(Manifest::read(b"[]"), Err(Refusal::Form(_))));
    }
}
