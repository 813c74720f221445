//! The parts of AutoHCK's format that we use, by its own names.

use serde::Serialize;

/// Cases, in order.
#[derive(Serialize)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) tests: Vec<String>,
}

/// Steps, the first failure of which ends the case, and what is done after them in any case.
#[derive(Serialize)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) display_name: String,
    pub(super) description: String,
    pub(super) test_steps: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cleanup: Vec<Step>,
}

/// One step: exactly one thing to do, and how it is judged.
#[derive(Serialize)]
pub(super) struct Step {
    pub(super) desc: String,
    #[serde(flatten)]
    pub(super) what: What,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_output_contains: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<u32>,
}

/// What a step does; the variant is the field's name.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// PowerShell on the client.
    GuestRun(String),
    /// A restart of the client, waited for.
    GuestReboot(bool),
    /// Files to or from the client.
    FilesAction(Vec<Transfer>),
}

/// A file or folder that is copied.
#[derive(Serialize)]
pub(super) struct Transfer {
    pub(super) local_path: &'static str,
    pub(super) remote_path: String,
    pub(super) direction: Direction,
    pub(super) allow_missing: bool,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    LocalToRemote,
    RemoteToLocal,
}

/// PowerShell that has to end with 0.
pub(super) fn run(desc: &str, command: &str, timeout: u32) -> Step {
    Step {
        desc: desc.to_owned(),
        // What AutoHCK makes of a program's exit code its page does not say; of output it does.
        what: What::GuestRun(format!(
            "{command}; if ($LASTEXITCODE -eq 0) {{ Write-Output 'PASS: done' }} \
             else {{ throw \"exit code $LASTEXITCODE\" }}"
        )),
        expected_output_contains: Some("PASS:"),
        timeout: Some(timeout),
    }
}

/// A restart.
pub(super) fn reboot(desc: &str) -> Step {
    Step {
        desc: desc.to_owned(),
        what: What::GuestReboot(true),
        expected_output_contains: None,
        timeout: None,
    }
}

/// A copy.
pub(super) fn copy(desc: &str, transfer: Transfer) -> Step {
    Step {
        desc: desc.to_owned(),
        what: What::FilesAction(vec![transfer]),
        expected_output_contains: None,
        timeout: None,
    }
}
