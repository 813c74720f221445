//! The content root: a folder in the shape of the WDK, made of this project's own headers and stubs
//! and of the public-domain DDK headers that Debian packages.
//!
//! wdk-build finds it through `WDKContentRoot` and `Version_Number`, as in an eWDK prompt.

mod c_driver;
pub mod figures;
mod libraries;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::fs;
use crate::link;
use crate::progress::Step;
use crate::run;
use crate::wdk_build_patch;
use crate::workspace::Workspace;

/// mingw-w64's headers, the DDK's in `ddk` below.
pub const MINGW_INCLUDE: &str = "/usr/share/mingw-w64/include";
/// mingw-w64's import libraries.
pub const MINGW_LIB: &str = "/usr/x86_64-w64-mingw32/lib";

/// The version folder. wdk-build wants four numbers; these are Windows 10 2004's, the oldest that
/// KMDF 1.31 comes with. Nothing from that WDK is here.
const VERSION: &str = "10.0.19041.0";
/// As `workspace.metadata.wdk` in the root `Cargo.toml` says.
const KMDF: &str = "1.31";

/// How clang must read mingw's headers: as mingw does, though everything else is for MSVC. The two
/// agree on layouts and on the calling convention for C. AMX intrinsics need a newer compiler than
/// these headers take clang for.
const CLANG_FLAGS: &[&str] = &[
    "--target=x86_64-w64-windows-gnu",
    "-fno-ms-compatibility",
    "-fgnuc-version=4.2.1",
    "-D__AMXINTRIN_H",
];

/// What a stub is compiled with, on top of [`CLANG_FLAGS`].
const STUB_FLAGS: &[&str] = &[
    "-c",
    "-O2",
    "-g",
    "-gcodeview",
    "-fdebug-compilation-dir=.",
    "-fcoverage-compilation-dir=.",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-stack-protector",
    "-fno-ident",
    "-mno-stack-arg-probe",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unknown-pragmas",
    "-Wno-ignored-attributes",
    "-D_AMD64_",
    "-D_WIN64",
    "-DKMDF_VERSION_MAJOR=1",
    "-DKMDF_VERSION_MINOR=31",
];

/// What a driver in C is compiled with, on top of those: unwind tables, without which no stack can be
/// walked on x64, and which freestanding code does not get unasked. Those of functions in sections
/// of their own, as mingw makes them, would be thrown away by a linker for MSVC.
const C_FLAGS: &[&str] = &["-fasynchronous-unwind-tables", "-fno-function-sections"];

/// A link to the stubs' sources, below the kit's folder.
const STUB_SOURCES: &str = "stubs";

/// What a driver in C is linked with, as wdk-build has it for those in Rust.
const C_DRIVER_FLAGS: &[&str] = &[
    "/NOLOGO",
    "/DRIVER",
    "/NODEFAULTLIB",
    "/SUBSYSTEM:NATIVE",
    "/ENTRY:FxDriverEntry",
    "/DYNAMICBASE",
    "/NXCOMPAT",
    "/MANIFEST:NO",
    "/OPT:REF,ICF",
    "/DEBUG",
];

/// A content root that is ready.
pub struct Kit {
    folder: PathBuf,
    clang_include: PathBuf,
}

