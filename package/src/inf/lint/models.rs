//! `[Manufacturer]` and the models sections
//! (learn.microsoft.com/windows-hardware/drivers/install/inf-manufacturer-section and
//! inf-models-section).

use super::super::rules;
use super::Report;
use super::target::{Target, Windows};
use super::view::{Listed, View};

/// From here on, decorations may name a build.
const BUILDS: Windows = (10, 0, 14310);

pub(super) fn check(view: &View<'_>, report: &mut Report) {
    for listed in &view.listed {
        if listed.base.is_empty() {
            report.at(&rules::MODELS_NAME, listed.entry.line, "no models section is named");
            continue;
        }
        decoration(listed, report);
        if listed.target.is_some() {
            models(view, listed, report);
        }
    }
    let has_id = |listed: &Listed<'_>| {
        view.inf.entries(&listed.section).iter().any(|model| !model.value(1).is_empty())
    };
    let primitive = view.installs.iter().any(|install| !install.device);
    if !primitive && !view.listed.iter().any(has_id) {
        report.file(&rules::NO_DEVICE, "no device can get to an install section of this file");
    }
}

fn decoration(listed: &Listed<'_>, report: &mut Report) {
    let line = listed.entry.line;
    let Some(text) = &listed.decoration else {
        let text = format!("[{}] is listed without a decoration", listed.base);
        report.at(&rules::DECORATION_ARCH, line, text);
        return;
    };
    let Some(Target { architecture, from, build, narrowed }) = &listed.target else {
        report.at(&rules::DECORATION, line, format!("{text:?} is no decoration"));
        return;
    };
    if architecture.is_empty() {
        report.at(&rules::DECORATION_ARCH, line, format!("{text} names no architecture"));
    }
    if *build && *from < BUILDS {
        let (major, minor, build) = from;
        let text = format!("Windows {major}.{minor}.{build} cannot read a build in a decoration");
        report.at(&rules::DECORATION_BUILD, line, text);
    }
    if *narrowed {
        let text = format!("{text} is for one product type or suite only");
        report.at(&rules::DECORATION_SUITE, line, text);
    }
}

fn models(view: &View<'_>, listed: &Listed<'_>, report: &mut Report) {
    let Some(section) = view.inf.section(&listed.section) else {
        let text = format!("there is no models section [{}]", listed.section);
        report.at(&rules::SECTION_MISSING, listed.entry.line, text);
        return;
    };
    for model in &section.entries {
        let install = view.inf.expand(model.value(0));
        if install.is_empty() {
            report.at(&rules::MODEL_INSTALL, model.line, "no install section is named");
        } else if !view.reaches(listed, &install) {
            let text = format!("there is no install section [{install}]");
            report.at(&rules::INSTALL_MISSING, model.line, text);
        }
    }
}
