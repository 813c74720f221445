//! Windows, and Wine behind the same interface.

mod certificates;
mod files;
mod infs;
mod nodes;
mod notes;

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{Host, SERVICE, Trust};
use crate::error::Error;
use crate::win32::{interfaces, service, token, wide};

/// This system.
///
/// # Errors
/// None: other hosts have one.
pub fn this_host() -> Result<Box<dyn Host>, Error> {
    Ok(Box::new(Windows))
}

struct Windows;

impl Host for Windows {
    fn is_elevated(&self) -> bool {
        token::is_elevated()
    }

    fn nodes(&self) -> Result<Vec<String>, Error> {
        nodes::ids()
    }

    fn create_node(&self, inf: &Path) -> Result<String, Error> {
        nodes::create(inf)
    }

    fn remove_node(&self, node: &str) -> Result<bool, Error> {
        nodes::remove(node)
    }

    fn install_inf(&self, inf: &Path) -> Result<bool, Error> {
        infs::install(inf)
    }

    fn infs(&self) -> Result<Vec<String>, Error> {
        infs::published()
    }

    fn remove_inf(&self, name: &str) -> Result<(), Error> {
        infs::remove(name)
    }

    fn service_of(&self, node: &str) -> Result<Option<String>, Error> {
        nodes::service_of(node)
    }

    fn problem_of(&self, node: &str) -> Result<Option<u32>, Error> {
        nodes::problem_of(node)
    }

    fn interfaces(&self) -> Result<Vec<String>, Error> {
        Ok(interfaces::interfaces()?.iter().map(|path| wide::to_string(path)).collect())
    }

    fn service(&self) -> Result<Option<String>, Error> {
        Ok(service::query(SERVICE)?.map(|service| service.image))
    }

    fn remove_service(&self) -> Result<(), Error> {
        // A driver without devices has been unloaded already, or stops now. Where it cannot, it is
        // marked for deletion, and why it stays is told.
        let stopped = service::stop(SERVICE);
        service::delete(SERVICE)?;
        stopped
    }

    fn files(&self) -> Result<Vec<String>, Error> {
        Ok(files::there())
    }

    fn remove_file(&self, path: &str) -> Result<(), Error> {
        files::remove(path)
    }

    fn trust(&self, certificate: &Path) -> Result<Vec<Trust>, Error> {
        certificates::trust(certificate)
    }

    fn trusted(&self) -> Result<Vec<Trust>, Error> {
        certificates::trusted()
    }

    fn distrust(&self, trust: &Trust) -> Result<(), Error> {
        certificates::distrust(trust)
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}
