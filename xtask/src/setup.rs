//! Finds what a build needs and installs what is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::progress::Step;
use crate::run;

/// Something a build needs, and the Debian package it comes in.
pub struct Need {
    /// The package.
    pub package: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Whether it is here.
    pub found: fn() -> bool,
}

/// What the drivers need whatever compiles their Rust.
pub const DRIVERS: &[Need] = &[
    Need {
        package: "clang",
        purpose: "compiles the C stubs of the kit",
        found: || program("clang"),
    },
    Need { package: "lld", purpose: "links Windows images", found: || program("lld-link") },
    Need { package: "libclang-dev", purpose: "reads C headers for bindgen", found: libclang },
    Need {
        package: "mingw-w64-common",
        purpose: "has the public-domain DDK headers",
        found: || Path::new(crate::kit::MINGW_INCLUDE).join("ddk/wdm.h").is_file(),
    },
    Need {
        package: "mingw-w64-x86-64-dev",
        purpose: "lists the exports of ntoskrnl.exe and hal.dll",
        found: || Path::new(crate::kit::MINGW_LIB).join("libntoskrnl.a").is_file(),
    },
];

/// What links programs for Windows.
pub const PROGRAMS: &[Need] = &[Need {
    package: "gcc-mingw-w64-x86-64-win32",
    purpose: "links programs for Windows",
    found: || program("x86_64-w64-mingw32-gcc"),
}];

/// What compiles Rust for Windows where rustup cannot.
pub const DEBIAN_RUST: &[Need] = &[
    Need {
        package: "rustc-web",
        purpose: "compiles Rust for Windows, in version 1.91 or later",
        found: || crate::toolchain::debian_version("/usr/bin/rustc").is_some(),
    },
    Need {
        package: "cargo-web",
        purpose: "drives that compiler",
        found: || crate::toolchain::debian_version("/usr/bin/cargo").is_some(),
    },
    Need {
        package: "rust-web-src",
        purpose: "is the source of core and alloc",
        found: || Path::new(crate::toolchain::DEBIAN_SOURCE).join("core/src/lib.rs").is_file(),
    },
];

/// What lints Rust with Debian's compiler.
pub const DEBIAN_CLIPPY: &[Need] = &[Need {
    package: "rust-web-clippy",
    purpose: "lints what is compiled for Windows",
    found: || Path::new("/usr/bin/cargo-clippy").is_file(),
}];

/// What checks the signatures that we make.
pub const SIGNATURES: &[Need] = &[Need {
    package: "osslsigncode",
    purpose: "verifies the package's signatures, independently",
    found: || program("osslsigncode"),
}];

/// What reads the package's catalog a second time, in tests: the Python package signify, and what
/// it takes from Debian. Debian's oscrypto knows today's OpenSSL; the one of PyPI does not.
pub const SIGNIFY: &[Need] = &[
    Need {
        package: "python3-venv",
        purpose: "holds the Python package signify",
        found: || python_has("venv") && python_has("ensurepip"),
    },
    Need {
        package: "python3-oscrypto",
        purpose: "verifies signatures for signify",
        found: || python_has("oscrypto"),
    },
];

/// What libFuzzer needs.
pub const FUZZERS: &[Need] =
    &[Need { package: "g++", purpose: "compiles libFuzzer", found: || program("c++") }];

/// What runs virtual machines.
pub const QEMU: &[Need] = &[
    Need {
        package: "qemu-system-x86",
        purpose: "runs virtual machines",
        found: || program("qemu-system-x86_64"),
    },
    Need { package: "qemu-utils", purpose: "makes their disks", found: || program("qemu-img") },
    Need { package: "util-linux", purpose: "ends them with us", found: || program("setpriv") },
];

/// What starts Windows in them.
pub const UEFI: &[Need] = &[Need {
    package: "ovmf",
    purpose: "is UEFI firmware",
    found: || Path::new(crate::vm::UEFI_CODE).is_file(),
}];

/// What whole-system tests look into running machines and dumps with.
pub const DEBUGGERS: &[Need] = &[Need {
    package: "gdb-minimal",
    purpose: "debugs machines and opens their dumps",
    found: || program("gdb"),
}];

/// What twins need.
pub const TWINS: &[Need] =
    &[Need { package: "git", purpose: "applies the twins' patches", found: || program("git") }];

