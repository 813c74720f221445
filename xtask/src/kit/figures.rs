//! Measures headers: sizes, offsets, constants and slot numbers, as clang sees them.
//!
//! `kit/tests/figures.txt` holds what was measured once from Microsoft's public headers; a test
//! measures the kit's and compares.

use std::fmt;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::error::{Error, Result};
use crate::fs;
use crate::kit::{CLANG_FLAGS, MINGW_INCLUDE};
use crate::run;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the `wdf.h` to measure, instead of the kit's.
    #[arg(long, value_name = "FOLDER")]
    headers: Option<PathBuf>,
}

/// `cargo xtask kit-figures`: the table with the numbers of these headers.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let path = table(workspace);
    let text = fs::read_text(&path)?;
    let kit = workspace.kit_sources();
    let headers = arguments.headers.clone().unwrap_or_else(|| kit.join("include"));
    let values = measure(&kit, &headers, &parse(&text, &path)?)?;
    let mut values = values.iter();
    for line in text.lines() {
        match line.split_once(" = ") {
            Some((name, _)) if !line.starts_with('#') => {
                println!("{name} = {}", values.next().copied().unwrap_or_default());
            }
            _ => println!("{line}"),
        }
    }
    Ok(())
}

fn table(workspace: &Workspace) -> PathBuf {
    workspace.kit_sources().join("tests/figures.txt")
}

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Bytes of a type.
    Size,
    /// Bytes before a member.
    Offset,
    /// An enumerator or macro.
    Value,
    /// A place in the function table.
    Slot,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Figure {
    kind: Kind,
    name: String,
    value: u64,
}

impl Figure {
    fn parse(line: &str) -> Option<Self> {
        let (left, value) = line.split_once(" = ")?;
        let (kind, name) = left.split_once(' ')?;
        let kind = match kind {
            "size" => Kind::Size,
            "offset" => Kind::Offset,
            "value" => Kind::Value,
            "slot" => Kind::Slot,
            _ => return None,
        };
        Some(Self { kind, name: name.to_owned(), value: value.parse().ok()? })
    }

    /// The C expression for the number.
    fn expression(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Size => format!("sizeof({name})"),
            Kind::Offset => {
                let (of, member) = name.split_once('.').unwrap_or((name, ""));
                format!("__builtin_offsetof({of}, {member})")
            }
            // Enumerators above INT_MAX are negative in C.
            Kind::Value => format!("(unsigned int)({name})"),
            Kind::Slot => format!("{name}TableIndex"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.kind, self.name)
    }
}

fn parse(text: &str, path: &Path) -> Result<Vec<Figure>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let figure = |line: &str| {
        Figure::parse(line).ok_or_else(|| Error::Library {
            path: path.to_owned(),
            why: format!("this line is no figure: {line}"),
        })
    };
    lines.map(figure).collect()
}

/// The numbers of `figures` in the headers of a folder, with the rest of the kit around them.
fn measure(kit: &Path, headers: &Path, figures: &[Figure]) -> Result<Vec<u64>> {
    const NAME: &str = "kit_figures";
    let mut program = String::from("#include <ntifs.h>\n#include <wdf.h>\n");
    program.push_str(&format!("const unsigned long long {NAME}[] = {{\n"));
    for figure in figures {
        program.push_str(&format!("    {},\n", figure.expression()));
    }
    program.push_str("};\n");

    let folder =
        tempfile::tempdir().map_err(Error::file("make a folder in", &std::env::temp_dir()))?;
    let source = folder.path().join("figures.c");
    let object = folder.path().join("figures.obj");
    fs::write_if_changed(&source, program.as_bytes())?;
    let mut clang = run::command("clang");
    clang.args(CLANG_FLAGS).args(["-c", "-w", "-D_KERNEL_MODE", "-D_AMD64_", "-D_WIN64"]);
    clang.args(["-DKMDF_VERSION_MAJOR=1", "-DKMDF_VERSION_MINOR=31"]);
    clang.arg("-I").arg(headers).arg("-isystem").arg(kit.join("km"));
    clang.arg("-isystem").arg(Path::new(MINGW_INCLUDE).join("ddk"));
    clang.arg("-isystem").arg(MINGW_INCLUDE);
    run::quiet(clang.arg(&source).arg("-o").arg(&object))?;

    let file = fs::read(&object)?;
    let bytes = symbol(&file, NAME)
        .ok_or_else(|| Error::Library { path: object, why: format!("no symbol {NAME}") })?;
    let values = bytes.chunks_exact(8).take(figures.len());
    Ok(values.map(|value| u64::from_le_bytes(value.try_into().unwrap_or_default())).collect())
}

