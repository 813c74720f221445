//! What Wine wrote about the process that runs drivers: whether it died, and of what.

/// How the process that runs drivers ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// In a line.
    pub what: String,
}

/// Finds the first death in a log.
pub fn death(log: &str) -> Option<Death> {
    let images = images(log);
    log.lines().find_map(|line| of_line(line, &images)).map(|what| Death { what })
}

fn of_line(line: &str, images: &[Image]) -> Option<String> {
    if let Some((_, words)) = line.split_once(":err:ntoskrnl:KeBugCheckEx ") {
        let mut numbers = words.split_whitespace();
        let code = numbers.next()?;
        let rest: Vec<String> = numbers.map(|number| format!("0x{number}")).collect();
        return Some(format!("bug check 0x{code} ({})", rest.join(", ")));
    }
    if let Some((_, words)) = line.split_once("to unimplemented function ") {
        let name = words.split(", aborting").next().unwrap_or(words);
        return Some(format!("{name} was called, which this Wine does not have"));
    }
    let what = line.strip_prefix("wine: Unhandled ")?;
    let what = what.split(" (thread ").next().unwrap_or(what);
    let at = what.rsplit(" at address ").next().and_then(hexadecimal);
    Some(match at.and_then(|at| images.iter().rev().find_map(|image| image.name_of(at))) {
        Some(place) => format!("{what}, {place}"),
        None => what.to_owned(),
    })
}

/// The lines of a log that tell something: not where images are, and not that Wine has no screen.
pub fn worth_reading(log: &str) -> String {
    const NOISE: [&str; 5] =
        [":loaddll:", ":winediag:", ":systray:", ":ole:", "Wine Developers Guide"];
    let told = log.lines().filter(|line| NOISE.iter().all(|noise| !line.contains(noise)));
    told.map(|line| format!("{line}\n")).collect()
}

/// A driver's image in memory. Wine tells only where it begins.
struct Image {
    name: String,
    base: u64,
}

impl Image {
    /// The driver and the offset, if the address can be the driver's.
    fn name_of(&self, address: u64) -> Option<String> {
        /// More than any image here takes.
        const MOST: u64 = 0x10_0000;
        let offset = address.checked_sub(self.base).filter(|&offset| offset < MOST)?;
        Some(format!("in {} at RVA {offset:#x}", self.name))
    }
}

/// Where drivers were loaded, in that order:
/// `...:loaddll:build_module Loaded L"C:\\...\\x.sys" at 0000000180000000: native`
fn images(log: &str) -> Vec<Image> {
    let of = |line: &str| {
        let (_, rest) = line.split_once(":loaddll:build_module Loaded L\"")?;
        let (path, rest) = rest.split_once("\" at ")?;
        let name = path.rsplit('\\').next()?.to_ascii_lowercase();
        let base = hexadecimal(rest.split(':').next()?)?;
        name.ends_with(".sys").then_some(Image { name, base })
    };
    log.lines().filter_map(of).collect()
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that Wine 8.0 wrote.
    const LOADED: &str = "\
0050:err:winediag:nodrv_CreateWindow L\"The explorer process failed to start.\"
0120:trace:loaddll:build_module Loaded L\"C:\\\\windows\\\\system32\\\\drivers\\\\WDFLDR.SYS\" at \
00000000021A0000: native
0120:trace:loaddll:build_module Loaded L\"C:\\\\windows\\\\system32\\\\pagewise.sys\" at \
0000000180000000: native
";

    fn of(line: &str) -> Option<String> {
        death(&format!("{LOADED}{line}\n")).map(|death| death.what)
    }

    #[test]
    fn a_page_fault_is_told_with_its_place() {
        let line = "wine: Unhandled page fault on read access to 0000000180023000 at address \
                    00000001800020ED (thread 0130), starting debugger...";
        assert_eq!(
            of(line).unwrap(),
            "page fault on read access to 0000000180023000 at address 00000001800020ED, in \
             pagewise.sys at RVA 0x20ed"
        );
        let elsewhere = line.replace("00000001800020ED", "0000000170001000");
        assert!(!of(&elsewhere).unwrap().contains("RVA"));
    }

    #[test]
    fn a_bug_check_is_told_with_its_numbers() {
        let line = "0130:err:ntoskrnl:KeBugCheckEx d1 1 2 3 4";
        assert_eq!(of(line).unwrap(), "bug check 0xd1 (0x1, 0x2, 0x3, 0x4)");
    }

    #[test]
    fn a_missing_routine_is_named() {
        let line = "wine: Call from 000000007B013D7E to unimplemented function \
                    ntoskrnl.exe.IoNoSuchThing, aborting";
        assert_eq!(
            of(line).unwrap(),
            "ntoskrnl.exe.IoNoSuchThing was called, which this Wine does not have"
        );
    }

    #[test]
    fn a_quiet_log_tells_of_no_death_and_says_nothing() {
        assert_eq!(death(LOADED), None);
        assert_eq!(worth_reading(LOADED), "");
        assert_eq!(worth_reading("wdfldr: hello"), "wdfldr: hello\n");
    }
}
