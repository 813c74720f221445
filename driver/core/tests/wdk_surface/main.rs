//! The driver uses only what `docs/wdk-surface.md` vouches for, and the document vouches for nothing
//! that the driver does not use.
//!
//! The driver is built here against headers that are not Microsoft's. That it also compiles against
//! the real ones rests on this table: a row for each item of the WDK crates, with its public
//! evidence.

mod source;
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use source::Uses;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn driver_uses() -> Uses {
    let mut uses = Uses::default();
    let mut folders = vec![repository().join("driver/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.file_name().expect("a file has a name").to_string_lossy();
                uses.add(&name, &read(&path));
            }
        }
    }
    uses
}

#[test]
fn the_table_and_the_driver_agree() {
    let uses = driver_uses();
    assert_eq!(uses.objections, Vec::<String>::new(), "not readable without doubt");
    let table = table::parse(&read(&repository().join("docs/wdk-surface.md")));
    assert_eq!(differences(&uses, &table), Vec::<String>::new());
}

#[test]
fn the_driver_names_the_wdk_crates_by_their_own_names() {
    let manifest = read(&repository().join("driver/Cargo.toml"));
    assert!(!manifest.contains("package ="), "a renamed dependency would escape the scan");
}

/// What is used without a row, what has a row without a use, and fields that a row does not name.
fn differences(uses: &Uses, table: &[table::Row]) -> Vec<String> {
    let listed: BTreeSet<_> = table.iter().map(|row| row.item.clone()).collect();
    let missing = uses.items.difference(&listed).map(|item| format!("no row for {item}"));
    let stale = listed.difference(&uses.items).map(|item| format!("nothing uses {item}"));
    let fields = uses.fields.iter().filter_map(|(owner, field)| {
        let named = |row: &&table::Row| {
            let words = row.definition.split(|c: char| !c.is_alphanumeric());
            row.item.ends_with(owner.as_str()) && words.into_iter().any(|word| word == field)
        };
        let found = table.iter().any(|row| named(&row));
        (!found).then(|| format!("no row of {owner} names the field {field}"))
    });
    let doubled = (listed.len() != table.len()).then(|| "a row twice".to_owned());
    let bare = table
        .iter()
        .filter(|row| row.definition.is_empty() || !row.evidence.contains([':', '.']))
        .map(|row| format!("{} has no definition or no evidence", row.item));
    missing.chain(stale).chain(fields).chain(doubled).chain(bare).collect()
}

mod negative_twins {
    use super::{Uses, differences, table};

    fn uses(source: &str) -> Uses {
        let mut uses = Uses::default();
        uses.add("twin.rs", source);
        uses
    }

    fn found(source: &str, item: &str) -> bool {
        uses(source).items.contains(item)
    }

    #[test]
    fn every_spelling_is_found() {
        for source in [
            "use wdk_sys::ntddk::KeBugCheck;",
            "use wdk_sys::{NTSTATUS, ntddk::{self, KeBugCheck}};",
            "use wdk_sys::ntddk::KeBugCheck as harmless;",
            "use ::wdk_sys::ntddk::KeBugCheck;",
            "fn f() { unsafe { wdk_sys::ntddk::KeBugCheck(0) } }",
            "use wdk_sys::ntddk; fn f() { unsafe { ntddk::KeBugCheck(0) } }",
            "use wdk_sys::ntddk as other; fn f() { unsafe { other::KeBugCheck(0) } }",
            "fn f() { harmless!({ wdk_sys::ntddk::KeBugCheck(0) }) }",
            "use wdk_sys::ntddk; fn f() { harmless!([ntddk::KeBugCheck]) }",
            "macro_rules! m { () => { ::wdk_sys::ntddk::KeBugCheck(0) } }",
        ] {
            assert!(found(source, "wdk_sys::ntddk::KeBugCheck"), "{source}");
        }
        assert!(!found("fn f() { KeBugCheck(0) }", "wdk_sys::ntddk::KeBugCheck"));
    }

