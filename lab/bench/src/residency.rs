//! What a page costs in a residency answer, from 16 pages to 16,384. The driver's own image has no
//! so many pages: the variant `large-image` (lab/twins) has a section of 64 MiB more.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pagewise_contract::{Ioctl, residency};
use pagewise_lab_wire::{Client, Launch};
use serde::Serialize;
use zerocopy::IntoBytes;

use crate::{ioctl, sample};

/// What is asked for at once.
const PAGES: [u32; 6] = [16, 64, 256, 1_024, 4_096, 16_384];

/// Round trips of one measurement.
const TRIPS: u32 = 200;

/// The cost at one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Pages asked for at once.
    pub pages: u32,
    /// What each adds to the round trip of an answer about a single page.
    pub ns_per_page: f64,
}

/// Measures each size in turn with the answer about a single page, which is the baseline.
pub fn costs(artifacts: &Path, rounds: usize) -> Result<Vec<Cost>> {
    let folder = tempfile::tempdir()?;
    let mut launch = Launch::from_artifacts(artifacts);
    launch.driver = artifacts.join("twins/large-image/pagewise.sys");
    let machine = launch.start(folder.path()).context("the variant large-image did not start")?;
    let mut client = machine.connect()?;
    let handle = ioctl::open(&mut client)?;
    let mut costs = Vec::new();
    for pages in PAGES {
        let mut extra = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let many = answer_ns(&mut client, handle, pages)?;
            let one = answer_ns(&mut client, handle, 1)?;
            extra.push((many - one) / f64::from(pages - 1));
        }
        costs.push(Cost { pages, ns_per_page: sample::median(extra) });
    }
    machine.shut_down()?;
    Ok(costs)
}

fn answer_ns(client: &mut Client, handle: u32, pages: u32) -> Result<f64> {
    let request = residency::Request { first_page: 0, pages };
    let length = residency::reply_bytes(pages) as u32;
    let start = Instant::now();
    for _ in 0..TRIPS {
        let end = client.ioctl(handle, Ioctl::Residency.code(), request.as_bytes(), length)?;
        ensure!(
            end.status == 0,
            "RESIDENCY of {pages} pages failed: NTSTATUS {:#010x}",
            end.status
        );
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(TRIPS))
}
