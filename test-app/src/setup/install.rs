//! Installing: all of it, or nothing.

use std::time::Duration;

use serde::Serialize;

use super::{Host, Package, SERVICE, Trust, uninstall};
use crate::error::Error;

/// How long the device may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(100);
/// How long a problem may last: some come and go while the device is set up.
const GRACE: Duration = Duration::from_secs(3);

/// What was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Instance id of the device node.
    pub node: String,
    /// Whether the node was there before.
    pub reused: bool,
    /// Published names of the driver's INFs.
    pub infs: Vec<String>,
    /// Path of the device interface; none before a restart that is needed.
    pub interface: Option<String>,
    /// Certificates that were added.
    pub trusted: Vec<Trust>,
    /// Whether the system has to restart first.
    pub restart: bool,
}

/// What there was before.
struct Before {
    nodes: Vec<String>,
    infs: Vec<String>,
    service: bool,
}

/// Makes the device node, if there is none, and installs the driver on it. What was there stays,
/// whatever happens; what was added goes again if it fails.
///
/// # Errors
/// [`Error::Win32`]; [`Error::NothingInstalled`] and [`Error::NotStarted`] where the system reports
/// success and the device says otherwise; [`Error::HalfInstalled`] where not all could be undone.
pub fn install(host: &dyn Host, package: &Package, trust: bool) -> Result<Installed, Error> {
    if !host.is_elevated() {
        return Err(Error::NotElevated);
    }
    let before =
        Before { nodes: host.nodes()?, infs: host.infs()?, service: host.service()?.is_some() };
    let trusted = if trust { host.trust(&package.certificate)? } else { Vec::new() };
    match put(host, package, &before) {
        Ok(installed) => Ok(Installed { trusted, ..installed }),
        Err(error) => Err(undo(host, &before, &trusted, error)),
    }
}

fn put(host: &dyn Host, package: &Package, before: &Before) -> Result<Installed, Error> {
    let node = match before.nodes.first() {
        Some(node) => node.clone(),
        None => host.create_node(&package.inf)?,
    };
    let restart = host.install_inf(&package.inf)?;
    // Success may mean that no driver matched.
    if !host.service_of(&node)?.is_some_and(|service| service.eq_ignore_ascii_case(SERVICE)) {
        return Err(Error::NothingInstalled { node });
    }
    let interface = wait_for_interface(host, &node, restart)?;
    Ok(Installed {
        node,
        reused: !before.nodes.is_empty(),
        infs: host.infs()?,
        interface,
        trusted: Vec::new(),
        restart,
    })
}

fn wait_for_interface(host: &dyn Host, node: &str, restart: bool) -> Result<Option<String>, Error> {
    let (mut waited, mut sick) = (Duration::ZERO, Duration::ZERO);
    loop {
        if let Some(path) = host.interfaces()?.into_iter().next() {
            return Ok(Some(path));
        }
        if restart {
            return Ok(None);
        }
        let problem = host.problem_of(node)?;
        sick = if problem.is_some() { sick + STEP } else { Duration::ZERO };
        if sick >= GRACE || waited >= PATIENCE {
            return Err(Error::NotStarted { node: node.to_owned(), problem });
        }
        host.pause(STEP);
        waited += STEP;
    }
}

/// Undoes what was done since `before`.
fn undo(host: &dyn Host, before: &Before, trusted: &[Trust], error: Error) -> Error {
    let scope = uninstall::Scope {
        keep_nodes: &before.nodes,
        keep_infs: &before.infs,
        keep_service: before.service,
        certificates: trusted,
    };
    let left = match uninstall::remove(host, &scope) {
        Ok(done) => done.left,
        Err(undoing) => vec![undoing.to_string()],
    };
    if left.is_empty() {
        return error;
    }
    Error::HalfInstalled { error: Box::new(error), left }
}

/// Installs the driver again on a new node, its service and its INF being there: what plugging in
/// is to a root-enumerated device.
///
/// # Errors
/// As [`install`].
pub fn replug(host: &dyn Host, package: &Package) -> Result<(), Error> {
    install(host, package, false).map(|_| ())
}
