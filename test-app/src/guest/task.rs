//! The scheduled task that starts the guest at boot
//! (learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema).

use std::path::Path;

/// Name of the task.
pub const NAME: &str = r"Pagewise\Guest";

/// The task, as `schtasks /create /xml` takes it: at boot, as SYSTEM, on any power, for as long as
/// it takes. What `schtasks` makes of its options alone would end after three days, and not start
/// on batteries, which some virtual machines have.
#[must_use]
pub fn xml(program: &Path, serial: &str) -> String {
    let program = escape(&program.display().to_string());
    let arguments = escape(&format!("guest run --serial {serial}"));
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Runs the plan of a Pagewise hand-over disk. Remove: test-app guest remove</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger>
      <Enabled>true</Enabled>
    </BootTrigger>
  </Triggers>
  <Principals>
    <Principal id="System">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
  </Settings>
  <Actions Context="System">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#
    )
}

/// The same as the file that `schtasks` reads: UTF-16 with its mark.
#[must_use]
pub fn file(xml: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(xml.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether a text is the name of a serial port, such as `COM1`.
#[must_use]
pub fn is_port(name: &str) -> bool {
    let number = name.get(..3).filter(|com| com.eq_ignore_ascii_case("COM")).map(|_| &name[3..]);
    number.is_some_and(|number| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_starts_the_guest_as_the_system() {
        let xml = xml(Path::new(r"C:\Program Files\A&B\test-app.exe"), "COM2");
        assert!(xml.contains(r"<Command>C:\Program Files\A&amp;B\test-app.exe</Command>"));
        assert!(xml.contains("<Arguments>guest run --serial COM2</Arguments>"));
        assert!(xml.contains("S-1-5-18") && xml.contains("PT0S"));
        let bytes = file(&xml);
        assert_eq!(bytes[..4], [0xff, 0xfe, b'<', 0]);
    }

    #[test]
    fn only_ports_are_ports() {
        for name in ["COM1", "com10"] {
            assert!(is_port(name), "{name}");
        }
        for name in ["", "COM", "COM1 & del", "LPT1", "COM1234", "CO\u{e9}1"] {
            assert!(!is_port(name), "{name}");
        }
    }
}
