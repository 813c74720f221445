//! A QEMU machine's command line. What it is made of is what Windows has drivers for in the box.

mod process;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::accelerator::Accelerator;
use crate::run;

pub use process::Process;

/// The emulator.
pub const QEMU: &str = "qemu-system-x86_64";

/// What is on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chipset {
    /// Q35: PCI Express, AHCI disks. Windows runs on it.
    Q35,
    /// The 440FX of old, IDE disks: Debian's kernel for clouds has no driver for AHCI.
    Pc,
}

/// What starts the guest.
#[derive(Clone, Debug)]
pub enum Boot {
    /// SeaBIOS, which QEMU brings along, from the first disk that can be booted.
    Bios,
    /// OVMF, without Secure Boot.
    Uefi {
        /// The firmware's code.
        code: PathBuf,
        /// Its variables; a copy of this machine's own.
        variables: PathBuf,
    },
    /// QEMU itself loads a Linux kernel.
    Kernel {
        /// The kernel.
        image: PathBuf,
        /// Its initial file system.
        initrd: PathBuf,
        /// Its command line.
        append: String,
    },
}

/// A disk image's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the disk.
    Raw,
    /// QEMU's own, which grows and can lie on another.
    Qcow2,
}

impl Format {
    /// As QEMU names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// A disk of the machine.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its image.
    pub path: PathBuf,
    /// The image's format.
    pub format: Format,
    /// Whether it goes with the run: then it need not survive a crash of this host, or of QEMU.
    pub throw_away: bool,
}

/// A machine to start.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What runs its instructions.
    pub accelerator: Accelerator,
    /// Its board.
    pub chipset: Chipset,
    /// What starts it.
    pub boot: Boot,
    /// Its memory.
    pub memory_mib: u32,
    /// Its processors.
    pub processors: u32,
    /// Whether the guest may run a hypervisor of its own, as memory integrity does.
    pub nested: bool,
    /// Its disks, in the order in which they are booted from.
    pub disks: Vec<Disk>,
    /// CDs in its drives, booted from after the disks.
    pub cds: Vec<PathBuf>,
    /// A raw image as a USB stick, which Windows Setup looks for answers on.
    pub stick: Option<PathBuf>,
    /// Whether its screen can be watched, and its keyboard used, over VNC on this host.
    pub vnc: bool,
    /// The socket, listened on by us, that its first serial port is.
    pub line: PathBuf,
    /// The socket, listened on by us, that QEMU is commanded over.
    pub monitor: PathBuf,
    /// Where its second serial port writes to.
    pub console: PathBuf,
}

impl Spec {
    /// QEMU with all that.
    pub fn command(&self) -> Result<Command> {
        let mut qemu = held(QEMU);
        qemu.args(["-name", "pagewise", "-nodefaults", "-no-user-config", "-display", "none"]);
        qemu.args(["-accel", self.accelerator.name(), "-machine", self.board(), "-cpu"]);
        qemu.arg(self.processor());
        qemu.arg("-smp").arg(self.processors.to_string());
        qemu.arg("-m").arg(self.memory_mib.to_string());
        // Screens are shot from VGA; its clock is UTC; no network at all.
        qemu.args(["-vga", "std", "-rtc", "base=utc", "-nic", "none"]);
        self.boot(&mut qemu)?;
        self.drives(&mut qemu)?;
        self.stick(&mut qemu)?;
        self.ports(&mut qemu)?;
        if self.vnc {
            // The first port that is free.
            qemu.args(["-vnc", "127.0.0.1:0,to=99"]);
        }
        Ok(qemu)
    }

