//! What is done beside a preparation: keys pressed, screens shot, the stage written down.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::HumanBytes;

use super::super::base::Base;
use super::super::follow::Beside;
use super::super::session::Session;
use super::super::watch::Watch;
use super::super::{disk, view};
use super::stage::{Seen, Stage};

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often the screen is shot.
const SHOOT: Duration = Duration::from_secs(60);
/// How often a key is pressed while the medium asks for any.
const PRESS: Duration = Duration::from_secs(1);

/// Looks on.
pub struct Onlooker<'a> {
    /// The image that is prepared.
    pub base: &'a mut Base,
    /// Where screenshots go.
    pub screenshots: Option<PathBuf>,
    /// For how long keys are pressed: a medium started by UEFI asks for one, for some seconds, and
    /// does not start without.
    pub press_for: Duration,
    /// Next times.
    pub look_at: Duration,
    pub shoot_at: Duration,
    pub press_at: Duration,
    /// Screenshots so far.
    pub shots: u32,
    /// Restarts so far.
    pub resets: u32,
    /// Bytes on the disk.
    pub stored: u64,
}

impl<'a> Onlooker<'a> {
    /// Of this image.
    pub const fn new(
        base: &'a mut Base,
        screenshots: Option<PathBuf>,
        press_for: Duration,
    ) -> Self {
        let now = Duration::ZERO;
        Self {
            base,
            screenshots,
            press_for,
            look_at: now,
            shoot_at: now,
            press_at: now,
            shots: 0,
            resets: 0,
            stored: 0,
        }
    }

    fn see(&mut self, seen: Seen) {
        let stage = self.base.record.stage.after(seen);
        if stage != self.base.record.stage {
            self.base.record.stage = stage;
            // Not worth an end: a preparation that is interrupted begins anew then.
            let _ = self.base.save();
        }
    }

    fn shoot(&mut self, session: &mut Session) {
        let Some(folder) = &self.screenshots else { return };
        self.shots += 1;
        let _ = session.monitor().screenshot(&folder.join(format!("{:04}.png", self.shots)));
    }
}

impl Beside for Onlooker<'_> {
    fn tick(&mut self, session: &mut Session, watch: &Watch, now: Duration) -> Option<String> {
        if now >= self.look_at {
            self.look_at = now + LOOK;
            self.stored = disk::info(&self.base.disk()).map_or(self.stored, |info| info.stored);
        }
        if watch.resets() != self.resets {
            self.resets = watch.resets();
            self.see(Seen::Restart(self.stored));
        }
        if watch.met() {
            self.see(Seen::Guest);
        }
        if self.base.record.stage == Stage::Blank
            && self.resets == 0
            && now < self.press_for
            && now >= self.press_at
        {
            self.press_at = now + PRESS;
            let _ = session.monitor().press("spc");
        }
        if now >= self.shoot_at {
            self.shoot_at = now + SHOOT;
            self.shoot(session);
        }
        if watch.met() {
            return None;
        }
        let (doing, stored) = (self.base.record.stage.doing(), HumanBytes(self.stored));
        let minutes = now.as_secs() / 60;
        Some(view::plain(&format!(
            "{doing}: {stored} on its disk, {minutes} min, {} restarts",
            self.resets
        )))
    }
}
