//! QEMU's monitor: JSON lines over a socket (qemu: docs/interop/qmp-spec.txt).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// How long QEMU may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// What QEMU tells unasked, as far as it matters here (qemu: qapi/run-state.json).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The machine was reset; by the guest, or by us.
    Reset {
        /// Whether by the guest.
        guest: bool,
    },
    /// The machine is off; by the guest's wish, or by ours.
    Shutdown {
        /// Whether by the guest.
        guest: bool,
    },
    /// The guest reported that its kernel is lost.
    Panicked,
}

impl Event {
    fn read(message: &Value) -> Option<Self> {
        let guest = message["data"]["guest"].as_bool().unwrap_or(false);
        match message["event"].as_str()? {
            "RESET" => Some(Self::Reset { guest }),
            "SHUTDOWN" => Some(Self::Shutdown { guest }),
            "GUEST_PANICKED" => Some(Self::Panicked),
            _ => None,
        }
    }
}

/// The connection, ready for commands.
#[derive(Debug)]
pub struct Monitor {
    to: UnixStream,
    replies: Receiver<Value>,
}

impl Monitor {
    /// Greets QEMU. Every event goes to `tell`, on a thread of its own.
    pub fn greet(socket: UnixStream, tell: impl Fn(Event) + Send + 'static) -> Result<Self> {
        let from = socket.try_clone().context("cannot share the monitor's socket")?;
        let (reply, replies) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
                if let Some(event) = Event::read(&message) {
                    tell(event);
                } else if message.get("return").or(message.get("error")).is_some()
                    && reply.send(message).is_err()
                {
                    return;
                }
            }
        });
        let mut monitor = Self { to: socket, replies };
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Has QEMU do something; what it returns.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(self.to, "{line}").with_context(|| format!("QEMU does not hear `{command}`"))?;
        let reply = match self.replies.recv_timeout(LIMIT) {
            Ok(reply) => reply,
            Err(RecvTimeoutError::Timeout) => {
                bail!("QEMU did not answer `{command}` within {} s", LIMIT.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => bail!("QEMU is gone; it was to `{command}`"),
        };
        match reply.get("error") {
            None => Ok(reply["return"].clone()),
            Some(error) => bail!(
                "QEMU refused `{command}`: {} ({})",
                error["desc"].as_str().unwrap_or("no reason given"),
                error["class"].as_str().unwrap_or("no class")
            ),
        }
    }

    /// Writes what the guest's screen shows to a PNG file.
    pub fn screenshot(&mut self, path: &Path) -> Result<()> {
        let file = path.to_str().context("the screenshot's path is not UTF-8")?;
        self.execute("screendump", &json!({ "filename": file, "format": "png" })).map(drop)
    }

    /// Presses a key, by QEMU's name for it.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let keys = json!({ "keys": [{ "type": "qcode", "data": key }] });
        self.execute("send-key", &keys).map(drop)
    }

    /// The port of this host on which the screen can be watched over VNC, if it can.
    pub fn vnc_port(&mut self) -> Result<Option<String>> {
        let about = self.execute("query-vnc", &json!({}))?;
        Ok(about["service"].as_str().map(str::to_owned))
    }

    /// Ends QEMU.
    pub fn quit(&mut self) -> Result<()> {
        self.execute("quit", &json!({})).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A QEMU that answers each command with the next of these lines.
    fn qemu(answers: &'static [&'static str]) -> (UnixStream, thread::JoinHandle<Vec<String>>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let heard = thread::spawn(move || {
            let mut to = theirs.try_clone().unwrap();
            writeln!(to, r#"{{"QMP": {{"version": {{}}, "capabilities": []}}}}"#).unwrap();
            let mut heard = Vec::new();
            for (answer, line) in answers.iter().zip(BufReader::new(theirs).lines()) {
                heard.push(line.unwrap());
                writeln!(to, "{answer}").unwrap();
            }
            heard
        });
        (ours, heard)
    }

    #[test]
    fn commands_events_and_refusals() {
        let (socket, heard) = qemu(&[
            r#"{"return": {}}"#,
            "{\"event\": \"RESET\", \"data\": {\"guest\": true}}\nno JSON\n{\"event\": \"NIC\"}\n\
             {\"return\": {\"status\": \"running\"}}",
            r#"{"error": {"class": "GenericError", "desc": "no such disk"}}"#,
        ]);
        let (tell, told) = mpsc::channel();
        let mut monitor = Monitor::greet(socket, move |event| tell.send(event).unwrap()).unwrap();
        let status = monitor.execute("query-status", &json!({})).unwrap();
        assert_eq!(status["status"], "running");
        assert_eq!(told.recv().unwrap(), Event::Reset { guest: true });
        let error = monitor.press("ret").unwrap_err().to_string();
        assert_eq!(error, "QEMU refused `send-key`: no such disk (GenericError)");
        let heard = heard.join().unwrap();
        assert!(heard[0].contains("qmp_capabilities") && heard[2].contains("qcode"), "{heard:?}");
        let gone = monitor.quit().unwrap_err();
        assert!(format!("{gone:#}").contains("`quit`"), "{gone:#}");
    }

    #[test]
    fn events_are_read() {
        let read = |text: &str| Event::read(&serde_json::from_str(text).unwrap());
        let shutdown =
            r#"{"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}}"#;
        assert_eq!(read(shutdown), Some(Event::Shutdown { guest: false }));
        assert_eq!(read(r#"{"event": "GUEST_PANICKED"}"#), Some(Event::Panicked));
        assert_eq!(read(r#"{"event": "RTC_CHANGE"}"#), None);
        assert_eq!(read(r#"{"return": {}}"#), None);
    }
}