    #[test]
    fn framework_functions_are_found() {
        let call = "fn f() { unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, o) } }";
        assert!(found(call, "WdfObjectDelete"));
        let hidden =
            "macro_rules! m { () => { call_unsafe_wdf_function_binding!(WdfObjectDelete, o) } }";
        assert!(found(hidden, "WdfObjectDelete"));
        let full =
            "fn f() { unsafe { wdk_sys::call_unsafe_wdf_function_binding!(WdfObjectDelete, o) } }";
        assert!(found(full, "WdfObjectDelete"));
    }

    #[test]
    fn members_of_imported_items_are_found() {
        let source = "use wdk_sys::_WDF_TRI_STATE; fn f() { _WDF_TRI_STATE::WdfTrue }";
        assert!(found(source, "wdk_sys::_WDF_TRI_STATE::WdfTrue"));
        let source = "use wdk_sys::X; fn f(x: X) { X { Size: 1 }; x.QuadPart; }";
        let fields = uses(source).fields;
        assert!(fields.contains(&("X".into(), "Size".into())));
        assert!(fields.contains(&(String::new(), "QuadPart".into())));
    }

    #[test]
    fn what_could_hide_a_use_is_objected_to() {
        for source in [
            "use wdk_sys::*;",
            "use wdk_sys::ntddk::*;",
            "use wdk_sys::{NTSTATUS, ntddk::*};",
            "use wdk_sys as w;",
            "use wdk_sys;",
            "use wdk_sys::{self};",
            "use wdk_sys::{self as w, NTSTATUS};",
            "extern crate wdk_sys as w;",
            "#[path = \"../elsewhere.rs\"] mod m;",
            "include!(\"elsewhere.rs\");",
            "fn f() { include!(\"elsewhere.rs\") }",
            "macro_rules! m { () => { include!(\"elsewhere.rs\"); } }",
            "unsafe extern \"C\" { fn KeBugCheck(code: u32) -> !; }",
            "macro_rules! m { () => { unsafe extern \"C\" { fn KeBugCheck(); } } }",
            "macro_rules! m { () => { use wdk_sys::*; } }",
            "macro_rules! m { ($n:ident) => { call_unsafe_wdf_function_binding!($n, o) } }",
            "this is not Rust",
        ] {
            assert!(!uses(source).objections.is_empty(), "{source}");
        }
        assert!(uses("use core::ptr; mod m; extern crate wdk_panic;").objections.is_empty());
    }

    #[test]
    fn symbols_of_the_linker_count() {
        let source = "unsafe extern \"C\" { #[link_name = \"__ImageBase\"] static BASE: u8; }";
        assert!(found(source, "__ImageBase"));
        let own = "unsafe extern \"C\" { #[link_name = \"pagewise_code\"] static CODE: u8; }";
        assert!(!found(own, "pagewise_code"));
    }

    #[test]
    fn missing_stale_double_and_bare_rows_are_reported() {
        let uses = uses("use wdk_sys::{A, B}; fn f() { A { Size: 1 } }");
        let told = |text: &str| differences(&uses, &table::parse(text)).join("; ");
        let a = "| `wdk_sys::A` | struct | `Size: ULONG` | repo:path |\n";
        let b = "| `wdk_sys::B` | type | `u32` | repo:path |\n";
        assert_eq!(told(&format!("{a}{b}")), "");
        assert_eq!(told(a), "no row for wdk_sys::B");
        let c = "| `wdk_sys::C` | type | `u32` | repo:path |\n";
        assert_eq!(told(&format!("{a}{b}{c}")), "nothing uses wdk_sys::C");
        assert_eq!(told(&format!("{a}{b}{b}")), "a row twice");
        let no_field = a.replace("Size", "Length");
        assert_eq!(told(&format!("{no_field}{b}")), "no row of A names the field Size");
        let unproven = b.replace("repo:path", "surely");
        assert!(told(&format!("{a}{unproven}")).contains("no evidence"));
    }
}
