//! Generates the bindings from the DDK headers (Debian package `mingw-w64-common`).
//!
//! The headers are read for the Windows x64 target whatever the host, so layouts are Windows'
//! own; `src/ctypes.rs` gives the C types their Windows widths.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bindgen::{Abi, Builder};

/// Where Debian puts the headers; `PAGEWISE_MINGW_INCLUDE` names another place.
const MINGW_INCLUDE: &str = "/usr/share/mingw-w64/include";

/// Types to generate even if no function or other type refers to them.
const TYPES: &[&str] = &[
    "_?(IRP|MDL|GUID|LUID|LIST_ENTRY|SINGLE_LIST_ENTRY|SLIST_.*|CLIENT_ID|VPB|DEVOBJ_EXTENSION)",
    "_?(U?CHAR|U?SHORT|U?LONG|U?LONG64|U?LONGLONG|BOOLEAN|WCHAR|PWSTR|PVOID|SIZE_T|NTSTATUS|HANDLE)",
    "_?(UNICODE_STRING|ANSI_STRING|STRING|LARGE_INTEGER|ULARGE_INTEGER|OBJECT_ATTRIBUTES)",
    "_?(IO_|FILE_|DEVICE_|DRIVER_|POWER_|SYSTEM_POWER_|PNP_|BUS_|CM_|INTERFACE|POOL_).*",
    "_?(KEVENT|KSPIN_LOCK|KDPC|KTIMER|KMUTANT|KMUTEX|KSEMAPHORE|KTHREAD|KPROCESS|KWAIT_.*)",
    "_?(KDEVICE_QUEUE.*|KAPC.*|KIRQL|KPROCESSOR_MODE|KLOCK_QUEUE_HANDLE|KPRIORITY|KAFFINITY)",
    "_?(KGUARDED_MUTEX|FAST_MUTEX|ERESOURCE|OWNER_ENTRY|EX_.*|EVENT_TYPE|TIMER_TYPE)",
    "_?(NPAGED_LOOKASIDE_LIST|PAGED_LOOKASIDE_LIST|GENERAL_LOOKASIDE.*|LOOKASIDE_LIST_EX)",
    "_?(DISPATCHER_HEADER|WAIT_TYPE|WORK_QUEUE.*|MODE|LOCK_OPERATION|MEMORY_CACHING_TYPE)",
    "_?(KEY_.*|RTL_.*|OSVERSIONINFO.*|RTL_OSVERSIONINFO.*|SECURITY_.*|ACCESS_.*|ACL|ACE_.*)",
    "_?(SECTION_.*|EPROCESS|ETHREAD|PEPROCESS|PETHREAD|TIME_FIELDS|REG_.*|OBJECT_.*|SID.*)",
    "P(DRIVER|DEVICE|IO|KDEFERRED|KSTART|REQUEST|ALLOCATE|FREE)_.*",
    "(PKDEFERRED_ROUTINE|PKSTART_ROUTINE|PDRIVER_.*|IMAGE_.*)",
];

/// Routines, by prefix.
const FUNCTIONS: &[&str] = &[
    "(Ex|Io|Iof|Ke|Kf|Kei|Mm|Ob|Obf|Po|Ps|Se|Zw)[A-Z].*",
    "Rtl[A-Z].*",
    "(DbgPrint|DbgPrintEx|vDbgPrintEx|KdRefreshDebuggerNotPresent)",
];

