//! KVM where it works, emulation (TCG) elsewhere.
//!
//! That `/dev/kvm` is there and answers says little: in some virtual machines a guest under KVM
//! crawls, instruction by instruction. So a guest of one sector is run to its end first.

mod sector;

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::machine::{self, QEMU};
use crate::run;

/// How long the sector may take: hardware takes a tenth of a second.
const LIMIT: Duration = Duration::from_secs(4);

/// What the user can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Asked {
    /// KVM where it works, else TCG.
    #[default]
    Auto,
    /// The processor's own virtualisation; an error where it does not work.
    Kvm,
    /// Emulation: works anywhere, many times slower.
    Tcg,
}

/// What runs a guest's instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor.
    Kvm,
    /// QEMU's emulation.
    Tcg {
        /// Why not the processor.
        why: String,
    },
}

impl Accelerator {
    /// Finds out what works here.
    pub fn choose(asked: Asked) -> Result<Self> {
        if asked == Asked::Tcg {
            return Ok(Self::Tcg { why: "asked for".to_owned() });
        }
        match (asked, kvm()?) {
            (_, None) => Ok(Self::Kvm),
            (Asked::Kvm, Some(why)) => bail!(
                "KVM does not work here: {why}\n  try: --accelerator tcg, or a host with hardware virtualisation"
            ),
            (_, Some(why)) => Ok(Self::Tcg { why }),
        }
    }

    /// As QEMU's `-accel` takes it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg { .. } => "tcg",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kvm => write!(formatter, "KVM"),
            Self::Tcg { why } => write!(formatter, "TCG, many times slower than KVM ({why})"),
        }
    }
}

/// Why KVM cannot be used, if so.
fn kvm() -> Result<Option<String>> {
    const DEVICE: &str = "/dev/kvm";
    if !Path::new(DEVICE).exists() {
        return Ok(Some(format!("there is no {DEVICE}")));
    }
    if let Err(error) = std::fs::File::options().read(true).write(true).open(DEVICE) {
        return Ok(Some(format!("{DEVICE} cannot be opened: {error}")));
    }
    match try_out("kvm", LIMIT)? {
        Tried::Ended => Ok(None),
        Tried::TooSlow => Ok(Some(format!(
            "{DEVICE} is there, but a guest of {} million instructions did not end within {} s",
            sector::TURNS / 1_000_000,
            LIMIT.as_secs()
        ))),
        Tried::Refused(said) => Ok(Some(format!("QEMU says: {said}"))),
    }
}

/// How the guest of one sector fared.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Ended,
    TooSlow,
    Refused(String),
}

fn try_out(accelerator: &str, limit: Duration) -> Result<Tried> {
    let mut disk = tempfile::NamedTempFile::new().context("cannot make a file for the probe")?;
    disk.write_all(&sector::image()).context("cannot write the probe")?;
    let mut qemu: Command = machine::held(QEMU);
    qemu.args(["-accel", accelerator, "-machine", "pc", "-m", "16", "-nodefaults"]);
    qemu.args(["-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-drive"]);
    qemu.arg(format!("if=ide,format=raw,file={}", machine::escaped(disk.path())?));
    qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let name = run::name(&qemu);
    let mut child = qemu.spawn().with_context(|| format!("cannot run {name}"))?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(Tried::TooSlow);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output()?;
    if output.status.code() == Some(sector::EXIT_CODE) {
        return Ok(Tried::Ended);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Ok(Tried::Refused(if said.is_empty() { output.status.to_string() } else { said }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_it_is_slow() {
        let tcg = Accelerator::Tcg { why: "there is no /dev/kvm".to_owned() };
        assert_eq!(tcg.to_string(), "TCG, many times slower than KVM (there is no /dev/kvm)");
        assert_eq!((tcg.name(), Accelerator::Kvm.name()), ("tcg", "kvm"));
    }

    #[test]
    #[ignore = "needs QEMU: `cargo xtask test` runs it"]
    fn the_guest_of_one_sector_ends_under_emulation() {
        assert_eq!(try_out("tcg", Duration::from_secs(60)).unwrap(), Tried::Ended);
        assert_eq!(try_out("tcg", Duration::ZERO).unwrap(), Tried::TooSlow);
        assert!(matches!(try_out("none-such", LIMIT).unwrap(), Tried::Refused(_)));
    }
}
