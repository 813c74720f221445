//! The cases: what `cargo xtask vm run` does, in AutoHCK's words.

use super::format::{Case, Direction, Step, Transfer, copy, reboot, run};

/// Where the package goes on the client.
const FOLDER: &str = r"C:\Pagewise";

/// Seconds for a whole `verify`; each check has a limit of its own.
const VERIFY: u32 = 1800;

/// Profiles of Driver Verifier, with the rule classes of docs/windows.md.
const PROFILES: &[(&str, &str)] = &[
    ("verifier_standard", "/standard"),
    ("verifier_torture", "/rc 1 2 4 5 6 9 12 18 19 20 24 33 34 36"),
];

/// All, in the order they run in.
pub(super) fn all() -> Vec<Case> {
    let mut cases = vec![install(), verify()];
    cases.extend(PROFILES.iter().map(|(name, options)| under_verifier(name, options)));
    cases.push(uninstall());
    cases
}

fn install() -> Case {
    Case {
        name: "install",
        display_name: "Install the package".to_owned(),
        description: "Brings the package, allows test-signed drivers, installs, and looks"
            .to_owned(),
        test_steps: vec![
            copy(
                "Bring the package",
                Transfer {
                    local_path: "@test_binaries_path@",
                    remote_path: FOLDER.to_owned(),
                    direction: Direction::LocalToRemote,
                    allow_missing: false,
                },
            ),
            run("Allow test-signed drivers", "bcdedit /set testsigning on", 60),
            reboot("Restart with test signing"),
            test_app("Install", "install --trust", 300),
            test_app("Look at what is installed", "doctor", 120),
        ],
        cleanup: Vec::new(),
    }
}

fn verify() -> Case {
    Case {
        name: "verify",
        display_name: "Verify".to_owned(),
        description: "Every check of test-app, with no verifier".to_owned(),
        test_steps: vec![checks("verify")],
        cleanup: vec![fetch("verify")],
    }
}

fn under_verifier(name: &'static str, options: &str) -> Case {
    let set = format!("verifier {options} /driver pagewise.sys");
    Case {
        name,
        display_name: format!("Verify under Driver Verifier ({options})"),
        description: "Every check of test-app, with Driver Verifier on pagewise.sys".to_owned(),
        test_steps: vec![
            // It ends with 2 where a restart is needed first, and that comes next.
            run("Set Driver Verifier", &format!("{set}; {REBOOT_NEEDED_IS_FINE}"), 60),
            run("Start without it if Windows cannot start with it", BOOT_MODE, 60),
            reboot("Restart under Driver Verifier"),
            run("Tell what is set", "verifier /querysettings", 60),
            checks(name),
        ],
        cleanup: vec![
            run("Reset Driver Verifier", &format!("verifier /reset; {REBOOT_NEEDED_IS_FINE}"), 60),
            reboot("Restart without Driver Verifier"),
            fetch(name),
        ],
    }
}

/// Codes: learn.microsoft.com/windows-hardware/drivers/devtest/verifier-command-line.
const REBOOT_NEEDED_IS_FINE: &str = "if ($LASTEXITCODE -eq 2) { $global:LASTEXITCODE = 0 }";

const BOOT_MODE: &str =
    "verifier /bootmode resetonbootfail; if ($LASTEXITCODE -eq 2) { $global:LASTEXITCODE = 0 }";

fn uninstall() -> Case {
    Case {
        name: "uninstall",
        display_name: "Uninstall".to_owned(),
        description: "Removes all that was installed, and looks that nothing is left".to_owned(),
        test_steps: vec![test_app("Uninstall", "uninstall", 300)],
        cleanup: vec![run("Forbid test-signed drivers", "bcdedit /set testsigning off", 60)],
    }
}

fn test_app(desc: &str, arguments: &str, timeout: u32) -> Step {
    run(desc, &format!(r"& {FOLDER}\test-app.exe {arguments}"), timeout)
}

fn checks(name: &str) -> Step {
    let arguments = format!(r"verify --driver {FOLDER}\pagewise.sys --json {}", results(name));
    test_app("Run every check", &arguments, VERIFY)
}

fn results(name: &str) -> String {
    format!(r"{FOLDER}\{name}.result.json")
}

/// Brings the results into AutoHCK's workspace, if there are any.
fn fetch(name: &str) -> Step {
    copy(
        "Bring the results",
        Transfer {
            local_path: "@workspace@/@safe_test_name@.json",
            remote_path: results(name),
            direction: Direction::RemoteToLocal,
            allow_missing: true,
        },
    )
}
