//! A machine in this process, and what is asked of it.

use std::path::Path;
use std::sync::Arc;

use pagewise_contract::{INTERFACE_GUID, Ioctl, LockRequest, PagingAction, PagingRequest, Policy};
use pagewise_contract::{Sections, State};
use pagewise_lab::io::{DeviceControl, OpenFile, Request, Requester, Started};
use pagewise_lab::machine::{self, Machine, Options};
use pagewise_lab::{image, mm, verifier};
use pagewise_lab_wire::{Token, Verifier, interface_class};
use test_app::status::NtStatus;
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::answer::Expected;
use super::step::{self, Step, Steps};
use super::{blocks, feedback};

/// `GENERIC_READ`
const READ: u32 = 0x8000_0000;
/// `GENERIC_READ | GENERIC_WRITE`
const READ_WRITE: u32 = 0xc000_0000;

/// The images under test.
pub const IMAGES: [&str; 2] = ["pagewise.sys", "wdfldr.sys"];

/// A booted machine and two handles to its device.
pub struct Session {
    machine: &'static Machine,
    writer: Arc<OpenFile>,
    reader: Arc<OpenFile>,
    requester: Arc<dyn Requester>,
    request: Arc<Request>,
    expected: Expected,
    force_irql: bool,
    /// Which answer came last.
    last: u32,
    calls: u64,
    evictions: u64,
}

/// The driver under test never leaves a request pending, so that nobody is ever told.
struct Nobody;

impl Requester for Nobody {
    fn completed(&self, request: &Request) {
        panic!("request {} was left pending", request.id());
    }
}

