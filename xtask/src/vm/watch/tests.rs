use pagewise_vm_plan::control::{Alive, Hello};
use pagewise_vm_plan::journal;
use pagewise_vm_plan::outcome::{Outcome, Tally};

use super::*;

fn plan() -> Plan {
    let step = |id: &str| serde_json::json!({ "id": id, "action": { "do": "install" }, "limit_seconds": 100 });
    let json = serde_json::json!({ "version": 1, "name": "test", "most_boots": 3,
                                   "steps": [step("one"), step("two")] });
    Plan::read(json.to_string().as_bytes()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limits() -> Limits {
    Limits {
        boot: seconds(50),
        silence: seconds(20),
        grace: seconds(10),
        idle: seconds(30),
        leave: seconds(15),
        most_resets: 3,
    }
}

/// A watched run, and its clock.
struct Run {
    watch: Watch,
    now: u64,
}

fn dump() -> Dump {
    Dump { file: "112326-1.dmp".to_owned(), code: 0xd1, parameters: [1, 2, 8, 4] }
}

impl Run {
    fn new() -> Self {
        Self { watch: Watch::new(plan(), "sha".to_owned(), limits(), Duration::ZERO), now: 0 }
    }

    /// A guest that is up for the first time, in the step `one`.
    fn in_one() -> Self {
        Self::new().hello(1).booted(1, None).started("one")
    }

    fn wait(mut self, more: u64) -> Self {
        self.now += more;
        self
    }

    fn take(mut self, received: &Received) -> Self {
        self.watch.received(received, seconds(self.now));
        self
    }

    fn hello(self, boot: u32) -> Self {
        self.take(&Received::Hello(Hello { boot, plan_sha256: "sha".to_owned(), last: 0 }))
    }

    fn alive(self) -> Self {
        self.take(&Received::Alive(Alive { boot: 1, step: None, seconds: 0 }))
    }

    fn event(self, event: Event) -> Self {
        self.take(&Received::Line(journal::line(1, &event), event))
    }

    fn booted(self, boot: u32, dump: Option<Dump>) -> Self {
        let (os, clock) = (String::new(), String::new());
        self.event(Event::Booted(Booted { boot, fresh: true, os, clock, dump }))
    }

    fn started(self, step: &str) -> Self {
        self.event(Event::StepStarted { step: step.to_owned() })
    }

    fn restarts(self, step: &str) -> Self {
        self.event(Event::RestartAsked { step: step.to_owned(), why: String::new() })
    }

    fn ended(self, step: &str, outcome: Outcome) -> Self {
        let step = step.to_owned();
        self.event(Event::StepEnded { step, outcome, exit_code: None, seconds: 0 })
    }

    fn finished(self) -> Self {
        self.event(Event::Finished { tally: Tally::default() })
    }

    fn reset(mut self) -> Self {
        // Twice, as QEMU does.
        let reset = monitor::Event::Reset { guest: true };
        self.watch.machine(reset, seconds(self.now));
        self.watch.machine(reset, seconds(self.now));
        self
    }

    fn machine(mut self, event: monitor::Event) -> Self {
        self.watch.machine(event, seconds(self.now));
        self
    }

    fn off(self) -> Self {
        let mut run = self.machine(monitor::Event::Shutdown { guest: true });
        run.watch.ended();
        run
    }

    fn verdict(&self) -> Option<Verdict> {
        self.watch.verdict(seconds(self.now))
    }

    #[track_caller]
    fn is(self, expected: &Verdict) -> Self {
        assert_eq!(self.verdict().as_ref(), Some(expected));
        self
    }

    #[track_caller]
    fn goes_on(self) -> Self {
        assert_eq!(self.verdict(), None);
        self
    }
}

fn hang(step: Option<&str>, how: Hang) -> Verdict {
    Verdict::Hang { step: step.map(str::to_owned), how }
}

#[test]
fn a_plan_that_is_through_and_off_has_passed() {
    let run = Run::in_one().ended("one", Outcome::Passed).started("two");
    let run = run.ended("two", Outcome::Passed).finished().goes_on().off();
    assert_eq!(run.is(&Verdict::Passed).watch.all_crashes(), []);
}

#[test]
fn a_machine_that_stays_on_after_the_end_is_not_waited_for_for_ever() {
    let run = Run::in_one().ended("one", Outcome::Passed).started("two");
    let run = run.ended("two", Outcome::Passed).finished().wait(15).goes_on().wait(1);
    run.is(&Verdict::Passed);
    // Not even if it starts again and again.
    let run = Run::in_one().finished().wait(9).reset().hello(2).wait(7);
    assert!(run.verdict().is_some());
}

#[test]
fn a_failed_step_fails_the_run_whatever_the_guest_sums_up() {
    let run = Run::in_one().ended("one", Outcome::failed("no")).ended("two", Outcome::Passed);
    let tally = Tally { passed: 1, failed: 1, ..Tally::default() };
    run.finished().off().is(&Verdict::Failed { tally });
}

#[test]
fn a_restart_that_was_asked_for_is_no_crash() {
    let run = Run::in_one().restarts("one").wait(10).reset().wait(40).goes_on();
    let run = run.hello(2).booted(2, None).ended("one", Outcome::Passed);
    let run = run.ended("two", Outcome::Passed).finished().off().is(&Verdict::Passed);
    assert_eq!(run.watch.resets(), 1);
}

/// The guest restarts before its line has carried that it will.
#[test]
fn a_restart_that_is_told_of_after_it_happened_is_no_crash() {
    let run = Run::in_one().reset().hello(2).restarts("one").booted(2, None);
    let run = run.ended("one", Outcome::Passed).ended("two", Outcome::Passed).finished().off();
    run.is(&Verdict::Passed);
}

#[test]
fn a_restart_that_does_not_come_is_a_hang() {
    let run = Run::in_one().restarts("one").alive().wait(15).alive().goes_on().wait(1);
    run.is(&hang(Some("one"), Hang::Restart));
}

#[test]
fn a_restart_that_fails_is_a_step_that_failed() {
    let run = Run::in_one().restarts("one").ended("one", Outcome::failed("no")).wait(18).goes_on();
    run.alive().wait(12).goes_on();
}

#[test]
fn a_bug_check_is_told_by_its_dump_and_the_plan_goes_on() {
    let run = Run::in_one().wait(3).reset().wait(30).goes_on().hello(2).booted(2, Some(dump()));
    let run = run.ended("one", Outcome::bug_check(&dump())).ended("two", Outcome::Passed);
    let run = run.finished().off().is(&Verdict::BugCheck { back: true });
    let crash = Crash { step: Some("one".to_owned()), dump: Some(dump()) };
    assert_eq!(run.watch.all_crashes(), [crash]);
}

#[test]
fn a_reset_in_a_step_without_a_dump_is_a_crash_too() {
    let run = Run::in_one().reset().hello(2).booted(2, None).finished().off();
    let run = run.is(&Verdict::BugCheck { back: true });
    assert_eq!(run.watch.all_crashes(), [Crash { step: Some("one".to_owned()), dump: None }]);
}

#[test]
fn a_dump_between_two_steps_is_a_crash() {
    let run = Run::in_one().ended("one", Outcome::Passed).reset().hello(2);
    let run = run.booted(2, Some(dump())).finished().off().is(&Verdict::BugCheck { back: true });
    assert_eq!(run.watch.all_crashes(), [Crash { step: None, dump: Some(dump()) }]);
}

#[test]
fn a_bug_check_on_the_way_down_is_of_the_step_that_asked_for_it() {
    let run = Run::in_one().restarts("one").reset().hello(2).booted(2, Some(dump()));
    assert_eq!(run.watch.all_crashes()[0].step.as_deref(), Some("one"));
}

#[test]
fn a_program_that_started_again_is_no_crash() {
    let booted =
        Booted { boot: 2, fresh: false, os: String::new(), clock: String::new(), dump: None };
    let run = Run::in_one().hello(2).event(Event::Booted(booted));
    let run = run.ended("one", Outcome::failed("ended in the middle")).finished().off();
    let tally = Tally { failed: 1, ..Tally::default() };
    run.is(&Verdict::Failed { tally });
}

#[test]
fn a_guest_that_does_not_come_back_after_it_fell_has_bug_checked() {
    let run = Run::in_one().reset().wait(50).goes_on().wait(1);
    let run = run.is(&Verdict::BugCheck { back: false });
    assert_eq!(run.watch.all_crashes(), [Crash { step: Some("one".to_owned()), dump: None }]);
    let run = Run::in_one().machine(monitor::Event::Panicked).off();
    run.is(&Verdict::BugCheck { back: false });
}

#[test]
fn silence_is_a_hang_and_a_word_ends_it() {
    let run = Run::in_one().wait(20).goes_on().alive().wait(20).goes_on().wait(1);
    assert_eq!(run.watch.silent_for(seconds(run.now)), seconds(21));
    run.is(&hang(Some("one"), Hang::Silent));
}

#[test]
fn a_step_beyond_its_limit_is_a_hang_though_the_guest_lives() {
    let mut run = Run::in_one();
    for _ in 0..11 {
        run = run.wait(10).alive().goes_on();
    }
    run.wait(1).alive().is(&hang(Some("one"), Hang::Step));
}

#[test]
fn a_guest_that_starts_nothing_is_a_hang() {
    let run = Run::in_one().ended("one", Outcome::Passed).wait(15).alive().wait(15).alive();
    run.goes_on().wait(1).is(&hang(None, Hang::Idle));
}

#[test]
fn a_guest_that_is_never_heard_of_never_came() {
    let run = Run::new().wait(50).goes_on().wait(1);
    run.is(&Verdict::NeverCame { off: false });
    Run::new().off().is(&Verdict::NeverCame { off: true });
}

#[test]
fn a_guest_that_does_not_come_back_is_lost() {
    let run = Run::in_one().restarts("one").reset().wait(51);
    assert!(
        matches!(run.verdict(), Some(Verdict::Lost { what }) if what.contains("in the step one"))
    );
    let run = Run::in_one().ended("one", Outcome::Passed).off();
    assert!(matches!(run.verdict(), Some(Verdict::Lost { what }) if what.contains("switched off")));
}

#[test]
fn restarts_without_a_word_are_a_boot_loop() {
    let mut run = Run::new();
    for _ in 0..3 {
        run = run.wait(5).reset().goes_on();
    }
    run.wait(5).reset().is(&Verdict::BootLoop { resets: 4 });
}

#[test]
fn more_restarts_than_any_plan_has_are_a_boot_loop() {
    let mut run = Run::new();
    let mut resets = 0;
    while run.verdict().is_none() {
        run = run.hello(1).wait(5).reset();
        resets += 1;
    }
    // Three boots, the one that goes down by itself, three more.
    run.is(&Verdict::BootLoop { resets });
    assert_eq!(resets, 8);
}

#[test]
fn another_plan_a_lost_disk_and_a_wrong_hash_are_refused() {
    let hello = Hello { boot: 1, plan_sha256: "other".to_owned(), last: 0 };
    let others = [
        Received::Hello(hello.clone()),
        Received::Rewound { hello, have: 7 },
        Received::Refused("package/pagewise.sys is not what the host put there".to_owned()),
    ];
    for other in others {
        let run = Run::new().take(&other);
        assert!(matches!(run.verdict(), Some(Verdict::Refused { .. })), "{other:?}");
    }
}

#[test]
fn qemu_that_ends_by_itself_is_neither_the_guests_fault_nor_a_pass() {
    let mut run = Run::in_one();
    run.watch.ended();
    run.is(&Verdict::Ended);
}

/// Bytes may still be on their way when QEMU tells of the reset.
#[test]
fn late_words_do_not_make_a_guest_that_is_starting_one_that_is_there() {
    let run = Run::in_one().reset().alive().started("two").wait(49).goes_on();
    assert_eq!(run.watch.silent_for(seconds(run.now)), Duration::ZERO);
    run.wait(2).is(&Verdict::BugCheck { back: false });
}

#[test]
fn each_verdict_has_its_exit_code_and_only_a_pass_is_zero() {
    let all = [
        Verdict::Passed,
        Verdict::Failed { tally: Tally::default() },
        Verdict::BugCheck { back: true },
        hang(None, Hang::Silent),
        Verdict::BootLoop { resets: 4 },
        Verdict::NeverCame { off: false },
        Verdict::Lost { what: String::new() },
        Verdict::Refused { what: String::new() },
        Verdict::Ended,
        Verdict::Interrupted,
    ];
    let codes = all.map(|verdict| verdict.exit() as u8);
    assert_eq!(codes, [0, 1, 20, 21, 22, 23, 23, 24, 1, 130]);
}

/// What can happen, to try every order of.
const HAPPENINGS: [fn(Run) -> Run; 10] = [
    |run| run.hello(1),
    Run::alive,
    |run| run.booted(1, None),
    |run| run.booted(2, Some(dump())),
    |run| run.started("one"),
    |run| run.restarts("one"),
    |run| run.ended("one", Outcome::Passed),
    Run::finished,
    Run::reset,
    |run| run.wait(16),
];

/// Every sequence of so many happenings, on top of what happened.
fn every(length: usize, happened: &mut Vec<usize>, look: &mut impl FnMut(&[usize])) {
    look(happened);
    if length == 0 {
        return;
    }
    for next in 0..HAPPENINGS.len() {
        happened.push(next);
        every(length - 1, happened, look);
        happened.pop();
    }
}

#[test]
fn whatever_happens_a_run_ends_and_passes_only_at_its_end_and_without_a_crash() {
    let mut tried = 0;
    every(4, &mut Vec::new(), &mut |happened| {
        let run = happened.iter().fold(Run::new(), |run, &next| HAPPENINGS[next](run));
        let (finished, crashed) = (happened.contains(&7), happened.contains(&3));
        let verdict = run.wait(1_000_000).verdict();
        assert!(verdict.is_some(), "{happened:?} never ends");
        let passed = verdict == Some(Verdict::Passed);
        assert!(!passed || finished && !crashed, "{happened:?} passes");
        tried += 1;
    });
    assert_eq!(tried, 11_111);
}
