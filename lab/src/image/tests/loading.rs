//! What a sound file becomes.

use std::path::Path;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_nt as nt;
use pagewise_lab_wire::{PageState, Verifier};

use crate::image::{self, LoadError, MissingImport};
use crate::mm::policy::{DiscardInit, NotPagedFlag};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::{Driver, INIT, PAGECODE, TEXT};
use crate::testing::pe::{Builder, CODE, DATA, DISCARDABLE, IMAGE_BASE};
use crate::{exports, mm, verifier};

const RETURNS: [u8; 6] = [0xb8, 0x78, 0x56, 0x34, 0x12, 0xc3];

fn load(name: &str, builder: Builder) -> Result<&'static image::Image, LoadError> {
    image::load(Path::new(name), &builder.file())
}

#[test]
fn an_image_is_mapped_found_and_forgotten() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let image = driver.0;
        assert_eq!((image.name(), image.path()), ("tiny.sys", Path::new("tiny.sys")));
        assert_eq!(image.size(), driver.pages().len() * PAGE_SIZE);
        assert_eq!(image.entry_point(), image.base() + TEXT);
        assert_eq!(image.section_at(image.base() + 7), Some(image::HEADER));
        assert_eq!(image.section_at(image.base() + PAGECODE), Some("PAGECODE"));
        assert_eq!(image.section_at(image.base() + image.size()), None);
        assert_eq!(image.export("Read"), Some(image.base() + TEXT));
        assert_eq!(image.export("read"), None);
        let last = image.base() + image.size() - 1;
        assert!(image::find(last).is_some_and(|found| std::ptr::eq(found, image)));
        assert!(image::find(last + 1).is_none());
        assert!(image::by_name("TINY.SYS").is_some());
        assert_eq!(image::unload(image), []);
        assert!(image::find(last).is_none() && image::by_name("tiny.sys").is_none());
        assert_eq!(image::loaded().count(), 0);
        assert_eq!(image::unload(image), [], "a second unload is nothing");
    });
}

#[test]
fn pointers_are_relocated() {
    survives(test_path!(), || {
        let mut data = (IMAGE_BASE + 0x1000).to_le_bytes().to_vec();
        data.extend((IMAGE_BASE + 0x1004).to_le_bytes());
        let builder = Builder::new()
            .section(".text", CODE, &RETURNS)
            .section(".data", DATA, &data)
            .relocation(0x2000);
        let image = load("relocated.sys", builder).unwrap();
        let data = mm::contents(image, 2, 1).unwrap();
        assert_eq!(data[..8], (image.base() as u64 + 0x1000).to_le_bytes());
        assert_eq!(data[8..16], (IMAGE_BASE + 0x1004).to_le_bytes(), "what is not listed stays");
    });
}

#[test]
fn imports_are_bound_to_the_kernel_the_hal_and_other_drivers() {
    survives(test_path!(), || {
        let provider = Driver::load_as("provider.sys").unwrap();
        let builder = Builder::new()
            .section(".text", CODE, &RETURNS)
            .import("ntoskrnl.exe", &["MmPageEntireDriver", "KeBugCheckEx"])
            .import("HAL.dll", &["MmIsAddressValid"])
            .import("PROVIDER.SYS", &["Read"]);
        let image = load("client.sys", builder).unwrap();
        let table = mm::contents(image, 2, 1).unwrap();
        let kernel = |name| {
            verifier::intercept::entry(name, exports::resolve(exports::KERNEL, name).unwrap())
        };
        for address in [
            kernel("MmPageEntireDriver"),
            kernel("KeBugCheckEx"),
            kernel("MmIsAddressValid"),
            provider.0.export("Read").unwrap(),
        ] {
            let bytes = (address as u64).to_le_bytes();
            assert!(table.chunks_exact(8).any(|slot| slot == bytes), "{address:#x}");
        }
    });
}

#[test]
fn all_missing_imports_are_told_by_name() {
    survives(test_path!(), || {
        let builder = Builder::new()
            .section(".text", CODE, &RETURNS)
            .import("ntoskrnl.exe", &["MmPageEntireDriver", "MmDoesNotExist", "KeNeither"])
            .import("absent.sys", &["Anything"]);
        let error = load("client.sys", builder).unwrap_err();
        let LoadError::MissingImports { missing } = &error else { panic!("{error}") };
        let expected = [
            ("ntoskrnl.exe", "MmDoesNotExist", true),
            ("ntoskrnl.exe", "KeNeither", true),
            ("absent.sys", "Anything", false),
        ]
        .map(|(dll, name, dll_loaded)| MissingImport {
            dll: dll.into(),
            name: name.into(),
            dll_loaded,
        });
        assert_eq!(missing, &expected);
        assert_eq!(
            error.to_string(),
            "imports are not provided: ntoskrnl.exe!MmDoesNotExist, ntoskrnl.exe!KeNeither, \
             absent.sys!Anything (absent.sys is not loaded)"
        );
        assert_eq!(image::loaded().count(), 0, "nothing stays behind");
    });
}

#[test]
fn a_name_is_loaded_once() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let again = Driver::load_as("Tiny.sys").unwrap_err();
        assert!(matches!(again, LoadError::AlreadyLoaded { .. }), "{again}");
        image::unload(driver.0);
        Driver::load_as("Tiny.sys").unwrap();
    });
}

#[test]
fn there_is_a_limit_and_it_is_told() {
    survives(test_path!(), || {
        for number in 0..63 {
            Driver::load_as(&format!("{number}.sys")).unwrap();
        }
        let error = Driver::load_as("one-more.sys").unwrap_err();
        assert!(matches!(error, LoadError::TooMany), "{error}");
        image::unload(image::by_name("7.sys").unwrap());
        Driver::load_as("one-more.sys").unwrap();
    });
}

