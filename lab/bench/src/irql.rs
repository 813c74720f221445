//! A `KfRaiseIrql`/`KeLowerIrql` pair, called as a driver calls it: through the addresses that its
//! import table would hold.

use std::time::Instant;

use anyhow::{Context, Result};
use pagewise_lab::exports;

const PAIRS: u32 = 1_000_000;
const DISPATCH_LEVEL: u8 = 2;

type Raise = unsafe extern "win64" fn(u8) -> u8;
type Lower = unsafe extern "win64" fn(u8);

/// Nanoseconds of a pair.
pub fn pair_ns() -> Result<f64> {
    pagewise_lab::ps::attach_current();
    let raise = address("KfRaiseIrql")?;
    let lower = address("KeLowerIrql")?;
    // SAFETY: the machine provides the routine under this name with this prototype.
    let raise = unsafe { std::mem::transmute::<usize, Raise>(raise) };
    // SAFETY: as above.
    let lower = unsafe { std::mem::transmute::<usize, Lower>(lower) };
    let start = Instant::now();
    for _ in 0..PAIRS {
        // SAFETY: this thread is at PASSIVE_LEVEL here.
        let old = unsafe { raise(DISPATCH_LEVEL) };
        // SAFETY: back to where it was.
        unsafe { lower(old) };
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(PAIRS))
}

fn address(routine: &str) -> Result<usize> {
    exports::resolve("ntoskrnl.exe", routine).with_context(|| format!("no {routine} is provided"))
}
