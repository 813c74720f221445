//! Driver images: from the file to mapped, relocated and bound memory.
//!
//! A file is data from outside: every number in it is checked before it is used, and what is wrong
//! is a [`LoadError`] that holds it.

mod bytes;
mod error;
mod exported;
mod headers;
mod imports;
mod initialize;
mod load;
mod relocate;

pub use error::{LoadError, MissingImport, Part};
#[cfg(test)]
pub(crate) use headers::compute_checksum;
pub(crate) use headers::exception_directory;
pub use initialize::{dll_initialize, dll_unload};
pub use load::{examine, load};

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pagewise_lab_wire::Paging;

use crate::ke;
use crate::mm;
use crate::mm::group::ByLink;
use crate::mm::policy::DiscardInit;
use crate::mm::region::Region;
use crate::mm::table::Table;
use crate::trail;

/// The name that the headers go by where sections have one.
pub const HEADER: &str = "HEADER";

static LOADED: Table<Image, 63> = Table::new();

/// A loaded image. It stays where it is until [`unload`].
#[derive(Debug)]
pub struct Image {
    name: String,
    path: PathBuf,
    entry_point: usize,
    /// The headers, then the sections: as the region's groups.
    sections: Vec<String>,
    /// RVAs by name.
    exports: HashMap<String, u32>,
    region: &'static Region,
    /// Grows from image to image.
    sequence: u64,
}

impl Image {
    /// File name, such as `pagewise.sys`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Address of the first page.
    #[must_use]
    pub fn base(&self) -> usize {
        self.region.base()
    }

    /// Bytes, a whole number of pages.
    #[must_use]
    pub fn size(&self) -> usize {
        self.region.pages() * pagewise_contract::PAGE_SIZE
    }

    /// Address of the entry point: `FxDriverEntry` in a KMDF driver.
    #[must_use]
    pub fn entry_point(&self) -> usize {
        self.entry_point
    }

    /// Address of what the image exports under `name`.
    #[must_use]
    pub fn export(&self, name: &str) -> Option<usize> {
        self.exports.get(name).map(|&rva| self.base() + rva as usize)
    }

    /// Whether `MmPageEntireDriver` overrides the image's sections at present.
    #[must_use]
    pub fn overridden(&self) -> bool {
        self.region.overridden()
    }

    /// The name of the section that holds `address`, or [`HEADER`].
    #[must_use]
    pub fn section_at(&self, address: usize) -> Option<&str> {
        if !self.region.contains(address) {
            return None;
        }
        let page = self.region.page_of(address);
        let index = self.region.groups().iter().position(|group| group.pages.contains(&page))?;
        self.sections.get(index).map(String::as_str)
    }

    /// Whether it is a library that drivers import from, such as the framework.
    pub(crate) fn is_library(&self) -> bool {
        self.exports.contains_key("DllInitialize")
    }

    /// Grows from image to image.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn region(&self) -> &'static Region {
        self.region
    }
}

/// Section locks that a driver left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakedLocks {
    /// The section.
    pub section: String,
    /// How many.
    pub locks: u32,
}

/// Unloads a driver: its pages are gone, its addresses belong to nobody any more.
///
/// The locks that it still held are returned and reported on stderr: on Windows the memory of those
/// sections stays locked for good
/// (learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmlockpagablesectionbyhandle).
/// Pool that it still owns is bug check 0xC4/0x62 when pool is tracked.
pub fn unload(image: &Image) -> Vec<LeakedLocks> {
    let Some(image) = LOADED.iter().find(|loaded| std::ptr::eq(*loaded, image)) else {
        return Vec::new();
    };
    let leaked: Vec<_> = image
        .sections
        .iter()
        .zip(image.region.groups())
        .filter(|(_, group)| group.locks() > 0)
        .map(|(section, group)| LeakedLocks { section: section.clone(), locks: group.locks() })
        .collect();
    for LeakedLocks { section, locks } in &leaked {
        eprintln!(
            "{} was unloaded with {locks} lock(s) on section {section}; on Windows its memory \
             would stay locked for good",
            image.name
        );
    }
    mm::pool::check_unloaded(image);
    ke::freed::check(&(image.base()..image.base() + image.size()));
    if LOADED.remove(image) {
        mm::registry::retire(image.region);
    }
    leaked
}

/// The image that holds `address`. Async-signal-safe.
#[must_use]
pub fn find(address: usize) -> Option<&'static Image> {
    LOADED.iter().find(|image| image.region.contains(address))
}

/// The image of this file name, whatever its case.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Image> {
    LOADED.iter().find(|image| image.name.eq_ignore_ascii_case(name))
}

/// The loaded images, in load order.
pub fn loaded() -> impl Iterator<Item = &'static Image> {
    let mut images: Vec<_> = LOADED.iter().collect();
    images.sort_by_key(|image| image.sequence);
    images.into_iter()
}

/// Gives back the discardable sections, once `DriverEntry` has succeeded
/// (learn.microsoft.com/windows-hardware/drivers/kernel/writing-a-driverentry-routine). Policy
/// `discard-init` says which.
pub fn discard_init(image: &Image) {
    let discardable = |group: &&mm::group::Group| group.by_link == ByLink::Discardable;
    let groups = image.region.groups();
    let gone: Vec<_> = match DiscardInit::get() {
        DiscardInit::All => groups.iter().filter(discardable).collect(),
        DiscardInit::Trailing => groups.iter().rev().take_while(discardable).collect(),
    };
    let pages = gone.iter().map(|group| group.pages.len() as u64).sum();
    trail::paging::note(Paging::Discard, pages, image.base(), 0);
    for group in gone {
        image.region.free(group.pages.clone());
    }
}

#[cfg(test)]
mod tests;
