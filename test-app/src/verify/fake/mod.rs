//! A machine in a few hundred lines, for the tests of the checks: honest, or with one [`Lie`].
//! It shows that each check can fail. It is no evidence about any driver.

mod driver;
mod lies;
mod machine;
mod memory;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pagewise_lab_wire::{Control, ControlReply, ImageInfo, PoolBlock};

use self::driver::Driver;
pub(crate) use self::lies::Lie;
use self::memory::{BASE, Memory};
use crate::machine::{Failure, IMAGE, Kind};
use crate::status::NtStatus;

/// The machine.
#[derive(Clone)]
pub(crate) struct Fake {
    world: Arc<Mutex<World>>,
    kind: Kind,
}

struct World {
    lie: Lie,
    memory: Memory,
    driver: Option<Driver>,
    device: Device,
    handles: usize,
    /// Counts devices: a handle is to one of them.
    generation: u64,
    fail_start: u32,
    force_irql: bool,
    is_dead: bool,
    pool: Vec<PoolBlock>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Device {
    Absent,
    Started,
    /// Pulled out while handles were open.
    Pulled,
}

impl Fake {
    /// The lab, its device plugged in.
    pub(crate) fn lab(lie: Lie) -> Self {
        let mut memory = Memory::load(lie);
        let driver = Some(Driver::load(&mut memory));
        let mut world = World {
            lie,
            memory,
            driver,
            device: Device::Absent,
            handles: 0,
            generation: 0,
            fail_start: 0,
            force_irql: false,
            is_dead: false,
            pool: Vec::new(),
        };
        world.plug();
        Self { world: Arc::new(Mutex::new(world)), kind: Kind::Lab }
    }

    /// The same behind the Win32 interface, where nobody can give orders.
    pub(crate) fn windows(lie: Lie) -> Self {
        Self { kind: Kind::Windows, ..Self::lab(lie) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn obey(&mut self, command: &Control) -> Result<ControlReply, Failure> {
        if self.is_dead {
            return Err(Failure::Gone);
        }
        let done = |status: NtStatus| ControlReply::Done { status: status.0 };
        let success = done(NtStatus(0));
        let reply = match command {
            Control::Load => self.load(),
            Control::Unload => self.unload(),
            Control::Plug => done(self.plug()),
            Control::Unplug { surprise } => self.unplug(*surprise)?,
            Control::Rebalance => {
                self.release();
                self.prepare();
                success
            }
            Control::FailStart { status } => {
                self.fail_start = *status;
                success
            }
            Control::Verify(verifier) => {
                self.force_irql = verifier.force_irql;
                success
            }
            Control::Trim => ControlReply::Moved { pages: self.memory.trim() },
            Control::Purge => ControlReply::Moved { pages: self.memory.purge() },
            Control::Evict => ControlReply::Moved { pages: self.memory.evict() },
            Control::Images => ControlReply::Images { images: self.images() },
            Control::Pages { .. } => ControlReply::Pages { pages: self.memory.truth() },
            Control::Contents { first_page, pages, .. } => {
                let range = crate::pages::Pages::new(*first_page, *pages);
                ControlReply::Contents { bytes: self.memory.contents(range) }
            }
            Control::Counters => ControlReply::Counters(self.memory.counted()),
            Control::Pool => ControlReply::Pool { blocks: self.pool.clone() },
            other => panic!("the fake does not know {other:?}"),
        };
        Ok(reply)
    }

    fn images(&self) -> Vec<ImageInfo> {
        let overridden = self.memory.overridden;
        let image = self.driver.as_ref().map(|_| ImageInfo {
            name: IMAGE.to_owned(),
            base: BASE,
            pages: self.memory.page_count(),
            overridden,
        });
        image.into_iter().collect()
    }

    fn load(&mut self) -> ControlReply {
        let counters = self.memory.counters;
        if self.lie != Lie::KeepsOldPages {
            self.memory = Memory::load(self.lie);
            self.memory.counters = counters;
        }
        self.driver = Some(Driver::load(&mut self.memory));
        ControlReply::Done { status: 0 }
    }

    fn unload(&mut self) -> ControlReply {
        if self.device != Device::Absent && self.lie != Lie::StaysThere {
            return ControlReply::Failed { message: "the device is there".to_owned() };
        }
        if self.lie != Lie::StaysLoaded {
            self.driver = None;
        }
        let owner = match self.lie {
            Lie::LeaksPool => IMAGE,
            Lie::FrameworkGrows => "wdfldr.sys",
            _ => return ControlReply::Done { status: 0 },
        };
        let block =
            PoolBlock { tag: "Leak".to_owned(), bytes: 64, owner: owner.to_owned(), paged: false };
        self.pool.push(block);
        ControlReply::Done { status: 0 }
    }

    /// AddDevice and START_DEVICE.
    fn plug(&mut self) -> NtStatus {
        let Some(driver) = &mut self.driver else { return NtStatus::NO_SUCH_DEVICE };
        if self.lie == Lie::WearsOut && self.generation > 6 {
            return NtStatus::UNSUCCESSFUL;
        }
        self.generation += 1;
        driver.reset(&mut self.memory);
        if self.fail_start != 0 {
            if self.lie == Lie::FailedStartStays {
                self.device = Device::Started;
            }
            return NtStatus(self.fail_start);
        }
        self.prepare();
        self.device = Device::Started;
        NtStatus(0)
    }

    /// EvtDevicePrepareHardware
    fn prepare(&mut self) {
        let starting = self.device == Device::Absent;
        let forgets = match self.lie {
            Lie::StartsAsLinked => true,
            Lie::RebalanceForgetsPaging => !starting,
            _ => false,
        };
        if let Some(driver) = self.driver.as_mut().filter(|_| !forgets) {
            driver.page(&mut self.memory);
        }
    }

    /// EvtDeviceReleaseHardware
    fn release(&mut self) {
        let Some(driver) = &mut self.driver else { return };
        driver.unlock_all(&mut self.memory);
        if self.lie != Lie::NoResetOnRemoval {
            driver.reset(&mut self.memory);
        }
    }

    fn unplug(&mut self, surprise: bool) -> Result<ControlReply, Failure> {
        if self.lie == Lie::DiesWithoutReset && self.force_irql {
            self.is_dead = true;
            return Err(Failure::Gone);
        }
        let vetoed = !surprise && self.handles > 0 && self.lie != Lie::AnswersOnceGone;
        if vetoed {
            if self.lie == Lie::VetoesAndGoes {
                self.release();
            }
            return Ok(ControlReply::Done { status: NtStatus::PLUGPLAY_QUERY_VETOED.0 });
        }
        self.release();
        if self.lie != Lie::StaysThere {
            let pulled = surprise && self.handles > 0;
            self.device = if pulled { Device::Pulled } else { Device::Absent };
        }
        Ok(ControlReply::Done { status: 0 })
    }

    fn closed(&mut self) {
        self.handles -= 1;
        if self.handles == 0 && self.device == Device::Pulled {
            self.device = Device::Absent;
        }
    }
}
