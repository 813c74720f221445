use std::fs;

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::Profile;

use super::super::fake::Fake;
use super::super::system::{DumpFile, Ran};
use super::*;

struct Bench {
    folder: tempfile::TempDir,
    fake: Fake,
}

impl Bench {
    fn new(programs: &[(&'static str, Ran, &'static str, &'static str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let windows = folder.path().join("windows");
        let fake = Fake { programs: programs.to_vec(), folder: windows, ..Fake::default() };
        Self { folder, fake }
    }

    fn act(&mut self, action: Action) -> Acted {
        let step = Step {
            id: "step".to_owned(),
            action,
            limit_seconds: 9,
            needs: Vec::new(),
            always: false,
        };
        let root = self.folder.path();
        act(&mut self.fake, root, &root.join("out"), &step)
    }

    fn outcome(&mut self, action: Action) -> Outcome {
        match self.act(action).ended {
            Ended::With(outcome) => outcome,
            Ended::AfterRestart(why) => panic!("restarts: {why}"),
        }
    }

    fn restarts(&mut self, action: Action) -> bool {
        matches!(self.act(action).ended, Ended::AfterRestart(_))
    }
}

fn failed(outcome: Outcome) -> (String, Option<String>, String) {
    match outcome {
        Outcome::Failed { what, code, help } => (what, code, help.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

const SET: Action = Action::CheckSigning { set: true };
const LOOK: Action = Action::CheckSigning { set: false };

#[test]
fn test_signing_is_set_where_it_is_off() {
    let mut bench = Bench::new(&[("bcdedit.exe /set testsigning on", Ran::Ended(0), "done", "")]);
    assert!(bench.restarts(SET));
    assert!(failed(bench.outcome(LOOK)).2.contains("Secure Boot"));
    bench.fake.code_integrity = 0x02;
    assert!(bench.outcome(SET).is_passed() && bench.outcome(LOOK).is_passed());
    assert_eq!(bench.fake.ran.len(), 1);
}

#[test]
fn secure_boot_is_named_where_test_signing_is_refused() {
    let said = "An error has occurred.\r\nThe value is protected.\r\n";
    let mut bench = Bench::new(&[("bcdedit.exe", Ran::Ended(1), said, "")]);
    let acted = bench.act(SET);
    assert_eq!(acted.exit_code, Some(1));
    assert!(matches!(&acted.events[..], [Event::File { name, .. }] if name == "bcdedit.txt"));
    let Ended::With(outcome) = acted.ended else { panic!() };
    let (what, code, help) = failed(outcome);
    assert!(what.contains("bcdedit.exe /set ended with code 1: The value is protected."));
    assert!(code.as_deref() == Some("1") && help.contains("Secure Boot"));
}

#[test]
fn a_missing_tool_is_skipped_and_one_that_hangs_fails() {
    let mut bench = Bench::new(&[("verifier.exe", Ran::TimedOut, "half", "")]);
    assert_eq!(bench.outcome(SET).word(), "skipped");
    let (what, ..) = failed(bench.outcome(Action::ResetVerifier));
    assert!(what.contains("did not end in time"), "{what}");
}

#[test]
fn memory_integrity_is_set_in_the_registry_and_looked_for_where_it_runs() {
    let mut bench = Bench::new(&[]);
    assert!(bench.restarts(Action::MemoryIntegrity { on: true, set: true }));
    let enabled = |bench: &Bench| {
        let value = bench
            .fake
            .registry
            .iter()
            .find(|(key, _)| key.ends_with(r"HypervisorEnforcedCodeIntegrity\Enabled"));
        value.map(|(_, number)| *number)
    };
    assert_eq!(enabled(&bench), Some(1));
    let look = Action::MemoryIntegrity { on: true, set: false };
    assert_eq!(bench.outcome(look.clone()).word(), "skipped");
    bench.fake.code_integrity = 0x400;
    assert!(bench.outcome(look).is_passed());
    assert!(bench.outcome(Action::MemoryIntegrity { on: false, set: true }).is_passed());
    assert_eq!(enabled(&bench), Some(0));
    assert!(bench.outcome(Action::MemoryIntegrity { on: false, set: false }).is_failed());
}

#[test]
fn what_the_system_denies_is_told_with_code_and_help() {
    let mut bench = Bench::new(&[]);
    bench.fake.denied = true;
    for action in [Action::Trust, Action::MemoryIntegrity { on: true, set: true }] {
        let (what, _, help) = failed(bench.outcome(action));
        assert!(what.contains("ERROR_ACCESS_DENIED (5)") && !help.is_empty(), "{what} {help}");
    }
}

#[test]
fn the_package_s_certificate_is_trusted() {
    let mut bench = Bench::new(&[]);
    assert!(bench.outcome(Action::Trust).is_passed());
    assert!(bench.fake.trusted[0].ends_with("package/pagewise.cer"));
}

#[test]
fn installing_and_removing_may_want_a_restart() {
    for (action, verb) in
        [(Action::Install, "test-app install"), (Action::Uninstall, "test-app un")]
    {
        let restart = Ran::Ended(9);
        assert!(Bench::new(&[(verb, restart, "{}", "")]).restarts(action.clone()));
        assert!(Bench::new(&[(verb, Ran::Ended(0), "{}", "")]).outcome(action.clone()).is_passed());
        let errors = "error: SetupDiCallClassInstaller failed: X (5)\n  help: be someone else\n";
        let mut bench = Bench::new(&[(verb, Ran::Ended(8), "", errors)]);
        let (what, code, help) = failed(bench.outcome(action));
        assert!(what.contains("SetupDiCallClassInstaller failed"), "{what}");
        assert_eq!((code.as_deref(), &*help), (Some("8"), "be someone else"));
    }
}

#[test]
fn a_diagnosis_is_counted_and_sent_along() {
    let diagnosis = r#"{"findings":[{"id":"a.b","level":"ok"},{"id":"c.d","level":"fail"},
        {"id":"e.f","level":"warn"}]}"#;
    let mut bench = Bench::new(&[("test-app doctor", Ran::Ended(1), diagnosis, "")]);
    let acted = bench.act(Action::Doctor);
    let checks = acted.events.iter().find_map(|event| match event {
        Event::Checks(checks) => Some(checks),
        _ => None,
    });
    let checks = checks.unwrap();
    assert_eq!((checks.passed, checks.failed, checks.skipped), (1, 1, 1));
    assert_eq!(checks.failures, ["c.d"]);
    let count = |wanted: fn(&Event) -> bool| acted.events.iter().filter(|one| wanted(one)).count();
    assert_eq!(count(|event| matches!(event, Event::File { .. })), 1);
    assert_eq!(count(|event| matches!(event, Event::InlineFile { .. })), 1);
    let Ended::With(outcome) = acted.ended else { panic!() };
    assert_eq!(failed(outcome).0, "1 to fix: c.d");
}

#[test]
fn results_are_read_from_where_verify_wrote_them() {
    let verify = || Action::Verify { label: "plain".to_owned() };
    let mut bench = Bench::new(&[("test-app verify", Ran::Ended(1), "FAIL locks", "")]);
    let results = r#"{"checks":[{"id":"locks.x","status":"failed"}],
        "summary":{"passed":3,"failed":1,"skipped":2,"observed":1}}"#;
    fs::write(bench.folder.path().join("out/verify-plain.json"), results).unwrap();
    let acted = bench.act(verify());
    assert!(acted.events.iter().any(|event| matches!(
        event,
        Event::Checks(checks) if checks.failed == 1 && checks.failures == ["locks.x"]
    )));
    assert_eq!(acted.exit_code, Some(1));
    let Ended::With(outcome) = acted.ended else { panic!() };
    assert_eq!(failed(outcome).0, "1 failed: locks.x");
    // A driver that took the machine's side down leaves no results.
    let mut bench = Bench::new(&[("test-app verify", Ran::Ended(7), "", "error: gone\n")]);
    let (what, code, _) = failed(bench.outcome(verify()));
    assert!(what.contains("gone") && code.as_deref() == Some("7"));
}

#[test]
fn a_profile_is_set_with_its_guard() {
    let profile = Action::DriverVerifier { profile: Profile::Quick };
    let mut bench = Bench::new(&[("verifier.exe", Ran::Ended(2), "", "")]);
    bench.fake.build = 26_100;
    assert!(bench.restarts(profile.clone()));
    assert_eq!(
        bench.fake.ran,
        [
            "verifier.exe /rc 1 2 4 5 9 12 18 20 /driver pagewise.sys",
            "verifier.exe /bootmode resetonbootfail"
        ]
    );
    let mut bench = Bench::new(&[
        ("verifier.exe /bootmode", Ran::Ended(1), "no", ""),
        ("verifier.exe", Ran::Ended(0), "", ""),
    ]);
    assert!(bench.outcome(profile).is_failed());
    assert_eq!(bench.fake.ran.last().map(String::as_str), Some("verifier.exe /reset"));
}

#[test]
fn settings_without_the_driver_are_a_failure() {
    let query = |settings| {
        let mut bench = Bench::new(&[
            ("verifier.exe /querysettings", Ran::Ended(0), settings, ""),
            ("verifier.exe /query", Ran::Ended(0), "", ""),
        ]);
        bench.outcome(Action::QueryVerifier)
    };
    assert!(query("Verified drivers:\r\nPageWise.sys\r\n").is_passed());
    assert!(query("p\0a\0g\0e\0w\0i\0s\0e\0.\0s\0y\0s\0").is_passed());
    assert!(query("Verified drivers: None").is_failed());
}

#[test]
fn what_there_is_is_collected_and_what_is_missing_told() {
    let mut bench = Bench::new(&[
        ("wevtutil.exe qe System", Ran::Ended(0), "Event[0]", ""),
        ("wevtutil.exe", Ran::Ended(0), "", ""),
    ]);
    let root = bench.folder.path().to_owned();
    fs::create_dir_all(root.join("windows/INF")).unwrap();
    let log = [vec![b'x'; 300 * 1024], b"the end".to_vec()].concat();
    fs::write(root.join("windows/INF/setupapi.dev.log"), log).unwrap();
    let dump = root.join("112326-1-01.dmp");
    fs::write(&dump, "dump").unwrap();
    let large = DumpFile { path: root.join("MEMORY.DMP"), written: None, bytes: 1 << 40 };
    let small = DumpFile { path: dump, written: None, bytes: 4 };
    *bench.fake.dumps.borrow_mut() = vec![small, large];
    let acted = bench.act(Action::Collect);
    let files: Vec<_> = acted
        .events
        .iter()
        .filter_map(|event| match event {
            Event::File { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(files, ["setupapi.dev.log.txt", "dumps/112326-1-01.dmp", "system-log.txt"]);
    let tail = fs::read(root.join("out/setupapi.dev.log.txt")).unwrap();
    assert!(tail.len() == 256 * 1024 && tail.ends_with(b"the end"));
    let said = |part: &str| {
        acted
            .events
            .iter()
            .any(|event| matches!(event, Event::Said { text } if text.contains(part)))
    };
    assert!(said("MEMORY.DMP") && said("verifier.exe"));
    assert_eq!(acted.ended, Ended::With(Outcome::Passed));
    let mut bench = Bench::new(&[("wevtutil.exe", Ran::Ended(5), "", "denied")]);
    let (what, ..) = failed(bench.outcome(Action::Collect));
    assert!(what.contains("system-log.txt"));
}
