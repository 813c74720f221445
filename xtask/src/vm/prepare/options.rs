//! What the user can say about a base image.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::super::accelerator::Asked;
use super::super::answer::Answers;
use super::super::base::Firmware;
use crate::fs;

/// What the user can say.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct Arguments {
    /// Install Windows from this medium.
    #[arg(long, value_name = "FILE", group = "source")]
    pub iso: Option<PathBuf>,
    /// Take the Windows on this disk (VHDX, VHD, qcow2, raw); it is read and never written to, and
    /// has to stay where it is.
    #[arg(long, value_name = "FILE", group = "source")]
    pub disk: Option<PathBuf>,
    /// What to call the base image; by default as the file.
    #[arg(long)]
    name: Option<String>,
    /// Go on with a preparation that was interrupted.
    #[arg(long)]
    pub resume: bool,
    /// What starts it: as the disk was made for, or as the medium is to install it.
    #[arg(long, value_enum, default_value_t = Firmware::Uefi)]
    pub firmware: Firmware,
    /// The machine's memory while it is prepared; `vm run` has its own.
    #[arg(long, value_name = "MIB", default_value_t = 4096,
          value_parser = clap::value_parser!(u32).range(1024..=1_048_576))]
    pub memory: u32,
    /// Its processors.
    #[arg(long, value_name = "NUMBER", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub processors: u32,
    /// Up to how far its disk grows.
    #[arg(long, value_name = "GIB", default_value_t = 64, conflicts_with = "disk",
          value_parser = clap::value_parser!(u32).range(32..=2048))]
    pub gib: u32,
    /// Which edition on the medium, counted from 1.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, conflicts_with = "disk",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    image: u32,
    /// The product key; evaluation media need none.
    #[arg(long, value_name = "KEY", conflicts_with = "disk")]
    product_key: Option<String>,
    /// The medium's language.
    #[arg(long, value_name = "TAG", default_value = "en-US", conflicts_with = "disk")]
    language: String,
    /// Shoot the screen every minute, into this folder.
    #[arg(long, value_name = "FOLDER")]
    screenshots: Option<PathBuf>,
    /// Show the screen over VNC, on this host alone and without a password.
    #[arg(long)]
    pub vnc: bool,
    /// What runs the guest's instructions.
    #[arg(long, value_enum, default_value_t = Asked::Auto)]
    pub accelerator: Asked,
    /// Hand over what is in target/pagewise already.
    #[arg(long)]
    pub no_build: bool,
}

impl Arguments {
    /// The medium, or the disk.
    pub fn source(&self) -> &Path {
        // clap sees to it that there is one.
        self.iso.as_deref().or(self.disk.as_deref()).unwrap_or(Path::new(""))
    }

    /// The base image's name, which is a folder's.
    pub fn name(&self) -> Result<String> {
        let stem = self.source().file_stem().unwrap_or_default().to_string_lossy();
        let name = self.name.as_deref().unwrap_or(&stem);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        ensure!(
            name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
                && name.chars().all(plain),
            "{name:?} is no name for a base image: letters, digits, '.', '_' and '-'\n  try: --name windows-11"
        );
        Ok(name.to_owned())
    }

    /// The folder for screenshots, made.
    pub fn screenshots(&self) -> Result<Option<PathBuf>> {
        let Some(folder) = &self.screenshots else { return Ok(None) };
        fs::create_dir(folder)?;
        std::path::absolute(folder).map(Some).context("the folder for screenshots has no path")
    }

    /// What Setup is told.
    pub fn answers(&self) -> Answers {
        Answers {
            firmware: self.firmware,
            image: self.image,
            product_key: self.product_key.clone(),
            language: self.language.clone(),
            ..Answers::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &[&str]) -> Result<Arguments, clap::Error> {
        Line::try_parse_from([&["prepare"], words].concat()).map(|line| line.arguments)
    }

    #[test]
    fn one_source_and_no_more() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--iso", "a", "--disk", "b"]).is_err());
        assert!(parse(&["--disk", "b", "--image", "2"]).is_err());
        assert_eq!(parse(&["--disk", "b.vhdx"]).unwrap().source(), Path::new("b.vhdx"));
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        let name = |words: &[&str]| parse(words).unwrap().name();
        assert_eq!(name(&["--iso", "/x/Win11_24H2.iso"]).unwrap(), "Win11_24H2");
        assert_eq!(name(&["--iso", "a b.iso", "--name", "w"]).unwrap(), "w");
        for bad in ["../w", "a/b", "", ".w", "a b"] {
            assert!(name(&["--iso", "a.iso", "--name", bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn setup_is_told_what_the_user_said() {
        let words = ["--iso", "a", "--firmware", "bios", "--image", "6", "--language", "de-DE"];
        let answers = parse(&words).unwrap().answers();
        assert_eq!(answers.firmware, Firmware::Bios);
        assert_eq!((answers.image, answers.language.as_str()), (6, "de-DE"));
    }
}
