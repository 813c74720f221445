//! The twins, drivers broken on purpose, still apply to the driver as it is.
//!
//! That each is caught is tested where the lab is; here a patch that no longer fits is told from one
//! that does, in a second and without a build.

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn patches() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(repository().join("lab/twins")).expect("lab/twins is readable");
    folder
        .map(|entry| entry.expect("the entry is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect()
}

/// What git says against applying the patch.
fn objection(patch: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["apply", "--check"])
        .arg(patch)
        .current_dir(repository())
        .output()
        .expect("git runs");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_twin_applies_and_says_what_catches_it() {
    let patches = patches();
    assert!(patches.len() >= 5);
    for patch in patches {
        let text = std::fs::read_to_string(&patch).expect("the patch is readable");
        let (heading, diff) = text.split_once("\ndiff --git ").expect("a heading, then a diff");
        assert!(heading.starts_with("# "), "{}: no heading", patch.display());
        let heading = heading.replace("\n# ", " ");
        let purpose = ["Caught by:", "Not broken"];
        assert!(purpose.iter().any(|words| heading.contains(words)), "{}", patch.display());
        assert!(diff.contains("+++ b/driver/"), "{}: changes no driver source", patch.display());
        assert_eq!(objection(&patch), None, "{}", patch.display());
    }
}

#[test]
fn a_patch_against_other_sources_is_told() {
    let good = repository().join("lab/twins/over-unlock.patch");
    let text = std::fs::read_to_string(good).expect("the patch is readable");
    let stale = text.replace("checked_sub(1)", "checked_sub(2)");
    assert_ne!(stale, text);
    let path = std::env::temp_dir().join(format!("pagewise-stale-{}.patch", std::process::id()));
    std::fs::write(&path, stale).expect("the temporary folder is writable");
    let objection = objection(&path);
    std::fs::remove_file(&path).expect("the file is ours");
    assert!(objection.is_some_and(|words| words.contains("does not apply")));
}
