//! The guest's end of the line.

use std::collections::VecDeque;
use std::time::Duration;

use crate::control::{Control, Hello};
use crate::frame::{Frame, Noise, Splitter};

/// How many lines may be on their way.
pub const WINDOW: u64 = 16;
/// How often the guest says that it is alive.
pub const ALIVE_EVERY: Duration = Duration::from_secs(5);
/// When to repeat what is not acknowledged: after the first of these, then the second, and so on.
const REPEATS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(5),
];

/// Sends a journal until the host has all of it. After a restart it asks the host from where.
#[derive(Debug)]
pub struct Sender {
    hello: Hello,
    /// The lines that the host does not have, the first being the one after `acknowledged`.
    waiting: VecDeque<Frame>,
    acknowledged: u64,
    /// Whether the host has answered.
    met: bool,
    /// The last line that was sent since the last repeat.
    sent: u64,
    repeat_at: Duration,
    repeats: usize,
    splitter: Splitter,
}

impl Sender {
    /// For a journal; its lines are then handed to [`Sender::push`], from the first.
    #[must_use]
    pub fn new(boot: u32, plan_sha256: String) -> Self {
        Self {
            hello: Hello { boot, plan_sha256, last: 0 },
            waiting: VecDeque::new(),
            acknowledged: 0,
            met: false,
            sent: 0,
            repeat_at: Duration::ZERO,
            repeats: 0,
            splitter: Splitter::default(),
        }
    }

    /// One more line of the journal, the one after the last. Another one is not taken.
    pub fn push(&mut self, frame: Frame) {
        if frame.number != self.hello.last + 1 {
            return;
        }
        self.hello.last = frame.number;
        // After a restart, the host may have it already.
        if frame.number > self.acknowledged {
            self.waiting.push_back(frame);
        }
    }

    /// Takes what came from the host.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) {
        for &byte in bytes {
            let Some(frame) = self.splitter.push(byte) else { continue };
            if frame.number != 0 {
                continue;
            }
            if let Ok(Control::Ack(number)) = serde_json::from_str(&frame.payload) {
                self.acknowledge(number, now);
            }
        }
    }

    fn acknowledge(&mut self, number: u64, now: Duration) {
        // More than there is: of another run. The host will see that by the hello.
        if number > self.hello.last {
            return;
        }
        if !self.met {
            self.met = true;
            self.sent = number;
            self.restart_timer(now);
        }
        if number > self.acknowledged {
            let done = number - self.acknowledged;
            for _ in 0..done {
                self.waiting.pop_front();
            }
            self.acknowledged = number;
            self.sent = self.sent.max(number);
            self.restart_timer(now);
        }
    }

    fn restart_timer(&mut self, now: Duration) {
        self.repeats = 0;
        self.repeat_at = now + REPEATS[0];
    }

    /// What to send now; empty if nothing. To be asked after [`Sender::feed`] and
    /// [`Sender::push`], and again before a second has passed.
    pub fn poll(&mut self, now: Duration) -> Vec<u8> {
        let due = now >= self.repeat_at;
        if !self.met {
            if !due {
                return Vec::new();
            }
            self.back_off(now);
            return Control::Hello(self.hello.clone()).frame();
        }
        if self.waiting.is_empty() {
            return Vec::new();
        }
        if self.sent == self.acknowledged {
            // Nothing is on its way: the time begins with what is sent now.
            self.repeat_at = now + REPEATS[self.repeats.min(REPEATS.len() - 1)];
        } else if due {
            self.sent = self.acknowledged;
            self.back_off(now);
        }
        let until = self.hello.last.min(self.acknowledged + WINDOW);
        let on_their_way = usize::try_from(self.sent - self.acknowledged).unwrap_or(usize::MAX);
        let count = usize::try_from(until - self.sent.min(until)).unwrap_or_default();
        self.sent = until.max(self.sent);
        self.waiting.iter().skip(on_their_way).take(count).flat_map(Frame::bytes).collect()
    }

    fn back_off(&mut self, now: Duration) {
        self.repeat_at = now + REPEATS[self.repeats.min(REPEATS.len() - 1)];
        self.repeats += 1;
    }

    /// The last line that the host has; none before it has answered.
    #[must_use]
    pub fn acknowledged(&self) -> Option<u64> {
        self.met.then_some(self.acknowledged)
    }

    /// Whether the host has everything.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.met && self.waiting.is_empty()
    }

    /// What else was on the line.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        self.splitter.noise()
    }
}
