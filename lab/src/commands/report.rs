//! `pagewise-lab report`.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use pagewise_lab::footprint::{self, Footprint};
use pagewise_lab::mm::observe;

use super::run::{self, Running};

/// What the user can say.
#[derive(clap::Args)]
#[group(id = "report_arguments")]
pub struct Arguments {
    #[command(flatten)]
    run: run::Arguments,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Boots, observes the driver while the client runs, and says what was seen.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Some(client) = arguments.run.client() else {
        bail!("a report is of a driver at work: name a client after --");
    };
    let path = arguments.run.driver();
    let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    observe::observe(&name);
    let ended = Running::start(&arguments.run)?.serve(client)?;
    let sections = footprint::sections(&file).context("the image has no section table")?;
    let (functions, named) = footprint::functions(path, &file, &sections);
    let seen = observe::seen();
    let footprint = footprint::footprint(&name, &sections, &functions, named, &seen);
    let text = text(&footprint, arguments.json)?;
    io::stdout().write_all(text.as_bytes()).context("cannot write the report")?;
    Ok(ended.exit_code())
}

fn text(footprint: &Footprint, json: bool) -> Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(footprint).context("cannot make JSON")? + "\n");
    }
    let mut text = footprint::table(footprint);
    if !footprint.named {
        text.push_str("no PDB of this image is beside it: functions are those with unwind data\n");
    }
    Ok(text)
}
