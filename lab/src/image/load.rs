//! Loading a driver.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use object::pe::{IMAGE_SCN_MEM_DISCARDABLE, IMAGE_SCN_MEM_NOT_PAGED};
use pagewise_contract::PAGE_SIZE;

use super::headers::{Headers, SectionHeader};
use super::{HEADER, Image, LOADED, LoadError, by_name, exported, imports, relocate};
use crate::mm;
use crate::mm::group::{ByLink, Group};
use crate::mm::mapping::Mapping;
use crate::mm::policy::NotPagedFlag;
use crate::mm::protection::Protection;
use crate::mm::region::{Kind, Region};

/// Loads a driver from `bytes`, the content of the file `path`: maps it twice, relocates it, and
/// binds its imports to the kernel's routines and to the exports of other loaded images. All its
/// pages are valid. None of its code runs.
///
/// # Errors
/// [`LoadError`]; nothing stays behind.
pub fn load(path: &Path, bytes: &[u8]) -> Result<&'static Image, LoadError> {
    // One load at a time, so that two of the same name are not both the first.
    static LOADS: Mutex<()> = Mutex::new(());
    let _one = LOADS.lock().unwrap_or_else(PoisonError::into_inner);

    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if by_name(&name).is_some() {
        return Err(LoadError::AlreadyLoaded { name });
    }
    let headers = Headers::parse(bytes)?;
    let mut content = headers.lay_out(bytes)?;
    let map = |source| LoadError::Map { bytes: headers.size_of_image.into(), source };
    let file = mm::paging_file().map_err(map)?;
    let mapping = Mapping::new(&name, content.len() / PAGE_SIZE).map_err(map)?;
    let delta = (mapping.base() as u64).wrapping_sub(headers.image_base);
    relocate::relocate(&mut content, headers.relocations, delta)?;
    if let Some(directory) = headers.imports {
        imports::bind(&mut content, directory)?;
    }
    let exports = match headers.exports {
        Some(directory) => exported::exports(&content, directory)?,
        None => HashMap::new(),
    };

    let groups = groups(&headers);
    let region = Region::new(&name, Kind::Image, mapping, file, groups);
    // Regions are never dropped: the fault handler may be looking at one at any time.
    let region: &'static Region = Box::leak(Box::new(region));
    region.write_freed(0, &content);
    for group in region.groups() {
        if let Err(error) = region.commit(group.pages.clone(), group.protection) {
            mm::registry::retire(region);
            return Err(map(error.into()));
        }
    }
    publish(path, name, &headers, exports, region)
}

/// Reads an image as [`load`] does, as if it were mapped half the address space away from its
/// preferred base, and keeps nothing of it.
///
/// # Errors
/// [`LoadError`], as of [`load`] but for what the host may say.
pub fn examine(bytes: &[u8]) -> Result<(), LoadError> {
    let headers = Headers::parse(bytes)?;
    let mut content = headers.lay_out(bytes)?;
    relocate::relocate(&mut content, headers.relocations, 1 << 63)?;
    if let Some(directory) = headers.imports {
        imports::bind(&mut content, directory)?;
    }
    if let Some(directory) = headers.exports {
        exported::exports(&content, directory)?;
    }
    // That they cover the pages without gap is for the region to insist on.
    let covered = groups(&headers).iter().map(|group| group.pages.len()).sum::<usize>();
    assert_eq!(covered, content.len() / PAGE_SIZE, "sections that do not cover the image");
    Ok(())
}

fn publish(
    path: &Path,
    name: String,
    headers: &Headers,
    exports: HashMap<String, u32>,
    region: &'static Region,
) -> Result<&'static Image, LoadError> {
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    let sections = std::iter::once(HEADER.to_owned())
        .chain(headers.sections.iter().map(|section| section.name.clone()))
        .collect();
    let image = Box::leak(Box::new(Image {
        name,
        path: path.to_owned(),
        entry_point: region.base() + headers.entry_point as usize,
        sections,
        exports,
        region,
        sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
    }));
    if !mm::registry::add(region) {
        mm::registry::retire(region);
        return Err(LoadError::TooMany);
    }
    if !LOADED.add(image) {
        mm::registry::retire(region);
        return Err(LoadError::TooMany);
    }
    mm::observe::loaded(image);
    Ok(image)
}

/// The headers and the sections, as the memory manager sees them.
fn groups(headers: &Headers) -> Vec<Group> {
    let first = headers.sections.first().map_or(headers.size_of_image, |section| section.rva);
    let page = |rva: u32| rva as usize / PAGE_SIZE;
    let header = Group::new(0..page(first), Protection::READ, ByLink::Resident);
    let sections = headers.sections.iter().map(|section| {
        let pages = page(section.rva)..page(section.rva + section.mapped);
        Group::new(pages, Protection::of_section(section.characteristics), by_link(section))
    });
    std::iter::once(header).chain(sections).collect()
}

/// What the linker asked for: a section whose name begins with `PAGE` is pageable
/// (learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable), one that is
/// discardable goes after `DriverEntry`, and all others stay.
fn by_link(section: &SectionHeader) -> ByLink {
    if section.characteristics & IMAGE_SCN_MEM_DISCARDABLE != 0 {
        return ByLink::Discardable;
    }
    let not_paged = section.characteristics & IMAGE_SCN_MEM_NOT_PAGED != 0
        && NotPagedFlag::get() == NotPagedFlag::Honoured;
    if section.name.starts_with("PAGE") && !not_paged {
        return ByLink::Pageable;
    }
    ByLink::Resident
}
