//! The files against the rules of AutoHCK's page (docs/Functest-Engine.md of HCK-CI/AutoHCK, and for
//! paths docs/Test-config-behavior.md): read back as JSON, not through the types that wrote them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::*;

const SUITE: &[&str] = &[
    "name",
    "description",
    "test_system_ref",
    "tests",
    "requirements",
    "reject_test_names",
    "known_issues",
];

const CASE: &[&str] = &[
    "name",
    "display_name",
    "description",
    "test_system_ref",
    "extra_software",
    "pre_test_commands",
    "cycles",
    "test_steps",
    "cleanup",
    "clients",
    "clean_boot",
    "boot_from_snapshot_tag",
    "save_snapshot_as",
];

const STEP_TYPES: &[&str] = &[
    "guest_run",
    "guest_run_file",
    "guest_reboot",
    "host_run",
    "host_run_file",
    "files_action",
    "qmp_command",
    "qmp_wait_event",
    "barrier",
    "set_variable",
    "parallel",
];

const STEP: &[&str] = &[
    "desc",
    "timeout",
    "ignore_errors",
    "variables",
    "capture_output",
    "expected_output_contains",
    "expected_output_matches",
    "expected_output_matches_encoding",
    "clients",
];

const TRANSFER: &[&str] = &["local_path", "remote_path", "direction", "move", "allow_missing"];

const VARIABLES: &[&str] = &["test_binaries_path", "workspace", "safe_test_name"];

/// Every rule that the files break, in words.
fn broken(files: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, value) in files {
        let object = value.as_object().cloned().unwrap_or_default();
        if path.contains("/suites/") {
            suite(path, &object, files, &mut found);
        } else {
            case(path, &object, &mut found);
        }
        variables(path, value, &mut found);
    }
    found
}

fn suite(
    path: &str,
    object: &Map<String, Value>,
    files: &BTreeMap<String, Value>,
    found: &mut Vec<String>,
) {
    fields(path, object, SUITE, &["name", "tests"], found);
    for name in object.get("tests").and_then(Value::as_array).into_iter().flatten() {
        let case = format!("{TESTS}/cases/{}.json", name.as_str().unwrap_or_default());
        if !files.contains_key(&case) {
            found.push(format!("{path}: there is no {case}"));
        }
    }
}

fn case(path: &str, object: &Map<String, Value>, found: &mut Vec<String>) {
    fields(path, object, CASE, &["name", "test_steps"], found);
    for list in ["pre_test_commands", "test_steps", "cleanup"] {
        for step in object.get(list).and_then(Value::as_array).into_iter().flatten() {
            check_step(path, step.as_object().unwrap_or(&Map::new()), found);
        }
    }
}

fn check_step(path: &str, step: &Map<String, Value>, found: &mut Vec<String>) {
    let known: Vec<&str> = STEP.iter().chain(STEP_TYPES).copied().collect();
    fields(path, step, &known, &[], found);
    let types: Vec<_> = STEP_TYPES.iter().filter(|kind| step.contains_key(**kind)).collect();
    if types.len() != 1 {
        found.push(format!("{path}: a step has exactly one type, not {types:?}"));
    }
    if step.contains_key("files_action") && step.contains_key("timeout") {
        found.push(format!("{path}: the timeout of a transfer is not heeded"));
    }
    let judged = step.contains_key("expected_output_contains");
    if judged && !step.contains_key("guest_run") && !step.contains_key("host_run") {
        found.push(format!("{path}: only what runs has output"));
    }
    for transfer in step.get("files_action").and_then(Value::as_array).into_iter().flatten() {
        let transfer = transfer.as_object().cloned().unwrap_or_default();
        fields(path, &transfer, TRANSFER, &["local_path", "remote_path"], found);
        let direction = transfer.get("direction").and_then(Value::as_str);
        if !matches!(direction, None | Some("local-to-remote" | "remote-to-local")) {
            found.push(format!("{path}: no direction {direction:?}"));
        }
    }
}

fn fields(
    path: &str,
    object: &Map<String, Value>,
    known: &[&str],
    required: &[&str],
    found: &mut Vec<String>,
) {
    let unknown = object.keys().filter(|key| !known.contains(&key.as_str()));
    found.extend(unknown.map(|key| format!("{path}: no field {key}")));
    let missing = required.iter().filter(|key| !object.contains_key(**key));
    found.extend(missing.map(|key| format!("{path}: {key} is missing")));
}

/// A variable that AutoHCK does not set stays in the text as it is.
fn variables(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for variable in text.split('@').skip(1).step_by(2) {
                if !VARIABLES.contains(&variable) {
                    found.push(format!("{path}: no variable {variable}"));
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| variables(path, value, found)),
        Value::Object(map) => map.values().for_each(|value| variables(path, value, found)),
        _ => {}
    }
}

fn emitted() -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let paths = emit(folder.path()).unwrap();
    let read = |path: &PathBuf| {
        let below = path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
        (below, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    paths.iter().map(read).collect()
}

#[test]
fn what_is_emitted_breaks_no_rule_of_the_format() {
    let files = emitted();
    assert_eq!(files.len(), 6, "a suite and five cases");
    assert_eq!(broken(&files), Vec::<String>::new());
}

#[test]
fn every_rule_finds_its_twin() {
    let install = format!("{TESTS}/cases/pagewise/install.json");
    let suite = format!("{TESTS}/suites/pagewise.json");
    let twins: &[(&str, &str, Value, &str)] = &[
        (&suite, "/tests/0", json!("pagewise/no-such"), "there is no"),
        (&suite, "/test", json!([]), "no field test"),
        (&install, "/test_steps/1/guest_reboot", json!(true), "exactly one type"),
        (&install, "/test_steps/1/guestrun", json!("x"), "no field guestrun"),
        (&install, "/test_steps/0/timeout", json!(3), "not heeded"),
        (&install, "/test_steps/2/expected_output_contains", json!("x"), "only what runs"),
        (&install, "/test_steps/0/files_action/0/direction", json!("up"), "no direction"),
        (&install, "/test_steps/0/files_action/0/path", json!("x"), "no field path"),
        (&install, "/test_steps/1/desc", json!("@driver@"), "no variable driver"),
    ];
    for (file, pointer, value, word) in twins {
        let mut files = emitted();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match files.get_mut(*file).unwrap().pointer_mut(parent).unwrap() {
            Value::Array(values) => values[key.parse::<usize>().unwrap()] = value.clone(),
            object => object[key] = value.clone(),
        }
        let found = broken(&files);
        assert!(found.iter().any(|what| what.contains(word)), "{pointer}: {found:?}");
    }
    let mut files = emitted();
    files.get_mut(&install).unwrap().as_object_mut().unwrap().remove("test_steps");
    assert!(broken(&files).iter().any(|what| what.contains("test_steps is missing")));
}

#[test]
fn every_driver_verifier_run_is_undone() {
    for (path, case) in emitted() {
        if case["test_steps"].to_string().contains("/driver pagewise.sys") {
            assert!(case["cleanup"].to_string().contains("verifier /reset"), "{path}");
        }
    }
}
