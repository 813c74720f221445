//! `pagewise-lab imports`.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use pagewise_lab::survey::{self, Import, Standing};

/// Exit code where an import is missing.
const MISSING: u8 = 3;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// A driver's image.
    image: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Lists what a driver needs, what is missing last.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = arguments.image.display();
    let bytes = fs::read(&arguments.image).with_context(|| format!("cannot read {path}"))?;
    let imports = survey::imports(&bytes)
        .with_context(|| format!("{path} is no PE32+ image whose imports can be read"))?;
    let mut needs: Vec<Need> = imports.into_iter().map(Need::import).collect();
    needs.sort_by(|a, b| (a.rank(), &a.name).cmp(&(b.rank(), &b.name)));
    let uses_framework = needs.iter().any(|need| need.from.eq_ignore_ascii_case("wdfldr.sys"));
    let note = uses_framework.then_some(FRAMEWORK_NOTE);
    let text = if arguments.json { json(&needs, note)? } else { table(&needs, note) };
    io::stdout().write_all(text.as_bytes()).context("cannot write the list")?;
    let missing = needs.iter().any(|need| need.standing == Standing::Missing);
    Ok(if missing { MISSING.into() } else { ExitCode::SUCCESS })
}

/// What imports cannot tell of a driver of the framework.
const FRAMEWORK_NOTE: &str = "a driver calls the framework through a table, so its imports do not \
    name the functions it calls; docs/provided.md lists those that the lab has, and one that it \
    lacks stops the machine by name when it is called";

/// Something that a driver needs.
struct Need {
    from: String,
    name: String,
    standing: Standing,
}

impl Need {
    fn import(import: Import) -> Self {
        let standing = Standing::of(&import);
        Self { from: import.dll, name: import.name, standing }
    }

    /// By how much it hurts.
    fn rank(&self) -> u8 {
        match self.standing {
            Standing::Provided => 0,
            Standing::Partial(_) => 1,
            Standing::Missing => 2,
        }
    }

    fn limit(&self) -> Option<&'static str> {
        match self.standing {
            Standing::Partial(limit) => Some(limit),
            Standing::Provided | Standing::Missing => None,
        }
    }
}

fn table(needs: &[Need], note: Option<&str>) -> String {
    let mut text = String::new();
    for need in needs {
        let Need { from, name, standing } = need;
        let limit = need.limit().map(|limit| format!("  ({limit})")).unwrap_or_default();
        text.push_str(&format!("{:<8}  {from}!{name}{limit}\n", standing.word()));
    }
    let count = |rank| needs.iter().filter(|need| need.rank() == rank).count();
    text.push_str(&format!("{} provided, {} partial, {} missing\n", count(0), count(1), count(2)));
    if let Some(note) = note {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

fn json(needs: &[Need], note: Option<&str>) -> Result<String> {
    let list: Vec<_> = needs
        .iter()
        .map(|need| {
            serde_json::json!({
                "from": need.from,
                "name": need.name,
                "standing": need.standing.word(),
                "limit": need.limit(),
            })
        })
        .collect();
    let object = serde_json::json!({ "needs": list, "note": note });
    Ok(serde_json::to_string_pretty(&object).context("cannot make JSON")? + "\n")
}
