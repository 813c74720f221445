//! Drivers in C, as their authors write them: with the headers of `kit/c`, by the framework's own
//! function names, of either driver model.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{C_DRIVER_FLAGS, C_FLAGS, Kit, link_all};
use crate::error::{Error, Result};
use crate::fs;
use crate::link;

/// Section names by `#pragma code_seg`, and `__try`.
const FLAGS: &[&str] = &["-fms-extensions", "-Wno-language-extension-token"];

/// Folder of the headers, below the kit's.
const HEADERS: &str = "c-include";

/// What the framework's drivers start with; the others' own entry is `DriverEntry`.
const FRAMEWORK_ENTRY: &str = "/ENTRY:FxDriverEntry";

impl Kit {
    /// Makes a driver of one C file, below the folder `sources` of the kit's sources. It is one of
    /// the framework's where it includes `wdf.h`. Returns the path of the image; its PDB is beside
    /// it.
    pub fn c_driver(&self, source: &Path, sources: &Path) -> Result<PathBuf> {
        self.c_headers(sources)?;
        let folder = self.folder.join("c").join(source.file_stem().unwrap_or_default());
        fs::create_dir(&folder)?;
        let linked = folder.join(source.file_name().unwrap_or_default());
        fs::link(source, &linked)?;
        let object = linked.with_extension("obj");
        let mut flags: Vec<OsString> = C_FLAGS.iter().chain(FLAGS).map(OsString::from).collect();
        flags.extend(["-isystem".into(), HEADERS.into()]);
        self.compile_with(&flags, self.relative(&linked), &object)?;
        let framework = fs::read_text(source)?.contains("#include <wdf.h>");
        let image = linked.with_extension("sys");
        link::link(self.c_link_arguments(&object, &image, framework))?;
        Ok(image)
    }

    fn c_link_arguments(&self, object: &Path, image: &Path, framework: bool) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = C_DRIVER_FLAGS
            .iter()
            .filter(|&&flag| framework || flag != FRAMEWORK_ENTRY)
            .map(OsString::from)
            .collect();
        arguments.push("/SECTION:INIT,ERD".into());
        arguments.push(format!("/OUT:{}", image.display()).into());
        arguments.push(object.into());
        for library in ["ntoskrnl.lib", "hal.lib", "BufferOverflowFastFailK.lib"] {
            arguments.push(self.kernel_libraries().join(library).into());
        }
        if framework {
            for library in ["WdfDriverEntry.lib", "WdfLdr.lib"] {
                arguments.push(self.framework_libraries().join(library).into());
            }
        } else {
            arguments.push("/ENTRY:DriverEntry".into());
        }
        arguments
    }

    /// The headers of `kit/c`, and the one that is made of the list of slots.
    fn c_headers(&self, sources: &Path) -> Result<()> {
        let headers = self.folder.join(HEADERS);
        fs::create_dir(&headers)?;
        link_all(&sources.join("c"), &headers)?;
        let include = sources.join("include");
        let slots = fs::read_text(&include.join("wdfslots.h"))?;
        let mut declared = String::new();
        for header in fs::entries(&include)? {
            declared.push_str(&fs::read_text(&header)?);
        }
        let calls = calls(&slots, &declared).ok_or_else(|| Error::Library {
            path: include,
            why: "no slot of wdfslots.h has a prototype".to_owned(),
        })?;
        fs::write_if_changed(&headers.join("wdfcalls.h"), calls.as_bytes()).map(drop)
    }
}

/// A macro a function of the framework: its name, for a call through its slot. `None` where there
/// is not one.
fn calls(slots: &str, declared: &str) -> Option<String> {
    let names = slots.lines().filter_map(|line| line.strip_prefix("SLOT(")?.strip_suffix(')'));
    let mut text = String::from(
        "/* Made of wdfslots.h: the framework's functions by their names. */\n#pragma once\n\n\
         #define WDF_KIT_CALL(Name, NAME, ...) \\\n    \
         (((PFN_##NAME)WdfFunctions[Name##TableIndex])(WdfDriverGlobals, ##__VA_ARGS__))\n\n",
    );
    let before = text.len();
    for name in names {
        let upper = name.to_ascii_uppercase();
        if declared.contains(&format!("WDF_SLOT({upper},")) {
            text.push_str(&format!("#define {name}(...) \\\n    "));
            text.push_str(&format!("WDF_KIT_CALL({name}, {upper}, ##__VA_ARGS__)\n"));
        }
    }
    (text.len() > before).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_with_a_prototype_get_a_name() {
        let declared = "WDF_SLOT(WDFDPCCREATE, NTSTATUS, PWDF_DPC_CONFIG Config);";
        let text = calls("/* */\nSLOT(WdfDpcCreate)\nSLOT(WdfDpcEnqueue)\n", declared).unwrap();
        assert!(text.contains("WDF_KIT_CALL(WdfDpcCreate, WDFDPCCREATE, ##__VA_ARGS__)"), "{text}");
        assert!(!text.contains("WdfDpcEnqueue"), "{text}");
        assert_eq!(calls("SLOT(WdfDpcEnqueue)", declared), None);
    }
}
