//! What each profile of the verifier costs, and the one processor of a schedule: as ratios to a
//! machine without, measured in turn with it.
//!
//! All of it is driver code that calls, as the checks look at who does: the shipping driver for the
//! round trip, the guest `pace` (lab/guests) for the rest.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pagewise_contract::{Ioctl, State};
use pagewise_lab_wire::{Client, Control, Launch, Machine, Token};
use serde::Serialize;
use tempfile::TempDir;

use crate::ioctl::{self, READ_WRITE};
use crate::sample::{self, Paired};

/// The machines, by what `pagewise-lab run` is told.
const MODES: [(&str, &[&str]); 4] = [
    ("quick", &["--verifier", "quick"]),
    ("standard", &["--verifier", "standard"]),
    ("torture", &["--verifier", "torture"]),
    ("one-processor", &["--processors", "1", "--seed", "1", "--evict", "0"]),
];

/// Round trips that do nothing, before each that is timed.
const TRIPS: u32 = 5;

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, FILE_ANY_ACCESS)` of the guest's.
const fn code(function: u32) -> u32 {
    0x22 << 16 | function << 2
}

/// A thing to time.
#[derive(Clone, Copy)]
enum Work {
    /// `STATE`, from a client and back.
    RoundTrip,
    /// `KfRaiseIrql` to `DISPATCH_LEVEL`, and `KeLowerIrql`.
    Pair,
    /// `ExAllocatePoolWithTag` of 64 bytes, and `ExFreePoolWithTag`.
    Pool,
    /// A soft page-in.
    Fault,
}

impl Work {
    const ALL: [Self; 4] = [Self::RoundTrip, Self::Pair, Self::Pool, Self::Fault];

    /// How often at once: long enough to time, with the slowest profile as well.
    fn times(self) -> u32 {
        match self {
            Self::RoundTrip => 500,
            Self::Pair => 100_000,
            Self::Pool => 5_000,
            Self::Fault => 256,
        }
    }
}

/// What one profile costs. Each pair of numbers is nanoseconds, and how many times those of `none`.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// `none`, a profile's name, or `one-processor`.
    pub name: &'static str,
    /// The round trip of an IOCTL.
    pub ioctl_ns: f64,
    /// Against none.
    pub ioctl_vs_none: f64,
    /// A raise of the IRQL and its lowering.
    pub irql_pair_ns: f64,
    /// Against none.
    pub irql_pair_vs_none: f64,
    /// A block of pool allocated and freed.
    pub pool_ns: f64,
    /// Against none.
    pub pool_vs_none: f64,
    /// A soft page-in.
    pub fault_ns: f64,
    /// Against none.
    pub fault_vs_none: f64,
}

impl Cost {
    fn new(name: &'static str, [ioctl, pair, pool, fault]: [(f64, f64); 4]) -> Self {
        Self {
            name,
            ioctl_ns: ioctl.0,
            ioctl_vs_none: ioctl.1,
            irql_pair_ns: pair.0,
            irql_pair_vs_none: pair.1,
            pool_ns: pool.0,
            pool_vs_none: pool.1,
            fault_ns: fault.0,
            fault_vs_none: fault.1,
        }
    }
}

/// Measures each profile in turn with none.
pub fn costs(artifacts: &Path, rounds: usize) -> Result<Vec<Cost>> {
    let mut none = Bench::start(artifacts, &[])?;
    let mut costs = Vec::new();
    for (name, arguments) in MODES {
        let mut bench = Bench::start(artifacts, arguments)
            .with_context(|| format!("the machines with {name} did not start"))?;
        let mut pairs = [Paired::default(); 4];
        for (pair, work) in pairs.iter_mut().zip(Work::ALL) {
            *pair = sample::in_turn(rounds, || bench.time(work), || none.time(work))?;
        }
        if costs.is_empty() {
            costs.push(Cost::new("none", pairs.map(|pair| (pair.baseline, 1.0))));
        }
        costs.push(Cost::new(name, pairs.map(|pair| (pair.subject, pair.ratio))));
        bench.end()?;
    }
    none.end()?;
    Ok(costs)
}

/// A machine with a driver, and a client that has its device open.
struct Driven {
    machine: Machine,
    client: Client,
    handle: u32,
    _folder: TempDir,
}

impl Driven {
    fn start(launch: &Launch, open: impl FnOnce(&mut Client) -> Result<u32>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let machine = launch.start(folder.path())?;
        let mut client = machine.connect()?;
        let handle = open(&mut client)?;
        Ok(Self { machine, client, handle, _folder: folder })
    }

    fn ask(&mut self, code: u32, input: &[u8], output: u32) -> Result<()> {
        let end = self.client.ioctl(self.handle, code, input, output)?;
        ensure!(end.status == 0, "{code:#x} failed: NTSTATUS {:#010x}", end.status);
        Ok(())
    }
}

/// Two machines of one mode.
struct Bench {
    shipping: Driven,
    pace: Driven,
}

impl Bench {
    fn start(artifacts: &Path, arguments: &[&str]) -> Result<Self> {
        let mut launch = Launch::from_artifacts(artifacts);
        launch.arguments = arguments.iter().map(OsString::from).collect();
        let shipping = Driven::start(&launch, ioctl::open)?;
        launch.driver = artifacts.join("guests/pace.sys");
        launch.inf = None;
        let pace = Driven::start(&launch, open_pace)
            .context("guests/pace.sys does not run; `cargo xtask build --guests` makes it")?;
        Ok(Self { shipping, pace })
    }

    /// Nanoseconds of one.
    fn time(&mut self, work: Work) -> Result<f64> {
        let times = work.times();
        if let Work::RoundTrip = work {
            let start = Instant::now();
            for _ in 0..times {
                self.shipping.ask(Ioctl::State.code(), &[], size_of::<State>() as u32)?;
            }
            return Ok(start.elapsed().as_nanos() as f64 / f64::from(times));
        }
        let code = match work {
            Work::RoundTrip | Work::Pair => code(0x800),
            Work::Pool => code(0x801),
            Work::Fault => code(0x802),
        };
        // The round trip is no part of it; the shortest is the one that nothing disturbed.
        let mut trip = f64::MAX;
        for _ in 0..TRIPS {
            trip = trip.min(self.time_one(code, 0)?);
        }
        self.pace.client.control(&Control::Trim)?;
        let all = self.time_one(code, times)?;
        Ok((all - trip).max(1.0) / f64::from(times))
    }

    fn time_one(&mut self, code: u32, times: u32) -> Result<f64> {
        let start = Instant::now();
        self.pace.ask(code, &times.to_le_bytes(), 0)?;
        Ok(start.elapsed().as_nanos() as f64)
    }

    fn end(self) -> Result<()> {
        for driven in [self.shipping, self.pace] {
            drop(driven.client);
            driven.machine.shut_down()?;
        }
        Ok(())
    }
}

fn open_pace(client: &mut Client) -> Result<u32> {
    let opened = client.open_name(r"\\.\Pace", READ_WRITE, Token::Administrator)?;
    ensure!(opened.status == 0, "its device cannot be opened: NTSTATUS {:#010x}", opened.status);
    Ok(opened.handle)
}
