//! Uninstalling: the device before its service, and a look afterwards.

use std::time::Duration;

use serde::Serialize;

use super::{Host, SERVICE, Trust};
use crate::error::Error;

/// How long the service may take to go.
const PATIENCE: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(100);

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Device nodes.
    pub nodes: Vec<String>,
    /// Published INFs.
    pub infs: Vec<String>,
    /// Whether there was a service.
    pub service: bool,
    /// Files outside the driver store.
    pub files: Vec<String>,
    /// Certificates that an earlier install added.
    pub certificates: Vec<Trust>,
}

/// How uninstalling ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uninstalled {
    /// What was removed.
    pub removed: Removed,
    /// What is left, and why, one a line.
    pub left: Vec<String>,
    /// Whether the system has to restart to finish.
    pub restart: bool,
}

/// What not to touch.
pub(super) struct Scope<'a> {
    pub(super) keep_nodes: &'a [String],
    pub(super) keep_infs: &'a [String],
    pub(super) keep_service: bool,
    pub(super) certificates: &'a [Trust],
}

/// Removes all there is of the driver. Where there is nothing, nothing is done.
///
/// # Errors
/// [`Error::NotElevated`]; [`Error::Win32`] where the system could not even be asked. What could
/// not be removed is in the answer.
pub fn uninstall(host: &dyn Host) -> Result<Uninstalled, Error> {
    if !host.is_elevated() {
        return Err(Error::NotElevated);
    }
    let certificates = host.trusted()?;
    let scope =
        Scope { keep_nodes: &[], keep_infs: &[], keep_service: false, certificates: &certificates };
    remove(host, &scope)
}

/// Removes what the scope does not keep. What was removed is what is no longer there: a look at the
/// system decides, not what its functions answered.
pub(super) fn remove(host: &dyn Host, scope: &Scope<'_>) -> Result<Uninstalled, Error> {
    let before = Present::look(host, scope)?;
    let (restart, mut failures) = remove_nodes(host, &before);
    // A device that stays needs the rest. A later uninstall then finds all of it.
    if failures.is_empty() {
        failures = remove_driver(host, &before);
    }
    let after = Present::wait(host, scope)?;
    let removed = Removed {
        nodes: without(before.nodes, &after.nodes),
        infs: without(before.infs, &after.infs),
        service: before.service.is_some() && after.service.is_none(),
        files: without(before.files, &after.files),
        certificates: without(before.certificates, &after.certificates),
    };
    let mut left = after.lines();
    // Why it is left; where nothing is, a failure on the way does not matter.
    if !left.is_empty() {
        left.append(&mut failures);
    }
    Ok(Uninstalled { removed, left, restart })
}

fn remove_nodes(host: &dyn Host, present: &Present) -> (bool, Vec<String>) {
    let (mut restart, mut failures) = (false, Vec::new());
    for node in &present.nodes {
        match host.remove_node(node) {
            Ok(needed) => restart |= needed,
            Err(error) => failures.push(error.to_string()),
        }
    }
    (restart, failures)
}

/// What there is besides device nodes. Answers what failed.
fn remove_driver(host: &dyn Host, present: &Present) -> Vec<String> {
    let mut results = Vec::new();
    results.extend(present.infs.iter().map(|inf| host.remove_inf(inf)));
    results.extend(present.service.iter().map(|_| host.remove_service()));
    results.extend(present.files.iter().map(|file| host.remove_file(file)));
    results.extend(present.certificates.iter().map(|trust| host.distrust(trust)));
    results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()
}

/// What there is of the driver, as far as a scope does not keep it.
struct Present {
    nodes: Vec<String>,
    infs: Vec<String>,
    /// Path of its image.
    service: Option<String>,
    files: Vec<String>,
    certificates: Vec<Trust>,
}

impl Present {
    fn look(host: &dyn Host, scope: &Scope<'_>) -> Result<Self, Error> {
        let keep = scope.keep_service;
        let mut certificates = host.trusted()?;
        certificates.retain(|trust| scope.certificates.contains(trust));
        Ok(Self {
            nodes: without(host.nodes()?, scope.keep_nodes),
            infs: without(host.infs()?, scope.keep_infs),
            service: if keep { None } else { host.service()? },
            files: if keep { Vec::new() } else { host.files()? },
            certificates,
        })
    }

    /// A look once the service has gone: it goes only when it has stopped and the last handle to it
    /// is closed.
    fn wait(host: &dyn Host, scope: &Scope<'_>) -> Result<Self, Error> {
        let mut waited = Duration::ZERO;
        loop {
            let present = Self::look(host, scope)?;
            if present.service.is_none() || !present.nodes.is_empty() || waited >= PATIENCE {
                return Ok(present);
            }
            host.pause(STEP);
            waited += STEP;
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.nodes.iter().map(|node| format!("device node {node}")));
        lines.extend(self.infs.iter().map(|inf| format!("driver package {inf}")));
        lines.extend(self.service.iter().map(|image| format!("service {SERVICE} ({image})")));
        lines.extend(self.files.iter().map(|file| format!("file {file}")));
        let certificates = self.certificates.iter();
        lines.extend(certificates.map(|trust| {
            let Trust { store, thumbprint } = trust;
            format!("certificate {thumbprint} in {store}")
        }));
        lines
    }
}

fn without<T: PartialEq>(all: Vec<T>, these: &[T]) -> Vec<T> {
    all.into_iter().filter(|one| !these.contains(one)).collect()
}
