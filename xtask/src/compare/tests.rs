use std::path::Path;

use super::*;

/// Results of a machine: `id status` a line.
fn machine(name: &str, hash: &str, lines: &[(&str, &str)]) -> Results {
    let checks: Vec<_> = lines
        .iter()
        .map(|(id, status)| {
            let reason = (*status != "passed").then_some("a reason");
            serde_json::json!({ "id": id, "title": "t", "status": status, "reason": reason, "millis": 1 })
        })
        .collect();
    let document = serde_json::json!({
        "schema": 1,
        "machine": { "kind": "lab", "name": name },
        "driver": { "file": "pagewise.sys", "sha256": hash },
        "checks": checks,
        "summary": {},
    });
    Results::parse(&document.to_string()).unwrap()
}

fn two() -> [Results; 2] {
    [
        machine("the lab", "ab", &[("a.one", "passed"), ("a.two", "passed"), ("b.one", "failed")]),
        machine("Wine", "ab", &[("a.one", "passed"), ("a.two", "skipped"), ("c.one", "passed")]),
    ]
}

#[test]
fn only_decisions_disagree() {
    let machines = two();
    let comparison = Comparison::of(&machines);
    let ids: Vec<_> = comparison.rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, ["a.one", "a.two", "b.one", "c.one"]);
    assert!(comparison.rows.iter().all(|row| !row.disagree()));
    assert!(comparison.same_driver());
}

#[test]
fn a_pass_and_a_failure_disagree() {
    let machines = [
        machine("the lab", "ab", &[("a.one", "passed")]),
        machine("Wine", "cd", &[("a.one", "failed")]),
    ];
    let comparison = Comparison::of(&machines);
    assert!(comparison.rows[0].disagree());
    assert!(!comparison.same_driver());
    assert!(show::text(&comparison, true, false).contains("a.one"));
    assert!(show::json(&comparison, true).unwrap().contains("\"disagree\": true"));
}

#[test]
fn what_nobody_disagrees_on_can_be_left_out() {
    let machines = two();
    assert_eq!(show::markdown(&Comparison::of(&machines), true).lines().count(), 2);
}

#[test]
fn the_forms_are_stable() {
    let machines = two();
    let comparison = Comparison::of(&machines);
    assert_eq!(
        show::markdown(&comparison, false),
        "| check | the lab | Wine |\n|---|---|---|\n| `a.one` | passed | passed |\n\
         | `a.two` | passed | skipped |\n| `b.one` | FAILED | - |\n| `c.one` | - | passed |\n"
    );
    assert_eq!(
        show::themes(&comparison),
        "| checks of | the lab | Wine |\n|---|---|---|\n| a | 2 passed | 1 passed, 1 skipped |\n\
         | b | 1 FAILED | - |\n| c | - | 1 passed |\n"
    );
    let text = show::text(&comparison, false, false);
    assert!(text.contains("Wine: a reason\n  a.two"), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(show::text(&comparison, false, true).contains('\u{1b}'));
}

#[test]
fn what_is_no_result_is_refused() {
    for text in ["", "[]", "{}", "{\"schema\": 1}"] {
        assert!(Results::parse(text).is_err(), "{text:?}");
    }
    let twice = "{\"schema\":1,\"machine\":{\"name\":\"m\"},\"driver\":{\"sha256\":null},\
                 \"checks\":[{\"id\":\"a\",\"status\":\"passed\"},{\"id\":\"a\",\"status\":\"failed\"}]}";
    assert!(Results::parse(twice).unwrap_err().to_string().contains("twice"));
    let later = twice.replace("\"schema\":1", "\"schema\":2");
    assert!(Results::parse(&later).unwrap_err().to_string().contains("schema 2"));
}

/// The tables in the documents are what the kept results say.
#[test]
fn the_documents_show_the_results() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let results = ["lab", "wine"].map(|machine| {
        Results::read(&root.join("docs/results").join(machine).with_extension("json")).unwrap()
    });
    let comparison = Comparison::of(&results);
    assert!(comparison.same_driver(), "the kept results are of different drivers");
    for (document, table) in [
        ("README.md", show::themes(&comparison)),
        ("docs/results/README.md", show::markdown(&comparison, false)),
    ] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        assert!(text.contains(&table), "{document} should have this table:\n{table}");
    }
    let of = |decision| results[0].checks.iter().filter(|check| check.status == decision).count();
    let summary = format!(
        "{} passed, 0 failed, {} skipped, {} observed on the lab",
        of(Decision::Passed),
        of(Decision::Skipped),
        of(Decision::Observed)
    );
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&summary), "{summary}");
}
