//! Judging what was read. Pure: no system is asked here.

use super::readings::{Reading, Readings};
use super::{Finding, Level};
use crate::advice;
use crate::machine::Kind;
use crate::problem;
use crate::setup::SERVICE;
use crate::status::Win32;

/// KMDF that the driver is built for.
const KMDF: [u16; 2] = [1, 31];
/// Windows 10 2004, the first with that KMDF.
const BUILD: u32 = 19041;

/// `CODEINTEGRITY_OPTION_TESTSIGN`
const TESTSIGN: u32 = 0x02;
/// `CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED`
const HVCI: u32 = 0x400;

const INSTALL: &str = "install it: `test-app install`";
const REINSTALL: &str = "install it again: `test-app uninstall`, then `test-app install`";

/// The findings, in the order in which one builds on the other.
#[must_use]
pub fn judge(readings: &Readings) -> Vec<Finding> {
    vec![
        windows(readings),
        elevation(readings),
        framework(readings),
        test_signing(readings),
        memory_integrity(readings),
        paging_executive(readings),
        service(readings),
        signature(readings, "signature.driver", "pagewise.sys", &readings.driver_signature),
        signature(readings, "signature.catalog", "pagewise.cat", &readings.catalog_signature),
        node(readings),
        interface(readings),
    ]
}

