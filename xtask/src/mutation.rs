//! `cargo xtask mutation`: which of the broken drivers in `lab/twins` each tool catches.
//!
//! A tool is a way to look for mistakes: the checks of `test-app verify` on a plain machine, the same
//! under each profile of the verifier and under low resources, and the fuzzer of the driver's
//! requests. The shipping driver has a row like the twins, and nothing may catch it.

mod fuzzed;
mod judge;
mod record;
mod table;
#[cfg(test)]
mod tests;
mod tool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::progress::Step;
use crate::twins::{self, Twin};
use crate::workspace::Workspace;
use judge::Subject;
use record::{Cell, Matrix, Row};
use tool::Tool;

/// Where the last measurement is kept.
const RESULTS: &str = "docs/results/mutation.json";
/// The document that shows it.
const DOCUMENT: &str = "docs/mutation.md";
/// The row of the driver that nothing may catch.
const SHIPPING: &str = "pagewise.sys";

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only twins whose name matches (may be given more than once), such as `*reset*`; the shipping
    /// driver goes by pagewise.sys.
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Only these tools (may be given more than once); what the others said before stays.
    #[arg(long, value_enum)]
    tool: Vec<Tool>,
    /// Only the cheapest tool that is known to catch each twin, and no fuzzing; nothing is written.
    /// Fails where one is no longer caught, or where the shipping driver is.
    #[arg(long, conflicts_with_all = ["tool", "json"])]
    quick: bool,
    /// Write the results there instead of to docs/results/mutation.json and docs/mutation.md.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Inputs that the fuzzer tries on each driver, beside the kept ones.
    #[arg(long, value_name = "N", default_value_t = 500)]
    inputs: u32,
    /// Machines at a time; as many as there are processors, if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Build nothing, and take images and programs from this folder, which is laid out as
    /// target/pagewise: a copy of it that no other build disturbs.
    #[arg(long, value_name = "FOLDER")]
    artifacts: Option<PathBuf>,
}

impl Arguments {
    /// What `cargo xtask test` asks for, once everything is built into this folder.
    pub fn bounded(artifacts: PathBuf) -> Self {
        Self {
            only: Vec::new(),
            tool: Vec::new(),
            quick: true,
            json: None,
            inputs: 0,
            jobs: None,
            artifacts: Some(artifacts),
        }
    }
}

/// One driver under one tool.
struct Job<'a> {
    subject: &'a Subject,
    tool: Tool,
}

/// Measures, prints and keeps the table.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let results = workspace.root().join(RESULTS);
    let known = if results.is_file() { Matrix::read(&results)? } else { Matrix::default() };
    let artifacts = match &arguments.artifacts {
        Some(folder) => folder.clone(),
        None => {
            build::run(workspace, &build::Arguments::everything())?;
            workspace.artifacts()
        }
    };
    let subjects = subjects(workspace, &artifacts, &arguments.only)?;
    let jobs = jobs(&subjects, &known, arguments)?;
    let fuzz = jobs.iter().any(|job| job.tool == Tool::Fuzz);
    let bench = judge::Bench {
        artifacts,
        fuzzer: if fuzz { Some(fuzzed::Fuzzer::build(workspace, arguments.inputs)?) } else { None },
    };
    let cells = measure(&bench, &jobs, arguments.jobs)?;
    if arguments.quick {
        return verdict(&subjects, &cells);
    }
    let measured = keep(workspace, arguments, known, &subjects, &cells, &bench.artifacts)?;
    // What one tool lets through, another has caught.
    verdict(&subjects, &measured.cells())
}

/// Puts what was measured with what was known before, prints and writes the table.
fn keep(
    workspace: &Workspace,
    arguments: &Arguments,
    known: Matrix,
    subjects: &[Subject],
    cells: &Cells,
    artifacts: &Path,
) -> Result<Matrix> {
    let mut matrix = known;
    matrix.note_host(artifacts)?;
    for subject in subjects {
        let of_this = cells.iter().filter(|((name, _), _)| *name == subject.name);
        let cells = of_this.map(|((_, tool), cell)| (*tool, cell.clone())).collect();
        matrix.update(Row::new(subject, cells)?);
    }
    // What a patch was once measured for, and is no more.
    let all = subjects_of_all(workspace, artifacts)?;
    matrix.rows.retain(|row| all.iter().any(|subject| subject.name == row.driver));
    println!("{}", table::markdown(&matrix));
    match &arguments.json {
        Some(file) => matrix.write(file)?,
        None => {
            matrix.write(&workspace.root().join(RESULTS))?;
            table::put(&workspace.root().join(DOCUMENT), &matrix)?;
        }
    }
    Ok(matrix)
}

