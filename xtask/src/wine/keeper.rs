//! Ends a Wine server with all its programs when this process ends, however it ends: a key press, a
//! failure, even a kill.
//!
//! A shell of its own process group waits for the end of its input, which is when the writing end,
//! held by this process alone, is closed.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// What the shell does: `$1` is the server, `$2` a folder to remove, or empty.
const SCRIPT: &str = r#"
trap "" HUP INT TERM
read -r _
"$1" -k
test -z "$2" || rm -rf -- "$2"
"#;

/// The shell.
pub struct Keeper(Child);

impl Keeper {
    /// Starts it. `folder` is removed at the end, after the server is gone.
    pub fn start(server: &Path, prefix: &Path, folder: Option<&Path>) -> Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(SCRIPT).arg("sh").arg(server).arg(folder.unwrap_or(Path::new("")));
        shell.env("WINEPREFIX", prefix).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self).context("cannot run /bin/sh")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_the_server_and_removes_the_folder_at_the_end() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (server, prefix) = (folder.path().join("server"), folder.path().join("prefix"));
        let said = folder.path().join("said");
        let script = format!("#!/bin/sh\necho \"$1 $WINEPREFIX\" > {}\n", said.display());
        std::fs::write(&server, script).unwrap();
        std::fs::set_permissions(&server, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::create_dir(&prefix).unwrap();
        let keeper = Keeper::start(&server, &prefix, Some(&prefix)).unwrap();
        assert!(prefix.is_dir() && !said.exists());
        drop(keeper);
        assert!(!prefix.exists());
        let said = std::fs::read_to_string(said).unwrap();
        assert_eq!(said.trim(), format!("-k {}", prefix.display()));
    }
}
