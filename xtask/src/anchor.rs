//! One path for a checkout, wherever it lies.
//!
//! wdk-sys writes the path of its output folder into a source file that it generates
//! (`call_unsafe_wdf_function_binding.rs`), and debug information holds the SHA-256 of each source
//! file. So images from two folders would differ in what is made of debug information: the PDB, its
//! identifier in the image, the time stamp, the checksum, and names that LLVM makes of a module's
//! hash. No remapping of prefixes reaches the inside of a file.
//!
//! What runs cargo is therefore given the checkout as an open folder with a number of its own, and
//! cargo is told a target folder below `/proc/self/fd/<number>`: to all that it starts, that is the
//! checkout, by the same name on every machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_fds::{CommandFdExt as _, FdMapping};

use crate::error::{Error, Result};

/// The open folder's number: far from those that programs open by themselves.
const NUMBER: i32 = 100;
/// What the checkout is called.
pub const PATH: &str = "/proc/self/fd/100";

/// Gives `command` the folder `root` as [`PATH`].
pub fn give(command: &mut Command, root: &Path) -> Result<()> {
    let folder = File::open(root).map_err(Error::file("open", root))?;
    let mapping = FdMapping { parent_fd: folder.into(), child_fd: NUMBER };
    // It fails only where two mappings have one number.
    command.fd_mappings(vec![mapping]).map_err(|_| Error::File {
        action: "pass on",
        path: root.to_owned(),
        source: std::io::ErrorKind::AlreadyExists.into(),
    })?;
    Ok(())
}

/// A path below `root`, as it is called from [`PATH`] on; any other stays.
pub fn renamed(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| Path::new(PATH).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;

    #[test]
    fn the_folder_is_there_by_its_other_name_and_for_those_it_starts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "here").unwrap();
        let file = renamed(&folder.path().join("file"), folder.path());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("sh -c 'cat {}'", file.display())]);
        give(&mut command, folder.path()).unwrap();
        assert_eq!(run::quiet(&mut command).unwrap(), "here");
    }

    #[test]
    fn only_what_is_below_is_renamed() {
        let (root, path) = (Path::new("/a/b"), |text| Path::new(text).to_owned());
        assert_eq!(renamed(&path("/a/b/c/d"), root), path("/proc/self/fd/100/c/d"));
        assert_eq!(renamed(&path("/a/bc"), root), path("/a/bc"));
    }
}
