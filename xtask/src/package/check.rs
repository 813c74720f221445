//! Reading the package back from its folder, and checking it.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use pagewise_package::catalog::{self, Contents, File};
use pagewise_package::certificate::Identity;
use pagewise_package::inf::Inf;
use pagewise_package::{authenticode, hex, oid, sign};

use serde::Serialize;

use super::make::{CERTIFICATE, INF};
use super::osslsigncode::Osslsigncode;
use super::signify::{Member, Signify, VERSION};
use crate::fs;

/// Something that was found to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What, in words.
    pub what: String,
    /// By whom.
    pub by: String,
}

/// What became of all that can be checked.
#[derive(Clone, Debug)]
pub struct Checks {
    /// What was found to be so.
    pub verified: Vec<Verified>,
    /// What was not looked at, and why.
    pub skipped: Vec<&'static str>,
}

/// Checks what lies in `out` with our own reader; what is not so is an error.
pub fn ours(out: &Path, identity: Option<&Identity>) -> Result<Vec<Verified>> {
    let by = "pagewise-package, reading the folder back";
    let found = folder(out, identity)?;
    Ok(found.into_iter().map(|what| Verified { what, by: by.to_owned() }).collect())
}

/// Has osslsigncode check the signatures in `out`, and the image against the catalog. It trusts the
/// certificate, which must be by itself.
pub fn osslsigncode(out: &Path, identity: &Identity) -> Result<Vec<Verified>> {
    let program = Osslsigncode::trusting(&identity.certificate_pem()?)?;
    let contents = Contents::of(&Inf::read(&fs::read(&out.join(INF))?))?;
    let catalog = out.join(&contents.catalog);
    program.signature(&catalog)?;
    let mut found = vec![format!("the signature of {}", contents.catalog)];
    for name in &contents.files {
        program.signature(&out.join(name))?;
        program.listed(&catalog, &out.join(name))?;
        found.push(format!("the signature in {name}, and that {} lists it", contents.catalog));
    }
    let by = program.version().to_owned();
    Ok(found.into_iter().map(|what| Verified { what, by: by.clone() }).collect())
}

/// Has signify read the catalog in `out`, and verify the signatures and each file against it.
pub fn signify(out: &Path, signify: &Signify) -> Result<Vec<Verified>> {
    let contents = Contents::of(&Inf::read(&fs::read(&out.join(INF))?))?;
    let file = fs::read(&out.join(&contents.catalog))?;
    let catalog = catalog::read(&file)?;
    let said = signify.ask(out, &contents.catalog, CERTIFICATE, &contents.files, INF)?;
    let wrong = said.wrong();
    ensure!(wrong.is_empty(), "signify {VERSION} says: {}", wrong.join("; "));
    let same = said.is_catalog
        && said.identifier == hex(catalog.identifier)
        && said.members.iter().eq(&catalog.members.iter().map(Member::of).collect::<Vec<_>>());
    ensure!(same, "signify {VERSION} reads other members in {} than we", contents.catalog);
    let by = format!("signify {VERSION}");
    let found = [
        format!("the signatures of {} and in {}", contents.catalog, contents.files.join(", ")),
        format!("that {} lists {} and {INF}", contents.catalog, contents.files.join(", ")),
        format!("the same {} members are read", catalog.members.len()),
    ];
    Ok(found.into_iter().map(|what| Verified { what, by: by.clone() }).collect())
}

fn folder(out: &Path, identity: Option<&Identity>) -> Result<Vec<String>> {
    let inf = fs::read(&out.join(INF))?;
    let contents = Contents::of(&Inf::read(&inf))?;
    let file = fs::read(&out.join(&contents.catalog))?;
    let catalog = catalog::read(&file)
        .with_context(|| format!("{} cannot be read back", contents.catalog))?;
    let mut checks = vec![members(out, &contents, &inf, &catalog)?];
    if identity.is_some() {
        let certificate = fs::read(&out.join(CERTIFICATE))?;
        let signed = sign::verify(&file, oid::CTL)?;
        by(&signed, &certificate, &contents.catalog)?;
        checks.push(format!("the signature of {} is by {CERTIFICATE}", contents.catalog));
        for name in &contents.files {
            checks.push(image(out, name, &certificate)?);
        }
    }
    Ok(checks)
}

fn members(
    out: &Path,
    contents: &Contents,
    inf: &[u8],
    catalog: &catalog::Catalog<'_>,
) -> Result<String> {
    let mut images = Vec::new();
    for name in &contents.files {
        images.push((name.as_str(), fs::read(&out.join(name))?));
    }
    let mut files = vec![File { name: INF, content: inf }];
    files.extend(images.iter().map(|(name, content)| File { name, content }));
    let findings = catalog::verify(catalog, &files);
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    ensure!(findings.is_empty(), "{}: {}", contents.catalog, told.join("; "));
    let names: Vec<&str> = files.iter().map(|file| file.name).collect();
    Ok(format!("{} lists exactly {}, each by its SHA-256", contents.catalog, names.join(" and ")))
}

fn image(out: &Path, name: &str, certificate: &[u8]) -> Result<String> {
    let image = fs::read(&out.join(name))?;
    let signed = sign::verify(authenticode::signature(&image)?, oid::INDIRECT_DATA)?;
    by(&signed, certificate, name)?;
    let digest = sign::image_digest(&signed)?;
    ensure!(digest == authenticode::digest(&image)?, "{name} is not what was signed");
    Ok(format!("the signature in {name} is by {CERTIFICATE}, of this very image"))
}

fn by(signed: &sign::Signed, certificate: &[u8], name: &str) -> Result<()> {
    ensure!(signed.certificate_der()? == certificate, "{name} is signed by another certificate");
    Ok(())
}
