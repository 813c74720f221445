//! Decorations of models sections
//! (learn.microsoft.com/windows-hardware/drivers/install/inf-manufacturer-section).

/// A version of Windows: major, minor, build.
pub(super) type Windows = (u32, u32, u32);

/// `NT[architecture][.major[.minor[.product[.suite[.build]]]]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// In lower case; empty where none is named.
    pub architecture: String,
    /// The first version that the section is for.
    pub from: Windows,
    /// Whether the build is named.
    pub build: bool,
    /// Whether a product type or a suite is named.
    pub narrowed: bool,
}

const ARCHITECTURES: [&str; 6] = ["", "x86", "ia64", "amd64", "arm", "arm64"];

impl Target {
    pub fn parse(decoration: &str) -> Option<Self> {
        let lower = decoration.trim().to_lowercase();
        let mut parts = lower.split('.');
        let architecture = parts.next()?.strip_prefix("nt")?.to_owned();
        if !ARCHITECTURES.contains(&architecture.as_str()) {
            return None;
        }
        let mut numbers = [None; 5];
        for slot in &mut numbers {
            *slot = match parts.next() {
                None | Some("") => None,
                Some(text) => Some(super::number(text)?),
            };
        }
        let [major, minor, product, suite, build] = numbers;
        // Parts after the last, or a minor version of nothing.
        if parts.next().is_some() || major.is_none() && minor.is_some() {
            return None;
        }
        let from = (major.unwrap_or(0), minor.unwrap_or(0), build.unwrap_or(0));
        let narrowed = product.is_some() || suite.is_some();
        Some(Self { architecture, from, build: build.is_some(), narrowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_page_shows() {
        let parse = |text| Target::parse(text).map(|it| (it.architecture, it.from, it.narrowed));
        for (text, architecture, from, narrowed) in [
            ("NTamd64", "amd64", (0, 0, 0), false),
            ("ntARM64.10.0...19041", "arm64", (10, 0, 19041), false),
            ("NTx86.6.1", "x86", (6, 1, 0), false),
            ("NT.5", "", (5, 0, 0), false),
            ("NTx86....0x80", "x86", (0, 0, 0), true),
            ("NTamd64.10.0.1", "amd64", (10, 0, 0), true),
        ] {
            assert_eq!(parse(text), Some((architecture.to_owned(), from, narrowed)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", "amd64", "NTamd63", "NTamd64.x", "NTamd64..1", "NT.1.2.3.4.5.6", "NTamd64.10.-1"]
        {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
