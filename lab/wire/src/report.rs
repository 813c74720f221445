//! The report of a bug check, as the machine leaves it behind.

use serde::{Deserialize, Serialize};

use crate::{Page, PagingAction, Request};

/// A bug check: the documented code and parameters, and what the machine knows beyond them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BugCheck {
    /// The bug check code.
    pub code: u32,
    /// Its documented name, such as `DRIVER_IRQL_NOT_LESS_OR_EQUAL`.
    pub name: String,
    /// The four parameters.
    pub parameters: [u64; 4],
    /// What they mean, a sentence each, the numbers put in.
    pub meaning: Vec<String>,
    /// File name of the image that holds the program counter: whom Windows would name.
    pub blamed: Option<String>,
    /// File name of the image that holds the referenced address: whose page it was.
    pub victim: Option<String>,
    /// Whose mistake it is, as far as the machine can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_fault: Option<AtFault>,
    /// Section of the victim that holds the address.
    pub section: Option<String>,
    /// The page of the referenced address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// IRQL of the processor at the time.
    pub irql: u8,
    /// Number of the processor.
    pub processor: u32,
    /// Call stack, innermost first.
    pub stack: Vec<Frame>,
    /// The loaded images.
    pub modules: Vec<Module>,
    /// What to do about it.
    pub advice: String,
    /// What the machine knows beyond the parameters, such as each leak of a driver that leaked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// The last requests, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// The last that was done about pages, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paging: Vec<PagingAction>,
    /// Where the machine's memory was kept, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<String>,
}

/// Whose mistake a bug check is: a framework acts for its clients, so that Windows, which names the
/// image that holds the program counter, may name the wrong one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtFault {
    /// File name of the image.
    pub driver: String,
    /// How that is known, as half a sentence.
    pub why: String,
}

/// A part of what led to a bug check, and the place in a driver where it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// A sentence.
    pub what: String,
    /// Who did it.
    pub at: Option<Frame>,
}

/// One frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The address.
    pub address: u64,
    /// File name of the image that holds it.
    pub module: Option<String>,
    /// Its offset in that image.
    pub rva: Option<u32>,
    /// Function, where the PDB tells.
    pub function: Option<String>,
    /// `file:line`, where the PDB tells.
    pub source: Option<String>,
}

/// A loaded image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// File name.
    pub name: String,
    /// Base address.
    pub base: u64,
    /// Size in bytes.
    pub size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As machines wrote it that knew neither the page nor what came before.
    const OLD: &str = r#"{"code":209,"name":"DRIVER_IRQL_NOT_LESS_OR_EQUAL","parameters":[1,2,0,3],
        "meaning":[],"blamed":"wdfldr.sys","victim":"pagewise.sys","section":".data","irql":2,
        "processor":0,"stack":[],"modules":[],"advice":"","details":[]}"#;

    #[test]
    fn reports_of_older_machines_are_still_read() {
        let report: BugCheck = serde_json::from_str(OLD).unwrap();
        assert_eq!((report.code, report.section.as_deref()), (209, Some(".data")));
        assert_eq!((report.at_fault, report.page, report.dump), (None, None, None));
        assert!(report.requests.is_empty() && report.paging.is_empty());
    }

    #[test]
    fn what_is_not_known_is_left_out_and_what_a_report_must_have_is_missed() {
        let json = serde_json::to_string(&BugCheck::default()).unwrap();
        for field in ["at_fault", "page", "requests", "paging", "dump", "details"] {
            assert!(!json.contains(&format!("\"{field}\"")), "{json}");
        }
        assert!(serde_json::from_str::<BugCheck>(&OLD.replace("parameters", "values")).is_err());
    }
}