impl Kit {
    /// Makes the content root, or brings it up to date; takes milliseconds where nothing changed.
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.kit();
        let resources = run::quiet(run::command("clang").arg("-print-resource-dir"))?;
        let kit = Self { folder, clang_include: Path::new(resources.trim()).join("include") };
        let state = kit.digest(workspace)?;
        let stamp = kit.folder.join("state");
        if std::fs::read_to_string(&stamp).is_ok_and(|old| old == state) && kit.root().is_dir() {
            kit.programs()?;
            return Ok(kit);
        }
        let step = Step::start("Preparing the kit");
        kit.headers(&workspace.kit_sources())?;
        kit.libraries(&workspace.kit_sources())?;
        kit.programs()?;
        kit.forget_wdf_functions()?;
        fs::write_if_changed(&stamp, state.as_bytes())?;
        step.done();
        Ok(kit)
    }

    /// The content root itself.
    pub fn root(&self) -> PathBuf {
        self.folder.join("wdk")
    }

    /// Where cargo builds the drivers.
    pub fn target_dir(&self) -> PathBuf {
        self.folder.join("cargo")
    }

    /// The folder itself, which a copy of the workspace links to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// wdk-build with its edits.
    pub fn wdk_build(&self) -> PathBuf {
        self.folder.join(wdk_build_patch::PACKAGE)
    }

    /// The same, as a workspace names it whose `target/kit` is this kit or a link to it.
    pub fn wdk_build_below(&self, workspace: &Path) -> PathBuf {
        workspace.join("target/kit").join(wdk_build_patch::PACKAGE)
    }

    /// The linker for rustc.
    pub fn linker(&self) -> PathBuf {
        self.folder.join("bin").join(link::NAME)
    }

    /// The folder of `ntoskrnl.lib` and the other libraries that any driver links.
    pub fn kernel_libraries(&self) -> PathBuf {
        self.root().join("Lib").join(VERSION).join("km/x64")
    }

    fn framework_libraries(&self) -> PathBuf {
        self.root().join("Lib/wdf/kmdf/x64").join(KMDF)
    }

    fn include(&self, part: &str) -> PathBuf {
        self.root().join("Include").join(VERSION).join(part)
    }

    fn framework_include(&self) -> PathBuf {
        self.root().join("Include/wdf/kmdf").join(KMDF)
    }

    /// The environment in which the wdk crates find all this.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut clang = CLANG_FLAGS.join(" ");
        clang.push_str(&format!(" -isystem {}", text(&self.clang_include)));
        let librarian = self.folder.join("bin").join(link::LIBRARIAN);
        vec![
            ("WDKContentRoot", text(&self.root())),
            ("Version_Number", VERSION.to_owned()),
            ("BINDGEN_EXTRA_CLANG_ARGS", clang.clone()),
            ("CC_x86_64_pc_windows_msvc", "clang".to_owned()),
            ("CFLAGS_x86_64_pc_windows_msvc", clang),
            ("AR_x86_64_pc_windows_msvc", text(&librarian)),
            ("PAGEWISE_KIT_LIB", text(&self.kernel_libraries())),
        ]
    }

    /// What the content root is made of, as one number.
    fn digest(&self, workspace: &Workspace) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{VERSION} {KMDF} {CLANG_FLAGS:?} {STUB_FLAGS:?}"));
        hash.update(self.clang_include.to_string_lossy().as_bytes());
        hash.update(libraries::VERSION);
        for part in ["include", "km", "lib"] {
            for file in fs::files_below(&workspace.kit_sources().join(part))? {
                hash.update(file.to_string_lossy().as_bytes());
                hash.update(fs::read(&file)?);
            }
        }
        for library in ["libntoskrnl.a", "libhal.a", "libwmilib.a"] {
            hash.update(fs::read(&Path::new(MINGW_LIB).join(library))?);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Headers are linked, not copied: what bindgen depends on is then the source itself.
    fn headers(&self, sources: &Path) -> Result<()> {
        fs::remove_dir(&self.root().join("Include"))?;
        let mingw = Path::new(MINGW_INCLUDE);
        fs::create_dir(&self.include("km/crt"))?;
        fs::create_dir(&self.include("km/ufx/1.1"))?;
        fs::link(mingw, &self.include("shared"))?;
        link_all(&mingw.join("ddk"), &self.include("km"))?;
        link_all(&sources.join("km"), &self.include("km"))?;
        link_all(&sources.join("include"), &self.framework_include())
    }

    fn libraries(&self, sources: &Path) -> Result<()> {
        let sources = sources.join("lib");
        let mingw = Path::new(MINGW_LIB);
        let kernel = self.kernel_libraries();
        let framework = self.framework_libraries();

        let mut ntoskrnl = libraries::Exports::of_definition(&sources.join("ntoskrnl.def"))?;
        ntoskrnl.add_library(&mingw.join("libntoskrnl.a"))?;
        ntoskrnl.write(&kernel.join("ntoskrnl.lib"))?;
        let mut hal = libraries::Exports::none("HAL.dll");
        hal.add_library(&mingw.join("libhal.a"))?;
        hal.write(&kernel.join("hal.lib"))?;
        let mut wmilib = libraries::Exports::none("WMILIB.SYS");
        wmilib.add_library(&mingw.join("libwmilib.a"))?;
        wmilib.write(&kernel.join("wmilib.lib"))?;
        libraries::Exports::of_definition(&sources.join("wdfldr.def"))?
            .write(&framework.join("WdfLdr.lib"))?;

        fs::link(&sources, &self.folder.join(STUB_SOURCES))?;
        self.stub("buffer_overflow.c", &kernel.join("BufferOverflowFastFailK.lib"))?;
        self.stub("wdf_driver_entry.c", &framework.join("WdfDriverEntry.lib"))
    }

    /// Compiles one C file to a library of its own.
    fn stub(&self, source: &str, library: &Path) -> Result<()> {
        let object = library.with_extension("obj");
        self.compile(&Path::new(STUB_SOURCES).join(source), &object)?;
        fs::remove_file(library)?;
        let mut librarian = run::command(link::NAME);
        librarian.current_dir(&self.folder).arg("/lib");
        librarian.arg(format!("/out:{}", self.relative(library).display()));
        run::quiet(librarian.arg(self.relative(&object)))?;
        fs::remove_file(&object)
    }

    /// Compiles a C file against the content root.
    ///
    /// Clang and lld write their command lines into debug records, so all paths are relative to the
    /// kit's folder, `source` among them: the object is then the same wherever that lies.
    fn compile(&self, source: &Path, object: &Path) -> Result<()> {
        self.compile_with(&[], source, object)
    }

    /// [`Kit::compile`] with further flags, which come first.
    fn compile_with(&self, flags: &[OsString], source: &Path, object: &Path) -> Result<()> {
        let mut clang = run::command("clang");
        clang.current_dir(&self.folder).args(CLANG_FLAGS).args(STUB_FLAGS).args(flags);
        for include in [self.include("km"), self.include("shared"), self.framework_include()] {
            clang.arg("-isystem").arg(self.relative(&include));
        }
        run::quiet(clang.arg(source).arg("-o").arg(self.relative(object))).map(drop)
    }

    fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.folder).unwrap_or(path)
    }

    /// Compiles one C file of the checkout. Returns the path of the object.
    pub fn object_of_c(&self, source: &Path) -> Result<PathBuf> {
        let name = source.file_stem().unwrap_or_default();
        let folder = self.folder.join("c").join(name);
        fs::create_dir(&folder)?;
        let linked = folder.join(source.file_name().unwrap_or_default());
        fs::link(source, &linked)?;
        let object = linked.with_extension("obj");
        let flags: Vec<OsString> = C_FLAGS.iter().map(OsString::from).collect();
        self.compile_with(&flags, self.relative(&linked), &object)?;
        Ok(object)
    }

    /// Makes an import library of a module-definition file.
    pub fn import_library(&self, definition: &Path, library: &Path) -> Result<()> {
        libraries::Exports::of_definition(definition)?.write(library)
    }

    /// Makes a KMDF driver of one C file. Returns the path of the image; its PDB is beside it.
    pub fn driver_of_c(&self, source: &Path) -> Result<PathBuf> {
        let object = self.object_of_c(source)?;
        let image = object.with_extension("sys");
        let mut arguments: Vec<OsString> = C_DRIVER_FLAGS.iter().map(OsString::from).collect();
        arguments.push(format!("/OUT:{}", image.display()).into());
        arguments.push(object.into());
        for library in ["ntoskrnl.lib", "BufferOverflowFastFailK.lib"] {
            arguments.push(self.kernel_libraries().join(library).into());
        }
        for library in ["WdfDriverEntry.lib", "WdfLdr.lib"] {
            arguments.push(self.framework_libraries().join(library).into());
        }
        link::link(arguments)?;
        Ok(image)
    }

    /// This program under the names of the linker and the librarian.
    fn programs(&self) -> Result<()> {
        let this = run::this_program()?;
        fs::link(&this, &self.linker())?;
        fs::link(&this, &self.folder.join("bin").join(link::LIBRARIAN))
    }

    /// wdk-macros keeps the prototypes it read from the bindings and never looks again, so a changed
    /// header would go unnoticed (`get_wdf_function_info_map` in its lib.rs).
    fn forget_wdf_functions(&self) -> Result<()> {
        if !self.target_dir().is_dir() {
            return Ok(());
        }
        for file in fs::files_below(&self.target_dir())? {
            if file.file_name().is_some_and(|name| name == "cached_function_info_map.json") {
                fs::remove_file(&file)?;
            }
        }
        Ok(())
    }
}

fn link_all(from: &Path, to: &Path) -> Result<()> {
    for file in fs::entries(from)? {
        if let Some(name) = file.file_name() {
            fs::link(&file, &to.join(name))?;
        }
    }
    Ok(())
}
