//! The live screen, and its keys.

use std::time::{Duration, Instant};

use pagewise_contract::PagingAction;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::view::draw;
use super::{Look, open};
use crate::driver::Driver;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};

pub(super) fn watch(
    machine: &dyn Machine,
    interval: Duration,
    count: Option<u64>,
) -> Result<Exit, Error> {
    // Looking is for everybody who may read; only the keys that change something need more.
    let mut driver = match open(machine, Access::ReadWrite) {
        Err(error) if error.exit() == Exit::AccessDenied => open(machine, Access::Read)?,
        other => other?,
    };
    let mut terminal = ratatui::try_init()?;
    let result = run(&mut terminal, machine, &mut driver, interval, count);
    ratatui::try_restore()?;
    result
}

fn run(
    terminal: &mut DefaultTerminal,
    machine: &dyn Machine,
    driver: &mut Driver,
    interval: Duration,
    count: Option<u64>,
) -> Result<Exit, Error> {
    let mut message = String::new();
    let mut looks = 0;
    loop {
        let look = Look::take(machine, driver)?;
        terminal.draw(|frame| draw(frame, &look, &message, machine.lab().is_some()))?;
        looks += 1;
        if count.is_some_and(|count| looks >= count) {
            return Ok(Exit::Ok);
        }
        match wait_for_key(interval)? {
            Some(KeyCode::Char('q') | KeyCode::Esc) => return Ok(Exit::Ok),
            Some(key) => message = obey(key, machine, driver)?,
            None => {}
        }
    }
}

/// The next key, or nothing once the time is over. Ctrl-C counts as `q`.
fn wait_for_key(time: Duration) -> Result<Option<KeyCode>, Error> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if !event::poll(left)? {
            return Ok(None);
        }
        match event::read()? {
            Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => {
                let interrupt =
                    code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
                return Ok(Some(if interrupt { KeyCode::Char('q') } else { code }));
            }
            // Draw it again in the new size.
            Event::Resize(..) => return Ok(None),
            _ => {}
        }
    }
}

/// Does what a key stands for. What the driver refuses is said, and is no reason to end.
fn obey(key: KeyCode, machine: &dyn Machine, driver: &mut Driver) -> Result<String, Error> {
    let done = match (key, machine.lab()) {
        (KeyCode::Char('p'), _) => {
            driver.set_paging(PagingAction::PageEntire).map(|_| "paged entire".to_owned())
        }
        (KeyCode::Char('r'), _) => driver.set_paging(PagingAction::Reset).map(|_| "reset".into()),
        (KeyCode::Char('t'), Some(lab)) => lab.trim().map(|pages| format!("{pages} pages moved")),
        (KeyCode::Char('e'), Some(lab)) => lab.evict().map(|pages| format!("{pages} pages moved")),
        _ => return Ok(String::new()),
    };
    match done {
        Err(error @ Error::Request { .. }) => Ok(error.to_string()),
        other => other,
    }
}
