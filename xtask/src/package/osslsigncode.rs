//! What osslsigncode says: a program of others that knows Authenticode, and shares no code with us.

use std::path::Path;

use crate::error::{Error, Result};
use crate::run;

/// Its name.
const NAME: &str = "osslsigncode";

/// osslsigncode, with the one certificate that it shall trust.
pub struct Osslsigncode {
    version: String,
    anchor: tempfile::NamedTempFile,
}

impl Osslsigncode {
    /// Finds out its version, and writes the certificate, PEM, where it can read it.
    pub fn trusting(certificate: &str) -> Result<Self> {
        let banner = run::quiet(run::command(NAME).arg("--version"))?;
        let version = banner.split(',').next().unwrap_or_default().trim().to_owned();
        let anchor = tempfile::NamedTempFile::new();
        let anchor = anchor.map_err(Error::file("make", Path::new("a temporary file")))?;
        std::fs::write(anchor.path(), certificate).map_err(Error::file("write", anchor.path()))?;
        Ok(Self { version, anchor })
    }

    /// Its name and version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Verifies the signature in an image or of a catalog.
    pub fn signature(&self, file: &Path) -> Result<()> {
        self.verify(&[file])
    }

    /// Verifies that a catalog's signature is good and that it lists an image. It knows no flat
    /// files: an INF is "unrecognized" to it.
    pub fn listed(&self, catalog: &Path, image: &Path) -> Result<()> {
        self.verify(&[Path::new("-catalog"), catalog, image])
    }

    fn verify(&self, arguments: &[&Path]) -> Result<()> {
        let mut command = run::command(NAME);
        command.args(["verify", "-CAfile"]).arg(self.anchor.path()).args(arguments);
        run::quiet(&mut command).map(drop)
    }
}
