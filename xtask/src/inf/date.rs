//! The date in `DriverVer`: the same for the same sources.

use std::ffi::OsString;

use pagewise_package::inf::Date;

use crate::error::{Error, Result};
use crate::run;
use crate::setup;
use crate::workspace::Workspace;

/// Who builds from sources without their history, and sets nothing, gets this day: 2026-01-01.
const WITHOUT_HISTORY: u64 = 1_767_225_600;

/// What overrides the commit's date, in seconds since 1970 (reproducible-builds.org/specs).
pub const OVERRIDE: &str = "SOURCE_DATE_EPOCH";

/// The day of `SOURCE_DATE_EPOCH`, or else of the commit that is checked out, in UTC.
pub fn of(workspace: &Workspace) -> Result<Date> {
    let (origin, text) = told(workspace)?;
    parse(origin, text)
}

/// The same in seconds since 1970: for a build elsewhere, which has no history to ask.
pub fn seconds(workspace: &Workspace) -> Result<OsString> {
    told(workspace).map(|(_, text)| text)
}

/// Who tells the date, and how it is written there.
fn told(workspace: &Workspace) -> Result<(&'static str, OsString)> {
    if let Some(text) = std::env::var_os(OVERRIDE) {
        return Ok((OVERRIDE, text));
    }
    // A linked work tree has a file there.
    if !workspace.root().join(".git").exists() {
        return Ok(("the default", WITHOUT_HISTORY.to_string().into()));
    }
    setup::provide(setup::TWINS)?;
    let mut git = run::command("git");
    // A checkout that belongs to somebody else, as in containers, is read nonetheless.
    let mut trust = OsString::from("safe.directory=");
    trust.push(workspace.root());
    git.arg("-c").arg(trust).args(["log", "-1", "--format=%ct"]).current_dir(workspace.root());
    Ok(("the commit's date", run::quiet(&mut git)?.trim().into()))
}

fn parse(origin: &'static str, text: OsString) -> Result<Date> {
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    seconds.and_then(Date::from_unix).ok_or(Error::NoDate { origin, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_nothing_else() {
        let date = |text: &str| parse(OVERRIDE, text.into()).map(|date| date.to_string()).ok();
        assert_eq!(date("1767225600").as_deref(), Some("01/01/2026"));
        for text in ["", "-1", "yesterday", "99999999999999"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn says_which_text_is_no_date() {
        let text = parse(OVERRIDE, "soon".into()).unwrap_err().to_string();
        assert!(text.contains("SOURCE_DATE_EPOCH") && text.contains("soon"), "{text}");
    }
}
