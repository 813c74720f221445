//! Numbers the framework's functions and tells the linker that this is a driver.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The functions of KMDF 1.31, `SLOT(name)` a line: the first is slot 0. The clients' header is
/// made of the same list.
const FUNCTIONS: &str = "../../kit/include/wdfslots.h";

/// How many KMDF 1.31 has.
const COUNT: usize = 458;

/// What a driver needs of the linker. Resident sections are marked so: lld marks none by itself,
/// and a section without the mark is taken for pageable by some loaders
/// (github.com/microsoft/windows-drivers-rs issue 182).
const LINK_ARGS: &[&str] = &[
    "/DRIVER",
    "/NODEFAULTLIB",
    "/SUBSYSTEM:NATIVE",
    "/ENTRY:DriverEntry",
    "/VERSION:1.31",
    "/OPT:REF",
    "/RELEASE",
    "/SECTION:.text,ERP",
    "/SECTION:.rdata,RP",
    "/SECTION:.data,RWP",
    "/SECTION:.pdata,RP",
    "/PDBALTPATH:wdfldr.pdb",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FUNCTIONS}");
    println!("cargo::rerun-if-changed=build.rs");
    let list = fs::read_to_string(FUNCTIONS)?;
    let names: Vec<&str> = list.lines().filter_map(slot_name).collect();
    if names.len() != COUNT {
        return Err(format!("{FUNCTIONS} names {} functions, not {COUNT}", names.len()).into());
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("slots.rs"), slots(&names)?)?;

    if env::var("CARGO_CFG_WINDOWS").is_ok() {
        for arg in LINK_ARGS {
            println!("cargo::rustc-cdylib-link-arg={arg}");
        }
    }
    Ok(())
}

fn slot_name(line: &str) -> Option<&str> {
    line.strip_prefix("SLOT(")?.strip_suffix(')')
}

fn slots(names: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for (slot, name) in names.iter().enumerate() {
        writeln!(text, "pub const {name}: usize = {slot};")?;
    }
    writeln!(text, "/// The functions' names, by slot.")?;
    writeln!(text, "pub static NAMES: [&core::ffi::CStr; {}] = [", names.len())?;
    for name in names {
        writeln!(text, "    c\"{name}\",")?;
    }
    writeln!(text, "];")?;
    writeln!(text, "/// `$f::<SLOT>` for every slot.")?;
    writeln!(text, "macro_rules! each_slot {{ ($f:ident) => {{ [")?;
    for slot in 0..names.len() {
        writeln!(text, "    $f::<{slot}>(),")?;
    }
    writeln!(text, "] }} }}")?;
    Ok(text)
}
