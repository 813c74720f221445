//! The host's end, and a process in the place of the machine.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::frame::Frame;
use pagewise_vm_plan::inline::Joiner;
use pagewise_vm_plan::manifest::Manifest;
use pagewise_vm_plan::plan::Plan;
use pagewise_vm_plan::receiver::{Received, Receiver};
use pagewise_vm_plan::state::State;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// How long any test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A folder that stands for the hand-over disk.
pub struct HandOver {
    folder: tempfile::TempDir,
    plan: Plan,
}

impl HandOver {
    pub fn new(plan: Plan) -> Self {
        let made = Self { folder: tempfile::tempdir().expect("it works"), plan };
        let text = made.plan.write();
        let files = [("plan.json", text.as_str()), ("package/pagewise.sys", "a driver")];
        let manifest = Manifest::of(files.map(|(path, text)| (path, text.as_bytes())));
        files.into_iter().for_each(|(path, text)| made.write(path, text));
        made.write("manifest.json", &manifest.write());
        made
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("it works")).expect("it works");
        fs::write(path, text).expect("it works");
    }

    pub fn journal(&self) -> Vec<u8> {
        fs::read(self.root().join("out/journal.log")).expect("it works")
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }
}

pub struct Host {
    pub hand_over: HandOver,
    pub receiver: Receiver,
    pub state: State,
    pub boots: u32,
    pub greetings: u32,
    pub refusals: Vec<String>,
    pub files: Vec<(String, Vec<u8>)>,
    lines: Vec<Frame>,
    joiner: Joiner,
    line: OwnedFd,
    /// Kept open, so that the line is there between two processes.
    _other_end: OwnedFd,
    serial: PathBuf,
    heard: Instant,
}

impl Host {
    pub fn new(hand_over: HandOver) -> Self {
        let line = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("it works");
        grantpt(&line).expect("it works");
        unlockpt(&line).expect("it works");
        let serial = PathBuf::from(
            ptsname(&line, Vec::new()).expect("it works").into_string().expect("it works"),
        );
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let other_end = rustix::fs::open(&serial, flags, Mode::empty()).expect("it works");
        let mut terminal = tcgetattr(&other_end).expect("it works");
        terminal.make_raw();
        tcsetattr(&other_end, OptionalActions::Now, &terminal).expect("it works");
        rustix::fs::fcntl_setfl(&line, OFlags::NONBLOCK).expect("it works");
        Self {
            receiver: Receiver::default(),
            state: State::new(hand_over.plan.clone()),
            hand_over,
            boots: 0,
            greetings: 0,
            refusals: Vec::new(),
            files: Vec::new(),
            lines: Vec::new(),
            joiner: Joiner::default(),
            line,
            _other_end: other_end,
            serial,
            heard: Instant::now(),
        }
    }

    /// All lines that came, as they would be on the host's disk.
    pub fn journal(&self) -> Vec<u8> {
        self.lines.iter().flat_map(Frame::bytes).collect()
    }

    /// Boots until the machine stays off, which it has to do with this code.
    pub fn play(&mut self, wrong: &str, code: i32) {
        loop {
            match self.boot(wrong) {
                10 | 11 => assert!(self.boots < 20, "too many boots"),
                end => return assert_eq!(end, code),
            }
        }
    }

    /// One boot; the code that it ends with.
    pub fn boot(&mut self, wrong: &str) -> i32 {
        let mut machine = self.start(wrong);
        let start = Instant::now();
        let end = loop {
            self.listen();
            if let Some(end) = machine.0.try_wait().expect("it works") {
                break end;
            }
            assert!(start.elapsed() < LIMIT, "the stand-in does not end");
        };
        while self.listen() {}
        end.code().expect("it works")
    }

    /// Boots until nothing was heard for so long.
    pub fn play_until_silent(&mut self, wrong: &str, silence: Duration) {
        loop {
            let mut machine = self.start(wrong);
            self.heard = Instant::now();
            let restarts = loop {
                self.listen();
                if self.heard.elapsed() > silence {
                    break false;
                }
                if let Some(end) = machine.0.try_wait().expect("it works") {
                    assert_eq!(end.code(), Some(10));
                    break true;
                }
            };
            if !restarts {
                return;
            }
        }
    }

    fn start(&mut self, wrong: &str) -> Machine {
        self.boots += 1;
        let volatile = self.hand_over.root().join("volatile");
        let _ = fs::remove_dir_all(&volatile);
        fs::create_dir(&volatile).expect("it works");
        let mut program = Command::new(env!("CARGO_BIN_EXE_pagewise-stand-in"));
        program.arg("--handover").arg(self.hand_over.root()).arg("--serial").arg(&self.serial);
        program.arg("--volatile").arg(volatile).args(["--misbehave", wrong]);
        Machine(program.spawn().expect("it works"))
    }

    /// Takes what came, and answers. Whether anything came.
    fn listen(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let Ok(count) = rustix::io::read(&self.line, &mut bytes) else {
            std::thread::sleep(Duration::from_millis(2));
            return false;
        };
        self.heard = Instant::now();
        for received in self.receiver.feed(&bytes[..count]) {
            self.take(received);
        }
        if let Some(answer) = self.receiver.answer() {
            let _ = rustix::io::write(&self.line, &answer);
        }
        true
    }

    fn take(&mut self, received: Received) {
        match received {
            Received::Line(frame, event) => self.line(frame, &event),
            Received::Hello(_) => self.greetings += 1,
            Received::Refused(what) => self.refusals.push(what),
            Received::Alive(_) => {}
            Received::Rewound { .. } => panic!("the journal became shorter"),
        }
    }

    fn line(&mut self, frame: Frame, event: &Event) {
        self.lines.push(frame);
        self.state.apply(event);
        self.files.extend(self.joiner.take(event));
    }
}

/// A process that ends with the test.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