/// The bytes of a section from a symbol on.
fn symbol<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let object = object::read::coff::CoffFile::<&[u8]>::parse(file).ok()?;
    let symbol = object.symbols().find(|symbol| symbol.name() == Ok(name))?;
    let section = object.section_by_index(symbol.section_index()?).ok()?;
    section.data().ok()?.get(usize::try_from(symbol.address()).ok()?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures whose number differs in the headers, with the number there.
    fn differences(headers: &Path, figures: &[Figure]) -> Vec<(Figure, u64)> {
        let workspace = Workspace::this();
        let values = measure(&workspace.kit_sources(), headers, figures).unwrap();
        assert_eq!(values.len(), figures.len());
        let pairs = figures.iter().cloned().zip(values);
        pairs.filter(|(figure, value)| figure.value != *value).collect()
    }

    fn figures() -> Vec<Figure> {
        let path = table(&Workspace::this());
        parse(&fs::read_text(&path).unwrap(), &path).unwrap()
    }

    #[test]
    fn the_kit_agrees_with_the_public_headers() {
        let figures = figures();
        let slots = figures.iter().filter(|figure| figure.kind == Kind::Slot).count();
        assert_eq!(slots, 458);
        let headers = Workspace::this().kit_sources().join("include");
        assert_eq!(differences(&headers, &figures), []);
    }

    #[test]
    fn a_wrong_figure_is_found() {
        let mut figures = figures();
        let wrong = figures.iter().position(|figure| figure.name == "WDF_DRIVER_CONFIG").unwrap();
        figures[wrong].value += 8;
        let headers = Workspace::this().kit_sources().join("include");
        let found = differences(&headers, &figures);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.name, "WDF_DRIVER_CONFIG");
        assert_eq!(found[0].1 + 8, found[0].0.value);
    }

    #[test]
    fn a_wrong_header_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for header in fs::entries(&Workspace::this().kit_sources().join("include")).unwrap() {
            let text = fs::read_text(&header).unwrap();
            // A slot too few before WdfDriverCreate, and a member too few in a structure.
            let text = text.replace("SLOT(WdfDpcCreate)\n", "");
            let text = text.replace("    PFN_WDF_DRIVER_UNLOAD EvtDriverUnload;\n", "");
            let name = header.file_name().unwrap();
            fs::write_if_changed(&folder.path().join(name), text.as_bytes()).unwrap();
        }
        let mut figures = figures();
        figures.retain(|figure| {
            figure.name != "WdfDpcCreate" && figure.name != "WDF_DRIVER_CONFIG.EvtDriverUnload"
        });
        let found = differences(folder.path(), &figures);
        let names: Vec<&str> = found.iter().map(|(figure, _)| figure.name.as_str()).collect();
        assert!(names.contains(&"WdfDriverCreate"), "{names:?}");
        assert!(names.contains(&"WdfFunctionTableNumEntries"), "{names:?}");
        assert!(names.contains(&"WDF_DRIVER_CONFIG"), "{names:?}");
        assert!(names.contains(&"WDF_DRIVER_CONFIG.DriverInitFlags"), "{names:?}");
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let figure = Figure::parse("offset WDF_A.b.c = 12").unwrap();
        assert_eq!(figure.expression(), "__builtin_offsetof(WDF_A, b.c)");
        assert_eq!(figure.value, 12);
        assert_eq!(Figure::parse("offset WDF_A.b.c"), None);
        assert_eq!(Figure::parse("weight WDF_A = 1"), None);
    }
}
