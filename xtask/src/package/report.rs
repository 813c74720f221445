//! What the user is told: the files, and what was checked.

use std::path::Path;

use anyhow::Result;
use pagewise_package::certificate::Identity;
use pagewise_package::hex;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::check::{Checks, Verified};
use super::make::Package;

/// The package as JSON shows it.
#[derive(Serialize)]
struct Report<'a> {
    folder: String,
    /// The signer's name; nothing is signed without.
    signer: Option<String>,
    files: Vec<Line<'a>>,
    /// What was checked, and by whom.
    verified: &'a [Verified],
    /// What was not, and why.
    skipped: &'a [&'static str],
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    size: usize,
    sha256: String,
}

/// Prints the table, or JSON.
pub fn print(
    out: &Path,
    package: &Package,
    identity: Option<&Identity>,
    checks: &Checks,
    json: bool,
) -> Result<()> {
    let files = package.files.iter().map(|(name, content)| Line {
        name,
        size: content.len(),
        sha256: hex(&Sha256::digest(content)),
    });
    let report = Report {
        folder: out.display().to_string(),
        signer: identity.map(Identity::subject),
        files: files.collect(),
        verified: &checks.verified,
        skipped: &checks.skipped,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("{}", report.folder);
    for line in &report.files {
        println!("  {:<13} {:>9}  {}", line.name, line.size, line.sha256);
    }
    match &report.signer {
        Some(signer) => println!("Signed by {signer}: for machines in test-signing mode only."),
        None => println!("Not signed: no machine takes it as it is."),
    }
    for verified in report.verified {
        println!("Verified: {} ({})", verified.what, verified.by);
    }
    for skipped in report.skipped {
        println!("Skipped: {skipped}");
    }
    Ok(())
}
