//! Proof that an attack hurts nobody else: a well-behaved client that asks all the while.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Booted, READ_WRITE, open};
use pagewise_contract::{BallastChecksum, BallastRegion, Ioctl, State};
use zerocopy::{FromBytes, IntoBytes};

/// The witness must get so many answers while the attack is on.
const ANSWERS: u64 = 64;

/// No answer to it may take longer. These hosts are busy; an answer that waits for a hostile client
/// would never come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets the witness go where the attack fails, which would wait for it else.
struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Attacks while a well-behaved client asks, on its own connection, which was there before, and gets
/// every one of its answers, right and in time. What `attack` returns is kept until it has got
/// enough of them.
pub fn while_served<T>(booted: &Booted, attack: impl FnOnce() -> T) -> T {
    let (done, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    thread::scope(|scope| {
        let witness = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                let room = size_of::<State>() as u32;
                let end = client.ioctl(handle, Ioctl::State.code(), &[], room).unwrap();
                assert_eq!((end.status, end.output.len() as u32), (0, room));
                let region = BallastRegion::PageableConst;
                let (code, number) = (Ioctl::BallastChecksum.code(), region as u32);
                let end = client.ioctl(handle, code, number.as_bytes(), 16).unwrap();
                let reply = BallastChecksum::read_from_bytes(&end.output).unwrap();
                assert_eq!(reply.checksum, region.linked_checksum());
                longest = longest.max(start.elapsed());
                answers.fetch_add(2, Ordering::Relaxed);
            }
            longest
        });
        let _done = Guard(&done);
        let before = answers.load(Ordering::Relaxed);
        let attack = attack();
        let deadline = Instant::now() + PATIENCE;
        while answers.load(Ordering::Relaxed) < before + ANSWERS && !witness.is_finished() {
            assert!(Instant::now() < deadline, "the witness is no longer answered");
            thread::sleep(Duration::from_millis(1));
        }
        done.store(true, Ordering::Relaxed);
        let longest = witness.join().unwrap();
        assert!(longest < PATIENCE, "an answer took {longest:?}");
        attack
    })
}
