//! A run of `cargo xtask vm run --stand-in`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A run that has ended.
pub struct Run {
    pub code: Option<i32>,
    pub said: String,
    pub report: Value,
    folder: TempDir,
}

/// A plan of few steps, so that a run is short.
fn plan() -> Value {
    let step = |id: &str, action: Value| json!({ "id": id, "action": action, "limit_seconds": 30 });
    let needs = |mut step: Value, id: &str| {
        step["needs"] = json!([id]);
        step
    };
    let mut collect = step("collect", json!({ "do": "collect" }));
    collect["always"] = json!(true);
    json!({ "version": 1, "name": "test", "most_boots": 3, "steps": [
        step("install", json!({ "do": "install" })),
        step("doctor", json!({ "do": "doctor" })),
        needs(step("verify-plain", json!({ "do": "verify", "label": "plain" })), "doctor"),
        collect,
    ]})
}

/// The command, with its results in a folder.
pub fn command(results: &Path, arguments: &[&str]) -> Command {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["vm", "run", "--stand-in", "--no-build", "--accelerator", "tcg"]);
    xtask.arg("--out").arg(results).args(arguments);
    xtask.stdin(Stdio::null());
    xtask
}

/// Writes the short plan.
pub fn short_plan(folder: &Path) -> PathBuf {
    let path = folder.join("plan.json");
    std::fs::write(&path, plan().to_string()).expect("a file can be written");
    path
}

impl Run {
    /// With the short plan, and something that goes wrong.
    pub fn misbehaving(what: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let plan = short_plan(folder.path());
        let with = ["--misbehave", what, "--plan", plan.to_str().expect("a path in UTF-8")];
        Self::of(folder, &[&with, arguments].concat())
    }

    fn of(folder: TempDir, arguments: &[&str]) -> Self {
        let results = folder.path().join("results");
        let output = command(&results, arguments).output().expect("xtask starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = std::fs::read(results.join("report.json"));
        let report = report
            .map_or(Value::Null, |json| serde_json::from_slice(&json).expect("the report is JSON"));
        assert_eq!(machines_of(&results), 0, "a machine is left behind\n{said}");
        Self { code: output.status.code(), said, report, folder }
    }

    /// Asserts the verdict and its exit code.
    #[track_caller]
    pub fn is(&self, verdict: &str, code: i32) {
        let (said, report) = (&self.said, &self.report);
        assert_eq!(report["verdict"], verdict, "{said}\n{report:#}");
        assert_eq!(self.code, Some(code), "{said}");
        // Never to be taken for Windows.
        assert_eq!(report["host"]["guest"], "stand-in");
    }

    /// How a step ended: `passed`, `failed`, `skipped`; or nothing.
    pub fn step(&self, id: &str) -> &str {
        let steps = self.report["steps"].as_array().expect("a list of steps");
        let step = steps.iter().find(|step| step["id"] == id).expect("such a step");
        step["result"].as_str().unwrap_or("")
    }

    /// A file of the results.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("results").join(name)
    }

    /// A file that the command was told to write.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With options that each name a file to write.
    pub fn with_files(arguments: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let paths: Vec<_> =
            files.iter().map(|(option, name)| (*option, folder.path().join(name))).collect();
        let mut all: Vec<&str> = arguments.to_vec();
        for (option, path) in &paths {
            all.extend([*option, path.to_str().expect("a path in UTF-8")]);
        }
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        Self::of(folder, &all)
    }
}

/// How many QEMUs run that write to this folder.
pub fn machines_of(results: &Path) -> usize {
    lines_of(results).len()
}

/// The hand-over disk of the one that does.
pub fn hand_over_of(results: &Path) -> PathBuf {
    let lines = lines_of(results);
    let mut words = lines.iter().flat_map(|line| line.split(['\0', ',']));
    let file =
        words.find_map(|word| word.strip_prefix("file=").filter(|file| file.ends_with(".img")));
    PathBuf::from(file.expect("a hand-over disk"))
}

/// Their command lines.
fn lines_of(results: &Path) -> Vec<String> {
    let console = results.join("console.log");
    let processes = std::fs::read_dir("/proc").expect("Linux lists processes").flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| {
            line.starts_with("qemu-system")
                && line.contains(console.to_str().expect("a path in UTF-8"))
        })
        .collect()
}

/// Waits until something is so; whether it was, in time.
pub fn within(seconds: u64, mut so: impl FnMut() -> bool) -> bool {
    for _ in 0..seconds * 10 {
        if so() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    so()
}

/// Starts the command and waits until its machine runs.
pub fn started(results: &Path, plan: &Path) -> Child {
    let plan = ["--misbehave", "never-starts", "--plan", plan.to_str().expect("a path in UTF-8")];
    let child = command(results, &plan).stderr(Stdio::piped()).spawn().expect("xtask starts");
    assert!(within(60, || machines_of(results) == 1), "no machine");
    child
}
