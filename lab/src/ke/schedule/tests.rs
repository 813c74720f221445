//! The schedule without threads: who is next.

use std::time::Duration;

use super::journal::Journal;
use super::roster::{Roster, Standing};
use super::{Place, Schedule};

const POINT: Place<'_> = Place { when: "", what: "a point", evicts: true };

fn roster(seed: u64) -> Roster {
    let schedule = Schedule { seed, evict_one_in: 0, journal: None, repeat: String::new() };
    Roster::new(&schedule, Journal::new(None).unwrap())
}

/// Three threads at work for the world, each of which comes by a hundred points; who ran at each.
fn course(seed: u64) -> Vec<usize> {
    let mut roster = roster(seed);
    roster.count_busy(1);
    for _ in 0..3 {
        roster.admit("worker", Standing::Ready);
    }
    roster.pass();
    let step = |_| {
        let me = roster.holder().unwrap();
        roster.come_by(me, &POINT);
        me
    };
    (0..300).map(step).collect()
}

#[test]
fn the_same_seed_is_the_same_course_and_another_is_another() {
    for seed in 0..20 {
        assert_eq!(course(seed), course(seed));
    }
    let mut courses: Vec<_> = (0..20).map(course).collect();
    courses.sort();
    courses.dedup();
    assert_eq!(courses.len(), 20);
}

#[test]
fn everybody_gets_to_run() {
    for seed in 0..20 {
        let course = course(seed);
        assert!((0..3).all(|it| course.contains(&it)), "seed {seed}: {course:?}");
    }
}

#[test]
fn a_machine_that_owes_nothing_stands_still_until_somebody_arrives() {
    let mut roster = roster(1);
    let worker = roster.admit("worker", Standing::Ready);
    let client = roster.admit("client", Standing::Outside);
    roster.pass();
    assert_eq!(roster.holder(), None, "a worker that could run does not");
    roster.arrive(client);
    roster.pass();
    assert!([Some(worker), Some(client)].contains(&roster.holder()));
}

/// What is decided must not depend on when the host lets an arrival be seen: before the holder comes
/// by its point or after it.
#[test]
fn an_arrival_makes_no_difference_by_coming_early() {
    for seed in 0..50 {
        let runs = [true, false].map(|early| {
            let mut roster = roster(seed);
            let client = roster.admit("client", Standing::Outside);
            for _ in 0..3 {
                roster.admit("worker", Standing::Ready);
            }
            roster.count_busy(1);
            roster.pass();
            let me = roster.holder().unwrap();
            roster.count_busy(-1);
            if early {
                roster.arrive(client);
                roster.come_by(me, &POINT);
            } else {
                roster.come_by(me, &POINT);
                assert_eq!(roster.holder(), None);
                roster.arrive(client);
                roster.pass();
            }
            (roster.holder(), roster.summary())
        });
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}

#[test]
fn the_clock_jumps_where_nobody_can_run() {
    let mut roster = roster(1);
    roster.count_busy(1);
    let sleeper = roster.admit("sleeper", Standing::Ready);
    roster.pass();
    let hour = Duration::from_secs(3600);
    roster.lie_down(sleeper, 7, Some(hour));
    roster.pass();
    assert_eq!((roster.holder(), roster.now()), (Some(sleeper), hour));
    assert!(roster.overslept(sleeper));
}

#[test]
fn what_is_due_later_than_a_tick_waits_for_those_who_can_run() {
    for seed in 0..50 {
        let mut roster = roster(seed);
        roster.count_busy(1);
        let worker = roster.admit("worker", Standing::Ready);
        let sleeper = roster.admit("sleeper", Standing::Ready);
        roster.lie_down(sleeper, 7, Some(Duration::from_millis(20)));
        roster.pass();
        for _ in 0..1_000 {
            assert_eq!(roster.holder(), Some(worker), "seed {seed}");
            roster.come_by(worker, &POINT);
        }
    }
}

#[test]
fn what_is_due_within_a_tick_may_come_first() {
    let first = (0..50).filter(|&seed| {
        let mut roster = roster(seed);
        roster.count_busy(1);
        roster.admit("worker", Standing::Ready);
        let sleeper = roster.admit("sleeper", Standing::Ready);
        roster.lie_down(sleeper, 7, Some(Duration::from_millis(10)));
        roster.pass();
        roster.holder() == Some(sleeper)
    });
    assert!((1..50).contains(&first.count()));
}

#[test]
fn who_has_slept_longest_on_a_key_is_woken_first() {
    let mut roster = roster(1);
    roster.count_busy(1);
    let sleepers = [(); 3].map(|()| roster.admit("sleeper", Standing::Ready));
    for it in [sleepers[2], sleepers[0], sleepers[1]] {
        roster.lie_down(it, 7, None);
    }
    roster.wake_on(8, true);
    roster.pass();
    assert_eq!(roster.holder(), None, "nobody sleeps on that");
    assert_eq!(roster.stuck().as_deref(), Some("sleeper-1, sleeper-2, sleeper-3"));
    roster.wake_on(7, false);
    roster.pass();
    assert_eq!(roster.holder(), Some(sleepers[2]));
    assert!(!roster.overslept(sleepers[2]));
}
