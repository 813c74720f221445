//! `--parameter NAME=VALUE`.

use pagewise_lab::pnp::inf::Value;

/// `REG_SZ`
const TEXT: u32 = 1;
/// `REG_DWORD`
const NUMBER: u32 = 4;

/// A value of the service's `Parameters` key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter(Value);

impl Parameter {
    /// As the registry gets it.
    pub fn value(&self) -> Value {
        self.0.clone()
    }
}

/// `NAME=7` and `NAME=0x7` are REG_DWORD, all else is REG_SZ.
pub fn parse(text: &str) -> Result<Parameter, String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
    if name.is_empty() || name.contains('\\') {
        return Err("the name of a value is not empty and has no backslash".to_owned());
    }
    let (kind, data) = match number(value) {
        Some(number) => (NUMBER, number.to_le_bytes().to_vec()),
        None => {
            (TEXT, value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<_>>())
        }
    };
    let (subkey, name) = ("Parameters".to_owned(), name.to_owned());
    Ok(Parameter(Value { subkey, name, kind, data }))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_and_the_rest_is_text() {
        let of = |text| parse(text).map(|it| (it.0.name, it.0.kind, it.0.data));
        assert_eq!(of("Limit=0x10"), Ok(("Limit".to_owned(), NUMBER, vec![16, 0, 0, 0])));
        assert_eq!(of("Limit=7"), Ok(("Limit".to_owned(), NUMBER, vec![7, 0, 0, 0])));
        assert_eq!(of("Name=a="), Ok(("Name".to_owned(), TEXT, vec![97, 0, 61, 0, 0, 0])));
        assert_eq!(
            of("Name=0x1_"),
            Ok(("Name".to_owned(), TEXT, "0x1_\0".bytes().flat_map(|b| [b, 0]).collect()))
        );
        for bad in ["Name", "=1", "a\\b=1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
