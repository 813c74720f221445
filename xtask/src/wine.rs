//! `cargo xtask verify --on wine`: installs the driver's package in a private Windows of Wine,
//! verifies the driver with the test app for Windows, uninstalls, and looks for what is left.
//!
//! docs/wine.md says what Wine can decide and what it lacks.

mod exports;
mod host;
mod keeper;
mod lacking;
mod leftovers;
mod machine;
mod package;
mod prefix;
mod routines;
mod session;
mod shim;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::host::Host;
use self::package::Package;
use self::prefix::Prefix;
use self::session::{End, Session, windows_path};
use crate::fs;
use crate::progress::Step;
use crate::workspace::Workspace;

/// How long installing, uninstalling or asking the doctor may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long all checks may take.
const VERIFY_LIMIT: Duration = Duration::from_secs(900);

/// The test app's code for a machine that is gone.
const MACHINE_GONE: u8 = 7;
/// Its code for a failed check.
const FAILED: u8 = 1;

/// What to verify, and how.
pub struct Request<'a> {
    /// The driver, as it was built.
    pub driver: &'a Path,
    /// A package of it; one is made if there is none.
    pub package: Option<&'a Path>,
    /// Where the results go.
    pub json: Option<&'a Path>,
    /// Further arguments of `test-app verify`.
    pub rest: &'a [OsString],
    /// Whether the prefix stays.
    pub keep: bool,
}

/// Does all that. The number is the test app's exit code.
pub fn verify(workspace: &Workspace, request: &Request<'_>) -> Result<u8> {
    let host = Host::provide()?;
    let template = Prefix::template(workspace, &host)?;
    let framework = workspace.artifacts().join("wdfldr.sys");
    let wine = template.kernel()?;
    let added = routines::needed(&wine);
    for image in [request.driver, &framework] {
        lacking::check(image, &wine, &added)?;
    }

    let step = Step::start("Starting Wine");
    step.detail(host.version());
    let run = tempfile::Builder::new().prefix("run-").tempdir_in(prefix::home(workspace));
    let run = run.context("cannot make a folder for a prefix")?;
    let prefix = template.copy(run.path())?;
    fs::copy_if_changed(&framework, &prefix.drivers().join("wdfldr.sys"))?;
    let end = if request.keep { End::Keep } else { End::Remove };
    let session = Session::start(&host, &prefix, end)?;
    // From now on the session's keeper removes it, after the server is gone.
    let run = run.keep();
    step.done();

    let package = match request.package {
        Some(folder) => Package::of(folder)?,
        None => Package::make(workspace, request.driver, &run.join("package"))?,
    };
    eprintln!("Verifying {} on {}", request.driver.display(), host.version());
    let lane = Lane {
        request,
        prefix: &prefix,
        template: &template,
        session: &session,
        package: &package,
    };
    let verdict = lane.run();
    if !matches!(verdict, Ok(0)) {
        eprintln!("{}", session.said().trim_end());
    }
    if request.keep {
        by_hand(&host, &run, &package);
    }
    verdict
}

/// One run of one package.
struct Lane<'a> {
    request: &'a Request<'a>,
    prefix: &'a Prefix,
    template: &'a Prefix,
    session: &'a Session,
    package: &'a Package,
}

impl Lane<'_> {
    fn run(&self) -> Result<u8> {
        let installed = self.step("install", &["--trust"], LIMIT)?;
        if installed != 0 {
            return Ok(installed);
        }
        self.package.is_installed(self.prefix, self.request.driver)?;
        // Or else that nothing is found at the end would mean nothing.
        ensure!(!self.left()?.is_empty(), "no trace of the installed package");
        let checked = self.verify()?;
        if checked == MACHINE_GONE {
            return Ok(checked);
        }
        let healthy = self.step("doctor", &[] as &[&str], LIMIT)?;
        let removed = self.step("uninstall", &[] as &[&str], LIMIT)?;
        self.session.stop()?;
        if removed == 0 {
            self.nothing_left()?;
        }
        let failed = [checked, healthy, removed].into_iter().find(|&code| code != 0);
        Ok(failed.unwrap_or(0))
    }

    /// Runs the checks, brings the results home.
    fn verify(&self) -> Result<u8> {
        let results = self.prefix.folder().join("results.json");
        let driver = std::path::absolute(self.request.driver).context("the driver has no path")?;
        let mut arguments: Vec<OsString> =
            ["--json", &windows_path(&results), "--driver", &windows_path(&driver)]
                .map(OsString::from)
                .into();
        arguments.extend(self.request.rest.iter().cloned());
        let code = self.step("verify", &arguments, VERIFY_LIMIT)?;
        if let Some(json) = self.request.json
            && results.is_file()
        {
            fs::copy_if_changed(&results, json)?;
        }
        Ok(code)
    }

    /// Runs the test app with a verb; its exit code, or that the machine is gone.
    fn step(&self, verb: &str, arguments: &[impl AsRef<OsStr>], limit: Duration) -> Result<u8> {
        let mut app = self.session.command(self.package.test_app());
        if console::colors_enabled() {
            app.arg("--color=always");
        }
        app.arg(verb).args(arguments);
        let code = self.session.show(app, &format!("test-app {verb}"), limit);
        if let Some(death) = machine::death(&self.session.log()) {
            eprintln!("error: the process that runs drivers died: {}", death.what);
            return Ok(MACHINE_GONE);
        }
        Ok(u8::try_from(code?).unwrap_or(FAILED))
    }

    /// What the prefix has of the package.
    fn left(&self) -> Result<Vec<String>> {
        leftovers::find(self.prefix, self.template, &self.package.names()?)
    }

    fn nothing_left(&self) -> Result<()> {
        let left = self.left()?;
        if left.is_empty() {
            eprintln!(
                "Nothing is left of the package: no device, service, INF, file or certificate"
            );
            return Ok(());
        }
        bail!("the uninstalled package left behind:\n  {}", left.join("\n  "));
    }
}

/// Says how to go on with a prefix that was kept.
fn by_hand(host: &Host, prefix: &Path, package: &Package) {
    let prefix = prefix.display();
    eprintln!("\nThe prefix is kept. To use it:");
    eprintln!("  export WINEPREFIX={prefix} HOME={prefix} WINEDEBUG=-all");
    eprintln!("  {} -p", host.server().display());
    let app: PathBuf = package.test_app();
    eprintln!("  {} {} install --trust", host.loader().display(), app.display());
    eprintln!("and at the end:\n  {} -k; rm -r {prefix}", host.server().display());
}