/// INIT, a section to stay, and one more to go.
fn with_two_discardable() -> Builder {
    Builder::new()
        .section(".text", CODE, &RETURNS)
        .section("INIT", CODE | DISCARDABLE, &RETURNS)
        .section(".data", DATA, &[1])
        .section("GONE", DATA | DISCARDABLE, &[1])
}

fn states(image: &image::Image) -> Vec<PageState> {
    mm::pages(image).iter().map(|page| page.state).collect()
}

#[test]
fn everything_discardable_is_discarded() {
    survives(test_path!(), || {
        use PageState::{Freed, Valid};
        let image = load("discard.sys", with_two_discardable()).unwrap();
        image::discard_init(image);
        // Headers, .text, INIT, .data, GONE, .reloc.
        assert_eq!(states(image), [Valid, Valid, Freed, Valid, Freed, Freed]);
        assert!(!mm::pages(image)[2].in_memory);
        assert_eq!(mm::trim(), 0);
    });
}

#[test]
fn by_policy_only_what_is_discardable_at_the_end_is_discarded() {
    survives(test_path!(), || {
        use PageState::{Freed, Valid};
        DiscardInit::Trailing.set();
        let image = load("discard.sys", with_two_discardable()).unwrap();
        image::discard_init(image);
        assert_eq!(states(image), [Valid, Valid, Valid, Valid, Freed, Freed]);
    });
}

/// `PAGE` by name, `IMAGE_SCN_MEM_NOT_PAGED` by flag.
fn contradictory() -> Builder {
    Builder::new().section("PAGEnot", CODE | 0x0800_0000, &RETURNS).section(".data", DATA, &[1])
}

#[test]
fn the_name_decides_and_not_the_flag() {
    survives(test_path!(), || {
        let image = load("flag.sys", contradictory()).unwrap();
        assert!(mm::pages(image)[1].pageable && !mm::pages(image)[2].pageable);
    });
}

#[test]
fn by_policy_the_flag_decides() {
    survives(test_path!(), || {
        NotPagedFlag::Honoured.set();
        let image = load("flag.sys", contradictory()).unwrap();
        assert!(!mm::pages(image)[1].pageable);
    });
}

#[test]
fn export_drivers_are_initialised() {
    survives(test_path!(), || {
        let builder =
            Builder::new().section(".text", CODE, &RETURNS).export("DllInitialize", 0x1000);
        let image = load("export.sys", builder).unwrap();
        let mut path = nt::unicode_string(&[]).unwrap();
        // SAFETY: the path is a UNICODE_STRING, and the image imports nothing.
        let status = unsafe { image::dll_initialize(image, &raw mut path) };
        assert_eq!(status, Some(0x1234_5678));
        // SAFETY: nobody runs code of the image.
        assert_eq!(unsafe { image::dll_unload(image) }, None, "it exports none");
    });
}

#[test]
fn pool_left_behind_is_found_when_pool_is_tracked() {
    let report = bug_check_of(test_path!(), || leave_pool(true));
    assert_eq!((report.code, report.parameters[0], report.parameters[3]), (0xC4, 0x62, 2));
    let kinds = report.details.iter().map(|leak| &leak.what[..17]);
    assert_eq!(kinds.collect::<Vec<_>>(), ["1 block of nonpag", "1 block of paged "]);
    for leak in &report.details {
        let place = leak.at.as_ref().unwrap();
        // After the call in `CALL_WITH`.
        assert_eq!((place.module.as_deref(), place.rva), (Some("tiny.sys"), Some(0x104f)));
    }
}

#[test]
fn pool_left_behind_goes_unseen_when_it_is_not() {
    survives(test_path!(), || {
        leave_pool(false);
        let left = mm::pool::blocks();
        assert_eq!(left.len(), 2);
        assert_eq!(left[0].owner, "tiny.sys");
    });
}

fn leave_pool(pool_tracking: bool) {
    verifier::set(&Verifier { pool_tracking, ..Verifier::default() });
    let driver = Driver::load();
    // NonPagedPoolNx of 64 bytes; the tag is whatever is left in R8.
    let kept = driver.kernel("ExAllocatePool", [512, 64]);
    let freed = driver.kernel("ExAllocatePool", [1, 64]);
    driver.kernel("ExAllocatePool", [1, 64]);
    assert!(kept != 0 && freed != 0);
    driver.kernel("ExFreePool", [freed, 0]);
    image::unload(driver.0);
}

#[test]
fn allocations_of_drivers_fail_as_the_seed_says_and_those_of_the_machine_never() {
    survives(test_path!(), || {
        let driver = Driver::load();
        verifier::set(&Verifier { low_resources: 3, seed: 7, ..Verifier::default() });
        let run = || -> Vec<bool> {
            (0..50).map(|_| driver.kernel("ExAllocatePool", [512, 16]) == 0).collect()
        };
        let first = run();
        assert!(first.contains(&true) && first.contains(&false));
        verifier::set(&Verifier { low_resources: 3, seed: 7, ..Verifier::default() });
        assert_eq!(run(), first, "the same seed fails the same allocations");
        for _ in 0..50 {
            assert!(!mm::pool::allocate(mm::pool::Kind::NonPaged, 16, 1, 0).is_null());
        }
    });
}

#[test]
fn init_is_there_until_it_is_discarded() {
    survives(test_path!(), || {
        let driver = Driver::load();
        assert_eq!(driver.call(driver.at(INIT)), 0x3333);
        assert_eq!(driver.state(INIT), PageState::Valid);
    });
}
