//! The forms in which a comparison is printed.

use std::fmt::Write as _;

use anyhow::Result;
use console::Style;
use serde::Serialize;

use super::result::{Check, Decision};
use super::{Comparison, Row};

/// The word for a decision.
const fn word(decision: Option<Decision>) -> &'static str {
    match decision {
        Some(Decision::Passed) => "passed",
        Some(Decision::Failed) => "FAILED",
        Some(Decision::Skipped) => "skipped",
        Some(Decision::Observed) => "observed",
        None => "-",
    }
}

fn style(decision: Option<Decision>, colour: bool) -> Style {
    let style = Style::new().force_styling(colour);
    match decision {
        Some(Decision::Passed) => style.green(),
        Some(Decision::Failed) => style.red(),
        Some(Decision::Skipped) => style.yellow(),
        Some(Decision::Observed) => style.cyan(),
        None => style,
    }
}

fn status(check: Option<&Check>) -> Option<Decision> {
    check.map(|check| check.status)
}

fn chosen<'a>(comparison: &'a Comparison<'a>, only: bool) -> impl Iterator<Item = &'a Row<'a>> {
    comparison.rows.iter().filter(move |row| !only || row.disagree())
}

/// A table for a terminal, then why who skipped or failed what, a reason once.
pub fn text(comparison: &Comparison<'_>, only: bool, colour: bool) -> String {
    let mut text = String::new();
    let names: Vec<&str> = comparison.machines.iter().map(|m| m.machine.name.as_str()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or_default().max(7);
    let _ = write!(text, "{:<26}", "");
    for name in &names {
        let _ = write!(text, "  {name:<width$}");
    }
    text.push('\n');
    for row in chosen(comparison, only) {
        let _ = write!(text, "{:<26}", row.id);
        for check in &row.decisions {
            let status = status(*check);
            let cell = format!("{:<width$}", word(status));
            let _ = write!(text, "  {}", style(status, colour).apply_to(cell));
        }
        text.push_str(if row.disagree() { "  <- they disagree\n" } else { "\n" });
    }
    for (machine, name) in names.iter().enumerate() {
        for (reason, ids) in reasons(comparison, machine, only) {
            let _ = writeln!(text, "\n{name}: {reason}\n  {}", ids.join(" "));
        }
    }
    for (machine, name) in comparison.machines.iter().zip(&names) {
        let hash = machine.driver.sha256.as_deref().unwrap_or("not told");
        let _ = write!(text, "\ndriver on {name}: {hash}");
    }
    text.push('\n');
    text
}

/// Each reason that a machine gives, with the checks that it gives it for.
fn reasons<'a>(
    comparison: &'a Comparison<'a>,
    machine: usize,
    only: bool,
) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in chosen(comparison, only) {
        let check = row.decisions.get(machine).copied().flatten();
        let Some(reason) = check.and_then(|check| check.reason.as_deref()) else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(row.id),
            None => reasons.push((reason, vec![row.id])),
        }
    }
    reasons
}

/// A Markdown table, check by check.
pub fn markdown(comparison: &Comparison<'_>, only: bool) -> String {
    let mut text = head(comparison, "check");
    for row in chosen(comparison, only) {
        let cells: Vec<&str> = row.decisions.iter().map(|check| word(status(*check))).collect();
        let _ = writeln!(text, "| `{}` | {} |", row.id, cells.join(" | "));
    }
    text
}

/// A Markdown table of how many checks of each theme each machine passed.
pub fn themes(comparison: &Comparison<'_>) -> String {
    let mut text = head(comparison, "checks of");
    let mut themes: Vec<&str> = Vec::new();
    for theme in comparison.rows.iter().filter_map(|row| row.id.split('.').next()) {
        if !themes.contains(&theme) {
            themes.push(theme);
        }
    }
    for theme in themes {
        let cells: Vec<String> = comparison
            .machines
            .iter()
            .map(|machine| {
                let of = |decision| machine.count(theme, decision);
                let parts = [
                    (of(Decision::Passed), "passed"),
                    (of(Decision::Failed), "FAILED"),
                    (of(Decision::Skipped), "skipped"),
                    (of(Decision::Observed), "observed"),
                ];
                let parts: Vec<String> = parts
                    .iter()
                    .filter(|(count, _)| *count > 0)
                    .map(|(count, what)| format!("{count} {what}"))
                    .collect();
                if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
            })
            .collect();
        let _ = writeln!(text, "| {theme} | {} |", cells.join(" | "));
    }
    text
}

fn head(comparison: &Comparison<'_>, first: &str) -> String {
    let names: Vec<&str> = comparison.machines.iter().map(|m| m.machine.name.as_str()).collect();
    format!("| {first} | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()))
}

/// JSON for programs.
pub fn json(comparison: &Comparison<'_>, only: bool) -> Result<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        machines: Vec<Machine<'a>>,
        same_driver: bool,
        checks: Vec<Line<'a>>,
    }
    #[derive(Serialize)]
    struct Machine<'a> {
        name: &'a str,
        sha256: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        decisions: Vec<Option<Decision>>,
        disagree: bool,
    }
    let machines = comparison.machines.iter().map(|machine| Machine {
        name: &machine.machine.name,
        sha256: machine.driver.sha256.as_deref(),
    });
    let checks = chosen(comparison, only).map(|row| Line {
        id: row.id,
        decisions: row.decisions.iter().map(|check| status(*check)).collect(),
        disagree: row.disagree(),
    });
    let document = Document {
        schema: 1,
        machines: machines.collect(),
        same_driver: comparison.same_driver(),
        checks: checks.collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
