//! A soft page-in by the lab's memory manager: the pages of a driver's image are trimmed at once,
//! each is touched, and the fault handler brings each back.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pagewise_contract::PAGE_SIZE;
use pagewise_lab::{exports, image, mm, ps};

use crate::sample::{self, Paired};

/// Pages of both: of the variant `large-image`, and of the baseline's mapping.
const PAGES: usize = 16_384;

type PageEntire = unsafe extern "win64" fn(*const u8) -> *const u8;

/// Measures both in turn, each in a process of its own: they handle SIGSEGV in different ways.
pub fn against_bare(artifacts: &Path, rounds: usize) -> Result<Paired> {
    sample::in_turn(
        rounds,
        || in_child(artifacts, "lab-fault"),
        || in_child(artifacts, "bare-fault"),
    )
}

fn in_child(artifacts: &Path, part: &str) -> Result<f64> {
    let output = Command::new(env::current_exe()?)
        .arg("--artifacts")
        .arg(artifacts)
        .args([part, &PAGES.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{part}: {}", String::from_utf8_lossy(&output.stderr));
    text.trim().parse().with_context(|| format!("{part} printed {text:?}"))
}

/// Nanoseconds of a page, over the first `pages` of the variant's image.
pub fn page_in_ns(artifacts: &Path, pages: usize) -> Result<f64> {
    mm::boot()?;
    ps::attach_current();
    load(&artifacts.join("wdfldr.sys"))?;
    let driver = load(&artifacts.join("twins/large-image/pagewise.sys"))?;
    let base = driver.base() as *const u8;
    ensure!(driver.size() >= pages * PAGE_SIZE, "the variant has no {pages} pages");
    let routine = exports::resolve("ntoskrnl.exe", "MmPageEntireDriver")
        .context("no MmPageEntireDriver is provided")?;
    // SAFETY: the machine provides the routine under this name with this prototype.
    let page_entire = unsafe { std::mem::transmute::<usize, PageEntire>(routine) };
    // SAFETY: `base` lies in a loaded image, and this thread is at PASSIVE_LEVEL.
    let answer = unsafe { page_entire(base) };
    ensure!(answer == base, "MmPageEntireDriver answered {answer:?}, not {base:?}");
    let start = Instant::now();
    mm::trim();
    for page in 0..pages {
        let first = base.wrapping_add(page * PAGE_SIZE);
        // SAFETY: the page is of the image, which stays loaded; it is readable once it is in.
        let _ = unsafe { first.read_volatile() };
    }
    let elapsed = start.elapsed();
    ensure!(mm::counters().soft_faults as usize >= pages, "not every touch was a fault");
    Ok(elapsed.as_nanos() as f64 / pages as f64)
}

fn load(path: &Path) -> Result<&'static image::Image> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(image::load(path, &bytes)?)
}
