//! From what was built to what is shipped.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use pagewise_package::catalog::{self, Contents, Description, File, SYSTEMS};
use pagewise_package::certificate::Identity;
use pagewise_package::inf::Inf;
use pagewise_package::sign;

use super::notes;
use crate::fs;

/// The stamped INF.
pub const INF: &str = "pagewise.inf";
/// The certificate to install before the package.
pub const CERTIFICATE: &str = "pagewise.cer";
/// What goes along as it was built.
const ALONG: &[&str] = &["test-app.exe", "pagewise.pdb"];

/// A driver package, in memory.
#[derive(Debug)]
pub struct Package {
    /// Its files by name, in the order in which they are shown.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Package {
    /// Makes one of a folder of artifacts; without an identity, nothing is signed.
    ///
    /// The driver is signed before the catalog is made: its digest leaves the signature out, but
    /// whoever signs afterwards changes the file for those who hash all of it
    /// (learn.microsoft.com/windows-hardware/drivers/install/test-signing-driver-packages).
    pub fn of(artifacts: &Path, identity: Option<&Identity>) -> Result<Self> {
        let inf = built(artifacts, INF)?;
        let contents = Contents::of(&Inf::read(&inf))
            .with_context(|| format!("{INF} cannot have a catalog"))?;
        let mut files = Vec::new();
        for name in &contents.files {
            let image = built(artifacts, name)?;
            files.push((name.clone(), signed(&image, name, identity)?));
        }
        files.push((INF.to_owned(), inf));

        let list = list(&files, &contents)?;
        let catalog = match identity {
            Some(identity) => sign::catalog(&list, identity)?,
            None => sign::unsigned_catalog(&list)?,
        };
        files.push((contents.catalog.clone(), catalog));
        if let Some(identity) = identity {
            files.push((CERTIFICATE.to_owned(), identity.certificate_der()?));
        }
        for name in ALONG {
            files.push(((*name).to_owned(), built(artifacts, name)?));
        }
        files.push((notes::NAME.to_owned(), notes::text(identity).into_bytes()));
        Ok(Self { files })
    }
}

/// Whether a package has, or had, a file of this path's name.
pub fn is_of_a_package(path: &Path) -> bool {
    let names = [INF, CERTIFICATE, notes::NAME, "pagewise.sys", "pagewise.cat"];
    path.file_name().is_some_and(|file| names.iter().chain(ALONG).any(|name| file == *name))
}

/// The trust list of the files in a folder of artifacts: the same, signed or not, since no digest
/// counts an image's signature.
pub fn unsigned_list(artifacts: &Path) -> Result<Vec<u8>> {
    let inf = built(artifacts, INF)?;
    let contents = Contents::of(&Inf::read(&inf))?;
    let mut files = Vec::new();
    for name in &contents.files {
        files.push((name.clone(), built(artifacts, name)?));
    }
    files.push((INF.to_owned(), inf));
    list(&files, &contents)
}

fn list(files: &[(String, Vec<u8>)], contents: &Contents) -> Result<Vec<u8>> {
    let members: Vec<File<'_>> =
        files.iter().map(|(name, content)| File { name, content }).collect();
    let ids: Vec<&str> = contents.hardware_ids.iter().map(String::as_str).collect();
    let description = Description { systems: SYSTEMS, hardware_ids: &ids, time: contents.time };
    Ok(catalog::write(&members, &description)?)
}

fn signed(image: &[u8], name: &str, identity: Option<&Identity>) -> Result<Vec<u8>> {
    let Some(identity) = identity else { return Ok(image.to_vec()) };
    sign::image(image, identity).with_context(|| format!("cannot sign {name}"))
}

fn built(artifacts: &Path, name: &str) -> Result<Vec<u8>> {
    let path = artifacts.join(name);
    if !path.is_file() {
        bail!("{} is not built\n  try: cargo xtask build", path.display());
    }
    Ok(fs::read(&path)?)
}
