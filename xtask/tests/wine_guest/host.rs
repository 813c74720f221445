//! The host's end of a pseudo terminal, and a folder that stands for the hand-over disk.

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pagewise_vm_plan::frame::Frame;
use pagewise_vm_plan::inline::Joiner;
use pagewise_vm_plan::manifest::Manifest;
use pagewise_vm_plan::plan::Plan;
use pagewise_vm_plan::receiver::{Received, Receiver};
use pagewise_vm_plan::state::State;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

const LIMIT: Duration = Duration::from_secs(300);

pub struct HandOver(tempfile::TempDir);

impl HandOver {
    pub fn new(plan: &Plan, package: &Path) -> Self {
        let made = Self(tempfile::tempdir().expect("a folder"));
        let mut files = vec![("plan.json".to_owned(), plan.write().into_bytes())];
        for entry in fs::read_dir(package).expect("a package") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.push((format!("package/{name}"), fs::read(&path).expect("a file")));
        }
        fs::create_dir(made.root().join("package")).expect("a folder");
        for (name, bytes) in &files {
            fs::write(made.root().join(name), bytes).expect("a file");
        }
        let manifest = Manifest::of(files.iter().map(|(name, bytes)| (&**name, &**bytes)));
        fs::write(made.root().join("manifest.json"), manifest.write()).expect("a file");
        made
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).expect("a file")
    }

    pub fn journal(&self) -> Vec<u8> {
        self.read("out/journal.log")
    }

    pub fn append(&self, name: &str, bytes: &[u8]) {
        let file = fs::OpenOptions::new().append(true).open(self.root().join(name));
        file.expect("a file").write_all(bytes).expect("room");
    }
}

pub struct Host {
    pub hand_over: HandOver,
    pub receiver: Receiver,
    pub state: State,
    pub refusals: Vec<String>,
    pub files: Vec<(String, Vec<u8>)>,
    pub serial: PathBuf,
    lines: Vec<Frame>,
    joiner: Joiner,
    line: OwnedFd,
    /// Kept open, so that the line is there between two programs.
    _other_end: OwnedFd,
}

impl Host {
    pub fn new(plan: Plan, hand_over: HandOver) -> Self {
        let line = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&line).and_then(|()| unlockpt(&line)).expect("its other end");
        let serial = ptsname(&line, Vec::new()).expect("its name").into_string().expect("ASCII");
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let other_end = rustix::fs::open(&*serial, flags, Mode::empty()).expect("its other end");
        let mut terminal = tcgetattr(&other_end).expect("a terminal");
        terminal.make_raw();
        tcsetattr(&other_end, OptionalActions::Now, &terminal).expect("a raw terminal");
        rustix::fs::fcntl_setfl(&line, OFlags::NONBLOCK).expect("no waiting");
        Self {
            receiver: Receiver::default(),
            state: State::new(plan),
            hand_over,
            refusals: Vec::new(),
            files: Vec::new(),
            serial: serial.into(),
            lines: Vec::new(),
            joiner: Joiner::default(),
            line,
            _other_end: other_end,
        }
    }

    pub fn journal(&self) -> Vec<u8> {
        self.lines.iter().flat_map(Frame::bytes).collect()
    }

    /// Runs a guest to its end; its exit code.
    pub fn run(&mut self, mut guest: Command) -> i32 {
        let mut guest = Guest(guest.spawn().expect("Wine starts"));
        let start = Instant::now();
        let status = loop {
            self.listen();
            if let Some(status) = guest.0.try_wait().expect("a process") {
                break status;
            }
            assert!(start.elapsed() < LIMIT, "the guest does not end: {:?}", self.state);
        };
        while self.listen() {}
        status.code().unwrap_or(-1)
    }

    /// Runs a guest until a step is under way, and kills it.
    pub fn run_until_step(&mut self, mut guest: Command, step: &str) {
        let _guest = Guest(guest.spawn().expect("Wine starts"));
        let start = Instant::now();
        while self.state.current().is_none_or(|current| current.id != step) {
            self.listen();
            assert!(start.elapsed() < LIMIT, "{step} does not begin: {:?}", self.state);
        }
    }

    fn listen(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let Ok(count) = rustix::io::read(&self.line, &mut bytes) else {
            std::thread::sleep(Duration::from_millis(5));
            return false;
        };
        for received in self.receiver.feed(&bytes[..count]) {
            match received {
                Received::Line(frame, event) => {
                    self.lines.push(frame);
                    self.state.apply(&event);
                    self.files.extend(self.joiner.take(&event));
                }
                Received::Refused(what) => self.refusals.push(what),
                Received::Hello(_) | Received::Alive(_) => {}
                Received::Rewound { .. } => panic!("the journal became shorter"),
            }
        }
        if let Some(answer) = self.receiver.answer() {
            rustix::io::write(&self.line, &answer).expect("room for an answer");
        }
        true
    }
}

struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
