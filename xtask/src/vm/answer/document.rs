//! An answer file as a tree, and its text.

use quick_xml::escape::escape;

const UNATTEND: &str = "urn:schemas-microsoft-com:unattend";
const WCM: &str = "http://schemas.microsoft.com/WMIConfig/2002/State";

/// All that one configuration pass does.
pub(super) struct Settings {
    pub(super) pass: &'static str,
    pub(super) components: Vec<Component>,
}

/// A part of Windows, and how it is to be set.
pub(super) struct Component {
    pub(super) name: &'static str,
    pub(super) settings: Vec<Element>,
}

/// A setting, or a group or list of them.
pub(super) struct Element {
    name: &'static str,
    is_item: bool,
    content: Content,
}

enum Content {
    Value(String),
    Settings(Vec<Element>),
}

/// A setting with a value.
pub(super) fn value(name: &'static str, value: impl Into<String>) -> Element {
    Element { name, is_item: false, content: Content::Value(value.into()) }
}

/// A setting that is on.
pub(super) fn yes(name: &'static str) -> Element {
    value(name, "true")
}

/// A group of settings, or the list that items are in.
pub(super) fn group(name: &'static str, settings: Vec<Element>) -> Element {
    Element { name, is_item: false, content: Content::Settings(settings) }
}

/// One item of a list.
pub(super) fn item(name: &'static str, settings: Vec<Element>) -> Element {
    Element { name, is_item: true, content: Content::Settings(settings) }
}

/// Commands that run one after the other; `line` is the setting's name that holds the command.
pub(super) fn commands(
    item_name: &'static str,
    line: &'static str,
    all: &[String],
) -> Vec<Element> {
    let in_order = (1..).zip(all);
    in_order
        .map(|(order, command)| {
            item(item_name, vec![value("Order", format!("{order}")), value(line, command.as_str())])
        })
        .collect()
}

/// The text, indented by two spaces a level.
pub(super) fn text(passes: &[Settings]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    text += &format!("<unattend xmlns=\"{UNATTEND}\" xmlns:wcm=\"{WCM}\">\n");
    for pass in passes {
        text += &format!("  <settings pass=\"{}\">\n", pass.pass);
        for component in &pass.components {
            // The token is that of the components of Windows itself.
            text += &format!(
                "    <component name=\"{}\" processorArchitecture=\"amd64\" \
                 publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" \
                 versionScope=\"nonSxS\">\n",
                component.name
            );
            for setting in &component.settings {
                write(setting, 3, &mut text);
            }
            text += "    </component>\n";
        }
        text += "  </settings>\n";
    }
    text + "</unattend>\n"
}

fn write(element: &Element, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let name = element.name;
    let action = if element.is_item { " wcm:action=\"add\"" } else { "" };
    match &element.content {
        Content::Value(value) => {
            *text += &format!("{indent}<{name}{action}>{}</{name}>\n", escape(value.as_str()));
        }
        Content::Settings(settings) => {
            *text += &format!("{indent}<{name}{action}>\n");
            for setting in settings {
                write(setting, depth + 1, text);
            }
            *text += &format!("{indent}</{name}>\n");
        }
    }
}
