//! A port that is not what it should be.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::power::stand_still;
use crate::misbehave::Misbehaviour;

/// Bytes of one flood.
const FLOOD: usize = 16 * 1024;

/// What is wrong with the port; shared with what can change it.
#[derive(Clone)]
pub struct Wire {
    garble: u8,
    flood: bool,
    deaf: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Wire {
    pub fn new(wrong: &[Misbehaviour]) -> Self {
        let garble = wrong.iter().find_map(|one| match one {
            Misbehaviour::Garble(share) => Some(*share),
            _ => None,
        });
        Self {
            garble: garble.unwrap_or(0),
            flood: wrong.contains(&Misbehaviour::Flood),
            deaf: Arc::default(),
            stopped: Arc::default(),
        }
    }

    /// From now on nothing comes and nothing goes.
    pub fn fall_silent(&self) {
        self.deaf.store(true, Ordering::SeqCst);
    }

    /// From now on whoever uses the port does nothing more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

/// The port.
pub struct Rough {
    port: File,
    wire: Wire,
}

impl Rough {
    pub fn new(port: File, wire: Wire) -> Self {
        Self { port, wire }
    }
}

impl Read for Rough {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.wire.stopped.load(Ordering::SeqCst) {
            stand_still();
        }
        let count = self.port.read(buffer)?;
        Ok(if self.wire.deaf.load(Ordering::SeqCst) { 0 } else { count })
    }
}

impl Write for Rough {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.wire.stopped.load(Ordering::SeqCst) {
            stand_still();
        }
        if self.wire.deaf.load(Ordering::SeqCst) || bytes.is_empty() {
            return Ok(bytes.len());
        }
        if self.wire.flood {
            self.port.write_all(&flood())?;
        }
        let mut lines = bytes.to_vec();
        for line in lines.split_inclusive_mut(|&byte| byte == b'\n') {
            if fastrand::u8(0..100) < self.wire.garble {
                let at = fastrand::usize(0..line.len());
                line[at] ^= 1 << fastrand::u8(0..8);
            }
        }
        self.port.write_all(&lines)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.port.flush()
    }
}

/// Random bytes, and lines that look like frames.
fn flood() -> Vec<u8> {
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(FLOOD / 2).collect();
    while bytes.len() < FLOOD {
        let line =
            format!("~{} {{\"event\":\"said\"}} {:08x}\n", fastrand::u16(..), fastrand::u32(..));
        bytes.extend(line.bytes());
    }
    bytes
}
