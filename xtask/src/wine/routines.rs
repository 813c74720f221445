//! What Pagewise's drivers need of an NT kernel and Wine 8 does not give them. docs/wine.md has the
//! same list with the reasons; a test compares the two.

use super::exports::{Entry, Exports};

/// Where a routine comes from that Wine's own `ntoskrnl.exe` does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Another DLL of Wine exports it under this name.
    Wine(&'static str),
    /// `lab/wine/ntoskrnl` has it, as `shim_<name>`.
    Shim,
}

/// When it is put in the place of what Wine exports under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Where Wine has no such export, or one that ends the process.
    Missing,
    /// Always: Wine has it, but may say "not implemented" when it is called. The shim asks Wine's
    /// first.
    Always,
}

/// A routine.
#[derive(Clone, Copy, Debug)]
pub struct Routine {
    /// Its name.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// When it is used.
    pub when: When,
}

/// All of them.
pub const ROUTINES: &[Routine] = &[
    Routine { name: "IoAllocateDriverObjectExtension", source: Source::Shim, when: When::Always },
    Routine { name: "IoGetDriverObjectExtension", source: Source::Shim, when: When::Always },
    Routine {
        name: "KeQueryPerformanceCounter",
        source: Source::Wine("hal.KeQueryPerformanceCounter"),
        when: When::Missing,
    },
    Routine { name: "MmLockPagableDataSection", source: Source::Shim, when: When::Missing },
];

/// What a driver imports, never calls on Wine, and may therefore end the process there.
pub const NEVER_CALLED: &[(&str, &str)] = &[
    // WdfDeviceSetDeviceState and WdfDeviceSetFailed call it, and pagewise.sys neither.
    ("wdfldr.sys", "IoInvalidateDeviceState"),
];

impl Routine {
    /// Whether an installed Wine with these exports needs it.
    pub fn is_needed(&self, wine: &Exports) -> bool {
        self.when == When::Always || wine.get(self.name) != Some(Entry::Real)
    }
}

/// The names of those that are needed.
pub fn needed(wine: &Exports) -> Vec<&'static str> {
    ROUTINES.iter().filter(|one| one.is_needed(wine)).map(|one| one.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wine_has_is_not_shadowed() {
        let wine = Exports::from_names(&[
            ("IoGetDriverObjectExtension", Entry::Real),
            ("KeQueryPerformanceCounter", Entry::Real),
            ("MmLockPagableDataSection", Entry::Stub),
        ]);
        assert_eq!(
            needed(&wine),
            [
                "IoAllocateDriverObjectExtension",
                "IoGetDriverObjectExtension",
                "MmLockPagableDataSection"
            ]
        );
    }

    #[test]
    fn the_document_lists_every_routine() {
        let document = include_str!("../../../docs/wine.md");
        let never_called = NEVER_CALLED.iter().map(|&(_, name)| name);
        for name in ROUTINES.iter().map(|routine| routine.name).chain(never_called) {
            assert!(document.contains(&format!("| `{name}` |")), "docs/wine.md lacks {name}");
        }
    }
}
