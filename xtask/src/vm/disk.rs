//! Disk images, by qemu-img.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::machine::Format;
use crate::run;

/// What makes and reads disk images.
pub const QEMU_IMG: &str = "qemu-img";

/// Makes a disk of which only the differences to `base` are stored.
pub fn overlay(base: &Path, base_format: &str, path: &Path) -> Result<()> {
    // A backing file is searched for from the overlay's folder.
    let base = std::path::absolute(base).context("the base image has no path")?;
    let mut make = run::command(QEMU_IMG);
    make.args(["create", "-q", "-f", Format::Qcow2.name(), "-F", base_format, "-b"]);
    make.arg(base).arg(path);
    run::quiet(&mut make)?;
    Ok(())
}

/// Makes an empty disk that grows up to a size.
pub fn blank(path: &Path, gib: u32) -> Result<()> {
    let mut make = run::command(QEMU_IMG);
    make.args(["create", "-q", "-f", Format::Qcow2.name()]).arg(path).arg(format!("{gib}G"));
    run::quiet(&mut make)?;
    Ok(())
}

/// What there is to know of an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Info {
    /// `qcow2`, `vhdx`, `vpc`, `raw`, ...
    pub format: String,
    /// What the guest sees, in bytes.
    pub size: u64,
    /// What the file takes, in bytes.
    pub stored: u64,
}

/// Looks at an image; at one in use, too.
pub fn info(path: &Path) -> Result<Info> {
    let mut look = run::command(QEMU_IMG);
    let text = run::quiet(look.args(["info", "--force-share", "--output=json"]).arg(path))?;
    read(&text).with_context(|| format!("{QEMU_IMG} tells nothing of {}", path.display()))
}

fn read(text: &str) -> Result<Info> {
    let value: Value = serde_json::from_str(text)?;
    let number = |name: &str| value[name].as_u64().with_context(|| format!("no {name}"));
    Ok(Info {
        format: value["format"].as_str().context("no format")?.to_owned(),
        size: number("virtual-size")?,
        stored: number("actual-size")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_qemu_img_says_is_read() {
        let text = r#"{"virtual-size": 68719476736, "filename": "a.vhdx", "format": "vhdx",
                       "actual-size": 4096, "dirty-flag": false}"#;
        let info = Info { format: "vhdx".to_owned(), size: 64 << 30, stored: 4096 };
        assert_eq!(read(text).unwrap(), info);
        assert!(read(r#"{"format": "raw"}"#).unwrap_err().to_string().contains("virtual-size"));
        assert!(read("qemu-img: error").is_err());
    }

    #[test]
    #[ignore = "needs QEMU: `cargo xtask test` runs it"]
    fn an_overlay_is_as_large_as_its_base_and_leaves_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (base, over) = (folder.path().join("base"), folder.path().join("over"));
        blank(&base, 3).unwrap();
        let before = std::fs::read(&base).unwrap();
        overlay(&base, "qcow2", &over).unwrap();
        assert_eq!(info(&over).unwrap().size, 3 << 30);
        assert_eq!(std::fs::read(&base).unwrap(), before);
        assert!(overlay(&folder.path().join("none"), "qcow2", &over).is_err());
        assert_eq!(info(&over).unwrap().format, "qcow2");
    }
}
