//! The disk by which everything is handed over, and by which results come back: an MBR and one
//! FAT32 partition, which Windows and Linux mount without a driver of their own.

mod apart;
mod pull;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use fscommon::{BufStream, StreamSlice};
use mbrman::{BOOT_INACTIVE, CHS, MBR, MBRPartitionEntry};
use pagewise_vm_plan::manifest::{LABEL, MANIFEST, Manifest, OUT};

pub use apart::{Arguments, pull_apart, pull_here};
pub use pull::Pulled;

/// The disk's size: room for dumps. What is not written takes no room on this host.
const SIZE: u64 = 1 << 30;
const SECTOR: u32 = 512;
/// Where the partition begins, as today's tools have it.
const START: u32 = 2048;
/// FAT32 by sector numbers, in the MBR.
const FAT32: u8 = 0x0c;

/// The partition, buffered.
type Volume = BufStream<StreamSlice<File>>;

/// What goes on the disk: paths with `/`, and contents.
pub type Files = Vec<(String, Vec<u8>)>;

/// Makes a disk with these files, a manifest of them, and an empty `out`.
pub fn make(path: &Path, files: &Files) -> Result<()> {
    let manifest = Manifest::of(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])));
    make_with(path, files, &manifest)
}

/// The same with a manifest that may tell lies.
pub fn make_with(path: &Path, files: &Files, manifest: &Manifest) -> Result<()> {
    write(path, files, manifest).with_context(|| format!("cannot make {}", path.display()))
}

fn write(path: &Path, files: &Files, manifest: &Manifest) -> Result<()> {
    let mut disk = File::options().read(true).write(true).create_new(true).open(path)?;
    disk.set_len(SIZE)?;
    partition(&mut disk)?;
    let mut volume = volume(disk)?;
    let mut label = [b' '; 11];
    label[..LABEL.len()].copy_from_slice(LABEL.as_bytes());
    let options = FormatVolumeOptions::new().fat_type(FatType::Fat32).volume_label(label);
    fatfs::format_volume(&mut volume, options)?;
    let system = FileSystem::new(volume, FsOptions::new())?;
    let root = system.root_dir();
    root.create_dir(OUT)?;
    let text = manifest.write();
    let manifest = [(MANIFEST, text.as_bytes())];
    let files = files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..]));
    for (path, bytes) in files.chain(manifest) {
        let mut folder = root.clone();
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = folder.create_dir(part)?;
        }
        let mut file = folder.create_file(name)?;
        file.truncate()?;
        file.write_all(bytes)?;
        file.flush()?;
    }
    drop(root);
    system.unmount()?;
    Ok(())
}

fn partition(disk: &mut File) -> Result<()> {
    // Windows tells disks apart by it, and changes one that it has seen already.
    let signature = std::process::id().to_le_bytes();
    let mut table = MBR::new_from(disk, SECTOR, signature)?;
    table[1] = MBRPartitionEntry {
        boot: BOOT_INACTIVE,
        first_chs: CHS::empty(),
        sys: FAT32,
        last_chs: CHS::empty(),
        starting_lba: START,
        sectors: u32::try_from(SIZE / u64::from(SECTOR))? - START,
    };
    table.write_into(disk)?;
    Ok(())
}

/// The partition of a disk that [`make`] made.
fn volume(disk: File) -> Result<Volume> {
    let start = u64::from(START) * u64::from(SECTOR);
    Ok(BufStream::new(StreamSlice::new(disk, start, SIZE)?))
}
