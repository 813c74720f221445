//! A guest's program, from the hand-over disk and the port to the end of the run. What a system has
//! of its own is behind [`Machine`] and [`Port`].

mod disk;
mod files;
mod link;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::control::Control;
use crate::frame::Frame;
use crate::guest::{Acted, Effects, End, Found, run};
use crate::journal::Journal;
use crate::manifest;
use crate::outcome::Outcome;
use crate::plan::Step;
use crate::sender::Sender;

use disk::Disk;
pub use files::{note, note_inline};
pub use link::{Link, Port};

/// How long a refusal is repeated: nobody acknowledges it.
const REFUSING: Duration = Duration::from_secs(10);

/// What a system does for a plan.
pub trait Machine {
    /// Looks around, at the start. The journal tells what is known, such as earlier dumps; `out` is
    /// the hand-over disk's.
    fn found(&mut self, journal: &Journal, out: &Path) -> Found;

    /// As [`Effects::act`]. What it leaves goes to `out`.
    fn act(&mut self, step: &Step, out: &Path) -> Acted;

    /// As [`Effects::restart`].
    ///
    /// # Errors
    /// How the step ends that asked for it.
    fn restart(&mut self) -> Result<(), Outcome>;
}

/// The guest cannot begin, or cannot go on. The host was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Plays the plan of a hand-over disk, from wherever it stands. At its end, everything was sent, or
/// the host has not answered for a while; it is for the caller to shut the machine down.
///
/// # Errors
/// [`Refused`]
pub fn play(
    handover: &Path,
    mut port: Box<dyn Port>,
    machine: &mut dyn Machine,
) -> Result<End, Refused> {
    let mut disk = match Disk::open(handover) {
        Ok(disk) => disk,
        Err(what) => {
            refuse(&mut *port, &what, REFUSING);
            return Err(Refused(what));
        }
    };
    let found = machine.found(&disk.journal, &disk.out);
    let boot = disk.boot() + 1;
    let mut sender = Sender::new(boot, manifest::sha256(&disk.plan_bytes));
    disk.journal.frames.iter().for_each(|frame| sender.push(frame.clone()));
    let link = Link::start(port, sender, boot);
    let (plan, journal) = (disk.plan.clone(), std::mem::take(&mut disk.journal));
    let out = disk.out.clone();
    let mut playing = Playing { disk, link, machine, out, start: Instant::now() };
    match run(plan, &journal, found, &mut playing) {
        Ok(end) => {
            if matches!(end, End::Over(_)) {
                playing.link.drain();
            }
            Ok(end)
        }
        Err(error) => {
            let what = format!("the journal cannot be written: {error}");
            refuse(&mut *playing.link.stop(), &what, REFUSING);
            Err(Refused(what))
        }
    }
}

struct Playing<'a> {
    disk: Disk,
    link: Link,
    machine: &'a mut dyn Machine,
    out: PathBuf,
    start: Instant,
}

impl Effects for Playing<'_> {
    type Error = io::Error;

    fn append(&mut self, frame: &Frame) -> io::Result<()> {
        self.disk.append(frame)?;
        self.link.push(frame.clone());
        Ok(())
    }

    fn act(&mut self, step: &Step) -> io::Result<Acted> {
        self.link.set_step(Some(&step.id));
        let acted = self.machine.act(step, &self.out);
        self.link.set_step(None);
        Ok(acted)
    }

    fn restart(&mut self) -> io::Result<Result<(), Outcome>> {
        Ok(self.machine.restart())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

fn refuse(port: &mut dyn Port, what: &str, time: Duration) {
    let frame = Control::Refused { what: what.to_owned() }.frame();
    let start = Instant::now();
    while start.elapsed() < time {
        // A port that does not work either leaves nothing more to try.
        let _ = port.write_all(&frame);
        std::thread::sleep(Duration::from_secs(1));
    }
}
