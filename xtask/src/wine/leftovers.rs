//! What an uninstalled package left behind: keys of the registry and files, as Wine keeps them.

use std::path::Path;

use anyhow::Result;

use super::prefix::Prefix;
use crate::fs;

/// Files of a registry: `[key]` and `"value"=...` lines.
const HIVES: [&str; 2] = ["system.reg", "user.reg"];

/// What goes by one of these names, in lower case, and was not in the prefix that this one is a copy
/// of; a line each.
pub fn find(prefix: &Prefix, template: &Prefix, names: &[String]) -> Result<Vec<String>> {
    let before = all(template, names)?;
    let mut now = all(prefix, names)?;
    now.retain(|line| !before.contains(line));
    Ok(now)
}

/// All that goes by the names. Of a user who goes by one, too.
fn all(prefix: &Prefix, names: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for hive in HIVES {
        let bytes = fs::read(&prefix.folder().join(hive))?;
        found.extend(in_hive(hive, &String::from_utf8_lossy(&bytes), names));
    }
    let windows = prefix.folder().join("drive_c/windows");
    for file in fs::files_below(&windows)? {
        if is_ours(&file, names) {
            let name = file.strip_prefix(&windows).unwrap_or(&file);
            found.push(format!("file {}", name.display()));
        }
    }
    Ok(found)
}

/// Whether a file is of the package, or an INF that was published for it: Wine's own are not called
/// `oemNN.inf`.
fn is_ours(file: &Path, names: &[String]) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let published = name.strip_prefix("oem").and_then(|rest| rest.strip_suffix(".inf"));
    has_one(&name, names)
        || published.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn has_one(text: &str, names: &[String]) -> bool {
    let text = text.to_ascii_lowercase();
    names.iter().any(|name| text.contains(name))
}

fn in_hive(hive: &str, text: &str, names: &[String]) -> Vec<String> {
    let mut key = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let ours = has_one(line, names);
        if line.starts_with('[') {
            key = line.split(']').next().unwrap_or(line).trim_start_matches('[');
            if ours {
                found.push(format!("{hive}: key {key}"));
            }
        } else if ours && !has_one(key, names) {
            found.push(format!("{hive}: in key {key}: {line}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["pagewise", "77d3d6"].map(str::to_owned).into()
    }

    #[test]
    fn keys_and_values_are_found_whatever_their_case() {
        let text = "WINE REGISTRY Version 2\n\n[System\\\\Services\\\\Pagewise] 1234\n\
                    \"ImagePath\"=\"pagewise.sys\"\n\n[System\\\\Other] 1234\n\"a\"=\"b\"\n\
                    \"Service\"=\"PAGEWISE\"\n[Root\\\\Certificates\\\\77D3D6] 1234\n";
        assert_eq!(
            in_hive("system.reg", text, &names()),
            [
                "system.reg: key System\\\\Services\\\\Pagewise",
                "system.reg: in key System\\\\Other: \"Service\"=\"PAGEWISE\"",
                "system.reg: key Root\\\\Certificates\\\\77D3D6"
            ]
        );
    }

    #[test]
    fn only_what_is_new_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let home = "[Volatile] 1\n\"HOMEPATH\"=\"users\\\\pagewise\"\n";
        let service = "\n[Services\\\\pagewise] 1\n";
        let prefix = |name: &str, registry: String| {
            let folder = folder.path().join(name);
            fs::write_if_changed(&folder.join("user.reg"), b"").unwrap();
            fs::write_if_changed(&folder.join("system.reg"), registry.as_bytes()).unwrap();
            fs::create_dir(&folder.join("drive_c/windows")).unwrap();
            Prefix::at(folder)
        };
        let template = prefix("template", home.to_owned());
        let run = prefix("run", format!("{home}{service}"));
        assert_eq!(
            find(&run, &template, &names()).unwrap(),
            ["system.reg: key Services\\\\pagewise"]
        );
        assert_eq!(find(&template, &template, &names()).unwrap(), [""; 0]);
    }

    #[test]
    fn published_infs_are_found() {
        assert!(is_ours(Path::new("inf/oem0.inf"), &names()));
        assert!(is_ours(Path::new("system32/catroot/{f}/Pagewise.cat"), &names()));
        assert!(!is_ours(Path::new("inf/oemsetup.inf"), &names()));
        assert!(!is_ours(Path::new("inf/wine.inf"), &names()));
    }
}
