//! The reader of catalogs, and the check of what signs them: `pagewise_package::{catalog, sign}`.

use pagewise_package::{catalog, oid, sign};

/// Any bytes are a catalog or are refused.
///
/// # Panics
/// Where a reader panics, or two readers contradict each other.
pub fn run(data: &[u8]) {
    let read = catalog::read(data);
    if let Ok(read) = &read {
        let again = catalog::read_list(read.list).expect("the list of a catalog reads by itself");
        assert_eq!(again.members, read.members);
        assert_eq!(again.attributes, read.attributes);
        // None of the files is there.
        let _ = catalog::verify(read, &[]);
    }
    // It may be the list alone, or a signed message of either kind.
    let _ = catalog::read_list(data);
    for content in [oid::CTL, oid::INDIRECT_DATA] {
        let _ = sign::verify(data, content);
    }
}
