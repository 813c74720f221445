//! `pagewise-soak`: many clients, many requests, constant eviction.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Parser;
use pagewise_attack::soak::{Plan, Progress, soak};

/// Many clients ask the driver at once while every page that can go goes all the time.
#[derive(Parser)]
#[command(name = "pagewise-soak", after_help = EXIT_CODES)]
struct Arguments {
    /// Folder with pagewise-lab, pagewise.sys and wdfldr.sys, as `cargo xtask build` leaves it.
    #[arg(long, env = "PAGEWISE_ARTIFACTS", default_value = "target/pagewise")]
    artifacts: PathBuf,
    /// Requests in all.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Clients.
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// What the requests follow from; one by the clock where none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// What the machine is started with.
    #[arg(last = true, value_name = "OPTION OF pagewise-lab run", default_value = "--force-irql")]
    machine: Vec<String>,
}

const EXIT_CODES: &str = "\
Exit codes:
   0  every answer was right
   1  one was not, or the machine is gone; the line that repeats it is printed";

fn main() -> ExitCode {
    let Arguments { artifacts, requests, clients, seed, machine } = Arguments::parse();
    let seed = seed.unwrap_or_else(by_the_clock);
    let plan = Plan { artifacts, requests, clients, seed, machine };
    let line = format!(
        "pagewise-soak --requests {requests} --clients {clients} --seed {seed} -- {}",
        plan.machine.join(" ")
    );
    eprintln!("{line}");
    let (progress, done) = (Progress::default(), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        scope.spawn(|| tell(&progress, requests, &done));
        let result = soak(&plan, &progress);
        done.store(true, Ordering::Relaxed);
        result
    });
    match result {
        Ok(tally) => {
            let seconds = tally.milliseconds as f64 / 1e3;
            println!(
                "{} requests from {clients} clients in {seconds:.1} s ({:.0} a second): every answer \
                 right\n{} accepted, among them {} page-entire, {} reset, {} lock, {} unlock; \
                 {} evictions, {} faults",
                tally.requests,
                tally.requests as f64 / seconds,
                tally.accepted,
                tally.pages,
                tally.resets,
                tally.locks,
                tally.unlocks,
                tally.evictions,
                tally.faults,
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\n  the same requests again: {line}");
            ExitCode::FAILURE
        }
    }
}

fn by_the_clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| now.as_nanos() as u64)
}

/// Says every ten seconds how far it is.
fn tell(progress: &Progress, requests: u64, done: &AtomicBool) {
    let mut ticks = 0;
    while !done.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(100));
        ticks += 1;
        if ticks % 100 == 0 {
            eprintln!("{} of {requests} requests answered", progress.answered());
        }
    }
}
