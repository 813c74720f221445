//! Guests: other people's drivers, as it were, in `lab/guests`, which only tests load. A folder a
//! guest: `<name>/<name>.c`, or a crate.

use crate::build::{Builder, Image};
use crate::error::Result;
use crate::fs;
use crate::image_check;
use crate::workspace::Workspace;

/// Builds every guest into the folder `guests` of the artifacts.
pub fn build(workspace: &Workspace, builder: &Builder) -> Result<()> {
    let folder = workspace.root().join("lab/guests");
    let out = workspace.artifacts().join("guests");
    for guest in fs::entries(&folder)? {
        let name = guest.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = guest.join(&name).with_extension("c");
        if source.is_file() {
            builder.c_driver(workspace, &source, &out)?;
        }
    }
    for package in RUST {
        builder.image(package, workspace.root(), &out)?;
    }
    Ok(())
}

/// The guests in Rust.
pub const RUST: [Image; 3] = [
    Image { package: "pageable", rules: image_check::GUEST },
    Image { package: "parameters", rules: image_check::GUEST },
    Image { package: "stock", rules: image_check::GUEST },
];
