//! The workflow parses, runs what the README tells, and asks for no more rights than it needs.

use yaml_rust2::{Yaml, YamlLoader};

use super::read;

const WORKFLOW: &str = ".github/workflows/ci.yml";

fn parsed(text: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(text).expect("it is YAML");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// Commands that stand alone in their block: those that the README says do all the set-up.
fn of_readme(text: &str) -> Vec<String> {
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lone = blocks.filter(|block| block.lines().count() == 1).map(str::trim);
    lone.filter(|line| line.starts_with("cargo xtask ")).map(str::to_owned).collect()
}

/// What is wrong with a workflow.
fn wrong(text: &str, readme: &str) -> Vec<String> {
    let workflow = parsed(text);
    let mut found = Vec::new();
    let linux = &workflow["jobs"]["linux"];
    let commands = linux["strategy"]["matrix"]["command"].as_vec();
    let commands: Vec<_> = commands.into_iter().flatten().filter_map(Yaml::as_str).collect();
    if commands != of_readme(readme) {
        found.push(format!("the README has {:?}, the workflow {commands:?}", of_readme(readme)));
    }
    let steps = linux["steps"].as_vec().into_iter().flatten();
    if steps.filter(|step| step["run"].as_str() == Some("${{ matrix.command }}")).count() != 1 {
        found.push("the commands are not run as they stand".to_owned());
    }
    let rights = workflow["permissions"].as_hash();
    let rights: Vec<_> =
        rights.into_iter().flatten().map(|(it, what)| (it.as_str(), what.as_str())).collect();
    if rights != [(Some("contents"), Some("read"))] {
        found.push(format!("it asks for {rights:?}"));
    }
    for (name, job) in workflow["jobs"].as_hash().into_iter().flatten() {
        if !job["permissions"].is_badvalue() {
            found.push(format!("{name:?} has rights of its own"));
        }
        if job["timeout-minutes"].as_i64().is_none() {
            found.push(format!("{name:?} may run for ever"));
        }
        for action in
            job["steps"].as_vec().into_iter().flatten().filter_map(|it| it["uses"].as_str())
        {
            let pin = action.split('@').nth(1).unwrap_or_default();
            if pin.len() != 40 || !pin.bytes().all(|it| it.is_ascii_hexdigit()) {
                found.push(format!("{action} is not pinned to a commit"));
            }
        }
    }
    if !text.starts_with("# NOT YET RUN") {
        found.push("it does not say that it has not run".to_owned());
    }
    found
}

#[test]
fn the_workflow_is_in_order() {
    assert_eq!(wrong(&read(WORKFLOW), &read("README.md")), Vec::<String>::new());
}

#[test]
fn disorder_is_found() {
    let (good, readme) = (read(WORKFLOW), read("README.md"));
    for (from, to, expected) in [
        ("          - cargo xtask test\n", "", "the README has"),
        ("run: ${{ matrix.command }}", "run: ${{ matrix.command }} --quiet", "as they stand"),
        ("contents: read", "contents: write", "asks for"),
        ("    timeout-minutes: 90\n", "", "for ever"),
        (
            "    timeout-minutes: 90\n",
            "    timeout-minutes: 90\n    permissions: write-all\n",
            "of its own",
        ),
        (
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "actions/checkout@v7",
            "not pinned",
        ),
        ("# NOT YET RUN", "#", "has not run"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(bad != good, "{from} is not in the file");
        let found = wrong(&bad, &readme);
        assert!(found.iter().any(|text| text.contains(expected)), "{to}: {found:?}");
    }
}

#[test]
fn the_windows_job_runs_the_makefile_and_every_mode_of_infverif() {
    let workflow = parsed(&read(WORKFLOW));
    let steps = workflow["jobs"]["windows"]["steps"].as_vec().unwrap();
    let runs: Vec<_> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(runs.contains(&"cargo make default --release --locked"), "{runs:?}");
    for mode in ["'/w'", "'/u'", "'/k'", "'/h'", "'vnext'"] {
        assert!(runs.iter().any(|run| run.contains(mode)), "{mode}");
    }
}

#[test]
fn reads_the_readmes_lone_commands() {
    let text = "```console\ncargo xtask one\n```\n```console\ncargo xtask two\nls\n```\n```text\ncargo xtask three\n```\n";
    assert_eq!(of_readme(text), ["cargo xtask one"]);
}
