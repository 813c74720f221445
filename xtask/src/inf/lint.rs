//! `cargo xtask lint-inf`: anybody's INF against the rules, without Windows.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use console::style;
use pagewise_package::inf::{Finding, Inf, Options, RULES, Rule, Severity, lint};
use serde_json::json;

use crate::exit::Exit;
use crate::fs;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The INF files; without any, the one that `cargo xtask build` made.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The version of KMDF that the driver was built for, such as 1.31.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kmdf: Option<(u16, u16)>,
    /// Hold it against what Wine 8 needs, too.
    #[arg(long)]
    wine: bool,
    /// List the rules instead, with InfVerif's numbers.
    #[arg(long, conflicts_with = "files")]
    rules: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn version(text: &str) -> Result<(u16, u16), String> {
    let parts = text.split_once('.');
    let parsed = parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| "write it as 1.31".to_owned())
}

/// Prints what breaks the rules. The exit code tells whether there is an error; warnings are none.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.rules {
        print(&if arguments.json { format!("{:#}\n", rules_as_json()) } else { rules_as_text() })?;
        return Ok(Exit::Done.into());
    }
    let mut options = Options { kmdf: arguments.kmdf, wine: arguments.wine };
    let mut files = arguments.files.clone();
    if files.is_empty() {
        options = Options { kmdf: Some(super::KMDF), wine: true };
        let built = workspace.artifacts().join(super::INF);
        ensure!(built.is_file(), "there is no {}\n  try: cargo xtask build", built.display());
        files.push(built);
    }
    let mut results = Vec::new();
    for file in files {
        let bytes = fs::read(&file)?;
        results.push((file, lint(&Inf::read(&bytes), &options)));
    }
    let text = if arguments.json {
        format!("{:#}\n", as_json(&results))
    } else {
        let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        as_text(&results, colour)
    };
    print(&text)?;
    let bad = results.iter().any(|(_, findings)| count(findings, Severity::Error) > 0);
    Ok(if bad { Exit::BadInf } else { Exit::Done }.into())
}

fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn rules_as_text() -> String {
    let number = |rule: &Rule| rule.infverif.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let line = |rule: &&Rule| {
        format!("{:<18} {:>4} {:<7} {}\n", rule.id, number(rule), rule.severity, rule.next)
    };
    RULES.iter().map(line).collect()
}

fn rules_as_json() -> serde_json::Value {
    let rule = |rule: &&Rule| {
        json!({
            "rule": rule.id,
            "infverif": rule.infverif,
            "severity": rule.severity.to_string(),
            "next": rule.next,
        })
    };
    json!({ "schema": 1, "rules": RULES.iter().map(rule).collect::<Vec<_>>() })
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.rule.severity == severity).count()
}

fn as_text(results: &[(PathBuf, Vec<Finding>)], colour: bool) -> String {
    let mut text = String::new();
    for (file, findings) in results {
        for finding in findings {
            let rule = finding.rule;
            let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
            let severity = style(rule.severity).force_styling(colour);
            let severity = match rule.severity {
                Severity::Error => severity.red().bold(),
                Severity::Warning => severity.yellow().bold(),
            };
            let number = rule.infverif.map_or_else(String::new, |it| format!(" InfVerif {it}"));
            text += &format!("{}{line}: {severity}{number} [{}]\n", file.display(), rule.id);
            text += &format!("    {}\n    try: {}\n", finding.text, rule.next);
        }
        let (errors, warnings) =
            (count(findings, Severity::Error), count(findings, Severity::Warning));
        text += &format!("{}: {errors} errors, {warnings} warnings\n", file.display());
    }
    text
}

fn as_json(results: &[(PathBuf, Vec<Finding>)]) -> serde_json::Value {
    let finding = |finding: &Finding| {
        json!({
            "rule": finding.rule.id,
            "infverif": finding.rule.infverif,
            "severity": finding.rule.severity.to_string(),
            "line": finding.line,
            "text": finding.text,
            "next": finding.rule.next,
        })
    };
    let file = |(file, findings): &(PathBuf, Vec<Finding>)| {
        let findings: Vec<_> = findings.iter().map(finding).collect();
        json!({ "file": file.to_string_lossy(), "findings": findings })
    };
    json!({ "schema": 1, "files": results.iter().map(file).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(text: &str) -> Vec<(PathBuf, Vec<Finding>)> {
        vec![("x.inf".into(), lint(&Inf::read(text.as_bytes()), &Options::default()))]
    }

    #[test]
    fn prints_place_severity_number_rule_and_next_step() {
        let text = as_text(&results("[Version]\nPnpLockdown = 0\n"), false);
        assert!(text.contains("x.inf:2: error InfVerif 1324 [pnp-lockdown]\n"), "{text}");
        assert!(text.contains("    try: add PnpLockdown = 1\n"), "{text}");
        assert!(text.ends_with(" errors, 0 warnings\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(as_text(&results(""), true).contains('\u{1b}'));
    }

    #[test]
    fn json_has_every_part() {
        let json = as_json(&results("[Version]\nPnpLockdown = 0\n"));
        let findings = json["files"][0]["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["rule"] == "pnp-lockdown").unwrap();
        assert_eq!((&found["infverif"], &found["line"]), (&json!(1324), &json!(2)));
        assert_eq!(found["severity"], "error");
        assert!(
            findings
                .iter()
                .any(|finding| finding["infverif"].is_null() || finding["line"].is_null())
        );
    }

    #[test]
    fn lists_every_rule_once() {
        assert_eq!(rules_as_text().lines().count(), RULES.len());
        assert!(
            rules_as_text().contains("\npnp-lockdown       1324 error   add PnpLockdown = 1\n")
        );
        assert_eq!(rules_as_json()["rules"].as_array().unwrap().len(), RULES.len());
    }

    #[test]
    fn versions_have_two_parts() {
        assert_eq!(version("1.31"), Ok((1, 31)));
        for text in ["", "1", "1.x", "1.31.0"] {
            assert!(version(text).is_err(), "{text}");
        }
    }
}
