//! A Windows of Wine, as `cargo xtask verify --on wine --keep` leaves it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::host::HandOver;

pub struct Wine {
    prefix: PathBuf,
    loader: PathBuf,
    server: PathBuf,
}

fn artifacts() -> PathBuf {
    let folder = std::env::var_os("PAGEWISE_ARTIFACTS");
    PathBuf::from(folder.expect("PAGEWISE_ARTIFACTS is not set: run `cargo xtask test`"))
}

impl Wine {
    pub fn start() -> Self {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(["verify", "--on", "wine", "--no-build", "--keep", "--driver"]);
        xtask.arg(artifacts().join("pagewise.sys")).args(["--", "--only", "handshake.version"]);
        let output = xtask.output().expect("xtask starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        // The advice how to go on by hand.
        let first_word = |end: &str| {
            let line = said.lines().map(str::trim).find(|line| line.ends_with(end));
            PathBuf::from(line.and_then(|line| line.split(' ').next()).expect("advice"))
        };
        let prefix = said.split_whitespace().find_map(|word| word.strip_prefix("WINEPREFIX="));
        Self {
            prefix: PathBuf::from(prefix.expect("advice")),
            loader: first_word("install --trust"),
            server: first_word("wineserver -p"),
        }
    }

    /// The package that was made for it, with the test app as it was built last.
    pub fn package(&self) -> PathBuf {
        let package = self.prefix.join("package");
        std::fs::copy(artifacts().join("test-app.exe"), package.join("test-app.exe"))
            .expect("a test app for Windows");
        package
    }

    /// Gives the machine its port. Wine reads that when it starts
    /// (gitlab.winehq.org/wine/wine/-/wikis/Wine-User's-Guide, "Serial and Parallel Ports").
    pub fn plug(&self, serial: &Path) {
        let mut add = self.command(&self.loader);
        add.args(["reg", "add", r"HKLM\Software\Wine\Ports", "/f", "/v", "COM1", "/d"]).arg(serial);
        assert!(add.stdout(Stdio::null()).status().expect("Wine starts").success());
        self.server("-k");
        self.server("-p");
    }

    /// The guest, as the task at boot starts it: an older program, which finds the hand-over disk
    /// by its label and lets the disk's own do the work.
    pub fn task(&self, hand_over: &HandOver) -> Command {
        // Wine takes the label of a folder from this file.
        std::fs::write(hand_over.root().join(".windows-label"), "PAGEWISE\n").expect("a label");
        let drive = self.prefix.join("dosdevices/e:");
        std::os::unix::fs::symlink(hand_over.root(), drive).expect("a drive");
        let older = self.prefix.join("drive_c/older.exe");
        std::fs::copy(artifacts().join("test-app.exe"), &older).expect("a program");
        let mut task = self.command(&self.loader);
        task.arg(older).args(["guest", "run", "--serial", "COM1"]);
        task
    }

    /// The guest, for a hand-over disk that is named.
    pub fn guest(&self, hand_over: &HandOver) -> Command {
        let mut guest = self.command(&self.loader);
        guest.arg(hand_over.root().join("package/test-app.exe"));
        guest.args(["guest", "run", "--serial", "COM1", "--handover"]);
        guest.arg(format!("Z:{}", hand_over.root().display()));
        guest
    }

    /// `-k` ends everything, `-p` starts it.
    fn server(&self, what: &str) {
        let mut server = self.command(&self.server);
        server.arg(what).stdout(Stdio::null()).stderr(Stdio::null());
        // It ends with 1 where there was nothing to end.
        server.status().expect("the server starts");
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "WINEARCH", "WINEDLLPATH", "WINELOADER"] {
            command.env_remove(name);
        }
        command.env("WINEPREFIX", &self.prefix).env("HOME", &self.prefix);
        command.env("WINEDEBUG", "-all").env("WINEDLLOVERRIDES", "mscoree,mshtml,winedbg.exe=");
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        self.server("-k");
        let _ = std::fs::remove_dir_all(&self.prefix);
    }
}