    const fn board(&self) -> &'static str {
        match self.chipset {
            Chipset::Q35 => "q35",
            Chipset::Pc => "pc",
        }
    }

    /// Emulated, it has what Windows 11 asks for (SSE4.2, POPCNT) and what QEMU 6 can emulate.
    const fn processor(&self) -> &'static str {
        match (&self.accelerator, self.nested) {
            (Accelerator::Tcg { .. }, _) => "Nehalem",
            (Accelerator::Kvm, true) => "host",
            // Its clock from the host and no watchdog over it (qemu: docs/system/i386/hyperv.rst).
            (Accelerator::Kvm, false) => "host,hv-relaxed,hv-time",
        }
    }

    fn boot(&self, qemu: &mut Command) -> Result<()> {
        match &self.boot {
            Boot::Bios => {}
            Boot::Uefi { code, variables } => {
                let flash = "if=pflash,format=raw";
                let code = escaped(code)?;
                qemu.arg("-drive").arg(format!("{flash},unit=0,readonly=on,file={code}"));
                let variables = escaped(variables)?;
                qemu.arg("-drive").arg(format!("{flash},unit=1,file={variables}"));
            }
            Boot::Kernel { image, initrd, append } => {
                qemu.arg("-kernel").arg(image).arg("-initrd").arg(initrd);
                qemu.arg("-append").arg(append);
            }
        }
        Ok(())
    }

    fn drives(&self, qemu: &mut Command) -> Result<()> {
        for (unit, disk) in self.disks.iter().enumerate() {
            let (file, format) = (escaped(&disk.path)?, disk.format.name());
            // QEMU's own names for "ignores the guest's flushes" and "heeds them".
            let cache = if disk.throw_away { "unsafe" } else { "writeback" };
            qemu.arg("-drive");
            qemu.arg(format!("if=none,id=disk{unit},cache={cache},format={format},file={file}"));
            let at = self.slot(unit);
            qemu.arg("-device").arg(format!("ide-hd,drive=disk{unit},{at}{}", self.order(unit)));
        }
        for (index, cd) in self.cds.iter().enumerate() {
            let (file, unit) = (escaped(cd)?, self.disks.len() + index);
            qemu.arg("-drive");
            qemu.arg(format!("if=none,id=cd{unit},media=cdrom,readonly=on,format=raw,file={file}"));
            let at = self.slot(unit);
            qemu.arg("-device").arg(format!("ide-cd,drive=cd{unit},{at}{}", self.order(unit)));
        }
        Ok(())
    }

    fn stick(&self, qemu: &mut Command) -> Result<()> {
        let Some(stick) = &self.stick else { return Ok(()) };
        let file = escaped(stick)?;
        qemu.args(["-device", "qemu-xhci", "-device", "usb-tablet", "-drive"]);
        qemu.arg(format!("if=none,id=stick,format=raw,file={file}"));
        qemu.args(["-device", "usb-storage,drive=stick,removable=on"]);
        Ok(())
    }

    /// When a disk is booted from; a kernel that QEMU loads comes first of all by itself.
    fn order(&self, unit: usize) -> String {
        match self.boot {
            Boot::Kernel { .. } => String::new(),
            Boot::Bios | Boot::Uefi { .. } => format!(",bootindex={unit}"),
        }
    }

    /// AHCI has one disk a bus, IDE two.
    fn slot(&self, unit: usize) -> String {
        match self.chipset {
            Chipset::Q35 => format!("bus=ide.{unit}"),
            Chipset::Pc => format!("bus=ide.{},unit={}", unit / 2, unit % 2),
        }
    }

    fn ports(&self, qemu: &mut Command) -> Result<()> {
        let (line, monitor) = (escaped(&self.line)?, escaped(&self.monitor)?);
        qemu.arg("-chardev").arg(format!("socket,id=line,path={line}"));
        qemu.arg("-device").arg("isa-serial,chardev=line,index=0");
        qemu.arg("-chardev").arg(format!("file,id=console,path={}", escaped(&self.console)?));
        qemu.arg("-device").arg("isa-serial,chardev=console,index=1");
        qemu.arg("-chardev").arg(format!("socket,id=monitor,path={monitor}"));
        qemu.args(["-mon", "chardev=monitor,mode=control"]);
        Ok(())
    }
}

/// A path as a value in QEMU's lists of options, in which a comma is written twice.
pub fn escaped(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    ensure!(!text.is_empty(), "an empty path");
    Ok(text.replace(',', ",,"))
}

/// A program that the kernel kills when this process ends, however it ends; in a group of its own,
/// so that a key press does not end it before its time.
pub fn held(program: impl AsRef<OsStr>) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = run::command("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).process_group(0);
    command
}