impl Session {
    /// Boots the machine with the images in a folder. There can be one a process.
    ///
    /// # Panics
    /// Where it does not boot, or its first answers are none.
    #[must_use]
    pub fn boot(artifacts: &Path) -> Self {
        let aborts = keep_handler(libc::SIGABRT);
        let options = Options {
            driver: artifacts.join("pagewise.sys"),
            framework: Some(artifacts.join("wdfldr.sys")),
            inf: Some(artifacts.join("pagewise.inf")),
            parameters: Vec::new(),
            load: true,
            plug: true,
        };
        let machine = machine::boot(options)
            .unwrap_or_else(|error| panic!("no machine from {}: {error}", artifacts.display()));
        // What this process finds wrong is for the fuzzer to report, not for the machine.
        restore_handler(libc::SIGABRT, &aborts);
        for name in IMAGES {
            let path = artifacts.join(name);
            blocks::watch(name, &path).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let (writer, reader) = (open(machine, READ_WRITE), open(machine, READ));
        let Some(request) = Request::new(1) else { panic!("no memory for a request") };
        let secret = image::loaded()
            .map(|image| image.base() as u64..(image.base() + image.size()) as u64)
            .collect();
        let (state, sections) = (State::new_zeroed(), Sections::new_zeroed());
        let mut session = Self {
            machine,
            writer,
            reader,
            requester: Arc::new(Nobody),
            request,
            expected: Expected::new(state, sections, Vec::new()),
            force_irql: false,
            last: 0,
            calls: 0,
            evictions: 0,
        };
        let state = session.first::<State>(Ioctl::State);
        let sections = session.first::<Sections>(Ioctl::Sections);
        session.expected = Expected::new(state, sections, secret);
        session
    }

    fn first<T: zerocopy::FromBytes>(&mut self, ioctl: Ioctl) -> T {
        let status = self.send(ioctl.code(), false, &[], size_of::<T>() as u32);
        assert_eq!(status, 0, "{}", ioctl.name());
        let Ok(value) = T::read_from_bytes(self.request.result().1) else {
            panic!("{} has another length", ioctl.name());
        };
        value
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Trims and evictions so far, without those by force IRQL checking.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Carries out the steps of one input, then undoes what they did to policy and locks.
    ///
    /// # Panics
    /// Where an answer is not as the contract has it.
    pub fn run(&mut self, data: &[u8]) {
        self.last = 0;
        let (pages, sections) = (self.expected.state.pages, self.expected.sections.count);
        for step in Steps::new(data, pages, sections) {
            self.step(&step);
        }
        self.restore();
        self.request.retire();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Request(request) => self.ask(request),
            Step::Trim => {
                self.evictions += 1;
                mm::trim();
            }
            Step::Evict => {
                self.evictions += 1;
                mm::trim();
                mm::purge();
            }
            Step::ForceIrql(on) => self.set_force_irql(*on),
            Step::Reopen => {
                self.request.retire();
                self.reader.cleanup();
                self.reader = open(self.machine, READ);
            }
        }
    }

    fn set_force_irql(&mut self, on: bool) {
        if self.force_irql != on {
            self.force_irql = on;
            verifier::set(&Verifier { force_irql: on, ..Verifier::default() });
        }
    }

    fn send(&mut self, code: u32, read_only: bool, input: &[u8], room: u32) -> u32 {
        let file = if read_only { &self.reader } else { &self.writer };
        self.calls += 1;
        let control = DeviceControl { id: self.calls, code, input, output_length: room };
        let parked = |_: &Arc<Request>| panic!("{code:#010x} was left pending");
        match self.request.start(file, control, &self.requester, parked) {
            Ok(Started::Complete) => self.request.status().cast_unsigned(),
            Ok(Started::Pending) => panic!("{code:#010x} was left pending"),
            Err(refused) => refused.cast_unsigned(),
        }
    }

    fn ask(&mut self, request: &step::Request) {
        let step::Request { code, read_only, room, .. } = *request;
        let status = self.send(code, read_only, request.input(), room);
        self.judge(request, status);
        let expected = &self.expected;
        let kind = Ioctl::ALL.iter().position(|ioctl| ioctl.code() == code).unwrap_or(15) as u32;
        let locked = u32::from(expected.state.locks > 0);
        let state = (expected.state.policy & 1) << 1 | locked;
        let now = status << 8 | state << 5 | u32::from(read_only) << 4 | kind;
        feedback::pair(self.last, now);
        self.last = now;
    }

    fn judge(&mut self, request: &step::Request, status: u32) {
        /// `FILE_WRITE_ACCESS` in a control code.
        const WRITE_ACCESS: u32 = 2 << 14;
        let (code, input) = (request.code, request.input());
        if request.read_only && code & WRITE_ACCESS != 0 {
            assert_eq!(NtStatus(status), NtStatus::ACCESS_DENIED, "{request:?}");
            return;
        }
        let objections = self.expected.oracle.objections(code, input, request.room);
        if objections.is_empty() {
            assert_eq!(status, 0, "{:?} to {request:?}", NtStatus(status));
            self.expected.check(code, input, self.request.result().1);
        } else {
            let status = NtStatus(status);
            assert!(objections.contains(&status), "{status:?}, not {objections:?}, to {request:?}");
            assert!(self.request.result().1.is_empty(), "a refusal with an answer: {request:?}");
        }
    }

    /// Gives back every lock and pages entire; the machine must agree about what came of it.
    fn restore(&mut self) {
        self.set_force_irql(false);
        let paged = self.expected.oracle.policy == Policy::PagedEntire;
        let truth = image::by_name(IMAGES[0]).is_some_and(image::Image::overridden);
        assert_eq!(truth, paged, "the driver's policy and the machine's");
        if paged {
            return;
        }
        for section in 0..self.expected.sections.count {
            let locks = self.expected.oracle.locks.get(section as usize).copied();
            for _ in 0..locks.unwrap_or_default() {
                self.accepted(Ioctl::Unlock, LockRequest { section }.as_bytes());
            }
        }
        let request = PagingRequest { action: PagingAction::PageEntire as u32 };
        self.accepted(Ioctl::SetPaging, request.as_bytes());
    }

    fn accepted(&mut self, ioctl: Ioctl, input: &[u8]) {
        let (_, room) = test_app::verify::oracle::lengths(ioctl);
        let status = self.send(ioctl.code(), false, input, room as u32);
        assert_eq!(status, 0, "{}", ioctl.name());
        self.expected.check(ioctl.code(), input, self.request.result().1);
    }
}

fn open(machine: &Machine, access: u32) -> Arc<OpenFile> {
    machine
        .open(&interface_class(&INTERFACE_GUID), access, Token::Administrator)
        .unwrap_or_else(|status| panic!("open: NTSTATUS {status:#010x}"))
}

/// How a signal is handled at present.
pub(super) fn keep_handler(signal: libc::c_int) -> libc::sigaction {
    // SAFETY: zeroes are a valid sigaction.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `old` has room for it, and nothing is changed.
    let kept = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut old) };
    assert_eq!(kept, 0);
    old
}

/// Has it handled so again.
pub(super) fn restore_handler(signal: libc::c_int, action: &libc::sigaction) {
    // SAFETY: a complete action, of a handler that is there as long as the process is.
    let restored = unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
    assert_eq!(restored, 0);
}
