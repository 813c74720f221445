//! The lab's hot paths, each against a baseline that is measured in the same run, in turn with it:
//! these machines are noisy, and a ratio of neighbours drifts less than two times an hour apart.
//!
//! `cargo xtask bench` builds this and hands it the artifacts.
#![expect(unsafe_code, reason = "the baselines handle a fault by hand")]

mod bare;
mod boot;
mod echo;
mod fault;
mod ioctl;
mod irql;
mod profiles;
mod residency;
mod sample;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;

#[derive(Parser)]
#[command(name = "pagewise-bench", about = "Measures the lab's hot paths against baselines")]
struct Arguments {
    /// Folder with pagewise-lab, pagewise.sys, wdfldr.sys, twins/ and guests/, as `cargo xtask build
    /// --twins --guests` leaves it.
    #[arg(long, env = "PAGEWISE_ARTIFACTS", default_value = "target/pagewise", global = true)]
    artifacts: PathBuf,
    /// Write the figures here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each measurement; the median is reported.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Processes of their own that a measurement starts.
#[derive(Subcommand)]
enum Part {
    /// Answers frames on a socket with frames of the size asked for.
    #[command(hide = true)]
    Echo { socket: PathBuf, request: usize, reply: usize },
    /// Prints the nanoseconds of a bare mprotect-and-SIGSEGV cycle.
    #[command(hide = true)]
    BareFault { pages: usize },
    /// Prints the nanoseconds of a soft page-in by the lab's memory manager.
    #[command(hide = true)]
    LabFault { pages: usize },
    /// Prints the nanoseconds of a `KeRaiseIrql`/`KeLowerIrql` pair.
    #[command(hide = true)]
    Irql,
}

/// What is reported. Times are medians.
#[derive(Serialize)]
struct Figures {
    schema: u32,
    /// IOCTL round trip between processes over a bare socket ping-pong of the same sizes, read in
    /// the same way (see `echo`).
    ioctl_vs_socket: f64,
    ioctl_ns: f64,
    socket_ns: f64,
    /// Soft page-in over a bare mprotect-and-SIGSEGV cycle.
    fault_vs_bare: f64,
    fault_ns: f64,
    bare_fault_ns: f64,
    /// From the start of the machine's process to the first answered IOCTL.
    boot_ms: f64,
    irql_pair_ns: f64,
    /// Cost of one page in the largest residency answer, 16,384 pages.
    residency_ns_per_page: f64,
    /// The same by pages asked for at once: flat, or the probe does not scale.
    residency_by_pages: Vec<residency::Cost>,
    /// The verifier's profiles and the one processor of a schedule, each against none.
    profiles: Vec<profiles::Cost>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Echo { socket, request, reply }) => echo::serve(&socket, request, reply),
        Some(Part::BareFault { pages }) => print(bare::cycle_ns(pages)?),
        Some(Part::LabFault { pages }) => print(fault::page_in_ns(&arguments.artifacts, pages)?),
        Some(Part::Irql) => print(irql::pair_ns()?),
        None => report(&arguments),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of main's match")]
fn print(nanoseconds: f64) -> Result<()> {
    println!("{nanoseconds}");
    Ok(())
}

fn report(arguments: &Arguments) -> Result<()> {
    let rounds = arguments.rounds.max(1);
    let artifacts = &arguments.artifacts;
    let ioctl = ioctl::against_socket(artifacts, rounds)?;
    let fault = fault::against_bare(artifacts, rounds)?;
    let residency = residency::costs(artifacts, rounds)?;
    let figures = Figures {
        schema: 1,
        ioctl_vs_socket: ioctl.ratio,
        ioctl_ns: ioctl.subject,
        socket_ns: ioctl.baseline,
        fault_vs_bare: fault.ratio,
        fault_ns: fault.subject,
        bare_fault_ns: fault.baseline,
        boot_ms: boot::boot_ms(artifacts, rounds)?,
        irql_pair_ns: sample::median((0..rounds).map(|_| irql::pair_ns()).collect::<Result<_>>()?),
        residency_ns_per_page: residency.last().map_or(f64::NAN, |cost| cost.ns_per_page),
        residency_by_pages: residency,
        profiles: profiles::costs(artifacts, rounds)?,
    };
    println!(
        "IOCTL round trip      {:>9.0} ns   {:.2} x a bare socket ({:.0} ns)",
        figures.ioctl_ns, figures.ioctl_vs_socket, figures.socket_ns
    );
    println!(
        "soft page-in          {:>9.0} ns   {:.2} x a bare fault cycle ({:.0} ns)",
        figures.fault_ns, figures.fault_vs_bare, figures.bare_fault_ns
    );
    println!("boot to first answer  {:>9.1} ms", figures.boot_ms);
    println!("raise and lower IRQL  {:>9.1} ns", figures.irql_pair_ns);
    for cost in &figures.residency_by_pages {
        println!("residency, {:>6} pages {:>7.2} ns a page", cost.pages, cost.ns_per_page);
    }
    print_profiles(&figures.profiles);
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&figures)?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn print_profiles(profiles: &[profiles::Cost]) {
    println!();
    println!("ns, times none      IOCTL       raise+lower     allocate+free         page-in");
    for it in profiles {
        let cell = |ns: f64, ratio: f64| format!("{ns:>8.0} {ratio:>6.2}x");
        println!(
            "{:13} {} {} {} {}",
            it.name,
            cell(it.ioctl_ns, it.ioctl_vs_none),
            cell(it.irql_pair_ns, it.irql_pair_vs_none),
            cell(it.pool_ns, it.pool_vs_none),
            cell(it.fault_ns, it.fault_vs_none),
        );
    }
}
