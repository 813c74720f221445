//! `pagewise-lab ioctl`: one request to a device, for scripts and for a first look.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use pagewise_lab_wire::{Client, Completion, Token};

/// Exit code where the driver refused.
const REFUSED: u8 = 5;

/// `GENERIC_READ | GENERIC_WRITE`
const READ_WRITE: u32 = 0xC000_0000;

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The device, such as \\\\.\\Echo or \\Device\\Echo.
    device: String,
    /// The control code, such as 0x222000; without one the device is only opened and closed.
    #[arg(value_parser = number)]
    code: Option<u32>,
    /// The input, as hexadecimal digits.
    #[arg(long, value_name = "HEX", default_value = "", value_parser = bytes)]
    input: Bytes,
    /// Bytes of room for output.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    output: u32,
    /// The socket of the machine.
    #[arg(long, value_name = "SOCKET", env = "PAGEWISE_LAB")]
    lab: PathBuf,
}

/// Bytes, as clap passes them around.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bytes(Vec<u8>);

fn number(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "a control code is a number such as 0x222000".to_owned())
}

fn bytes(text: &str) -> Result<Bytes, String> {
    const RULE: &str = "bytes are pairs of hexadecimal digits";
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(RULE.to_owned());
    }
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| RULE.to_owned());
    (0..text.len()).step_by(2).map(pair).collect::<Result<_, _>>().map(Bytes)
}

/// Opens, asks, closes; prints the NTSTATUS, the information and the output.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lab = arguments.lab.display();
    let mut client = Client::connect(&arguments.lab)
        .with_context(|| format!("no machine listens on {lab}; start one with pagewise-lab run"))?;
    let device = &arguments.device;
    let opened = client.open_name(device, READ_WRITE, Token::Administrator)?;
    if opened.status != 0 {
        return end(&format!("cannot open {device}: NTSTATUS {:#010x}", opened.status), true);
    }
    let Some(code) = arguments.code else {
        client.close(opened.handle)?;
        return end(&format!("{device} can be opened"), false);
    };
    let done = client.ioctl(opened.handle, code, &arguments.input.0, arguments.output)?;
    client.close(opened.handle)?;
    end(&line(&done), done.status >> 31 != 0)
}

fn line(done: &Completion) -> String {
    let output: String = done.output.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("status {:#010x} information {} output {output}", done.status, done.information)
}

fn end(line: &str, refused: bool) -> Result<ExitCode> {
    writeln!(io::stdout(), "{line}").context("cannot write the answer")?;
    Ok(if refused { REFUSED.into() } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(bytes("00ffA5"), Ok(Bytes(vec![0, 255, 165])));
        assert_eq!(bytes(""), Ok(Bytes(Vec::new())));
        for bad in ["0", "0g", "\u{e4}", "+1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
