//! The driver's build script (`driver/Cargo.toml` names it): the WDK's libraries and linker
//! settings through wdk-build, and what wdk-build leaves open.

/// Linker arguments for the attributes of sections.
///
/// `INIT` holds what only `DriverEntry` needs. The name alone frees nothing: the loader goes by
/// `IMAGE_SCN_MEM_DISCARDABLE`, which is set here by replacing the section's attributes: execute,
/// read, discardable
/// (learn.microsoft.com/cpp/build/reference/section-specify-section-attributes).
const SECTION_ARGS: &[&str] = &["/SECTION:INIT,ERD"];

fn main() -> Result<(), wdk_build::ConfigError> {
    for arg in SECTION_ARGS {
        println!("cargo::rustc-cdylib-link-arg={arg}");
    }
    wdk_build::configure_wdk_binary_build()
}
