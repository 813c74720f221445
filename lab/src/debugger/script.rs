//! The commands that gdb needs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// An image of a machine that runs, and the file of its symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The ELF file of symbols.
    pub symbols: PathBuf,
    /// Where the image is mapped.
    pub base: u64,
    /// Its bytes.
    pub size: u64,
}

/// The commands: the machine's own faults pass unnoticed, the drivers have their names, and
/// breakpoints in them are the processor's.
///
/// A breakpoint that is written into code would be paged out with it, and the host writes into no
/// shared page that may not be written to. So the drivers' memory is declared as read-only, for which
/// gdb uses hardware breakpoints, four at most.
#[must_use]
pub fn for_gdb(images: &[Loaded]) -> String {
    let mut text = String::from(
        "set pagination off\nset confirm off\n\
         set mem inaccessible-by-default off\n\
         handle SIGSEGV SIGBUS nostop noprint pass\n",
    );
    for Loaded { symbols, base, size } in images {
        // Writing to a String does not fail.
        let _ = writeln!(text, "add-symbol-file {} -o {base:#x}", quoted(symbols));
        let _ = writeln!(text, "mem {base:#x} {:#x} ro", base + size);
    }
    text
}

/// A file name as one argument.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_its_symbols_and_its_memory() {
        let image = Loaded { symbols: "/tmp/a \"b\".debug".into(), base: 0x7000, size: 0x3000 };
        let text = for_gdb(&[image]);
        assert!(text.contains("handle SIGSEGV SIGBUS nostop noprint pass\n"), "{text}");
        assert!(text.contains("add-symbol-file \"/tmp/a \\\"b\\\".debug\" -o 0x7000\n"), "{text}");
        assert!(text.contains("mem 0x7000 0xa000 ro\n"), "{text}");
    }
}
