//! `install` and `uninstall`.

use std::io::Write;
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;

use super::print_json;
use crate::cli::Install;
use crate::error::Error;
use crate::exit::Exit;
use crate::setup::{self, Installed, Package, Uninstalled, this_host};
use crate::terminal;

#[derive(Serialize)]
struct Answer<T> {
    schema: u32,
    #[serde(flatten)]
    what: T,
}

pub(super) fn install(options: &Install, out: &mut dyn Write) -> Result<Exit, Error> {
    let host = this_host()?;
    let package = Package::find(options.package.as_deref(), options.trust)?;
    let spinner = spinner("installing; this may take half a minute");
    let installed = setup::install(&*host, &package, options.trust);
    spinner.finish_and_clear();
    let installed = installed?;
    let exit = if installed.restart { Exit::Restart } else { Exit::Ok };
    if options.json {
        print_json(out, &Answer { schema: 1, what: installed })?;
    } else {
        tell_installed(&installed, out)?;
    }
    Ok(exit)
}

/// Something that moves while the system works, on standard error where that is a terminal.
fn spinner(message: &'static str) -> ProgressBar {
    if !terminal::has_bar() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn tell_installed(installed: &Installed, out: &mut dyn Write) -> Result<(), Error> {
    for trust in &installed.trusted {
        writeln!(out, "trusted      {} in {}", trust.thumbprint, trust.store)?;
    }
    let was = if installed.reused { "was there" } else { "new" };
    writeln!(out, "node         {} ({was})", installed.node)?;
    writeln!(out, "package      {}", installed.infs.join(", "))?;
    writeln!(out, "service      {}", setup::SERVICE)?;
    match &installed.interface {
        Some(path) => writeln!(out, "interface    {path}")?,
        None => writeln!(out, "interface    not before the system has restarted")?,
    }
    if installed.restart {
        writeln!(
            out,
            "restart the system to finish it: Win32 ERROR_SUCCESS_REBOOT_REQUIRED (3010)"
        )?;
    } else {
        writeln!(out, "the device works; `test-app verify` checks the driver")?;
    }
    Ok(())
}

pub(super) fn uninstall(json: bool, out: &mut dyn Write) -> Result<Exit, Error> {
    let host = this_host()?;
    let spinner = spinner("removing");
    let done = setup::uninstall(&*host);
    spinner.finish_and_clear();
    let done = done?;
    let exit = match (done.left.is_empty(), done.restart) {
        (false, _) => Exit::System,
        (true, true) => Exit::Restart,
        (true, false) => Exit::Ok,
    };
    if json {
        print_json(out, &Answer { schema: 1, what: done })?;
    } else {
        tell_uninstalled(&done, out)?;
    }
    Ok(exit)
}

fn tell_uninstalled(done: &Uninstalled, out: &mut dyn Write) -> Result<(), Error> {
    let removed = &done.removed;
    for node in &removed.nodes {
        writeln!(out, "removed      device node {node}")?;
    }
    for inf in &removed.infs {
        writeln!(out, "removed      driver package {inf}")?;
    }
    if removed.service {
        writeln!(out, "removed      service {}", setup::SERVICE)?;
    }
    for file in &removed.files {
        writeln!(out, "removed      file {file}")?;
    }
    for trust in &removed.certificates {
        writeln!(out, "removed      certificate {} from {}", trust.thumbprint, trust.store)?;
    }
    for left in &done.left {
        writeln!(out, "left         {left}")?;
    }
    match (done.left.is_empty(), done.restart) {
        (false, _) => writeln!(
            out,
            "something is left: close what uses the device, restart the system, and run `test-app \
             uninstall` again"
        )?,
        (true, true) => {
            writeln!(
                out,
                "restart the system to finish it: Win32 ERROR_SUCCESS_REBOOT_REQUIRED (3010)"
            )?;
        }
        (true, false) => writeln!(out, "nothing of the driver is left")?,
    }
    Ok(())
}