struct Verdict(&'static str);

impl Verdict {
    fn ok(self, found: impl Into<String>) -> Finding {
        Finding { id: self.0, level: Level::Ok, found: found.into(), fix: None }
    }

    fn warn(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { id: self.0, level: Level::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    fn fail(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { id: self.0, level: Level::Fail, found: found.into(), fix: Some(fix.into()) }
    }

    fn unknown(self, found: impl Into<String>, fix: Option<&str>) -> Finding {
        let fix = fix.map(str::to_owned);
        Finding { id: self.0, level: Level::Unknown, found: found.into(), fix }
    }

    /// What could not be read: more rights may help.
    fn unread(self, why: &str, readings: &Readings) -> Finding {
        self.unknown(why, (!readings.elevated).then_some(advice::ELEVATE))
    }
}

fn windows(readings: &Readings) -> Finding {
    let verdict = Verdict("system.version");
    match &readings.windows {
        Err(why) => verdict.unread(why, readings),
        Ok(version) => {
            let name = if readings.machine == Kind::Wine { "Wine, as Windows" } else { "Windows" };
            let found =
                format!("{name} {}.{}, build {}", version.major, version.minor, version.build);
            match (version.major, version.build) {
                (10.., BUILD..) => verdict.ok(found),
                // Wine names a version of Windows and goes by none.
                _ if readings.machine == Kind::Wine => verdict.ok(found),
                _ => verdict.fail(
                    found,
                    "the driver needs KMDF 1.31: Windows 10 2004 (build 19041) or later",
                ),
            }
        }
    }
}

fn elevation(readings: &Readings) -> Finding {
    let verdict = Verdict("system.elevation");
    if readings.elevated {
        return verdict.ok("this program runs with the rights of an administrator");
    }
    verdict.warn("this program runs without the rights of an administrator", advice::ELEVATE)
}

fn framework(readings: &Readings) -> Finding {
    let verdict = Verdict("system.kmdf");
    match &readings.framework {
        Err(why) => verdict.unread(why, readings),
        Ok(None) if readings.machine == Kind::Wine => {
            verdict.unknown("no Wdf01000.sys: Wine has none, and wdfldr.sys tells no version", None)
        }
        Ok(None) => verdict.fail(
            "Wdf01000.sys is missing",
            "repair the system: `sfc /scannow`; every Windows since Vista has it",
        ),
        Ok(Some([major, minor, build, revision])) => {
            let found = format!("Wdf01000.sys {major}.{minor}.{build}.{revision}");
            if [*major, *minor] >= KMDF {
                return verdict.ok(found);
            }
            verdict.fail(
                found,
                "the driver is built for KMDF 1.31: Windows 10 2004 (build 19041) or later has it",
            )
        }
    }
}

fn test_signing(readings: &Readings) -> Finding {
    let verdict = Verdict("system.test-signing");
    if readings.machine == Kind::Wine {
        return verdict.ok("Wine loads drivers whatever their signature");
    }
    match &readings.code_integrity {
        Err(why) => verdict.unread(why, readings),
        Ok(options) if options & TESTSIGN != 0 => verdict.ok("test signing is on"),
        Ok(_) if works(readings) => {
            verdict.ok("test signing is off, and the driver is loaded all the same")
        }
        Ok(_) => verdict.fail(
            "test signing is off: a test-signed driver does not load",
            "`bcdedit /set testsigning on`, with Secure Boot off and BitLocker suspended; then \
             restart",
        ),
    }
}

fn memory_integrity(readings: &Readings) -> Finding {
    const FIX: &str = "that the driver pages under memory integrity is unproven: if it does not \
        load, or pages do not go, switch it off in Windows Security, Device security, Core \
        isolation, and restart";
    let verdict = Verdict("system.memory-integrity");
    match (&readings.code_integrity, &readings.memory_integrity) {
        (Ok(options), _) if options & HVCI != 0 => verdict.warn("memory integrity is on", FIX),
        (Ok(_), Ok(Some(true))) => verdict.warn(
            "memory integrity is switched on, and does not run: it will after a restart, or this \
             machine cannot",
            FIX,
        ),
        (Ok(_), _) => verdict.ok("memory integrity is off"),
        (Err(why), _) => verdict.unread(why, readings),
    }
}

fn paging_executive(readings: &Readings) -> Finding {
    let verdict = Verdict("system.paging-executive");
    if readings.machine == Kind::Wine {
        return verdict.unknown("Wine pages no driver, whatever the registry says", None);
    }
    match &readings.disable_paging_executive {
        Err(why) => verdict.unread(why, readings),
        Ok(None) => verdict.ok("DisablePagingExecutive is not set: drivers are paged"),
        Ok(Some(0)) => verdict.ok("DisablePagingExecutive is 0: drivers are paged"),
        Ok(Some(value)) => verdict.fail(
            format!("DisablePagingExecutive is {value}: no driver is paged, whatever it asks for"),
            "`reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory \
             Management\" /v DisablePagingExecutive /t REG_DWORD /d 0 /f`, then restart",
        ),
    }
}

fn service(readings: &Readings) -> Finding {
    const RUNNING: u32 = 4;
    const DISABLED: u32 = 4;
    let verdict = Verdict("driver.service");
    let service = match &readings.service {
        Err(why) => return verdict.unread(why, readings),
        Ok(None) => return verdict.fail(format!("there is no service {SERVICE}"), INSTALL),
        Ok(Some(service)) => service,
    };
    let (state, start) = (state_name(service.state), start_name(service.start));
    let found = format!("{state}, {start}, {}", service.image);
    if !service.image_is_there {
        return verdict.fail(format!("{found}, which is not there"), REINSTALL);
    }
    if service.start == DISABLED {
        return verdict.fail(found, "`sc config pagewise start= demand`, then start the device");
    }
    if service.state != RUNNING {
        return verdict.fail(found, "the device is not started: see driver.node below");
    }
    verdict.ok(found)
}

fn signature(
    readings: &Readings,
    id: &'static str,
    file: &str,
    signature: &Reading<Option<Win32>>,
) -> Finding {
    let verdict = Verdict(id);
    match signature {
        Err(why) => verdict.unread(why, readings),
        Ok(None) => verdict.fail(format!("{file} was not found"), INSTALL),
        Ok(Some(Win32(0))) => verdict.ok(format!("{file} is signed, and trusted on this machine")),
        Ok(Some(code)) => {
            let found = format!("{file}: {code}");
            let fix = advice::for_win32(*code)
                .unwrap_or("make the package again (`cargo xtask package`) and install that");
            // Wine does not ask for it.
            if readings.machine == Kind::Wine {
                return verdict.warn(found, fix);
            }
            verdict.fail(found, fix)
        }
    }
}

fn node(readings: &Readings) -> Finding {
    let verdict = Verdict("driver.node");
    let nodes = match &readings.nodes {
        Err(why) => return verdict.unread(why, readings),
        Ok(nodes) => nodes,
    };
    let Some(node) = nodes.first() else {
        return verdict.fail("there is no device node ROOT\\PAGEWISE", INSTALL);
    };
    let id = &node.id;
    if let Some(sick) = nodes.iter().find(|node| node.problem.is_some()) {
        let found = format!("{}: {}", sick.id, problem::told(sick.problem));
        return verdict.fail(found, problem::fix(sick.problem));
    }
    if !node.service.as_ref().is_some_and(|service| service.eq_ignore_ascii_case(SERVICE)) {
        let found = format!("{id} has no driver: its service is {:?}", node.service);
        return verdict.fail(found, INSTALL);
    }
    if nodes.len() > 1 {
        let found = format!("{} device nodes, of which one is enough", nodes.len());
        return verdict.warn(found, REINSTALL);
    }
    // Wine answers that there is no problem, whatever there is.
    let told = if readings.machine == Kind::Wine { "" } else { ", without a problem" };
    verdict.ok(format!("{id}{told}"))
}

fn interface(readings: &Readings) -> Finding {
    let verdict = Verdict("driver.interface");
    match &readings.interfaces {
        Err(why) => verdict.unread(why, readings),
        Ok(paths) => match paths.as_slice() {
            [] => verdict.fail(
                "no device interface is enabled: the device is not started",
                "see driver.node above",
            ),
            [path] => verdict.ok(path.clone()),
            _ => verdict.warn(
                format!("{} device interfaces", paths.len()),
                "choose one with --device PATH, or install it again",
            ),
        },
    }
}

fn works(readings: &Readings) -> bool {
    readings.interfaces.as_ref().is_ok_and(|paths| !paths.is_empty())
}

fn state_name(state: u32) -> String {
    let names = [
        "stopped",
        "start pending",
        "stop pending",
        "running",
        "continue pending",
        "pause pending",
        "paused",
    ];
    let name = state.checked_sub(1).and_then(|index| names.get(index as usize));
    name.map_or_else(|| format!("state {state}"), |name| (*name).to_owned())
}

fn start_name(start: u32) -> String {
    let names = ["boot start", "system start", "automatic start", "demand start", "disabled"];
    let name = names.get(start as usize);
    name.map_or_else(|| format!("start type {start}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests;
