//! From the start of the machine's process to the first answered IOCTL: two images loaded, two
//! drivers initialised, a device enumerated and started, a handle opened.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use pagewise_contract::{Ioctl, VersionReply};
use pagewise_lab_wire::Launch;

use crate::{ioctl, sample};

/// Milliseconds, the median of `rounds` boots.
pub fn boot_ms(artifacts: &Path, rounds: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let launch = Launch::from_artifacts(artifacts);
    let mut boots = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let machine = launch.start(folder.path())?;
        let mut client = machine.connect()?;
        let handle = ioctl::open(&mut client)?;
        let end =
            client.ioctl(handle, Ioctl::Version.code(), &[], size_of::<VersionReply>() as u32)?;
        boots.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(end.status == 0, "VERSION failed: NTSTATUS {:#010x}", end.status);
        machine.shut_down()?;
    }
    Ok(sample::median(boots))
}
