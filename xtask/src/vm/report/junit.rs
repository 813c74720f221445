//! A run as JUnit XML, which every CI shows: the steps of the plan, and the checks of each `verify`
//! whose results came.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use pagewise_vm_plan::outcome::Outcome;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;

use super::{Report, Verdict};

/// Writes it. `results` are the JSON files of `verify`, by name.
pub fn write(report: &Report, results: &[(String, Value)], path: &Path) -> Result<()> {
    let text = document(report, results).to_string().context("the report is no XML")?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn document(report: &Report, results: &[(String, Value)]) -> Document {
    let mut document = Document::new(format!("pagewise vm {}", report.plan));
    let mut plan = TestSuite::new("plan");
    let status = match report.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        _ => bad(NonSuccessKind::Failure, &report.text),
    };
    plan.add_test_case(TestCase::new("machine", status));
    for step in &report.steps {
        let status = match &step.outcome {
            Some(Outcome::Passed) => TestCaseStatus::success(),
            Some(Outcome::Failed { what, .. }) => bad(NonSuccessKind::Failure, what),
            Some(Outcome::Skipped { reason }) => skipped(reason),
            None if step.started => bad(NonSuccessKind::Error, "it did not end"),
            None => skipped("it did not start"),
        };
        let mut case = TestCase::new(step.id.as_str(), status);
        if let Some(seconds) = step.seconds {
            case.set_time(Duration::from_secs(seconds));
        }
        plan.add_test_case(case);
    }
    document.add_test_suite(plan);
    for (name, results) in results {
        document.add_test_suite(checks(name, results));
    }
    document
}

fn checks(name: &str, results: &Value) -> TestSuite {
    let mut suite = TestSuite::new(name.trim_end_matches(".json"));
    for check in results["checks"].as_array().into_iter().flatten() {
        let text = |field: &str| check[field].as_str().unwrap_or_default();
        let status = match text("status") {
            // A question has no wrong answer; JUnit has no word for that.
            "passed" | "observed" => TestCaseStatus::success(),
            "skipped" => skipped(text("reason")),
            _ => bad(NonSuccessKind::Failure, text("reason")),
        };
        let mut case = TestCase::new(text("id"), status);
        case.set_time(Duration::from_millis(check["millis"].as_u64().unwrap_or(0)));
        if let Some(note) = check["note"].as_str() {
            case.set_system_out(note);
        }
        suite.add_test_case(case);
    }
    suite
}

fn bad(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status
}

fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason);
    status
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn checks_become_cases_and_what_is_unknown_has_failed() {
        let results = json!({ "checks": [
            { "id": "handshake.version", "status": "passed", "reason": null, "millis": 12 },
            { "id": "paging.evicts", "status": "failed", "reason": "5 < 6 & more" },
            { "id": "access.deny", "status": "skipped", "reason": "not elevated" },
            { "id": "new.one", "status": "wondered" },
            { "id": "question.one", "status": "observed", "note": "the map moved" },
        ]});
        let mut document = Document::new("d");
        document.add_test_suite(checks("verify-plain.json", &results));
        let text = document.to_string().unwrap();
        for part in [
            r#"<testsuite name="verify-plain" tests="5" skipped="1" errors="0" failures="2""#,
            r#"<testcase name="handshake.version" time="0.012"/>"#,
            r#"<failure message="5 &lt; 6 &amp; more"/>"#,
            r#"<skipped message="not elevated"/>"#,
            "<system-out>the map moved</system-out>",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