/// Macro constants, by prefix.
const CONSTANTS: &[&str] = &[
    "(IRP|SL|DO|FILE|IO|METHOD|GENERIC|DPFLTR|POOL_FLAG|MDL|CM|KEY|REG|OBJ|PNP|EVENT)_.*",
    "(PASSIVE|APC|DISPATCH|CMCI|CLOCK|IPI|DRS|POWER|PROFILE|HIGH|DRVO|SYNCH)_LEVEL",
    "(DRVO|DUPLICATE|DELETE|READ_CONTROL|WRITE|SYNCHRONIZE|STANDARD|MAXIMUM|PLUGPLAY)_.*",
    "(DELETE|SYNCHRONIZE|READ_CONTROL|TRUE|FALSE|MAXIMUM_WAIT_OBJECTS|THREAD_WAIT_OBJECTS)",
    "(PROCESS|THREAD|SE|DACL|SECTION|PAGE|MEM|IMAGE)_.*",
    "(PAGE_SIZE|PAGE_SHIFT|MAXIMUM_VOLUME_LABEL_LENGTH|LOW_.*PRIORITY|HIGH_PRIORITY)",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=PAGEWISE_MINGW_INCLUDE");
    println!("cargo::rerun-if-changed=include/nt.h");
    println!("cargo::rerun-if-changed=build.rs");
    let include =
        env::var_os("PAGEWISE_MINGW_INCLUDE").map_or_else(|| MINGW_INCLUDE.into(), PathBuf::from);
    if !include.join("ddk/wdm.h").is_file() {
        return Err(format!(
            "no DDK headers in {}: install the Debian package mingw-w64-common, or name their \
             place in PAGEWISE_MINGW_INCLUDE",
            include.display()
        )
        .into());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);

    let builder = TYPES.iter().fold(builder(&include), Builder::allowlist_type);
    let builder = CONSTANTS.iter().fold(builder, Builder::allowlist_var);
    let builder = FUNCTIONS.iter().fold(builder, Builder::allowlist_function);
    let (types, routines) = split(&builder.generate()?.to_string())?;
    fs::write(out.join("types.rs"), types)?;
    fs::write(out.join("routines.rs"), routines)?;

    let header = fs::read_to_string(include.join("ntstatus.h"))?;
    fs::write(out.join("ntstatus.rs"), statuses(&header)?)?;
    Ok(())
}

fn builder(include: &Path) -> Builder {
    Builder::default()
        .header("include/nt.h")
        .clang_args([
            "--target=x86_64-w64-windows-gnu",
            "-fno-ms-compatibility",
            "-fgnuc-version=4.2.1",
            // An intrinsics header that recent mingw includes and LLVM 14 does not have.
            "-D__AMXINTRIN_H",
            "-D_WIN32_WINNT=0x0A00",
            "-DNTDDI_VERSION=0x0A000000",
        ])
        .clang_arg(format!("-isystem{}", include.display()))
        .clang_arg(format!("-isystem{}", include.join("ddk").display()))
        .ctypes_prefix("crate::ctypes")
        .use_core()
        .prepend_enum_name(false)
        .generate_comments(false)
        .derive_default(false)
        .derive_debug(false)
        .override_abi(Abi::Win64, ".*")
        .merge_extern_blocks(true)
        // Variables, not constants: they would be imports.
        .blocklist_var("FILE_TYPE_NOTIFICATION_GUID_.*")
        .rust_edition(bindgen::RustEdition::Edition2024)
        .formatter(bindgen::Formatter::Prettyplease)
}

/// Takes the block of routines out of the bindings, since only a driver wants it, and binds it to
/// ntoskrnl.exe. raw-dylib makes the import itself, so no import library is needed; `+verbatim`
/// keeps the `.exe`.
fn split(bindings: &str) -> Result<(String, String), Box<dyn Error>> {
    const BLOCK: &str = "\nunsafe extern \"win64\" {\n";
    const END: &str = "\n}\n";
    let (before, rest) = bindings.split_once(BLOCK).ok_or("bindgen made no block of routines")?;
    let (routines, after) = rest.split_once(END).ok_or("the block of routines has no end")?;
    if after.contains(BLOCK) || before.contains("extern \"C\"") || after.contains("extern \"C\"") {
        return Err("bindgen made routines outside the one block of win64 routines".into());
    }
    let routines = format!(
        "#[link(name = \"ntoskrnl.exe\", kind = \"raw-dylib\", modifiers = \"+verbatim\")]\
         {BLOCK}{routines}{END}"
    );
    Ok((format!("{before}\n{after}"), routines))
}

/// Every `#define STATUS_X ((NTSTATUS)0x...)` as a Rust constant: bindgen gives up on the cast.
fn statuses(header: &str) -> Result<String, Box<dyn Error>> {
    let mut constants = String::new();
    for line in header.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("#define") {
            continue;
        }
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        let hex = value.strip_prefix("((NTSTATUS)0x").and_then(|rest| rest.strip_suffix(')'));
        let Some(hex) = hex else { continue };
        let value = u32::from_str_radix(hex, 16)?;
        writeln!(constants, "pub const {name}: NTSTATUS = 0x{value:08x}_u32.cast_signed();")?;
    }
    Ok(constants)
}
