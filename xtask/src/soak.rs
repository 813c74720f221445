//! `cargo xtask soak`: many clients, many requests, constant eviction.

use anyhow::{Context, Result, ensure};

use crate::run;
use crate::workspace::Workspace;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// What `pagewise-soak` is told, such as `--requests 10000000 --seed 1 -- --verifier torture`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Soaks the artifacts as they are.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = run::command("cargo");
    command
        .args(["run", "--release", "--quiet", "--package", "pagewise-attack"])
        .args(["--bin", "pagewise-soak", "--", "--artifacts"])
        .arg(workspace.artifacts())
        .args(&arguments.arguments)
        .current_dir(workspace.root());
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "the soak failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        soak: Arguments,
    }

    #[test]
    fn what_stands_behind_two_hyphens_reaches_the_machine() {
        let words = ["--requests", "5", "--", "--verifier", "torture"];
        let line = Line::try_parse_from(["soak"].into_iter().chain(words)).unwrap();
        assert_eq!(line.soak.arguments, words);
    }
}
