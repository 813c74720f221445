//! Reading Windows, and Wine behind the same interface. Nothing is judged here.

use std::path::{Path, PathBuf};

use super::readings::{Node, Readings, Service};
use super::{Reading, image};
use crate::error::Error;
use crate::machine::Kind;
use crate::setup::{self, SERVICE};
use crate::status::Win32;
use crate::win32::{code_integrity, host, registry, service, token, trust, version};

/// Reads all there is to judge.
///
/// # Errors
/// None: what cannot be read is part of the readings.
pub fn read() -> Result<Readings, Error> {
    let setup = setup::this_host()?;
    let service = reading(service::query(SERVICE)).map(|found| {
        found.map(|found| {
            let path = file_of(&found.image);
            let (state, start) = (found.state, found.start);
            Service { state, start, image_is_there: path.is_file(), image: found.image }
        })
    });
    let image = service.as_ref().ok().and_then(Option::as_ref).map(|found| file_of(&found.image));
    Ok(Readings {
        machine: if host::is_wine() { Kind::Wine } else { Kind::Windows },
        elevated: token::is_elevated(),
        windows: reading(version::of_windows()),
        nodes: reading(nodes(&*setup)),
        interfaces: reading(setup.interfaces()),
        driver_signature: Ok(image.as_deref().and_then(signature)),
        catalog_signature: Ok(image.as_deref().and_then(catalog).as_deref().and_then(signature)),
        code_integrity: reading(code_integrity::options()),
        memory_integrity: Ok(registry::number(MEMORY_INTEGRITY, "Enabled").map(|value| value != 0)),
        disable_paging_executive: Ok(registry::number(MEMORY_MANAGEMENT, "DisablePagingExecutive")),
        framework: reading(framework()),
        service,
    })
}

const MEMORY_INTEGRITY: &str =
    r"SYSTEM\CurrentControlSet\Control\DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity";
const MEMORY_MANAGEMENT: &str =
    r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";

fn reading<T>(result: Result<T, Error>) -> Reading<T> {
    result.map_err(|error| error.to_string())
}

fn nodes(setup: &dyn setup::Host) -> Result<Vec<Node>, Error> {
    let node = |id: String| {
        let (service, problem) = (setup.service_of(&id)?, setup.problem_of(&id)?);
        Ok(Node { id, service, problem })
    };
    setup.nodes()?.into_iter().map(node).collect()
}

fn file_of(image: &str) -> PathBuf {
    let root = host::windows_folder();
    PathBuf::from(image::win32_path(image, &root.to_string_lossy()))
}

fn signature(file: &Path) -> Option<Win32> {
    file.is_file().then(|| trust::verify(file))
}

/// The catalog beside the driver in the driver store, or where Wine 8 keeps it.
fn catalog(driver: &Path) -> Option<PathBuf> {
    const WINE: &str = r"system32\catroot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}\pagewise.cat";
    let beside = driver.with_extension("cat");
    let places = [beside, host::windows_folder().join(WINE)];
    places.into_iter().find(|place| place.is_file())
}

fn framework() -> Result<Option<[u16; 4]>, Error> {
    let file = host::windows_folder().join(r"system32\drivers\Wdf01000.sys");
    if file.is_file() { version::of_file(&file).map(Some) } else { Ok(None) }
}
