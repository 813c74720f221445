//! The verbs, one file each or one for a few that are alike.

mod ballast;
mod doctor;
mod guest;
mod locks;
mod look;
mod paging;
mod setup;
mod touch;
mod trim;
mod verify;
mod watch;

use std::io::{Write, stdout};

use serde::Serialize;

use crate::cli::{Arguments, Verb};
use crate::driver::Driver;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine, connect};
use crate::terminal;

/// Does what the command line asks for.
///
/// # Errors
/// [`Error`]
pub fn run(arguments: &Arguments) -> Result<Exit, Error> {
    let out = &mut stdout().lock();
    let choice = arguments.choice();
    let colour = terminal::colour(arguments.color);
    let machine = || connect(&choice);
    match &arguments.verb {
        // It can list its checks without a machine.
        Verb::Verify(options) => verify::verify(&machine, options, out, colour),
        Verb::Status(json) => look::status(&*machine()?, json.json, out),
        Verb::Sections(json) => look::sections(&*machine()?, json.json, out),
        Verb::Map(map) => look::map(&*machine()?, map, colour, out),
        Verb::Page(json) => paging::page(&*machine()?, json.json, out),
        Verb::Reset(json) => paging::reset(&*machine()?, json.json, out),
        Verb::Lock(lock) => locks::lock(&*machine()?, lock, out),
        Verb::Unlock(lock) => locks::unlock(&*machine()?, lock, out),
        Verb::Touch(touch) => touch::touch(&*machine()?, touch, out),
        Verb::Ballast(ballast) => ballast::ballast(&*machine()?, ballast, out),
        Verb::Trim(trim) => trim::trim(&*machine()?, trim, out),
        Verb::Watch(watch) => watch::watch(&*machine()?, watch, out),
        Verb::Install(options) => setup::install(options, out),
        Verb::Uninstall(json) => setup::uninstall(json.json, out),
        Verb::Doctor(json) => doctor::doctor(json.json, colour, out),
        Verb::Guest(what) => guest::guest(what, out),
    }
}

fn open(machine: &dyn Machine, access: Access) -> Result<Driver, Error> {
    Driver::open(machine, access)
}

/// Prints an answer for programs.
fn print_json(out: &mut dyn Write, answer: &impl Serialize) -> Result<Exit, Error> {
    let text = serde_json::to_string(answer)
        .map_err(|error| Error::Broken(format!("the answer is no JSON: {error}")))?;
    writeln!(out, "{text}")?;
    Ok(Exit::Ok)
}
