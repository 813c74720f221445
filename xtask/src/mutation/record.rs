//! What was measured, as it is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use pagewise_lab_wire::BugCheck;
use pagewise_package::inf::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::judge::Subject;
use super::tool::Tool;

/// The version of the form.
const SCHEMA: u32 = 1;

/// The whole table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    schema: u32,
    /// SHA-256 of the shipping driver that was measured last.
    pub driver_sha256: String,
    /// Processors of the host.
    pub processors: usize,
    /// Each driver, by name; the shipping one first.
    pub rows: Vec<Row>,
}

/// One driver under each tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The twin's name, or that of the shipping driver.
    pub driver: String,
    /// What is wrong with it.
    pub what: String,
    /// What its machine is started with besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine: Vec<String>,
    /// The day, in UTC.
    pub measured: String,
    /// By tool. What was not run is not there.
    pub cells: BTreeMap<Tool, Cell>,
}

/// What came of one driver under one tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Nothing was found.
    Survived,
    /// Something was.
    Caught(Finding),
}

/// Who caught it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Finding {
    /// Checks of `test-app verify` that failed.
    Checks {
        /// Their ids, in order.
        ids: Vec<String>,
    },
    /// The machine bug-checked.
    BugCheck {
        /// The code.
        code: u32,
        /// Its name.
        name: String,
        /// Its parameters, where they are known; addresses among them differ from run to run.
        parameters: Vec<u64>,
        /// The check that ran, or what the machine did.
        during: String,
    },
    /// The machine hung, ended, or did not come up, without a bug check.
    Machine {
        /// How.
        how: String,
    },
    /// The fuzzer's judge: an answer that is not as the contract has it.
    Judge {
        /// What it said.
        said: String,
    },
}

impl Finding {
    /// The machine's report.
    pub fn bug_check(report: &BugCheck, during: &str) -> Self {
        Self::BugCheck {
            code: report.code,
            name: report.name.clone(),
            parameters: report.parameters.to_vec(),
            during: during.to_owned(),
        }
    }

    /// For a cell of the table.
    pub fn short(&self) -> String {
        match self {
            Self::Checks { ids } => {
                let first = ids.first().map_or("", String::as_str);
                match ids.len() {
                    0 | 1 => format!("`{first}`"),
                    several => format!("`{first}` +{}", several - 1),
                }
            }
            Self::BugCheck { code, parameters, .. } => bug_check(*code, parameters),
            Self::Machine { .. } => "machine lost".to_owned(),
            Self::Judge { .. } => "judge".to_owned(),
        }
    }

    fn long(&self) -> String {
        match self {
            Self::Checks { ids } => format!("failed: {}", ids.join(" ")),
            Self::BugCheck { name, during, .. } => format!("{} {name} in {during}", self.short()),
            Self::Machine { how } => how.clone(),
            Self::Judge { said } => said.clone(),
        }
    }
}

/// The code, with the parameter that tells what it stands for where there is one.
fn bug_check(code: u32, parameters: &[u64]) -> String {
    let which = match code {
        0x1A | 0xC2 | 0xC4 | 0xC7 | 0xC9 | 0x10D => Some(0),
        0xC1 => Some(3),
        _ => None,
    };
    match which.and_then(|index| parameters.get(index)) {
        Some(subcode) => format!("{code:#X}/{subcode:#X}").replace("0X", "0x"),
        None => format!("{code:#X}").replace("0X", "0x"),
    }
}

impl Cell {
    /// Who caught it, if somebody did.
    pub fn caught(&self) -> Option<&Finding> {
        match self {
            Self::Survived => None,
            Self::Caught(finding) => Some(finding),
        }
    }

    /// For the table.
    pub fn short(&self) -> String {
        self.caught().map_or_else(|| "-".to_owned(), Finding::short)
    }

    /// For a message.
    pub fn long(&self) -> String {
        self.caught().map_or_else(|| "survived".to_owned(), Finding::long)
    }
}

impl Row {
    /// What was measured of a driver today.
    pub fn new(subject: &Subject, cells: BTreeMap<Tool, Cell>) -> Result<Self> {
        let (driver, what) = (subject.name.clone(), subject.what.clone());
        Ok(Self { driver, what, machine: subject.machine.clone(), measured: today()?, cells })
    }
}

impl Default for Matrix {
    fn default() -> Self {
        Self { schema: SCHEMA, driver_sha256: String::new(), processors: 0, rows: Vec::new() }
    }
}

impl Matrix {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the results in {}", path.display()))?;
        let matrix: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what `mutation` writes", path.display()))?;
        let schema = matrix.schema;
        ensure!(schema == SCHEMA, "it has schema {schema}, this program reads {SCHEMA}");
        Ok(matrix)
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Takes note of where this is measured, and of what.
    pub fn note_host(&mut self, artifacts: &Path) -> Result<()> {
        let file = artifacts.join("pagewise.sys");
        let image = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let digest = Sha256::digest(image);
        self.driver_sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(())
    }

    /// Puts a row in place of what was known of the tools that it has.
    pub fn update(&mut self, mut row: Row) {
        match self.rows.iter_mut().find(|old| old.driver == row.driver) {
            Some(old) => {
                let mut cells = std::mem::take(&mut old.cells);
                cells.append(&mut row.cells);
                *old = Row { cells, ..row };
            }
            None => self.rows.push(row),
        }
        self.rows.sort_by_key(|row| (row.driver != super::SHIPPING, row.driver.clone()));
    }

    /// What came of each driver under each tool.
    pub fn cells(&self) -> BTreeMap<(String, Tool), Cell> {
        let of_row = |row: &Row| {
            let driver = row.driver.clone();
            row.cells.clone().into_iter().map(move |(tool, cell)| ((driver.clone(), tool), cell))
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    /// The cheapest tool that is known to catch a twin.
    pub fn cheapest(&self, twin: &str) -> Option<Tool> {
        let row = self.rows.iter().find(|row| row.driver == twin)?;
        let caught = |tool: &Tool| row.cells.get(tool).is_some_and(|it| it.caught().is_some());
        Tool::ALL.into_iter().find(caught)
    }
}

fn today() -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("no date")?;
    let date = Date::from_unix(now.as_secs()).context("no date")?.to_string();
    // It is written as `DriverVer` has it.
    let mut parts = date.split('/');
    let (month, day, year) = (parts.next(), parts.next(), parts.next());
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Ok([part(year), part(month), part(day)].join("-"))
}
