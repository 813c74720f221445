//! What the stand-in does wrong, if it is asked to.
#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "it runs on Linux only"))]

use std::str::FromStr;

/// Per cent of the lines that `garble` breaks.
const GARBLED: u8 = 20;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Every `verify` has a failed check.
    CheckFails,
    /// In the middle of this step the machine goes down, and leaves what stands for a dump.
    BugCheck(String),
    /// In the middle of this step the machine goes down, and leaves nothing.
    Reset(String),
    /// In the middle of this step the machine stops, and stays on.
    Hang(String),
    /// From this step on nothing is sent and nothing is heard.
    StopAnswering(String),
    /// Before every write comes a lot that nobody asked for.
    Flood,
    /// So many per cent of the writes have a wrong byte.
    Garble(u8),
    /// It stays on and does nothing.
    NeverStarts,
    /// It resets before it says anything, every time.
    BootLoop,
}

impl FromStr for Misbehaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, of) = match text.split_once(':') {
            Some((what, of)) => (what, Some(of)),
            None => (text, None),
        };
        let step = |make: fn(String) -> Self| match of {
            Some(step) if !step.is_empty() => Ok(make(step.to_owned())),
            _ => Err(format!("{what} takes a step: {what}:STEP")),
        };
        match (what, of) {
            ("bug-check", _) => step(Self::BugCheck),
            ("reset", _) => step(Self::Reset),
            ("hang", _) => step(Self::Hang),
            ("stop-answering", _) => step(Self::StopAnswering),
            ("garble", None) => Ok(Self::Garble(GARBLED)),
            ("garble", Some(share)) => match share.parse() {
                Ok(share) if share <= 100 => Ok(Self::Garble(share)),
                _ => Err(format!("{share:?} is no share: garble:0 to garble:100")),
            },
            ("check-fails", None) => Ok(Self::CheckFails),
            ("flood", None) => Ok(Self::Flood),
            ("never-starts", None) => Ok(Self::NeverStarts),
            ("boot-loop", None) => Ok(Self::BootLoop),
            _ => Err(format!(
                "{text:?} is nothing it can do wrong: check-fails, bug-check:STEP, reset:STEP, \
                 hang:STEP, stop-answering:STEP, flood, garble[:PERCENT], never-starts, boot-loop"
            )),
        }
    }
}

/// A list with commas.
///
/// # Errors
/// What is not understood, in words.
pub fn parse(list: &str) -> Result<Vec<Misbehaviour>, String> {
    list.split(',').filter(|one| !one.is_empty()).map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_told_in_a_list() {
        let list = parse("check-fails,bug-check:verify-plain,garble:5,garble").unwrap();
        assert_eq!(
            list,
            [
                Misbehaviour::CheckFails,
                Misbehaviour::BugCheck("verify-plain".to_owned()),
                Misbehaviour::Garble(5),
                Misbehaviour::Garble(GARBLED),
            ]
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        for odd in ["explode", "hang", "hang:", "garble:101", "flood:1"] {
            assert!(parse(odd).is_err(), "{odd}");
        }
    }
}
