//! Modules of a Linux kernel, in the order in which they can be loaded: each names those that it
//! needs in its section `.modinfo`, as `depends=a,b`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _};

use crate::fs;
use crate::run;

/// The modules below a folder, with all that they need: names and contents.
pub fn in_order(folder: &Path, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
    let files = fs::files_below(folder)?;
    let mut found = Vec::new();
    for name in names {
        add(&files, name, &mut found)?;
    }
    Ok(found)
}

fn add(files: &[PathBuf], name: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let name = canonical(name);
    if found.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let file = files.iter().find(|file| module_name(file).as_deref() == Some(&name));
    let file = file.with_context(|| format!("the kernel has no module {name}"))?;
    let content = content(file)?;
    let needs = depends(&content).with_context(|| format!("{} is no module", file.display()))?;
    for needed in needs {
        add(files, &needed, found)?;
    }
    found.push((name, content));
    Ok(())
}

/// Modules spell a dash in their file names and an underscore elsewhere, or the reverse.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of the module in a file, compressed or not.
fn module_name(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let stem = name.strip_suffix(".ko").or_else(|| name.strip_suffix(".ko.xz"))?;
    Some(canonical(stem))
}

/// Debian 13 compresses modules.
fn content(file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_some_and(|extension| extension == "xz") {
        run::quiet(run::command("xz").args(["--decompress", "--force"]).arg(file))?;
        return Ok(fs::read(&file.with_extension(""))?);
    }
    Ok(fs::read(file)?)
}

/// What a module needs.
fn depends(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module)?;
    let section = file.section_by_name(".modinfo").context("it has no section .modinfo")?;
    let text = String::from_utf8_lossy(section.data()?).into_owned();
    let lists = text.split('\0').filter_map(|entry| entry.strip_prefix("depends="));
    Ok(lists
        .flat_map(|list| list.split(','))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use object::write::{Object, StandardSegment};
    use object::{Architecture, BinaryFormat, Endianness, SectionKind};

    use super::*;

    fn module(depends: &str) -> Vec<u8> {
        let mut file = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let segment = file.segment_name(StandardSegment::Data).to_vec();
        let info = file.add_section(segment, b".modinfo".to_vec(), SectionKind::ReadOnlyData);
        file.append_section_data(info, format!("license=GPL\0depends={depends}\0").as_bytes(), 1);
        file.write().unwrap()
    }

    #[test]
    fn each_comes_after_what_it_needs_and_once() {
        let folder = tempfile::tempdir().unwrap();
        for (name, depends) in [
            ("sd_mod", "scsi-mod"),
            ("scsi_mod", ""),
            ("libata", "scsi_mod"),
            ("ata-piix", "libata"),
        ] {
            let file = folder.path().join("kernel").join(format!("{name}.ko"));
            fs::write_if_changed(&file, &module(depends)).unwrap();
        }
        let order = in_order(folder.path(), &["ata_piix", "sd_mod"]).unwrap();
        let names: Vec<_> = order.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["scsi_mod", "libata", "ata_piix", "sd_mod"]);
        let error = in_order(folder.path(), &["vfat"]).unwrap_err();
        assert_eq!(error.to_string(), "the kernel has no module vfat");
    }

    #[test]
    fn what_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write_if_changed(&folder.path().join("vfat.ko"), b"no ELF").unwrap();
        let error = in_order(folder.path(), &["vfat"]).unwrap_err().to_string();
        assert!(error.ends_with("vfat.ko is no module"), "{error}");
    }
}
