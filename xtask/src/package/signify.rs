//! What the Python package signify says: a second reader of catalogs, which knows flat files, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pagewise_package::hex;
use serde::Deserialize;

use crate::error::Result;
use crate::fs;
use crate::progress::Step;
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// Its version.
pub const VERSION: &str = "0.9.3";
/// What asks it.
const SCRIPT: &str = include_str!("second_reader.py");
/// Its version and that of what it needs, with their digests. All are pure Python.
const REQUIREMENTS: &str = include_str!("second_reader.txt");

/// What it says of a package.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// Whether the list is a catalog.
    pub is_catalog: bool,
    /// The list's identifier, in hexadecimal.
    pub identifier: String,
    /// The members, in their order.
    pub members: Vec<Member>,
    /// What was verified: nothing where all is well, else what is wrong.
    pub verdicts: BTreeMap<String, Option<String>>,
}

/// A member, digests in hexadecimal.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Member {
    /// What it goes by.
    pub tag: String,
    /// The digest that is stated.
    pub digest: Option<String>,
    /// Names with their texts.
    pub names: BTreeMap<String, String>,
}

/// A Python that has signify.
pub struct Signify {
    python: PathBuf,
    script: PathBuf,
}

impl Signify {
    /// Installs it below `target/kit`, if it is not there.
    pub fn provide(workspace: &Workspace) -> Result<Self> {
        setup::provide(setup::SIGNIFY)?;
        let folder = workspace.kit().join("signify");
        let signify =
            Self { python: folder.join("bin/python"), script: folder.join("second_reader.py") };
        let requirements = folder.join("requirements.txt");
        let done = folder.join("done");
        if std::fs::read_to_string(&done).is_ok_and(|text| text == REQUIREMENTS) {
            fs::write_if_changed(&signify.script, SCRIPT.as_bytes())?;
            return Ok(signify);
        }
        let step = Step::start("Installing signify, which reads catalogs, from PyPI");
        fs::remove_dir(&folder)?;
        let mut venv = run::command(setup::PYTHON);
        run::quiet(venv.args(["-m", "venv", "--system-site-packages"]).arg(&folder))?;
        fs::write_if_changed(&requirements, REQUIREMENTS.as_bytes())?;
        fs::write_if_changed(&signify.script, SCRIPT.as_bytes())?;
        let mut pip = run::command(&signify.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--no-deps", "--require-hashes", "--requirement"]).arg(&requirements);
        run::quiet(&mut pip)?;
        fs::write_if_changed(&done, REQUIREMENTS.as_bytes())?;
        step.done();
        Ok(signify)
    }

    /// Asks about the files of a package's folder.
    pub fn ask(
        &self,
        folder: &Path,
        catalog: &str,
        certificate: &str,
        images: &[String],
        flat: &str,
    ) -> anyhow::Result<Said> {
        let mut command = run::command(&self.python);
        command.arg(&self.script).arg(folder).args([catalog, certificate]);
        let said = run::quiet(command.args(images).args(["--", flat]))?;
        Ok(serde_json::from_str(&said)?)
    }
}

impl Said {
    /// What is wrong: what was asked, and the answer.
    pub fn wrong(&self) -> Vec<String> {
        let bad =
            self.verdicts.iter().filter_map(|(what, verdict)| Some((what, verdict.as_ref()?)));
        bad.map(|(what, verdict)| format!("{what}: {verdict}")).collect()
    }
}

impl Member {
    /// A member as we read it.
    pub fn of(member: &pagewise_package::catalog::Member<'_>) -> Self {
        Self {
            tag: hex(member.tag),
            digest: member.digest.map(hex),
            names: member.attributes.iter().cloned().collect(),
        }
    }
}
