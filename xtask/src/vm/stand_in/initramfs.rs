//! The stand-in's whole file system, in memory.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use cpio::newc::{Builder, ModeFileType, trailer};

/// A file of it.
pub struct File<'a> {
    /// Its path, without a slash before it.
    pub path: &'a str,
    /// What it holds.
    pub content: &'a [u8],
}

/// Packs the files, which may all be run, and the folders they are in.
pub fn pack(files: &[File<'_>]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    let mut folders: Vec<&str> = vec!["dev", "mnt", "proc", "sys"];
    folders.extend(files.iter().filter_map(|file| Some(file.path.rsplit_once('/')?.0)));
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        entry(&mut archive, Builder::new(folder).mode(0o755), ModeFileType::Directory, &[])?;
    }
    // The kernel opens it for what it starts.
    let console = Builder::new("dev/console").mode(0o600).rdev_major(5).rdev_minor(1);
    entry(&mut archive, console, ModeFileType::Char, &[])?;
    for file in files {
        let header = Builder::new(file.path).mode(0o755);
        entry(&mut archive, header, ModeFileType::Regular, file.content)?;
    }
    trailer(&mut archive).context("cannot end the archive")?;
    Ok(archive)
}

fn entry(archive: &mut Vec<u8>, header: Builder, kind: ModeFileType, content: &[u8]) -> Result<()> {
    let size = u32::try_from(content.len()).context("a file of 4 GB")?;
    let mut writer = header.set_mode_file_type(kind).nlink(1).write(archive, size);
    writer.write_all(content)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_after_their_folders() {
        let files = [
            File { path: "init", content: b"program" },
            File { path: "modules/00-fat.ko", content: b"module" },
        ];
        let archive = pack(&files).unwrap();
        let mut names = Vec::new();
        let mut rest = archive.as_slice();
        loop {
            let mut reader = cpio::newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut content).unwrap();
            names.push((reader.entry().name().to_owned(), reader.entry().mode(), content));
            rest = reader.finish().unwrap();
        }
        let paths: Vec<_> = names.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            paths,
            ["dev", "mnt", "modules", "proc", "sys", "dev/console", "init", "modules/00-fat.ko"]
        );
        assert_eq!(names[0].1, 0o040_755);
        assert_eq!(names[6].1, 0o100_755);
        assert_eq!(names[7].2, b"module");
    }
}
