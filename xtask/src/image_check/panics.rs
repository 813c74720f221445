//! Ways to panic that were linked into an image, told by its PDB.
//!
//! A panic in a driver is a bug check. Linking with `/OPT:REF` leaves only what something refers to,
//! so a function that does nothing but panic is there only if a call to it is.

use std::fmt::Write as _;

use pdb2::{FallibleIterator as _, PDB, SymbolData};

/// Panics that are known and harmless: wdk-sys checks the index of each framework function against
/// the size of the table, and the driver's indices are those of the table.
const KNOWN: &[&str] = &["panic_bounds_check", "panic_fmt"];

/// The module of `core` whose functions panic.
const MODULE: &str = "panicking";

/// Ends of the names of the other functions of `core` that only panic.
const ENDS: &[&str] = &["_fail", "_failed"];

/// The functions in a PDB that panic, but for those in [`KNOWN`].
pub fn linked(pdb: &[u8]) -> Result<Vec<String>, pdb2::Error> {
    let mut pdb = PDB::open(std::io::Cursor::new(pdb))?;
    let table = pdb.global_symbols()?;
    let mut symbols = table.iter();
    let mut found = Vec::new();
    while let Some(symbol) = symbols.next()? {
        // Records that this reader does not know are of no interest here.
        if let Ok(SymbolData::Public(public)) = symbol.parse() {
            let name = demangled(&public.name.to_string());
            if panics(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn demangled(symbol: &str) -> String {
    let mut name = String::new();
    // Without the hash.
    let _ = write!(name, "{:#}", rustc_demangle::demangle(symbol));
    name
}

fn panics(name: &str) -> bool {
    // Generic arguments come after the name: `core::panicking::assert_failed::<i32, i32>`.
    let path = name.split("::<").next().unwrap_or(name);
    let mut parts = path.rsplit("::");
    let last = parts.next().unwrap_or_default();
    let in_core = path.starts_with("core::");
    in_core
        && !KNOWN.contains(&last)
        && (parts.any(|part| part == MODULE) || ENDS.iter().any(|end| last.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_panic_are_known_by_name() {
        assert!(panics("core::panicking::panic"));
        assert!(panics("core::panicking::panic_const::panic_const_add_overflow"));
        assert!(panics("core::panicking::assert_failed::<usize, usize>"));
        assert!(panics("core::option::unwrap_failed"));
        assert!(panics("core::slice::index::slice_index_fail"));
    }

    #[test]
    fn known_ones_and_other_functions_are_not_reported() {
        assert!(!panics("core::panicking::panic_bounds_check"));
        assert!(!panics("core::panicking::panic_fmt"));
        assert!(!panics("core::fmt::Formatter::pad_integral"));
        assert!(!panics("pagewise::queue::create_failed"));
    }

    #[test]
    fn names_are_read_in_both_manglings() {
        let old = "_ZN4core9panicking5panic17h0123456789abcdefE";
        let new = "_RNvNtCs8icZUrvfcq9_4core9panicking18panic_bounds_check";
        assert_eq!(demangled(old), "core::panicking::panic");
        assert_eq!(demangled(new), "core::panicking::panic_bounds_check");
        assert_eq!(demangled("FxDriverEntry"), "FxDriverEntry");
    }

    #[test]
    fn what_is_no_pdb_is_an_error() {
        assert!(linked(b"").is_err());
        assert!(linked(b"no PDB").is_err());
    }
}
