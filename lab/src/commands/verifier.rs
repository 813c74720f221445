//! What the command line says of the verifier.

use pagewise_lab_wire::{Profile, SpecialPool, Verifier};

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Driver Verifier: all that a profile checks; docs/verifier.md lists it.
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    verifier: Option<Profile>,
    /// Driver Verifier: evict everything pageable at each raise to DISPATCH_LEVEL.
    #[arg(long)]
    force_irql: bool,
    /// Driver Verifier: check the IRQL that each routine documents.
    #[arg(long)]
    ddi_compliance: bool,
    /// Driver Verifier: find out at unload what the driver has not freed.
    #[arg(long)]
    pool_tracking: bool,
    /// Driver Verifier: special pool, whose blocks end (or start, or both by turns) at a page that
    /// faults.
    #[arg(long, value_name = "end|start|turns", value_parser = special_pool)]
    special_pool: Option<SpecialPool>,
    /// Driver Verifier: check what drivers do with IRPs beyond what is always checked.
    #[arg(long)]
    io_checks: bool,
    /// Driver Verifier: find locks that are taken in an order that can deadlock.
    #[arg(long)]
    deadlock: bool,
    /// Driver Verifier: fail one allocation in so many by chance, or (systematic) each place that
    /// allocates once.
    #[arg(long, value_name = "ONE-IN|systematic", group = "seeded", value_parser = resources)]
    low_resources: Option<LowResources>,
}

/// How allocations fail.
#[derive(Clone, Copy)]
enum LowResources {
    OneIn(u32),
    EachSiteOnce,
}

impl Arguments {
    /// As settings. Which allocations fail by chance follows from the seed.
    pub fn settings(&self, seed: u64) -> Verifier {
        let (one_in, each_site_once) = match self.low_resources {
            Some(LowResources::OneIn(one_in)) => (one_in, false),
            Some(LowResources::EachSiteOnce) => (0, true),
            None => (0, false),
        };
        if one_in != 0 {
            eprintln!("verifier: repeat with --low-resources {one_in} --seed {seed}");
        }
        Verifier {
            low_resources: one_in,
            seed,
            each_site_once,
            profile: self.verifier,
            force_irql: self.force_irql,
            ddi_compliance: self.ddi_compliance,
            pool_tracking: self.pool_tracking,
            special_pool: self.special_pool.unwrap_or_default(),
            io: self.io_checks,
            deadlock: self.deadlock,
            ..Verifier::default()
        }
    }
}

fn resources(text: &str) -> Result<LowResources, String> {
    match text.parse() {
        Ok(0) => Err("one in 0 is none".to_owned()),
        Ok(one_in) => Ok(LowResources::OneIn(one_in)),
        Err(_) if text == "systematic" => Ok(LowResources::EachSiteOnce),
        Err(_) => Err("one in so many fails, or each place once: a number, or systematic".into()),
    }
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::from_name(name).ok_or_else(|| {
        let known = Profile::ALL.map(Profile::name);
        format!("there is no such profile; there are: {}", known.join(", "))
    })
}

fn special_pool(text: &str) -> Result<SpecialPool, String> {
    match text {
        "end" => Ok(SpecialPool::End),
        "start" => Ok(SpecialPool::Start),
        "turns" => Ok(SpecialPool::Turns),
        _ => Err("blocks lie at the end of a page, at its start, or by turns".to_owned()),
    }
}
