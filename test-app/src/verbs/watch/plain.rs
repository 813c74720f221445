//! A line a look, for pipes and logs.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Look, open};
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Machine};
use crate::verbs::print_json;

#[derive(Serialize)]
struct LookJson {
    schema: u32,
    millis: u64,
    policy: &'static str,
    pages: u32,
    resident: usize,
    locks: u32,
    soft_faults: Option<u64>,
    hard_faults: Option<u64>,
}

pub(super) fn watch(
    machine: &dyn Machine,
    interval: Duration,
    count: Option<u64>,
    json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let mut driver = open(machine, Access::Read)?;
    let began = Instant::now();
    let mut looks = 0;
    loop {
        let look = Look::take(machine, &mut driver)?;
        let answer = LookJson::of(&look, began.elapsed());
        if json {
            print_json(out, &answer)?;
        } else {
            answer.print(out)?;
        }
        out.flush()?;
        looks += 1;
        if count.is_some_and(|count| looks >= count) {
            return Ok(Exit::Ok);
        }
        thread::sleep(interval);
    }
}

impl LookJson {
    fn of(look: &Look, after: Duration) -> Self {
        let Look { snapshot, counters } = look;
        Self {
            schema: 1,
            millis: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            policy: snapshot.policy(),
            pages: snapshot.state.pages,
            resident: snapshot.resident_pages(),
            locks: snapshot.state.locks,
            soft_faults: counters.map(|counters| counters.soft_faults),
            hard_faults: counters.map(|counters| counters.hard_faults),
        }
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), Error> {
        let Self { millis, policy, pages, resident, locks, .. } = self;
        write!(out, "{millis:>8} ms  {policy:<12} {resident:>4}/{pages} resident  {locks} locks")?;
        if let (Some(soft), Some(hard)) = (self.soft_faults, self.hard_faults) {
            write!(out, "  {soft} soft {hard} hard faults")?;
        }
        writeln!(out)?;
        Ok(())
    }
}
