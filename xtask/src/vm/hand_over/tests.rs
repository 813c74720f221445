use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use pagewise_vm_plan::manifest::PLAN;

use super::pull::pull;
use super::*;

fn disk(folder: &Path) -> PathBuf {
    let files = vec![
        (PLAN.to_owned(), b"{}".to_vec()),
        ("package/pagewise.sys".to_owned(), vec![7; 100_000]),
        ("package/a name that is long.txt".to_owned(), Vec::new()),
    ];
    let path = folder.join("hand-over.img");
    make(&path, &files).unwrap();
    path
}

fn system(path: &Path) -> FileSystem<Volume> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    FileSystem::new(volume(file).unwrap(), FsOptions::new()).unwrap()
}

#[test]
fn what_is_handed_over_is_what_the_manifest_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = disk(folder.path());
    let system = system(&path);
    assert_eq!(system.volume_label(), LABEL);
    assert_eq!(system.fat_type(), FatType::Fat32);
    let root = system.root_dir();
    let mut json = Vec::new();
    root.open_file(MANIFEST).unwrap().read_to_end(&mut json).unwrap();
    let manifest = Manifest::read(&json).unwrap();
    assert_eq!(manifest.files.len(), 3);
    manifest.check(|path| root.open_file(path)).unwrap();
}

#[test]
fn the_disk_has_one_partition_of_fat32_and_takes_little_room() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = disk(folder.path());
    let mut file = File::open(&path).unwrap();
    let table = MBR::read_from(&mut file, SECTOR).unwrap();
    assert_eq!((table[1].sys, table[1].starting_lba), (FAT32, START));
    assert!(table[2].is_unused());
    assert!(file.metadata().unwrap().blocks() * 512 < 16 << 20);
}

#[test]
fn what_the_guest_leaves_is_pulled_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = disk(folder.path());
    let system = system(&path);
    let out = system.root_dir().open_dir(OUT).unwrap();
    out.create_file("journal.log").unwrap().write_all(b"lines").unwrap();
    let dumps = out.create_dir("dumps").unwrap();
    dumps.create_file("112326-1234-01.dmp").unwrap().write_all(&[1; 70_000]).unwrap();
    drop((out, dumps));
    system.unmount().unwrap();
    let to = folder.path().join("results");
    let pulled = pull(&path, &to).unwrap();
    let names: Vec<_> = pulled.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    assert_eq!(names, [("dumps/112326-1234-01.dmp", 70_000), ("journal.log", 5)]);
    assert_eq!(std::fs::read(to.join("journal.log")).unwrap(), b"lines");
    assert_eq!(pulled[1].sha256, pagewise_vm_plan::manifest::sha256(b"lines"));
}

#[test]
fn a_disk_without_a_file_system_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = disk(folder.path());
    let mut file = File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(u64::from(START) * u64::from(SECTOR))).unwrap();
    file.write_all(&[0; 4096]).unwrap();
    let error = pull(&path, &folder.path().join("results")).unwrap_err();
    assert!(error.to_string().contains("cannot read the file system"), "{error:#}");
}
