//! Finding a FAT volume by its label
//! (the boot sector's `BS_VolLab`: Microsoft's "FAT32 File System Specification", sections 3.2, 3.3).

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where the label and the type of the file system lie, for FAT32 and for FAT12 and FAT16.
const PLACES: [(usize, usize); 2] = [(71, 82), (43, 54)];

/// The device whose file system has this label.
pub fn find(label: &str) -> Option<PathBuf> {
    let entries = fs::read_dir("/sys/class/block").ok()?;
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let devices = names.iter().map(|name| Path::new("/dev").join(name));
    devices.into_iter().find(|device| {
        let mut sector = [0; 512];
        let read = File::open(device).and_then(|mut file| file.read_exact(&mut sector));
        read.is_ok() && label_of(&sector).is_some_and(|found| found == label)
    })
}

/// The label in a boot sector.
fn label_of(sector: &[u8; 512]) -> Option<String> {
    if sector[510..] != [0x55, 0xaa] {
        return None;
    }
    let place = PLACES.into_iter().find(|&(_, kind)| sector[kind..].starts_with(b"FAT"));
    let (label, _) = place?;
    Some(String::from_utf8_lossy(&sector[label..label + 11]).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(label: usize, kind: usize, name: &[u8; 8]) -> [u8; 512] {
        let mut sector = [0; 512];
        sector[label..label + 11].copy_from_slice(b"PAGEWISE   ");
        sector[kind..kind + 8].copy_from_slice(name);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    #[test]
    fn the_label_is_read_from_either_kind() {
        for found in [sector(71, 82, b"FAT32   "), sector(43, 54, b"FAT16   ")] {
            assert_eq!(label_of(&found).as_deref(), Some("PAGEWISE"));
        }
    }

    #[test]
    fn a_partition_table_is_no_volume() {
        let mut sector = [0; 512];
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(label_of(&sector), None);
        assert_eq!(label_of(&[0; 512]), None);
    }
}
