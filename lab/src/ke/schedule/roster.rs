//! Who is there, who runs, and who is next.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::Duration;

use super::chance::Chance;
use super::journal::Journal;
use super::{Place, Schedule, clock, eviction};

/// What a scheduling point takes, by the schedule's clock.
const STEP: Duration = Duration::from_micros(1);

/// What comes due within this time may come before threads that could run: Windows' usual tick.
const TICK: Duration = Duration::from_micros(15_625);

/// How often in a row the clock jumps to what is due next, as no thread can run, before it goes at
/// the host's pace.
const JUMPS: u32 = 1_000;

/// What a member of the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Waits for the world: a client, or the command line. It runs no driver code.
    Outside,
    /// Has heard from the world and is to be let in.
    Arrived,
    /// Runs, or could.
    Ready,
    /// Waits for another member, or for a time; by when it began.
    Asleep { key: usize, until: Option<Duration>, since: u64 },
    /// Is no more.
    Gone,
}

/// A thread of the machine.
#[derive(Debug)]
struct Member {
    name: String,
    standing: Standing,
    /// Told when it is its turn.
    turn: Arc<Condvar>,
    /// Whether its last sleep ended since its time came.
    overslept: bool,
    /// Whether it does something for the world.
    busy: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Roster {
    members: Vec<Member>,
    holder: Option<usize>,
    /// Those that are to be let in, in the order in which they came.
    arrived: VecDeque<usize>,
    /// What is under way for the world: members and requests.
    busy: isize,
    /// Whether the world has been silent for so long that the machine goes on without it.
    silent: bool,
    jumps: u32,
    /// Changes whenever somebody gets to run.
    epoch: u64,
    sleeps: u64,
    /// Since the machine booted.
    now: Duration,
    chance: Chance,
    switch_one_in: u64,
    evict_one_in: u64,
    journal: Journal,
}

/// Locked.
pub(super) type Locked<'a> = MutexGuard<'a, Roster>;

impl Roster {
    pub(super) fn new(schedule: &Schedule, journal: Journal) -> Self {
        let mut chance = Chance::new(schedule.seed);
        // Some errors need many switches, some few: how often there are any follows from the seed.
        let switch_one_in = [1, 2, 4, 16][chance.below(4) as usize];
        Self {
            members: Vec::new(),
            holder: None,
            arrived: VecDeque::new(),
            busy: 0,
            silent: false,
            jumps: 0,
            epoch: 0,
            sleeps: 0,
            now: Duration::ZERO,
            chance,
            switch_one_in,
            evict_one_in: schedule.evict_one_in.into(),
            journal,
        }
    }

    /// A new member, numbered among those of its kind.
    pub(super) fn admit(&mut self, kind: &str, standing: Standing) -> usize {
        let number = self.members.iter().filter(|member| member.name.starts_with(kind)).count();
        let member = Member {
            name: format!("{kind}-{}", number + 1),
            standing,
            turn: Arc::default(),
            overslept: false,
            busy: false,
        };
        self.members.push(member);
        self.members.len() - 1
    }

    pub(super) fn summary(&self) -> (u64, u64) {
        self.journal.summary()
    }

    pub(super) fn holder(&self) -> Option<usize> {
        self.holder
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn note(&mut self, who: usize, what: &str) {
        self.journal.note(self.now, &self.members[who].name, what);
    }

    /// Whether the machine stands still: it owes nobody anything, and waits for the world.
    pub(super) fn stands_still(&self) -> bool {
        self.busy <= 0 && !self.silent
    }

    /// Members that wait for each other, where nobody can run, nothing comes due, and something is
    /// under way.
    pub(super) fn stuck(&self) -> Option<String> {
        let asleep = |member: &&Member| matches!(member.standing, Standing::Asleep { .. });
        let names: Vec<_> = self.members.iter().filter(asleep).map(|it| it.name.as_str()).collect();
        (self.busy > 0 && self.next_due().is_none()).then(|| names.join(", "))
    }

    /// When the first sleep ends by itself.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let until = |member: &Member| match member.standing {
            Standing::Asleep { until, .. } => until,
            _ => None,
        };
        self.members.iter().filter_map(until).min()
    }

    fn ready(&self) -> Vec<usize> {
        let ready = |&it: &usize| self.members[it].standing == Standing::Ready;
        (0..self.members.len()).filter(ready).collect()
    }

    /// Moves the clock, and wakes whose time has come.
    pub(super) fn advance(&mut self, time: Duration) {
        self.now = self.now.max(time);
        clock::show(self.now);
        let now = self.now;
        for it in 0..self.members.len() {
            if matches!(self.members[it].standing, Standing::Asleep { until: Some(until), .. } if until <= now)
            {
                self.members[it].standing = Standing::Ready;
                self.members[it].overslept = true;
                self.note(it, "its time has come");
            }
        }
    }

    /// Somebody wants to be let in; see [`Roster::pass`].
    pub(super) fn arrive(&mut self, me: usize) {
        self.members[me].standing = Standing::Arrived;
        self.arrived.push_back(me);
    }

    fn let_in(&mut self, it: usize) {
        self.members[it].standing = Standing::Ready;
        self.members[it].busy = true;
        self.busy += 1;
        self.silent = false;
        self.jumps = 0;
        self.note(it, "is let in");
    }

    /// Something is under way for the world beyond its members, or (negative) is not any more.
    pub(super) fn count_busy(&mut self, by: isize) {
        self.busy += by;
        self.jumps = 0;
    }

