//! The fake behind the traits that the checks use.

use std::collections::BTreeMap;
use std::sync::Arc;

use pagewise_contract::{Access as Needed, Ioctl};
use pagewise_lab_wire::{Control, ControlReply, Token};

use super::{Device, Fake, Lie, World};
use crate::error::Error;
use crate::machine::{
    Access, Asked, Code, DriverPages, Failure, Handle, Kind, Lab, Machine, Plug, Ticket,
};
use crate::status::NtStatus;

impl Machine for Fake {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn name(&self) -> String {
        "the fake".to_owned()
    }

    fn open(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        self.open_as(access, Token::Administrator).map_err(|failure| self.told(failure))
    }

    fn open_as_user(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        self.open_as(access, Token::User).map_err(|failure| self.told(failure))
    }

    fn driver_pages(&self) -> Result<Option<DriverPages>, Error> {
        (self as &dyn Lab).driver_pages().map(Some)
    }

    fn try_means(&self, number: usize) -> Option<Result<Asked, Error>> {
        (self as &dyn Lab).try_means(number)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let disabled = self.world().lie == Lie::NeverPaged;
        let fact = ("DisablePagingExecutive", u32::from(disabled).to_string());
        if self.kind == Kind::Windows { vec![fact] } else { Vec::new() }
    }

    fn plug(&self) -> Option<&dyn Plug> {
        Some(self)
    }

    fn lab(&self) -> Option<&dyn Lab> {
        (self.kind == Kind::Lab).then_some(self)
    }
}

impl Lab for Fake {
    fn open_as(&self, access: Access, token: Token) -> Result<Box<dyn Handle>, Failure> {
        let mut world = self.world();
        if world.is_dead {
            return Err(Failure::Gone);
        }
        if world.device != Device::Started {
            return Err(Failure::status(NtStatus::NO_SUCH_DEVICE));
        }
        if token == Token::User && world.lie != Lie::UsersMayOpen {
            return Err(Failure::status(NtStatus::ACCESS_DENIED));
        }
        world.handles += 1;
        let (fake, generation) = (self.clone(), world.generation);
        Ok(Box::new(FakeHandle { fake, access, generation, next: 0, pending: BTreeMap::new() }))
    }

    fn control(&self, command: &Control) -> Result<ControlReply, Error> {
        match self.world().obey(command) {
            Ok(ControlReply::Failed { message }) => {
                Err(Error::Control { command: format!("{command:?}"), message })
            }
            Ok(reply) => Ok(reply),
            Err(failure) => Err(Error::from(failure)),
        }
    }
}

impl Fake {
    /// The failure as this kind of machine tells it.
    fn told(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(Code::Nt(status)) if self.kind != Kind::Lab => {
                Failure::Refused(Code::Win32(status.win32().unwrap()))
            }
            other => other,
        }
    }

    /// As a shared trait object.
    pub(crate) fn shared(self) -> Arc<dyn Machine> {
        Arc::new(self)
    }
}

struct FakeHandle {
    fake: Fake,
    access: Access,
    generation: u64,
    next: u64,
    pending: BTreeMap<u64, Request>,
}

struct Request {
    code: u32,
    input: Vec<u8>,
    capacity: u32,
    is_cancelled: bool,
}

impl Handle for FakeHandle {
    fn start(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Ticket, Failure> {
        self.next += 1;
        let request = Request { code, input: input.to_vec(), capacity, is_cancelled: false };
        self.pending.insert(self.next, request);
        Ok(Ticket(self.next))
    }

    fn cancel(&mut self, ticket: Ticket) -> Result<(), Failure> {
        if let Some(request) = self.pending.get_mut(&ticket.0) {
            request.is_cancelled = true;
        }
        Ok(())
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Vec<u8>, Failure> {
        let request = self.pending.remove(&ticket.0).unwrap();
        let fake = self.fake.clone();
        let mut world = fake.world();
        while world.lie == Lie::NeverAnswers {
            drop(world);
            std::thread::park();
            world = fake.world();
        }
        let result = self.run(&mut world, &request);
        result.map_err(|failure| self.fake.told(failure))
    }
}

impl FakeHandle {
    fn run(&self, world: &mut World, request: &Request) -> Result<Vec<u8>, Failure> {
        if world.is_dead {
            return Err(Failure::Gone);
        }
        let Request { code, input, capacity, is_cancelled } = request;
        let gone = world.device != Device::Started || world.generation != self.generation;
        if gone && world.lie != Lie::AnswersOnceGone {
            return Err(Failure::status(NtStatus::NO_SUCH_DEVICE));
        }
        if !self.may(world.lie, *code) {
            return Err(Failure::status(NtStatus::ACCESS_DENIED));
        }
        let tears = world.lie == Lie::CancelTears && *code == Ioctl::BallastFill.code();
        if *is_cancelled && !tears {
            return Err(Failure::status(NtStatus::CANCELLED));
        }
        if world.force_irql && world.lie != Lie::VerifierIsOff {
            world.memory.counters.irql_raises += 1;
        }
        if world.force_irql && world.lie == Lie::RaisesIrql && *code == Ioctl::Touch.code() {
            world.is_dead = true;
            return Err(Failure::Gone);
        }
        let Some(driver) = &mut world.driver else {
            return Err(Failure::status(NtStatus::NO_SUCH_DEVICE));
        };
        let result = driver.ioctl(&mut world.memory, *code, input, *capacity);
        if world.lie == Lie::EvictsByItself {
            world.memory.trim();
        }
        match result {
            Ok(_) if *is_cancelled => Err(Failure::status(NtStatus::CANCELLED)),
            result => result.map_err(Failure::status),
        }
    }

    /// The I/O manager's part.
    fn may(&self, lie: Lie, code: u32) -> bool {
        let (read, write) = match self.access {
            Access::Read => (true, lie == Lie::ReadersMayChange),
            Access::Write => (lie == Lie::WritersMayAsk, true),
            Access::ReadWrite => (true, true),
        };
        let needed = code >> 14 & 3;
        (needed & Needed::Read as u32 == 0 || read) && (needed & 2 == 0 || write)
    }
}

impl Drop for FakeHandle {
    fn drop(&mut self) {
        let fake = self.fake.clone();
        let mut world = fake.world();
        let leaves_lock = world.lie == Lie::CloseLeavesLock && !self.pending.is_empty();
        if let Some(driver) = world.driver.as_mut().filter(|_| leaves_lock) {
            driver.oracle.locks[7] += 1;
        }
        world.closed();
    }
}
