//! Which region an address is in.

use crate::mm::region::Region;
use crate::mm::table::Table;

/// Images, the paged pool, and the two special pools.
static REGIONS: Table<Region, 66> = Table::new();

/// Unloaded images that are remembered by their addresses, as the kernel remembers the last 50.
static RETIRED: Table<Region, 50> = Table::new();

/// Makes a region known; false when there are too many.
pub(crate) fn add(region: &'static Region) -> bool {
    REGIONS.add(region)
}

/// Retires a region: from now on its addresses are those of an unloaded image.
pub(crate) fn retire(region: &'static Region) {
    // Remembered first, so that its addresses are never nobody's.
    let oldest = RETIRED.push_out(region);
    REGIONS.remove(region);
    region.retire();
    if let Some(oldest) = oldest {
        oldest.forget();
    }
}

/// The region that holds `address`. Async-signal-safe.
#[inline]
pub(crate) fn find(address: usize) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.contains(address))
}

/// The unloaded image that held `address`. Async-signal-safe.
pub(crate) fn find_retired(address: usize) -> Option<&'static Region> {
    RETIRED.iter().find(|region| region.contains(address))
}

/// Every region.
pub(crate) fn all() -> impl Iterator<Item = &'static Region> {
    REGIONS.iter()
}
