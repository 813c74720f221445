//! `pagewise-lab debug`: gdb on a machine that runs, with the symbols of its drivers.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use pagewise_lab::debugger::script::{self, Loaded};
use pagewise_lab::dump::{self, Dump};
use pagewise_lab_wire::{Client, Control, ControlReply, MappedImage};

use super::symbols;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The socket of the machine.
    #[arg(value_name = "SOCKET", env = "PAGEWISE_LAB", required_unless_present = "dump")]
    lab: Option<PathBuf>,
    /// Open what a machine left that was run with --dump, instead.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Where the symbols and the commands for gdb go; they stay there. Where none is named, a folder
    /// among the host's temporary ones.
    #[arg(long, value_name = "FOLDER")]
    symbols: Option<PathBuf>,
    /// Do not start gdb, but print how to.
    #[arg(long)]
    print: bool,
    /// What gdb is started with beside, such as -batch -ex 'break evt_io_device_control'.
    #[arg(last = true, value_name = "GDB ARGUMENTS")]
    gdb: Vec<OsString>,
}

/// What gdb is to look at.
struct Subject {
    /// Where the symbols go unless the user says.
    folder: PathBuf,
    images: Vec<MappedImage>,
    /// How gdb is told.
    gdb: Vec<OsString>,
}

/// Writes the symbols and becomes gdb.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let subject = match (&arguments.dump, &arguments.lab) {
        (Some(dump), _) => of_dump(dump)?,
        (None, Some(lab)) => of_machine(lab)?,
        (None, None) => bail!("name the socket of a machine, or a dump"),
    };
    let folder = arguments.symbols.clone().unwrap_or(subject.folder);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let folder = std::path::absolute(&folder)
        .with_context(|| format!("{} has no absolute path", folder.display()))?;
    let commands = folder.join("lab.gdb");
    let images = subject.images.iter();
    let loaded = images.map(|image| loaded(image, &folder)).collect::<Result<Vec<_>>>()?;
    symbols::write(&commands, script::for_gdb(&loaded).as_bytes())?;
    let mut gdb = Command::new("gdb");
    gdb.arg("-q").args(subject.gdb).arg("-x").arg(&commands).args(&arguments.gdb);
    if arguments.print {
        let words = gdb.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
        writeln!(io::stdout().lock(), "gdb {}", words.join(" "))
            .context("cannot say how to start gdb")?;
        return Ok(ExitCode::SUCCESS);
    }
    // It returns only where gdb cannot be started.
    let error = gdb.exec();
    Err(error).with_context(|| {
        format!(
            "cannot start gdb; install it (Debian: gdb or gdb-minimal), or start a debugger \
             yourself with the commands in {}",
            commands.display()
        )
    })
}

fn of_machine(lab: &Path) -> Result<Subject> {
    let mut client = Client::connect(lab).with_context(|| {
        format!("no machine listens on {}; start one with pagewise-lab run", lab.display())
    })?;
    match client.control(&Control::Process)? {
        ControlReply::Process { id, images } => Ok(Subject {
            folder: std::env::temp_dir().join(format!("pagewise-lab-{id}")),
            images,
            gdb: vec!["-p".into(), id.to_string().into()],
        }),
        other => bail!("the machine answered {other:?}"),
    }
}

fn of_dump(path: &Path) -> Result<Subject> {
    let Dump { executable, images, report } = dump::read(path)?;
    eprintln!("{:#010x} {}", report.code, report.name);
    let mut folder = path.to_owned().into_os_string();
    folder.push(".symbols");
    let gdb = vec![executable.into(), "-c".into(), path.into()];
    Ok(Subject { folder: folder.into(), images, gdb })
}

fn loaded(image: &MappedImage, folder: &Path) -> Result<Loaded> {
    let name = image.path.file_name().unwrap_or_default();
    let file = folder.join(name).with_extension("debug");
    symbols::provide(&image.path, &file)?;
    Ok(Loaded { symbols: file, base: image.base, size: image.size })
}
