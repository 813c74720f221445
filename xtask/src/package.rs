//! `cargo xtask package`: the folder that a test-signing machine takes.

mod check;
mod make;
mod notes;
mod osslsigncode;
mod report;
pub mod reproduce;
mod signify;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pagewise_package::certificate::Identity;

use crate::build;
use crate::fs;
use crate::setup;
use crate::workspace::Workspace;

use check::Checks;
use make::Package;
use signify::Signify;

/// Why osslsigncode is not asked about a certificate by another.
const NO_CHAIN: &str = "osslsigncode was not asked: it wants the certificates up to a self-signed \
                        one, and has this one only";

/// Where the package goes, below the checkout.
const OUT: &str = "dist/pagewise";

/// What the user can say.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Sign with this certificate (PEM or DER) and not with a throw-away one.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "unsigned")]
    certificate: Option<PathBuf>,
    /// The certificate's RSA key (PEM, without a password).
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Write the key of the throw-away certificate here; else nobody ever has it again.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "unsigned"])]
    keep_key: Option<PathBuf>,
    /// Write the package to this folder, and not to dist/pagewise of the checkout.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Sign nothing: a catalog for another tool to sign, and no certificate.
    #[arg(long)]
    unsigned: bool,
    /// Package what is in target/pagewise already.
    #[arg(long)]
    no_build: bool,
    /// Have the Python package signify check it, too (from PyPI, installed below target/kit).
    #[arg(long, conflicts_with = "unsigned")]
    signify: bool,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
}

/// Builds, makes the package of what was built, writes it, reads it back and checks it.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !arguments.no_build {
        build::run(workspace, &build::Arguments::default())?;
    }
    let out = arguments.out.clone().unwrap_or_else(|| workspace.root().join(OUT));
    let identity = arguments.identity()?;
    let package = Package::of(&workspace.artifacts(), identity.as_ref())?;
    // Before the package: one whose key could not be kept would be signed by nobody's.
    if let (Some(path), Some(identity)) = (&arguments.keep_key, &identity) {
        write_key(path, &identity.key_pem()?)?;
    }
    write(&package, &out)?;
    let checks = arguments.check(workspace, &out, identity.as_ref())?;
    report::print(&out, &package, identity.as_ref(), &checks, arguments.json)
}

/// Makes a package of what is in `artifacts` and writes it to `out`, signed with a throw-away
/// certificate.
pub fn make(artifacts: &Path, out: &Path) -> Result<()> {
    let identity = Identity::throw_away(now()?)?;
    write(&Package::of(artifacts, Some(&identity))?, out)
}

impl Arguments {
    /// What can be checked of the package in `out`.
    fn check(
        &self,
        workspace: &Workspace,
        out: &Path,
        identity: Option<&Identity>,
    ) -> Result<Checks> {
        let mut checks = Checks { verified: check::ours(out, identity)?, skipped: Vec::new() };
        let Some(identity) = identity else { return Ok(checks) };
        if identity.is_self_signed() {
            setup::provide(setup::SIGNATURES)?;
            checks.verified.extend(check::osslsigncode(out, identity)?);
        } else {
            checks.skipped.push(NO_CHAIN);
        }
        if self.signify {
            let signify = Signify::provide(workspace)?;
            checks.verified.extend(check::signify(out, &signify)?);
        }
        Ok(checks)
    }

    fn identity(&self) -> Result<Option<Identity>> {
        if self.unsigned {
            return Ok(None);
        }
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else {
            return Ok(Some(Identity::throw_away(now()?)?));
        };
        let identity = Identity::from_files(&fs::read(certificate)?, &fs::read_text(key)?);
        let read = || format!("cannot sign with {} and {}", certificate.display(), key.display());
        identity.map(Some).with_context(read)
    }
}

fn now() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(now.context("the clock is before 1970")?.as_secs())
}

/// Writes exactly the package's files: what else lies in the folder must be of an older package.
fn write(package: &Package, out: &Path) -> Result<()> {
    if out.is_dir() {
        let foreign = fs::entries(out)?.into_iter().find(|path| !make::is_of_a_package(path));
        if let Some(foreign) = foreign {
            bail!(
                "{} holds {}, which is of no package\n  try: another folder with --out",
                out.display(),
                foreign.display()
            );
        }
        fs::remove_dir(out)?;
    }
    for (name, content) in &package.files {
        fs::write_if_changed(&out.join(name), content)?;
    }
    Ok(())
}

/// Only its owner may read a key.
fn write_key(path: &Path, pem: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let told = || format!("cannot make {} for the key", path.display());
    file.and_then(|mut file| file.write_all(pem.as_bytes())).with_context(told)
}
