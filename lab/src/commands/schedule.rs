//! What the command line says of seeds and of the one processor.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use pagewise_lab::ke::schedule::{self, Schedule};

/// What the user can say.
#[derive(clap::Args)]
#[group(id = "schedule_arguments")]
#[command(group = clap::ArgGroup::new("seeded").multiple(true))]
pub struct Arguments {
    /// One virtual processor, where a seed decides which thread runs and which pages are taken
    /// (docs/determinism.md). Otherwise there are as many as threads that run driver code.
    #[arg(long, value_name = "1", group = "seeded", value_parser = one)]
    processors: Option<u32>,
    /// What all chance follows from: the schedule, evictions, allocations that fail. A number, or
    /// random. Where none is given, one is chosen, and said.
    #[arg(long, value_name = "NUMBER|random", requires = "seeded", value_parser = seed)]
    seed: Option<Seed>,
    /// With one processor: take pages at one in so many scheduling points; 0 takes none.
    #[arg(long, value_name = "ONE-IN", default_value_t = 16, requires = "processors")]
    evict: u32,
    /// With one processor: write what the schedule decides here, a line each.
    #[arg(long, value_name = "FILE", requires = "processors")]
    journal: Option<PathBuf>,
}

/// A seed as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seed {
    Random,
    Number(u64),
}

impl Arguments {
    /// The seed: as it was given, or another each time.
    pub fn seed(&self) -> u64 {
        match self.seed {
            Some(Seed::Number(seed)) => seed,
            Some(Seed::Random) | None => by_the_clock(),
        }
    }

    /// Has one processor, where that was asked for.
    ///
    /// # Errors
    /// What the host says of the journal or a thread.
    pub fn start(&self, seed: u64) -> Result<()> {
        if self.processors.is_none() {
            return Ok(());
        }
        let repeat = repeat(std::env::args_os(), seed);
        if !matches!(self.seed, Some(Seed::Number(_))) {
            // A machine that hangs and is killed says nothing at its end.
            eprintln!("schedule: the seed is {seed:#x}; to repeat: {repeat}");
        }
        let (evict_one_in, journal) = (self.evict, self.journal.clone());
        schedule::start(&Schedule { seed, evict_one_in, journal, repeat })
            .context("cannot start the schedule; check the path of the journal")
    }
}

/// The command line that has the same run again: this one, with the seed that was chosen. What a
/// shell would take apart is in quotes.
fn repeat(arguments: impl Iterator<Item = OsString>, seed: u64) -> String {
    let arguments: Vec<OsString> = arguments.collect();
    let client = arguments.iter().position(|it| it == "--").unwrap_or(arguments.len());
    let (own, client) = arguments.split_at(client);
    let mut line = Vec::new();
    let mut own = own.iter();
    while let Some(argument) = own.next() {
        if argument == "--seed" {
            own.next();
        } else if !argument.as_encoded_bytes().starts_with(b"--seed=") {
            line.push(quoted(argument));
        }
    }
    line.push(format!("--seed {seed:#x}"));
    line.extend(client.iter().map(|argument| quoted(argument)));
    line.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A seed that is another each time.
fn by_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64 & 0xffff_ffff)
}

fn seed(text: &str) -> Result<Seed, String> {
    if text == "random" {
        return Ok(Seed::Random);
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Seed::Number).map_err(|_| "a seed is a number of 64 bits, or random".to_owned())
}

fn one(text: &str) -> Result<u32, String> {
    let says =
        "a machine has one virtual processor (1), or as many as threads that run driver code";
    text.parse().ok().filter(|&number| number == 1).ok_or_else(|| says.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(line: &[&str]) -> String {
        repeat(line.iter().map(OsString::from), 0x1f)
    }

    #[test]
    fn the_line_has_the_seed_that_was_chosen() {
        let chosen = repeated(&["lab", "run", "a.sys", "--processors", "1"]);
        assert_eq!(chosen, "lab run a.sys --processors 1 --seed 0x1f");
        let random = ["lab", "run", "--seed", "random", "a.sys", "--processors=1"];
        assert_eq!(repeated(&random), "lab run a.sys --processors=1 --seed 0x1f");
        let random = ["lab", "run", "--seed=random", "a.sys"];
        assert_eq!(repeated(&random), "lab run a.sys --seed 0x1f");
    }

    #[test]
    fn the_client_s_arguments_stay_as_they_are() {
        let line = ["lab", "run", "a.sys", "--", "client", "--seed", "7", r"\\.\X", "it's"];
        let expected = r"lab run a.sys --seed 0x1f -- client --seed 7 '\\.\X' 'it'\''s'";
        assert_eq!(repeated(&line), expected);
    }

    #[test]
    fn a_seed_is_a_number_or_random() {
        assert_eq!(seed("7"), Ok(Seed::Number(7)));
        assert_eq!(seed("0x1F"), Ok(Seed::Number(31)));
        assert_eq!(seed("0xffffffffffffffff"), Ok(Seed::Number(u64::MAX)));
        assert_eq!(seed("random"), Ok(Seed::Random));
        for bad in ["", "-1", "0x", "x", "18446744073709551616"] {
            assert!(seed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_machine_has_one_processor_or_does_not_say() {
        assert_eq!(one("1"), Ok(1));
        assert!(one("2").is_err());
        assert!(one("0").is_err());
    }
}
