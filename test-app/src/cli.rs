//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pagewise_contract::{BallastRegion, TouchKind};

use crate::exit::Exit;
use crate::machine::{Choice, How};
use crate::pages::Range;
use crate::verify::DEFAULT_SEED;

/// Drives and verifies pagewise.sys, the fully pageable KMDF driver.
#[derive(Debug, Parser)]
#[command(name = "test-app", version, after_help = Exit::HELP)]
pub struct Arguments {
    /// Socket of a lab machine
    #[arg(long, global = true, value_name = "SOCKET", env = "PAGEWISE_LAB")]
    pub lab: Option<PathBuf>,
    /// Device interface path, where several devices exist (Windows)
    #[arg(long, global = true, value_name = "PATH")]
    pub device: Option<String>,
    /// Whether to colour the output; NO_COLOR and CLICOLOR_FORCE are heeded
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

impl Arguments {
    /// The machine that is asked for.
    #[must_use]
    pub fn choice(&self) -> Choice {
        let package = match &self.verb {
            Verb::Verify(verify) => verify.package.clone(),
            _ => None,
        };
        Choice { lab: self.lab.clone(), device: self.device.clone(), package }
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Also in a pipe.
    Always,
    /// Not even on a terminal.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the checks
    Verify(Verify),
    /// What was asked of the memory manager, and how much is resident
    Status(Json),
    /// The sections of the driver's image
    Sections(Json),
    /// Sections times pages: policy and observation
    Map(Map),
    /// Make the entire image pageable (MmPageEntireDriver)
    Page(Json),
    /// Make every section what it was linked as (MmResetDriverPaging)
    Reset(Json),
    /// Lock a section in memory
    Lock(Lock),
    /// Give a section lock back
    Unlock(Lock),
    /// Reference pages, and tell how long it took
    Touch(Touch),
    /// Cold code and data whose every byte is known
    #[command(subcommand)]
    Ballast(Ballast),
    /// Take pages out of memory (lab; on Windows a wish, and all of the system's)
    Trim(Trim),
    /// The map, live
    Watch(Watch),
    /// Make the device and install the driver's package on it (Windows, Wine)
    Install(Install),
    /// Remove device, package, service and whatever else `install` added (Windows, Wine)
    Uninstall(Json),
    /// What this system has of the driver, and what keeps it from working (Windows, Wine)
    Doctor(Json),
    /// This system as the guest of `cargo xtask vm` (Windows)
    #[command(subcommand)]
    Guest(Guest),
}

/// `guest`
#[derive(Debug, Subcommand)]
pub enum Guest {
    /// Play the plan of the hand-over disk, from wherever it stands; restarts and shuts down the
    /// system as the plan says
    Run {
        /// Root of the hand-over disk; found by its label PAGEWISE if it is not named
        #[arg(long, value_name = "FOLDER")]
        handover: Option<PathBuf>,
        /// The serial port that the host listens at
        #[arg(long, value_name = "PORT", default_value = "COM1")]
        serial: String,
    },
    /// Start the guest at every boot, as SYSTEM, until `guest remove`
    Setup {
        /// The serial port that the host listens at
        #[arg(long, value_name = "PORT", default_value = "COM1")]
        serial: String,
    },
    /// Whether the guest starts at boot, and how far its plan is
    Status {
        /// Root of a hand-over disk; found by its label PAGEWISE if it is not named
        #[arg(long, value_name = "FOLDER")]
        handover: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Fill an empty hand-over disk: plan, package and their hashes
    HandOver(HandOver),
    /// Undo `guest setup`
    Remove,
}

/// `guest hand-over`
#[derive(Debug, Args)]
pub struct HandOver {
    /// Folder of the package
    #[arg(long, value_name = "FOLDER")]
    pub package: PathBuf,
    /// Root of the disk
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Besides the plain run, one under Driver Verifier with this profile
    #[arg(long, value_name = "PROFILE", default_value = "plain")]
    pub profile: Profile,
    /// Besides the plain run, one with memory integrity
    #[arg(long)]
    pub memory_integrity: bool,
}

/// A profile of Driver Verifier, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Without it
    Plain,
    /// What can be switched on while Windows runs
    Quick,
    /// Microsoft's standard settings
    Standard,
    /// Everything, and low resources
    Torture,
}

impl From<Profile> for Option<pagewise_vm_plan::plan::Profile> {
    fn from(profile: Profile) -> Self {
        use pagewise_vm_plan::plan::Profile as Planned;
        match profile {
            Profile::Plain => None,
            Profile::Quick => Some(Planned::Quick),
            Profile::Standard => Some(Planned::Standard),
            Profile::Torture => Some(Planned::Torture),
        }
    }
}

/// What every verb that answers takes.
#[derive(Clone, Copy, Debug, Args)]
pub struct Json {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The driver's file, for the result
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// Where the machine leaves a report if it bug-checks
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Folder of the driver's package, to install it again from (Windows, Wine); the one this
    /// program is in, if none is named
    #[arg(long, value_name = "FOLDER")]
    pub package: Option<PathBuf>,
    /// Only checks whose id matches (repeatable), such as `locks.*`
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// List the checks instead of running them
    #[arg(long)]
    pub list: bool,
    /// Seed of the random checks
    #[arg(long, value_parser = number, default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// Seconds that a check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// `install`
#[derive(Debug, Args)]
pub struct Install {
    /// Folder of the package; the one this program is in, if none is named
    #[arg(long, value_name = "FOLDER")]
    pub package: Option<PathBuf>,
    /// Trust the package's certificate (pagewise.cer) on this machine until `uninstall`
    #[arg(long)]
    pub trust: bool,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `map`
#[derive(Debug, Args)]
pub struct Map {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Draw it as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Columns to use, 40 at least; the terminal's, or 80
    #[arg(long, value_name = "COLUMNS")]
    pub width: Option<u16>,
}

/// `lock` and `unlock`
#[derive(Debug, Args)]
pub struct Lock {
    /// Name or index of a section
    pub section: String,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `touch`
#[derive(Debug, Args)]
pub struct Touch {
    /// A page, FIRST-LAST, FIRST+COUNT or a section
    pub range: Range,
    /// How to reference each page
    #[arg(long, default_value = "read")]
    pub kind: Kind,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// How to reference a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Read a byte
    Read,
    /// Read a byte and write it back
    Write,
    /// Call the function that begins it (code ballast only)
    Execute,
}

impl From<Kind> for TouchKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Self::Read,
            Kind::Write => Self::Write,
            Kind::Execute => Self::Execute,
        }
    }
}

/// `ballast`
#[derive(Debug, Subcommand)]
pub enum Ballast {
    /// Fill writable regions with bytes that a seed decides
    Fill {
        /// Section of the region; both writable ones if none is named
        #[arg(value_parser = region)]
        region: Option<BallastRegion>,
        /// The seed; 0 is what was linked
        #[arg(long, value_parser = number, default_value_t = 0)]
        seed: u64,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Add regions up, and compare with what the contract says
    Checksum {
        /// Section of the region; all if none is named
        #[arg(value_parser = region)]
        region: Option<BallastRegion>,
        /// The seed that writable regions were filled with
        #[arg(long, value_parser = number, default_value_t = 0)]
        seed: u64,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// `trim`
#[derive(Debug, Args)]
pub struct Trim {
    /// How far out
    #[arg(default_value = "trim")]
    pub how: How,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    pub interval: f64,
    /// End after so many looks
    #[arg(long, value_name = "LOOKS")]
    pub count: Option<u64>,
    /// One JSON object a look, even on a terminal
    #[arg(long)]
    pub json: bool,
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}

fn region(text: &str) -> Result<BallastRegion, String> {
    let mut all = BallastRegion::ALL.into_iter();
    all.find(|region| region.section_name().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names = BallastRegion::ALL.map(BallastRegion::section_name);
        format!("the regions are {}", names.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn seeds_are_decimal_or_hexadecimal() {
        assert_eq!(number("10"), Ok(10));
        assert_eq!(number("0x10"), Ok(16));
        assert!(number("ten").is_err());
    }

    #[test]
    fn regions_go_by_their_section() {
        assert_eq!(region("pagedata"), Ok(BallastRegion::PageableData));
        assert!(region(".text").is_err());
    }
}
