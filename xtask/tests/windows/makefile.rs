//! `Makefile.toml` fits the makefile of wdk-build that it extends, and the documents fit it.

use std::collections::BTreeSet;
use std::process::Command;

use toml::{Table, Value};

use super::{read, root};

/// Tasks that cargo-make itself has and that wdk-build's makefile or ours name.
const OF_CARGO_MAKE: [&str; 1] = ["build"];

pub fn tasks(text: &str) -> Table {
    let file: Table = text.parse().expect("it is TOML");
    file.get("tasks").and_then(Value::as_table).expect("it has tasks").clone()
}

/// wdk-build's makefile, of the version in `Cargo.lock`.
fn of_wdk_build() -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().expect("cargo runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata speaks JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let wdk_build = packages.iter().find(|package| package["name"] == "wdk-build");
    let manifest = wdk_build.and_then(|it| it["manifest_path"].as_str()).expect("wdk-build");
    let folder = std::path::Path::new(manifest).parent().expect("a folder");
    std::fs::read_to_string(folder.join("rust-driver-makefile.toml")).expect("its makefile")
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Table(table) => table.get("name").map(strings).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn list(task: &Value, key: &str) -> Vec<String> {
    task.get(key).map(strings).unwrap_or_default()
}

/// What of our tasks does not fit wdk-build's.
fn misfits(ours: &str, theirs: &str) -> Vec<String> {
    let (ours, theirs) = (tasks(ours), tasks(theirs));
    let mut found = Vec::new();
    for (name, task) in &ours {
        let named = ["dependencies", "run_task", "alias", "extend"];
        for other in named.iter().flat_map(|key| list(task, key)) {
            let known = ours.contains_key(&other) || theirs.contains_key(&other);
            if !known && !OF_CARGO_MAKE.contains(&other.as_str()) {
                found.push(format!("{name}: there is no task {other}"));
            }
        }
        let actions = ["run_task", "command", "script", "alias"];
        if actions.iter().filter(|key| task.get(**key).is_some()).count() > 1 {
            found.push(format!("{name}: cargo-make runs one action of a task, not several"));
        }
        if let Some(base) = theirs.get(name) {
            overridden(name, task, base, &mut found);
        }
    }
    found
}

/// Where we replace a list of a task of wdk-build's, ours has what theirs has. cargo-make gives a task
/// that is extended the environment of the file that extends it, and nothing else: seen with 0.37.
fn overridden(name: &str, task: &Value, base: &Value, found: &mut Vec<String>) {
    let lost = base.get("env").and_then(Value::as_table).cloned().unwrap_or_default();
    let lost: Vec<&String> = lost.keys().collect();
    let uses = |text: &String, variable: &&String| text.contains(variable.as_str());
    for key in ["dependencies", "args"].iter().filter(|key| task.get(**key).is_some()) {
        let own = list(task, key);
        // "*" is the moment of the build, which ours replaces.
        let mut wanted = list(base, key);
        wanted.retain(|text| text != "*" && !lost.iter().any(|variable| uses(text, variable)));
        for missing in wanted.iter().filter(|it| !own.contains(it)) {
            found.push(format!("{name}: {key} lack {missing}"));
        }
    }
    let args = list(if task.get("args").is_some() { task } else { base }, "args");
    for variable in lost.iter().filter(|variable| args.iter().any(|text| uses(text, variable))) {
        found.push(format!("{name}: {variable} is lost"));
    }
    let action =
        |task: &Value| ["command", "script", "run_task"].iter().any(|it| task.get(*it).is_some());
    if base.get("script").is_some() || base.get("condition_script").is_some() {
        found.push(format!("{name}: its script would start from our folder, not from wdk-build's"));
    } else if action(task) && action(base) {
        found.push(format!("{name}: what wdk-build does there is lost"));
    }
}

#[test]
fn our_tasks_fit_those_of_wdk_build() {
    assert_eq!(misfits(&read("Makefile.toml"), &of_wdk_build()), Vec::<String>::new());
}

#[test]
fn misfits_are_found() {
    let (ours, theirs) = (read("Makefile.toml"), of_wdk_build());
    for (from, to, expected) in [
        ("run_task = \"collect-package\"", "run_task = \"collect\"", "no task collect"),
        ("  \"copy-inx-to-output\",\n", "", "lack copy-inx-to-output"),
        ("  \"-a\",\n", "", "args lack -a"),
        ("\"amd64\"", "\"${WDK_BUILD_STAMPINF_ARCH}\"", "WDK_BUILD_STAMPINF_ARCH is lost"),
        ("[tasks.install]", "[tasks.infverif]", "does there is lost"),
        (
            "[tasks.install]",
            "[tasks.copy-inx-to-output]\ndependencies = []\n[tasks.install]",
            "our folder",
        ),
        ("[tasks.install]", "[tasks.install]\nscript = \"\"", "one action"),
    ] {
        let bad = ours.replacen(from, to, 1);
        assert!(bad != ours, "{from} is not in the file");
        let found = misfits(&bad, &theirs);
        assert!(found.iter().any(|text| text.contains(expected)), "{to}: {found:?}");
    }
}

#[test]
fn the_makefile_is_that_of_the_locked_wdk_build() {
    let text = read("Makefile.toml");
    let file: Table = text.parse().unwrap();
    assert_eq!(file["extend"].as_str(), Some("target/rust-driver-makefile.toml"));
    let lock: Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let package = packages.iter().find(|it| it["name"].as_str() == Some("wdk-build")).unwrap();
    let version = package["version"].as_str().unwrap();
    assert!(text.contains(&format!("wdk-build = \"{version}\"")), "Cargo.lock has {version}");
}

#[test]
fn stampinf_takes_date_and_version_from_the_environment() {
    let tasks = tasks(&read("Makefile.toml"));
    let args = list(&tasks["stampinf"], "args");
    // Without values, so at the end: nothing may follow that could be one.
    assert!(args.ends_with(&["-d".to_owned(), "-v".to_owned()]), "{args:?}");
    let script = tasks["date-of-commit"]["script"].as_str().unwrap();
    assert!(
        script.contains("set_env STAMPINF_DATE") && script.contains("set_env STAMPINF_VERSION")
    );
}

#[test]
fn the_verbs_are_the_test_apps() {
    let verbs = read("test-app/src/cli.rs");
    for (name, task) in &tasks(&read("Makefile.toml")) {
        if task
            .get("command")
            .and_then(Value::as_str)
            .is_some_and(|it| it.ends_with("test-app.exe"))
        {
            let verb = &list(task, "args")[0];
            assert_eq!(verb, name);
            let variant = verb[..1].to_uppercase() + &verb[1..];
            assert!(verbs.lines().any(|line| line.trim().starts_with(&variant)), "{variant}");
        }
    }
}

/// The words after `cargo make` in a text that are a task's name.
fn named(text: &str) -> BTreeSet<String> {
    let after = text.split("cargo make ").skip(1);
    let words =
        after.filter_map(|rest| rest.split(|it: char| !it.is_alphanumeric() && it != '-').next());
    words.filter(|word| !word.is_empty() && !word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn the_documents_name_tasks_that_exist_and_all_of_them() {
    let tasks = tasks(&read("Makefile.toml"));
    let page = named(&read("docs/windows.md"));
    for name in page.iter().chain(&named(&read(".github/workflows/ci.yml"))) {
        assert!(tasks.contains_key(name) || name == "default", "there is no task {name}");
    }
    for (name, task) in &tasks {
        if task.get("category").is_some() {
            assert!(page.contains(name), "docs/windows.md does not tell of {name}");
        }
    }
    assert_eq!(named("run `cargo make one`, cargo make -- x"), ["one".to_owned()].into());
}
