use super::*;
use crate::testing::child::{survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, PAGEDATA, word};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{LittleEndian, elf::FileHeader64};

fn dumped(report: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("machine.core");
    let thread = freeze::this_thread();
    let failed = Failed { thread, registers: Registers::here(), report };
    let bytes = write(&path, &failed).unwrap();
    let dump = std::fs::read(&path).unwrap();
    assert_eq!(dump.len() as u64, bytes);
    dump
}

/// The word at an address, as a dump has it.
fn word_at(dump: &[u8], address: usize) -> Option<u64> {
    let header = FileHeader64::<LittleEndian>::parse(dump).unwrap();
    let segments = header.program_headers(LittleEndian, dump).unwrap();
    let read = segments.iter().find_map(|segment| {
        segment.data_range(LittleEndian, dump, address as u64, 8).ok().flatten()
    });
    Some(u64::from_le_bytes(read?.try_into().unwrap()))
}

fn report() -> Vec<u8> {
    let report = pagewise_lab_wire::BugCheck { code: 0xd1, ..Default::default() };
    serde_json::to_vec(&report).unwrap()
}

#[test]
fn pages_are_in_a_dump_wherever_they_were_and_stay_there() {
    survives(test_path!(), || {
        let driver = Driver::load();
        crate::mm::trim();
        crate::mm::purge();
        let before = driver.state(PAGEDATA);
        let dump = dumped(&report());
        assert_eq!(word_at(&dump, driver.at(PAGEDATA + 16).addr()), Some(word(16)), "was on disk");
        assert_eq!(word_at(&dump, driver.at(DATA_SECTION + 8).addr()), Some(word(8)));
        assert_eq!(word_at(&dump, driver.at(1 << 24).addr()), None, "beyond the image");
        assert_eq!(driver.state(PAGEDATA), before, "and nothing was brought in for it");
    });
}

#[test]
fn other_threads_are_in_a_dump_and_go_on_after_it() {
    survives(test_path!(), || {
        let (sender, receiver) = std::sync::mpsc::channel::<u32>();
        let other = std::thread::spawn(move || receiver.recv());
        std::thread::sleep(std::time::Duration::from_millis(50));
        let dump = dumped(&report());
        let header = FileHeader64::<LittleEndian>::parse(&*dump).unwrap();
        let notes = header.program_headers(LittleEndian, &*dump).unwrap().iter();
        let mut threads = 0;
        for segment in notes {
            let Some(mut notes) = segment.notes(LittleEndian, &*dump).unwrap() else { continue };
            while let Some(note) = notes.next().unwrap() {
                threads += u32::from(note.n_type(LittleEndian) == object::elf::NT_PRSTATUS);
            }
        }
        assert!(threads >= 2, "this one and the other: {threads}");
        sender.send(7).unwrap();
        assert_eq!(other.join().unwrap(), Ok(7));
    });
}

#[test]
fn a_dump_tells_its_report_and_its_images_and_nothing_else_passes_for_one() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let dump = dumped(&report());
        let read = read::parse(&dump).unwrap();
        assert_eq!(read.report.code, 0xd1);
        let [image] = &read.images[..] else { panic!("{:?}", read.images) };
        assert_eq!(image.base as usize, driver.at(0).addr());
        assert!(read.executable.is_absolute());
        assert!(read::parse(b"").is_err());
        assert!(read::parse(&dump[..100]).is_err(), "cut short");
        let foreign: Vec<u8> =
            dump.iter().map(|&byte| if byte == b'W' { b'w' } else { byte }).collect();
        assert!(read::parse(&foreign).unwrap_err().contains("no report"));
    });
}
