//! What the stand-in leaves: files that cannot be taken for a machine's.

use std::fs;
use std::io;
use std::path::Path;

use pagewise_vm_plan::outcome::Dump;

/// Folder in `out` for what stands for dumps.
const DUMPS: &str = "stand-in-dumps";

/// Results of `verify` in their documented form, of a machine of the kind `stand-in`.
pub fn results(failed: bool) -> String {
    let (status, passed) = if failed { ("failed", 0) } else { ("passed", 1) };
    let failures = 1 - passed;
    format!(
        r#"{{
  "schema": 1,
  "machine": {{ "kind": "stand-in", "name": "the stand-in guest; this is no result of a driver" }},
  "driver": {{ "file": null, "sha256": null }},
  "checks": [
    {{ "id": "stand-in.pretended", "title": "pretends a check", "status": "{status}" }}
  ],
  "summary": {{ "passed": {passed}, "failed": {failures}, "skipped": 0 }}
}}
"#
    )
}

/// Writes a file, and sees that it is on the disk.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    fs::File::open(path)?.sync_all()?;
    // The name, too.
    rustix::fs::sync();
    Ok(())
}

/// Leaves what stands for a dump.
pub fn leave_dump(out: &Path, boot: usize) -> io::Result<()> {
    let text = "This is no dump. The stand-in guest pretended a bug check.\n";
    write(&out.join(DUMPS).join(format!("boot-{boot}.txt")), text)
}

/// Names in `out` of all that stand for dumps.
pub fn dumps(out: &Path) -> Vec<Dump> {
    let Ok(entries) = fs::read_dir(out.join(DUMPS)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let dump = |name| Dump { file: format!("{DUMPS}/{name}"), code: 0xE2, parameters: [0; 4] };
    names.map(dump).collect()
}
