//! The package's reader of INF files, its linter, and what else is made from an INF.

use pagewise_package::catalog::Contents;
use pagewise_package::inf::{Date, Inf, Options, Stamp, lint, stamp};

/// Any bytes are read; stamping what is stamped changes nothing.
///
/// # Panics
/// Where something panics or that does not hold.
pub fn run(data: &[u8]) {
    let inf = Inf::read(data);
    for wine in [false, true] {
        for finding in lint(&inf, &Options { kmdf: Some((1, 31)), wine }) {
            assert!(!finding.to_string().is_empty());
        }
    }
    // It may lack what a catalog needs.
    let _ = Contents::of(&inf);
    let Some(date) = Date::from_unix(0) else { panic!("1970 is a year") };
    let how = Stamp { date, version: [1, 2, 3, 4], kmdf: (1, 31) };
    let Ok(stamped) = stamp(data, &how) else { return };
    let again = stamp(&stamped, &how).expect("what is stamped can be stamped");
    assert_eq!(again, stamped, "stamped again, it is another file");
}
