//! The answer file (`autounattend.xml`) with which Windows Setup installs the base image by itself.
//!
//! Setup looks for a file of that name in the root of every removable and optical medium
//! (learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-automation-overview).
//! Its settings and the passes each is valid in are those of the reference,
//! learn.microsoft.com/windows-hardware/customize/desktop/unattend; `rules` holds the
//! file against them in the tests. No Windows Setup has read it yet.

mod document;
mod first_start;
mod hardware;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
mod windows_pe;

use super::base::Firmware;
use document::Settings as Pass;

/// What a person may want otherwise.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The firmware: it decides how the disk is divided.
    pub firmware: Firmware,
    /// Which image of `install.wim` is installed, counted from 1. An evaluation medium has one.
    pub image: u32,
    /// The product key; evaluation media ask for none.
    pub product_key: Option<String>,
    /// Language of Windows on the medium, as in `en-US`.
    pub language: String,
    /// Name of the machine: 15 characters at most.
    pub computer: String,
    /// The local administrator.
    pub account: Account,
    /// Whether Setup is told not to look for a TPM, Secure Boot and so much memory (Windows 11).
    pub any_hardware: bool,
}

/// The one local account of the machine, an administrator. It lives on a throw-away machine without a
/// network, so its password is no secret.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Password, in clear.
    pub password: String,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            firmware: Firmware::Uefi,
            image: 1,
            product_key: None,
            language: "en-US".to_owned(),
            computer: "PAGEWISE".to_owned(),
            account: Account { name: "pagewise".to_owned(), password: "pagewise".to_owned() },
            any_hardware: true,
        }
    }
}

/// The answer file's text.
pub fn render(answers: &Answers) -> String {
    document::text(&[
        Pass { pass: "windowsPE", components: windows_pe::components(answers) },
        Pass { pass: "specialize", components: first_start::specialize(answers) },
        Pass { pass: "oobeSystem", components: first_start::oobe(answers) },
    ])
}
