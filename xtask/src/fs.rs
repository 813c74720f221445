//! File operations that name the file when they fail and leave a file alone when nothing changes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::file("read", path))
}

/// Reads a text file.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Makes a folder and those above it.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::file("make the folder", path))
}

/// Writes a file unless it has this content already, so that its time stamp tells cargo the truth.
/// Says whether it wrote.
pub fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    fs::write(path, content).map_err(Error::file("write", path))?;
    Ok(true)
}

/// Copies a file by [`write_if_changed`].
pub fn copy_if_changed(from: &Path, to: &Path) -> Result<bool> {
    write_if_changed(to, &read(from)?)
}

/// Makes `link` point to `target`, whatever it was before.
pub fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    if let Some(parent) = link.parent() {
        create_dir(parent)?;
    }
    remove_file(link)?;
    symlink(target, link).map_err(Error::file("link", link))
}

/// Removes a file, if it is there.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes a folder with all it holds, if it is there.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The entries of a folder, by name.
pub fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(Error::file("list", path))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(Error::file("list", path))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Every file below a folder, by path; links are not followed.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in entries(path)? {
        let kind = fs::symlink_metadata(&entry).map_err(Error::file("look at", &entry))?;
        if kind.is_dir() {
            files.extend(files_below(&entry)?);
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}
