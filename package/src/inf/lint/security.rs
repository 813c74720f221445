//! Who may open the device
//! (learn.microsoft.com/windows-hardware/drivers/kernel/sddl-for-device-objects,
//! learn.microsoft.com/windows/win32/secauthz/ace-strings).

use super::super::document::same;
use super::super::rules;
use super::Report;
use super::view::View;

/// Those that are nobody in particular: everyone, anonymous, authenticated users, guests, users,
/// interactive, network, application packages.
const MANY: [&str; 9] = ["WD", "AN", "AU", "BG", "BU", "IU", "NU", "AC", "S-1-1-0"];

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    for install in view.devices() {
        let sections = view.part(install, ".HW").into_iter();
        let names = sections.flat_map(|section| view.names(section, "AddReg"));
        let entries = names.flat_map(|(_, name)| view.inf.entries(&name));
        let mut found = entries.filter(|entry| {
            let key = view.inf.expand(entry.value(1));
            key.is_empty() && same(&view.inf.expand(entry.value(2)), "Security")
        });
        let Some(entry) = found.next() else {
            // What a bus makes may have the descriptor of its class or of its bus driver.
            if !install.root {
                continue;
            }
            let line = install.section.headers.first().copied().unwrap_or(1);
            let name = &install.section.name;
            let text = format!("[{name}.HW] sets no security descriptor for the device");
            report.at(&rules::SECURITY_MISSING, line, text);
            continue;
        };
        let text = view.inf.expand(entry.value(4));
        match trustees(&text) {
            None => {
                let text = format!("{text:?} is no descriptor");
                report.at(&rules::SECURITY_TEXT, entry.line, text);
            }
            Some(trustees) => {
                let many = trustees.iter().filter(|own| MANY.iter().any(|it| same(it, own)));
                for trustee in many {
                    let text = format!("{trustee} may open the device");
                    report.at(&rules::SECURITY_OPEN, entry.line, text);
                }
            }
        }
    }
}

/// To whom the entries of a discretionary list grant something; nothing if the text is none.
fn trustees(text: &str) -> Option<Vec<String>> {
    let list = text.get(text.find("D:")? + 2..)?;
    let list = list.split("S:").next()?;
    let (flags, mut rest) = list.split_at(list.find('(')?);
    if !flags.bytes().all(|flag| b"PARI".contains(&flag)) {
        return None;
    }
    let mut granted = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = rest.strip_prefix('(')?.split_once(')')?;
        let fields: Vec<&str> = entry.split(';').map(str::trim).collect();
        let [kind, _, rights, _, _, trustee] = fields.as_slice() else {
            return None;
        };
        if !["A", "D"].contains(kind) || rights.is_empty() || trustee.is_empty() {
            return None;
        }
        if *kind == "A" {
            granted.push((*trustee).to_owned());
        }
        rest = after;
    }
    Some(granted)
}

#[cfg(test)]
mod tests {
    use super::trustees;

    #[test]
    fn reads_who_is_granted_something() {
        let of = |text| trustees(text).map(|it| it.join(" "));
        assert_eq!(of("D:P(A;;GA;;;SY)(A;;GA;;;BA)").as_deref(), Some("SY BA"));
        assert_eq!(of("O:SYG:SYD:(D;;GA;;;WD)(A;;GR;;;BA)S:(AU;;;;;WD)").as_deref(), Some("BA"));
        for text in
            ["", "D:", "D:P", "(A;;GA;;;SY)", "D:P(A;;GA;;;SY", "D:P(A;GA;SY)", "D:X(A;;GA;;;SY)"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
