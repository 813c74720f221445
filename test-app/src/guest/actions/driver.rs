//! The driver: this program's other verbs, each as a program of its own. A crash or a hang of theirs
//! does not take the guest down.

use pagewise_vm_plan::event::{Checks, Event};
use pagewise_vm_plan::guest::Ended;
use pagewise_vm_plan::outcome::Outcome;
use serde_json::Value;

use super::super::system::Ran;
use super::desk::Desk;
use crate::exit::Exit;

const FAILED: i64 = Exit::CheckFailed as i64;
const RESTART: i64 = Exit::Restart as i64;
const SKIPPED: i64 = Exit::Skipped as i64;

pub fn trust(desk: &mut Desk<'_>) -> Ended {
    let (certificate, limit) = (desk.package().join("pagewise.cer"), desk.left());
    match desk.system.trust(&certificate, limit) {
        Ok(added) => {
            desk.say(format!("the certificate is trusted; {added} stores did not have it before"));
            Ended::With(Outcome::Passed)
        }
        Err(error) => Ended::With(Outcome::Failed {
            what: error.to_string(),
            code: None,
            help: error.help().map(str::to_owned),
        }),
    }
}

pub fn install(desk: &mut Desk<'_>) -> Ended {
    let package = desk.package().display().to_string();
    let ran = desk.own(&["install", "--json", "--package", &package], "install.json");
    match ran.ran {
        Ran::Ended(0) => Ended::With(Outcome::Passed),
        Ran::Ended(RESTART) => Ended::AfterRestart("the installed driver wants it".to_owned()),
        _ => Ended::With(ran.failure(None)),
    }
}

pub fn uninstall(desk: &mut Desk<'_>) -> Ended {
    let ran = desk.own(&["uninstall", "--json"], "uninstall.json");
    match ran.ran {
        Ran::Ended(0) => Ended::With(Outcome::Passed),
        Ran::Ended(RESTART) => Ended::AfterRestart("the removed driver wants it".to_owned()),
        _ => Ended::With(ran.failure(None)),
    }
}

pub fn doctor(desk: &mut Desk<'_>) -> Ended {
    let name = format!("{}.json", desk.step.id);
    let ran = desk.own(&["doctor", "--json"], &name);
    desk.note_inline(&name);
    let checks = findings(&desk.step.id, &ran.output);
    let to_fix = checks.as_ref().and_then(|checks| failures(checks, "to fix", &name));
    checks.into_iter().for_each(|checks| desk.tell(Event::Checks(checks)));
    Ended::With(match ran.ran {
        Ran::Ended(0) => Outcome::Passed,
        Ran::Ended(FAILED) => {
            to_fix.unwrap_or_else(|| ran.failure(Some("the doctor gave no findings")))
        }
        Ran::Ended(SKIPPED) => Outcome::skipped("the doctor cannot look at this machine"),
        _ => ran.failure(None),
    })
}

pub fn verify(desk: &mut Desk<'_>, label: &str) -> Ended {
    let name = format!("verify-{label}.json");
    let result = desk.out.join(&name).display().to_string();
    let package = desk.package();
    let driver = package.join("pagewise.sys").display().to_string();
    let package = package.display().to_string();
    let arguments = ["verify", "--json", &result, "--driver", &driver, "--package", &package];
    let ran = desk.own(&arguments, &format!("verify-{label}.txt"));
    let mut failed = None;
    if desk.out.join(&name).is_file() {
        desk.note_inline(&name);
        let text = std::fs::read_to_string(desk.out.join(&name)).unwrap_or_default();
        let checks = results(&desk.step.id, &text);
        failed = checks.as_ref().and_then(|checks| failures(checks, "failed", &name));
        checks.into_iter().for_each(|checks| desk.tell(Event::Checks(checks)));
    }
    Ended::With(match ran.ran {
        Ran::Ended(0) => Outcome::Passed,
        Ran::Ended(FAILED) => failed.unwrap_or_else(|| ran.failure(None)),
        Ran::Ended(SKIPPED) => Outcome::skipped("this machine cannot decide any check"),
        _ => ran.failure(None),
    })
}

/// What failed, if anything did.
fn failures(checks: &Checks, word: &str, file: &str) -> Option<Outcome> {
    (checks.failed > 0).then(|| Outcome::Failed {
        what: format!("{} {word}: {}", checks.failed, checks.failures.join(", ")),
        code: Some(FAILED.to_string()),
        help: Some(format!("the reasons, and what to do, are in {file}")),
    })
}

/// The form of `verify --json`.
fn results(step: &str, json: &str) -> Option<Checks> {
    let report: Value = serde_json::from_str(json).ok()?;
    let count = |name: &str| number(report["summary"][name].as_u64());
    let failed = report["checks"].as_array()?.iter().filter(|check| check["status"] == "failed");
    Some(Checks {
        step: step.to_owned(),
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("skipped"),
        failures: ids(failed),
    })
}

/// The form of `doctor --json`; what is to be looked at or unknown counts as skipped.
fn findings(step: &str, json: &str) -> Option<Checks> {
    let diagnosis: Value = serde_json::from_str(json).ok()?;
    let findings = diagnosis["findings"].as_array()?;
    let with =
        |level: &'static str| findings.iter().filter(move |finding| finding["level"] == level);
    let count = |level| number(Some(with(level).count() as u64));
    Some(Checks {
        step: step.to_owned(),
        passed: count("ok"),
        failed: count("fail"),
        skipped: count("warn") + count("unknown"),
        failures: ids(with("fail")),
    })
}

fn number(number: Option<u64>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn ids<'a>(all: impl Iterator<Item = &'a Value>) -> Vec<String> {
    all.filter_map(|one| one["id"].as_str()).map(str::to_owned).collect()
}
