//! Plays a test VM's guest without Windows: the same plan, engine and line as `test-app guest`, on
//! Linux, with actions that are only pretended. It misbehaves on demand.
//!
//! As process 1 it is the `/init` of a machine, and heeds the kernel's command line:
//! `standin.misbehave=WHAT[,WHAT...]` and `standin.serial=DEVICE`. Otherwise it is a program that
//! takes the same as options, and whose end stands for the machine's:
//!
//! | code | the machine |
//! |---|---|
//! | 0 | shut down, or stays as it is: the run is over |
//! | 10 | restarts |
//! | 11 | was reset, as by a bug check |
//! | 12 | shut down: the hand-over was refused |

#[cfg(target_os = "linux")]
mod linux;
mod misbehave;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("error: the stand-in guest runs on Linux only");
    std::process::ExitCode::from(2)
}