/// Installs what is missing of `needs`, saying so; does nothing where nothing is missing.
pub fn provide(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.found)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let Some(apt) = Apt::find() else {
        return Err(not_ours_to_install(&packages));
    };
    eprintln!("Installing what is missing for the build, with apt-get:");
    for need in &missing {
        eprintln!("  {:<22} {}", need.package, need.purpose);
    }
    apt.provide(&missing, &packages)?;
    let still = still_missing(&missing);
    if still.is_empty() { Ok(()) } else { Err(not_ours_to_install(&still)) }
}

/// Brings apt's lists of packages up to date.
pub fn update_package_lists() -> Result<()> {
    const LISTS: &str = "a package list";
    let apt = Apt::find().ok_or_else(|| Error::Missing {
        missing: vec![LISTS.to_owned()],
        line: "sudo apt-get update".to_owned(),
    })?;
    run::quiet(&mut apt.command(&["update"])).map(drop)
}

fn still_missing(needs: &[&Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !(need.found)()).map(|need| need.package).collect()
}

fn not_ours_to_install(packages: &[&str]) -> Error {
    Error::Missing {
        missing: packages.iter().map(|&package| package.to_owned()).collect(),
        line: format!(
            "sudo apt-get update && sudo apt-get install --no-install-recommends {}",
            packages.join(" ")
        ),
    }
}

/// Whether a program is on the path.
fn program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Debian's Python: another one that is first on the path does not see Debian's packages.
pub const PYTHON: &str = "/usr/bin/python3";

/// Whether Debian's Python has a module.
fn python_has(module: &str) -> bool {
    succeeds(Command::new(PYTHON).args(["-c", &format!("import {module}")]), |_| true)
}

/// Whether bindgen will find a libclang: the places of Debian's packages, or `LIBCLANG_PATH`.
fn libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let Ok(folders) = std::fs::read_dir("/usr/lib") else {
        return false;
    };
    folders
        .flatten()
        .filter(|folder| folder.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|folder| folder.path().join("lib/libclang.so").exists())
}

/// apt-get, with the rights to use it.
struct Apt {
    /// Whether `sudo -n` gives them.
    sudo: bool,
}

impl Apt {
    fn find() -> Option<Self> {
        if !program("apt-get") {
            return None;
        }
        if succeeds(Command::new("id").arg("-u"), |text| text.trim() == "0") {
            return Some(Self { sudo: false });
        }
        succeeds(Command::new("sudo").args(["-n", "true"]), |_| true).then_some(Self { sudo: true })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = run::command(if self.sudo { "sudo" } else { "apt-get" });
        if self.sudo {
            command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        } else {
            command.env("DEBIAN_FRONTEND", "noninteractive");
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Installs with the package lists as they are; brings them up to date and tries again if that
    /// fails or gives something that is too old.
    fn provide(&self, needs: &[&Need], packages: &[&str]) -> Result<()> {
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(packages);
        let step = Step::start("apt-get install");
        step.detail(&packages.join(" "));
        let first = run::quiet(&mut self.command(&arguments));
        if first.is_ok() && still_missing(needs).is_empty() {
            step.done();
            return Ok(());
        }
        step.line("not there with the package lists as they are: bringing those up to date");
        step.detail("update");
        run::quiet(&mut self.command(&["update"]))?;
        step.detail(&packages.join(" "));
        run::quiet(&mut self.command(&arguments))?;
        step.done();
        Ok(())
    }
}

fn succeeds(command: &mut Command, accept: fn(&str) -> bool) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| {
        output.status.success() && accept(&String::from_utf8_lossy(&output.stdout))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_one_line_to_run() {
        let text = not_ours_to_install(&["clang", "lld"]).to_string();
        assert!(text.contains("apt-get install --no-install-recommends clang lld"), "{text}");
        assert_eq!(not_ours_to_install(&["lld"]).exit(), crate::exit::Exit::Missing);
    }

    #[test]
    fn nothing_missing_is_nothing_to_do() {
        provide(&[Need { package: "none", purpose: "", found: || true }]).unwrap();
    }

    #[test]
    fn finds_programs_on_the_path_only() {
        assert!(program("sh"));
        assert!(!program("no-such-program-of-pagewise"));
    }
}