    /// A member that is not to be counted on any more: it waits for the world, or is gone.
    pub(super) fn depart(&mut self, me: usize, standing: Standing) {
        self.busy -= isize::from(std::mem::take(&mut self.members[me].busy));
        let former = std::mem::replace(&mut self.members[me].standing, standing);
        // One that is outside comes and goes when the world likes, and nobody's course is changed.
        if former != Standing::Outside {
            let ends = standing == Standing::Gone;
            self.note(me, if ends { "ends" } else { "waits for the world" });
        }
    }

    /// A member that sleeps from when it lets another run.
    pub(super) fn lie_down(&mut self, me: usize, key: usize, until: Option<Duration>) {
        self.sleeps += 1;
        self.members[me].overslept = false;
        self.members[me].standing = Standing::Asleep { key, until, since: self.sleeps };
    }

    /// Wakes one member.
    pub(super) fn wake(&mut self, it: usize) {
        if matches!(self.members[it].standing, Standing::Asleep { .. }) {
            self.members[it].standing = Standing::Ready;
        }
    }

    /// Wakes who sleeps on `key`: all, or who has for longest.
    pub(super) fn wake_on(&mut self, key: usize, all: bool) {
        let sleepers = self.members.iter().enumerate().filter_map(|(it, member)| {
            let Standing::Asleep { key: on, since, .. } = member.standing else { return None };
            (on == key).then_some((since, it))
        });
        let mut sleepers: Vec<_> = sleepers.collect();
        sleepers.sort_unstable();
        sleepers.truncate(if all { usize::MAX } else { 1 });
        for (_, it) in sleepers {
            self.wake(it);
        }
    }

    /// Whether a member's last sleep ended since its time came.
    pub(super) fn overslept(&self, me: usize) -> bool {
        self.members[me].overslept
    }

    fn hand_to(&mut self, it: usize) {
        self.holder = Some(it);
        self.epoch += 1;
        self.members[it].turn.notify_one();
    }

    /// The holder does not run on: decides who does. Nobody, where the machine stands still or has
    /// nothing to do.
    pub(super) fn pass(&mut self) {
        self.holder = None;
        loop {
            if self.stands_still() {
                // One at a time, so that it makes no difference whether it came before this.
                let Some(it) = self.arrived.pop_front() else { break };
                self.let_in(it);
            }
            self.let_all_in();
            if let Some(next) = self.choose() {
                self.note(next, "runs");
                return self.hand_to(next);
            }
            let Some(due) = self.next_due() else { break };
            if self.busy <= 0 || self.jumps >= JUMPS {
                break;
            }
            self.jumps += 1;
            self.advance(due);
        }
        super::idle::tell();
    }

    fn let_all_in(&mut self) {
        while let Some(it) = self.arrived.pop_front() {
            self.let_in(it);
        }
    }

    /// One of those that can run; what comes due soon may come before it.
    fn choose(&mut self) -> Option<usize> {
        loop {
            let ready = self.ready();
            if ready.is_empty() {
                return None;
            }
            let soon = self.now + TICK;
            let due = self.next_due().filter(|&due| due <= soon);
            let chosen = match (ready.len(), due) {
                (1, None) => 0,
                (many, due) => self.chance.below(many as u64 + u64::from(due.is_some())) as usize,
            };
            match (ready.get(chosen), due) {
                (None, Some(due)) => self.advance(due),
                (chosen, _) => return chosen.copied(),
            }
        }
    }

    /// The holder comes by a point at which others may run. Whether it goes on at once.
    pub(super) fn come_by(&mut self, me: usize, place: &Place<'_>) -> bool {
        self.advance(self.now + STEP);
        let evicted = if place.evicts && self.chance.one_in(self.evict_one_in) {
            eviction::evict(&mut self.chance)
        } else {
            String::new()
        };
        let place = format!("{}{}{evicted}", place.when, place.what);
        if self.stands_still() {
            self.note(me, &format!("{place}, and stands still"));
            self.pass();
            return self.holder == Some(me);
        }
        self.let_all_in();
        let others = self.ready().len() > 1 || self.next_due().is_some();
        let next =
            if others && self.chance.one_in(self.switch_one_in) { self.choose() } else { None };
        match next.filter(|&next| next != me) {
            None => {
                self.note(me, &place);
                true
            }
            Some(next) => {
                let name = self.members[next].name.clone();
                self.note(me, &format!("{place}, and {name} runs"));
                self.hand_to(next);
                false
            }
        }
    }

    /// The holder cannot go on before others have: lets one of them run, if there is any. Whether it
    /// goes on at once.
    pub(super) fn give_way(&mut self, me: usize) -> bool {
        self.advance(self.now + STEP);
        self.members[me].standing = Standing::Outside;
        self.let_all_in();
        let next = self.choose();
        self.members[me].standing = Standing::Ready;
        if let Some(next) = next {
            self.note(me, "gives way");
            self.hand_to(next);
        }
        next.is_none()
    }

    /// A number that looks like chance.
    pub(super) fn random(&mut self) -> u128 {
        let mut half = || u128::from(self.chance.below(u64::MAX));
        half() << 64 | half()
    }

    /// The world is silent: the machine goes on without it.
    pub(super) fn go_on(&mut self) {
        if self.stands_still() {
            self.silent = true;
            self.journal.note(self.now, "the world", "is silent");
        } else if let Some(due) = self.next_due() {
            self.advance(due);
        }
        self.pass();
    }
}

/// Waits until it is this member's turn.
pub(super) fn wait_for_turn(mut roster: Locked<'_>, me: usize) -> Locked<'_> {
    let turn = Arc::clone(&roster.members[me].turn);
    while roster.holder != Some(me) {
        roster = turn.wait(roster).unwrap_or_else(PoisonError::into_inner);
    }
    roster
}
