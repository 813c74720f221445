//! Nobody runs: how long the machine waits for the world before it goes on by itself.

use std::io;
use std::sync::{Condvar, PoisonError};
use std::thread;
use std::time::Duration;

use super::roster::Roster;

/// How long a machine that owes nobody anything stands still. A client that does not speak for so
/// long waits for something to happen by itself.
const SILENCE: Duration = Duration::from_secs(2);

/// How long nobody can run, and nothing comes due, before that is said.
const STUCK: Duration = Duration::from_secs(5);

static IDLE: Condvar = Condvar::new();

/// The machine has become idle, or there is something new to wait for.
pub(super) fn tell() {
    IDLE.notify_all();
}

/// Starts the thread that has the machine go on.
///
/// # Errors
/// What the host says of it.
pub(super) fn start() -> io::Result<()> {
    thread::Builder::new().name("idle".to_owned()).spawn(keep).map(drop)
}

fn keep() {
    let Some(mut roster) = super::lock() else { return };
    let mut said = false;
    loop {
        let epoch = roster.epoch();
        let patience = if roster.holder().is_some() { None } else { patience(&roster, said) };
        let Some(patience) = patience else {
            roster = IDLE.wait(roster).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let waited = IDLE.wait_timeout(roster, patience);
        let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        roster = again;
        if !timeout.timed_out() || roster.holder().is_some() || roster.epoch() != epoch {
            continue;
        }
        match roster.stuck() {
            Some(names) => {
                said = true;
                eprintln!("schedule: nobody can run; there wait: {names}");
                super::say_how_to_repeat();
            }
            None => roster.go_on(),
        }
    }
}

fn patience(roster: &Roster, said: bool) -> Option<Duration> {
    if roster.stands_still() {
        return Some(SILENCE);
    }
    match roster.next_due() {
        Some(due) => Some(due.saturating_sub(roster.now())),
        None => roster.stuck().filter(|_| !said).map(|_| STUCK),
    }
}