/// What is to be run, the cheapest first, so that what hangs does so at the end.
fn jobs<'a>(
    subjects: &'a [Subject],
    known: &Matrix,
    arguments: &Arguments,
) -> Result<Vec<Job<'a>>> {
    let mut jobs = Vec::new();
    for subject in subjects {
        let tools = match (arguments.quick, arguments.tool.is_empty()) {
            (true, _) if subject.name == SHIPPING => Tool::ON_A_MACHINE.to_vec(),
            (true, _) => vec![known.cheapest(&subject.name).with_context(|| {
                format!(
                    "{RESULTS} does not say what catches {}\n  try: cargo xtask mutation --only {}",
                    subject.name, subject.name
                )
            })?],
            (false, true) => Tool::ALL.to_vec(),
            (false, false) => arguments.tool.clone(),
        };
        jobs.extend(tools.into_iter().map(|tool| Job { subject, tool }));
    }
    jobs.sort_by_key(|job| job.tool);
    Ok(jobs)
}

type Cells = BTreeMap<(String, Tool), Cell>;

/// Runs all, several at a time.
fn measure(bench: &judge::Bench, jobs: &[Job<'_>], at_a_time: Option<usize>) -> Result<Cells> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let step = Step::start(format!("Trying {} pairs of driver and tool", jobs.len()));
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Ok(Cells::new())));
    thread::scope(|scope| {
        for _ in 0..at_a_time.unwrap_or(processors).clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cell = bench.run(job.subject, job.tool);
                    let mut cells = cells.lock().unwrap_or_else(|lock| lock.into_inner());
                    let name = job.subject.name.clone();
                    match (&mut *cells, cell) {
                        (Ok(cells), Ok(cell)) => {
                            step.line(&format!("{name}, {}: {}", job.tool.title(), cell.long()));
                            cells.insert((name, job.tool), cell);
                        }
                        (Ok(_), Err(error)) => {
                            *cells = Err(error.context(format!("{name}, {}", job.tool.title())));
                            next.store(jobs.len(), Ordering::Relaxed);
                        }
                        (Err(_), _) => {}
                    }
                }
            });
        }
    });
    step.done();
    cells.into_inner().unwrap_or_else(|lock| lock.into_inner())
}

/// Fails where a twin got through everything that was tried, or the shipping driver did not.
fn verdict(subjects: &[Subject], cells: &Cells) -> Result<()> {
    let mut wrong = Vec::new();
    for subject in subjects {
        let of_this = || cells.iter().filter(|((name, _), _)| *name == subject.name);
        let caught = of_this().filter(|(_, cell)| cell.caught().is_some());
        if subject.name == SHIPPING {
            let told = |((_, tool), cell): (&(String, Tool), &Cell)| {
                format!("the shipping driver under {}: {}", tool.title(), cell.long())
            };
            wrong.extend(caught.map(told));
        } else if caught.count() == 0 {
            let tools: Vec<&str> = of_this().map(|((_, tool), _)| tool.title()).collect();
            wrong.push(format!("{} got through {}", subject.name, tools.join(", ")));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// The shipping driver, and each twin that is broken.
fn subjects_of_all(workspace: &Workspace, artifacts: &Path) -> Result<Vec<Subject>> {
    let shipping = Subject {
        name: SHIPPING.to_owned(),
        image: artifacts.join("pagewise.sys"),
        what: "the driver that ships".to_owned(),
        machine: Vec::new(),
    };
    let mut all = vec![shipping];
    for twin in twins::named(workspace, &[])? {
        all.extend(Subject::of_twin(&twin, artifacts)?);
    }
    Ok(all)
}

fn subjects(workspace: &Workspace, artifacts: &Path, only: &[String]) -> Result<Vec<Subject>> {
    let mut all = subjects_of_all(workspace, artifacts)?;
    let fits = |subject: &Subject| only.iter().any(|glob| matches(glob, &subject.name));
    all.retain(|subject| only.is_empty() || fits(subject));
    if all.is_empty() {
        bail!("no twin is called {}\n  they are the patches in lab/twins", only.join(" or "));
    }
    Ok(all)
}

impl Subject {
    /// A twin by its patch; nothing where the patch breaks nothing.
    fn of_twin(twin: &Twin, artifacts: &Path) -> Result<Option<Self>> {
        const BROKEN: &str = "Broken on purpose: ";
        let heading = twin.heading()?;
        let Some(rest) = heading.strip_prefix(BROKEN) else { return Ok(None) };
        let (rest, machine) = rest.split_once(" Machine: ").unwrap_or((rest, ""));
        let (what, _) = rest.split_once(" Caught by:").unwrap_or((rest, ""));
        Ok(Some(Self {
            name: twin.name.clone(),
            image: twin.image(artifacts),
            what: what.trim_end_matches('.').to_owned(),
            machine: machine.split_whitespace().map(str::to_owned).collect(),
        }))
    }
}

/// Whether a name is what a pattern says, in which each `*` stands for any letters.
fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
