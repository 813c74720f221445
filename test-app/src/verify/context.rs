//! What a check works with.

use std::sync::{Arc, Mutex, PoisonError};

use pagewise_contract::{
    BALLAST_REGION_PAGES, BallastRegion, PagingAction, Policy, Section, SectionKind, State,
};
use pagewise_lab_wire::{PageState, PageTruth};

use crate::driver::Driver;
use crate::machine::{Access, Lab, Machine, Need, Plug};
use crate::pages::Pages;
use crate::verify::Stop;
use crate::verify::check::ensure;

/// The seed of the random checks, unless another is asked for: `pagewise` in ASCII.
pub const DEFAULT_SEED: u64 = 0x7061_6765_7769_7365;

/// The machine, and what is known of the run.
#[derive(Clone)]
pub struct Context {
    machine: Arc<dyn Machine>,
    seed: u64,
    first: Option<State>,
    /// What the check that runs has to say besides its verdict.
    notes: Arc<Mutex<Vec<String>>>,
}

impl Context {
    /// For a machine. `first` is the state that the driver was found in.
    pub fn new(machine: Arc<dyn Machine>, seed: u64, first: Option<State>) -> Self {
        Self { machine, seed, first, notes: Arc::default() }
    }

    /// The machine.
    pub fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    /// The state that the driver was found in, before any check.
    pub fn first_state(&self) -> Option<State> {
        self.first
    }

    /// The device, opened for everything.
    pub fn driver(&self) -> Result<Driver, Stop> {
        self.open(Access::ReadWrite)
    }

    /// The device.
    pub fn open(&self, access: Access) -> Result<Driver, Stop> {
        Ok(Driver::open(self.machine(), access)?)
    }

    /// Skips the check where the machine does not offer what it needs.
    pub fn needs(&self, need: Need) -> Result<(), Stop> {
        self.machine
            .lacks(need)
            .map_or(Ok(()), |why| Err(Stop::Skipped(format!("needs {}: {why}", need.name()))))
    }

    /// The lab's powers; skips the check elsewhere, since it needs one of them.
    pub fn lab(&self, need: Need) -> Result<&dyn Lab, Stop> {
        self.needs(need)?;
        self.machine.lab().ok_or_else(|| {
            let name = self.machine.name();
            Stop::Skipped(format!("needs {}, which {name} does not offer", need.name()))
        })
    }

    /// Skips the check where the machine takes pages out by itself, as it does under force IRQL
    /// checking that it was started with: what is resident one moment is not the next, whatever the
    /// driver does. Whether it does shows in its own count when a request is made.
    pub fn needs_peace(&self) -> Result<(), Stop> {
        self.needs(Need::Peace)?;
        let Some(lab) = self.machine.lab() else { return Ok(()) };
        let before = lab.counters()?.trims;
        self.driver()?.state()?;
        if lab.counters()?.trims == before {
            return Ok(());
        }
        let (name, need) = (self.machine.name(), Need::Peace.name());
        Err(Stop::Skipped(format!(
            "needs {need}: {name} evicts by itself, as under force IRQL checking that it was started \
             with"
        )))
    }

    /// The lab's powers, for checks that decide something without them, too. The result says that
    /// it was decided without.
    pub fn lab_or_without(&self, need: Need) -> Option<&dyn Lab> {
        let lab = self.machine.lab();
        if lab.is_none() {
            self.note(format!("decided without {}", need.name()));
        }
        lab
    }

    /// Adds to what the result says of a check that passes. Said twice, it counts once.
    pub fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// The lab's powers, where nothing that is said of the result depends on them.
    pub fn lab_if_any(&self) -> Option<&dyn Lab> {
        self.machine.lab()
    }

    /// The notes of the check that has just ended, which are forgotten.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Removal and return of the device; skips the check where they cannot be had.
    pub fn plug(&self) -> Result<&dyn Plug, Stop> {
        self.needs(Need::Replug)?;
        self.machine.plug().ok_or_else(|| {
            let name = self.machine.name();
            Stop::Skipped(format!("needs {}, which {name} does not offer", Need::Replug.name()))
        })
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Random numbers, the same in each run with the same seed.
    pub fn random(&self, stream: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The device with its image as linked.
    pub fn driver_as_linked(&self) -> Result<Driver, Stop> {
        let mut driver = self.driver()?;
        let state = driver.set_paging(PagingAction::Reset)?;
        ensure!(state.policy() == Some(Policy::AsLinked), "reset left policy {}", state.policy);
        Ok(driver)
    }
}

/// The records of the sections, by index.
pub fn sections(driver: &mut Driver) -> Result<Vec<Section>, Stop> {
    Ok(driver.sections()?.records().to_vec())
}

/// Index and record of the section that holds a region of the ballast.
pub fn section_of(sections: &[Section], region: BallastRegion) -> Result<(u32, Section), Stop> {
    let name = region.section_name();
    let found = (0..).zip(sections).find(|(_, section)| section.name() == name);
    let (index, section) =
        found.ok_or_else(|| Stop::Failed(format!("the image has no section {name}")))?;
    // Nobody shall go through as many pages as a wrong answer claims.
    ensure!(
        section.pages as usize == BALLAST_REGION_PAGES,
        "{name} has {} pages, not {BALLAST_REGION_PAGES}",
        section.pages
    );
    Ok((index, *section))
}

/// What a region adds up to: as linked, or filled with `seed` where it can be.
pub fn sum_of(region: BallastRegion, seed: u64) -> u64 {
    if region.is_writable() { region.filled_checksum(seed) } else { region.linked_checksum() }
}

/// Fails unless a region adds up to what it should after a fill with `seed`.
pub fn ensure_intact(
    driver: &mut Driver,
    region: BallastRegion,
    seed: u64,
    when: &str,
) -> Result<(), Stop> {
    let (got, wanted) = (driver.checksum(region)?, sum_of(region, seed));
    let name = region.section_name();
    ensure!(got == wanted, "{name}, {when}, adds up to {got:#018x}, not {wanted:#018x}");
    Ok(())
}

/// Index and record of the first section of a kind.
pub fn first_of_kind(sections: &[Section], kind: SectionKind) -> Option<(u32, Section)> {
    let mut indexed = (0..).zip(sections.iter().copied());
    indexed.find(|(_, section)| section.kind() == Some(kind))
}

/// The truth about the pages of a section; nothing where the image ends before it.
pub fn truth_of<'a>(truth: &'a [PageTruth], section: &Section) -> &'a [PageTruth] {
    truth.get(Pages::of(section).numbers()).unwrap_or_default()
}

/// Pages of the image as the driver tells them, at least one.
pub fn image_pages(driver: &mut Driver) -> Result<u32, Stop> {
    let pages = driver.state()?.pages;
    ensure!(pages > 0, "an image without pages");
    Ok(pages)
}

/// By how much a counter grew. Counters come from the driver: they may as well have shrunk.
pub fn grown(before: u64, after: u64) -> i128 {
    i128::from(after) - i128::from(before)
}

/// Which pages are valid in truth.
pub fn valid(truth: &[PageTruth]) -> Vec<bool> {
    truth.iter().map(|page| page.state == PageState::Valid).collect()
}
