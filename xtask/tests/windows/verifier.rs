//! The profiles of Driver Verifier are command lines that its page allows
//! (learn.microsoft.com/windows-hardware/drivers/devtest/verifier-command-line).

use std::collections::BTreeMap;

use toml::Value;

use super::makefile::tasks;
use super::read;

/// Rule classes that begin without a restart.
const NOW: [u32; 10] = [1, 2, 4, 5, 9, 12, 18, 19, 20, 36];

/// Rule classes, each with one that it needs.
const NEEDS: [(u32, u32); 6] = [(10, 5), (11, 5), (14, 5), (15, 5), (19, 36), (33, 36)];

/// What is wrong with a command line.
fn wrong(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let (options, driver) = match words.as_slice() {
        ["/reset"] | ["/bootmode", "resetonbootfail"] => return None,
        [options @ .., "/driver", driver] => (options, *driver),
        _ => return Some("it names no driver".to_owned()),
    };
    if driver != "pagewise.sys" {
        return Some(format!("{driver} is not ours"));
    }
    let (first, classes) = options.split_first()?;
    let now = classes.last() == Some(&"/now");
    let classes = if now { &classes[..classes.len() - 1] } else { classes };
    let classes: Result<Vec<u32>, _> = classes.iter().map(|word| word.parse()).collect();
    let Ok(classes) = classes else {
        return Some("a rule class is no number".to_owned());
    };
    match *first {
        "/standard" => (!classes.is_empty() || now).then(|| "/standard takes nothing".to_owned()),
        "/rc" if now => Some("/now is for /dif".to_owned()),
        // /dif brings class 36 with it.
        "/dif" if now => {
            classes.iter().find(|it| !NOW.contains(it)).map(|it| format!("{it} needs a restart"))
        }
        "/rc" | "/dif" => {
            let has = |class: &u32| classes.contains(class);
            let lacks = NEEDS.iter().find(|(class, needed)| has(class) && !has(needed));
            lacks.map(|(class, needed)| format!("{class} needs {needed}"))
        }
        other => Some(format!("{other} is no option")),
    }
}

/// The command line of each task that runs verifier.
fn lines() -> BTreeMap<String, String> {
    let tasks = tasks(&read("Makefile.toml"));
    let line = |task: &Value| Some(task.get("env")?.get("PAGEWISE_VERIFIER")?.as_str()?.to_owned());
    tasks.iter().filter_map(|(name, task)| Some((name.clone(), line(task)?))).collect()
}

#[test]
fn each_command_line_is_one_that_verifier_takes() {
    let lines = lines();
    for (name, line) in &lines {
        assert_eq!(wrong(line), None, "{name}: {line}");
    }
    assert_eq!(lines["verifier-reset"], "/reset");
    assert_eq!(lines.keys().filter(|name| name.starts_with("verifier-")).count(), 5);
}

#[test]
fn wrong_command_lines_are_found() {
    for line in [
        "/standard",
        "/standard /all",
        "/standard /driver other.sys",
        "/standard 1 /driver pagewise.sys",
        "/dif 6 /now /driver pagewise.sys",
        "/rc 33 /driver pagewise.sys",
        "/rc 2 /now /driver pagewise.sys",
        "/rc two /driver pagewise.sys",
        "/flags 2 /driver pagewise.sys",
    ] {
        assert!(wrong(line).is_some(), "{line}");
    }
}

#[test]
fn what_lasts_over_a_restart_ends_when_windows_does_not_start() {
    let tasks = tasks(&read("Makefile.toml"));
    for (name, line) in lines() {
        if line.contains("/driver") && !line.contains("/now") {
            let next = tasks[&name]["run_task"].get("name").and_then(Value::as_array);
            let next: Vec<_> = next.unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(next, ["verifier-apply", "verifier-guard"], "{name}");
        }
    }
    assert_eq!(lines()["verifier-guard"], "/bootmode resetonbootfail");
}

#[test]
fn every_profile_forces_irql_checking() {
    // What this driver is about: pageable memory is trimmed at each raise. /standard has it, too.
    for (name, line) in lines() {
        if line.starts_with("/rc") || line.starts_with("/dif") {
            assert!(line.split(' ').any(|word| word == "2"), "{name}: {line}");
        }
    }
}
