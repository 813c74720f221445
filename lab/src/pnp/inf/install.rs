//! From the sections to what is installed.

use super::{Inf, InfError, Line};

/// What the lab installs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Name of the function driver's service (`AddService`).
    pub service: String,
    /// The device's description.
    pub description: String,
    /// The device's hardware id, such as `Root\pagewise`.
    pub hardware_id: String,
    /// Name of the setup class (`Class`).
    pub class: String,
    /// GUID of the setup class (`ClassGuid`), with its braces.
    pub class_guid: String,
    /// SDDL of `HKR,,Security` in the device's `.HW` section
    /// (learn.microsoft.com/windows-hardware/drivers/kernel/setting-device-object-properties-in-the-registry).
    pub security: Option<String>,
    /// `HKR,,DeviceCharacteristics`, likewise.
    pub characteristics: Option<u32>,
    /// Values under the service's key, `Parameters` above all.
    pub service_values: Vec<Value>,
    /// Values under the device's hardware key.
    pub device_values: Vec<Value>,
}

/// One registry value of an `AddReg` section
/// (learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Path below the key, empty for the key itself.
    pub subkey: String,
    /// Name of the value.
    pub name: String,
    /// `REG_*` type.
    pub kind: u32,
    /// The data as the registry holds it.
    pub data: Vec<u8>,
}

/// The setup class of devices without one
/// (learn.microsoft.com/windows-hardware/drivers/install/system-defined-device-setup-classes-reserved-for-system-use).
const UNKNOWN: (&str, &str) = ("Unknown", "{4d36e97e-e325-11ce-bfc1-08002be10318}");

impl Installation {
    /// What an installation without an INF amounts to: a service and a root-enumerated device of
    /// that name, and no settings.
    #[must_use]
    pub fn bare(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            description: service.to_owned(),
            hardware_id: format!("Root\\{service}"),
            class: UNKNOWN.0.to_owned(),
            class_guid: UNKNOWN.1.to_owned(),
            ..Self::default()
        }
    }

    /// Interprets the first model of the first manufacturer, for x64.
    ///
    /// # Errors
    /// [`InfError::Missing`], [`InfError::Number`]
    pub fn from_inf(inf: &Inf) -> Result<Self, InfError> {
        let version = |key, default| {
            let line = inf.lines("Version", key).next();
            line.map(|line| line.value(0)).filter(|it| !it.is_empty()).unwrap_or(default)
        };
        let model = model(inf)?;
        let install = decorated(inf, model.value(0), "")
            .ok_or_else(|| missing(format!("install section [{}]", model.value(0))))?;
        let service = service(inf, model.value(0))?;
        let mut installation = Self {
            service: service.value(0).to_owned(),
            description: model.key.clone().unwrap_or_default(),
            hardware_id: model.value(1).to_owned(),
            class: version("Class", UNKNOWN.0).to_owned(),
            class_guid: version("ClassGuid", UNKNOWN.1).to_owned(),
            service_values: added(inf, service.value(2))?,
            ..Self::default()
        };
        if installation.hardware_id.is_empty() {
            return Err(missing(format!("hardware id for {}", installation.description)));
        }
        let hardware = decorated(inf, model.value(0), ".HW");
        for section in [Some(install), hardware].into_iter().flatten() {
            installation.device_values.append(&mut added(inf, &section)?);
        }
        installation.take_settings();
        Ok(installation)
    }

    /// `Security` and `DeviceCharacteristics` are settings of device objects, not values a driver
    /// reads.
    fn take_settings(&mut self) {
        self.device_values.retain(|value| {
            let of_key_itself = value.subkey.is_empty();
            match value.name.to_ascii_lowercase().as_str() {
                "security" if of_key_itself => {
                    self.security = Some(text_of(&value.data));
                    false
                }
                "devicecharacteristics" if of_key_itself => {
                    self.characteristics =
                        value.data.first_chunk().copied().map(u32::from_le_bytes);
                    false
                }
                _ => true,
            }
        });
    }
}

fn missing(missing: String) -> InfError {
    InfError::Missing { missing }
}

/// The model line of the best-decorated models section
/// (learn.microsoft.com/windows-hardware/drivers/install/inf-manufacturer-section).
fn model(inf: &Inf) -> Result<&Line, InfError> {
    let manufacturers = inf.section("Manufacturer").unwrap_or_default();
    let manufacturer = manufacturers.first().ok_or_else(|| missing("[Manufacturer]".to_owned()))?;
    let decorations = manufacturer.values.get(1..).unwrap_or_default().iter();
    let for_x64 = decorations.filter(|decoration| {
        let decoration = decoration.to_ascii_lowercase();
        ["ntamd64", "nt$arch$", "nt."].iter().any(|start| decoration.starts_with(start))
            || decoration == "nt"
    });
    let models = manufacturer.value(0);
    let names = for_x64.map(|decoration| format!("{models}.{decoration}"));
    names
        .chain([models.to_owned()])
        .find_map(|name| inf.section(&name).and_then(<[Line]>::first))
        .ok_or_else(|| missing(format!("models section [{models}] for x64")))
}

/// The name of the section `base` in its most specific decoration, `suffix` after it.
fn decorated(inf: &Inf, base: &str, suffix: &str) -> Option<String> {
    ["NTamd64", "NT$ARCH$", "NT"]
        .iter()
        .map(|decoration| format!("{base}.{decoration}{suffix}"))
        .chain([format!("{base}{suffix}")])
        .find(|name| inf.section(name).is_some())
}

/// The `AddService` of the function driver: the one with `SPSVCINST_ASSOCSERVICE`.
fn service(inf: &Inf, install: &str) -> Result<Line, InfError> {
    const ASSOCIATED: u32 = 0x2;
    let section = decorated(inf, install, ".Services")
        .ok_or_else(|| missing(format!("section [{install}.NT.Services]")))?;
    let mut lines = inf.lines(&section, "AddService");
    let line = lines
        .find(|line| number(&section, line.value(1)).is_ok_and(|flags| flags & ASSOCIATED != 0))
        .ok_or_else(|| missing("AddService with the flag SPSVCINST_ASSOCSERVICE (2)".to_owned()))?;
    Ok(line.clone())
}

/// The values of all `AddReg` sections that `section` names.
fn added(inf: &Inf, section: &str) -> Result<Vec<Value>, InfError> {
    let mut values = Vec::new();
    for name in inf.lines(section, "AddReg").flat_map(|line| &line.values) {
        let lines = inf.section(name).ok_or_else(|| missing(format!("section [{name}]")))?;
        // Other roots than HKR are the system's, which the lab does not have.
        for line in lines.iter().filter(|line| line.value(0).eq_ignore_ascii_case("HKR")) {
            values.push(value(name, line)?);
        }
    }
    Ok(values)
}

fn value(section: &str, line: &Line) -> Result<Value, InfError> {
    const REG_NONE: u32 = 0;
    const REG_SZ: u32 = 1;
    const REG_EXPAND_SZ: u32 = 2;
    const REG_BINARY: u32 = 3;
    const REG_DWORD: u32 = 4;
    const REG_MULTI_SZ: u32 = 7;
    const TYPE_MASK: u32 = 0x0003_0001;

    let flags = number(section, line.value(3))?;
    let rest = line.values.get(4..).unwrap_or_default();
    let (kind, data) = match flags & TYPE_MASK {
        0x0001_0001 => (REG_DWORD, number(section, line.value(4))?.to_le_bytes().to_vec()),
        0x0001_0000 => (REG_MULTI_SZ, rest.iter().chain([&String::new()]).flat_map(wide).collect()),
        0x0002_0000 => (REG_EXPAND_SZ, wide(line.value(4)).collect()),
        0x0002_0001 => (REG_NONE, Vec::new()),
        0x0000_0001 => (REG_BINARY, bytes(section, rest)?),
        _ => (REG_SZ, wide(line.value(4)).collect()),
    };
    Ok(Value { subkey: line.value(1).to_owned(), name: line.value(2).to_owned(), kind, data })
}

fn bytes(section: &str, fields: &[String]) -> Result<Vec<u8>, InfError> {
    let byte = |field: &String| {
        u8::from_str_radix(field.trim_start_matches("0x"), 16)
            .map_err(|_| InfError::Number { section: section.to_owned(), text: field.clone() })
    };
    fields.iter().map(byte).collect()
}

fn number(section: &str, text: &str) -> Result<u32, InfError> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let parsed = match digits {
        _ if text.is_empty() => Ok(0),
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| InfError::Number { section: section.to_owned(), text: text.to_owned() })
}

/// UTF-16 with its terminator.
fn wide(text: impl AsRef<str>) -> impl Iterator<Item = u8> {
    let units: Vec<u16> = text.as_ref().encode_utf16().chain([0]).collect();
    units.into_iter().flat_map(u16::to_le_bytes)
}

fn text_of(data: &[u8]) -> String {
    let units: Vec<u16> = data.as_chunks().0.iter().copied().map(u16::from_le_bytes).collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
[Version]
Class = Sample
ClassGuid = {78A1C341-4539-11d3-B88D-00C04FAD5171}
[Manufacturer]
%Maker% = Models, NTx86, NT$ARCH$.10.0...19041
[Models.NT$ARCH$.10.0...19041]
%Device% = Install, Root\sample
[Install.NT]
CopyFiles = Files
[Install.NT.HW]
AddReg = Hardware
[Hardware]
HKR,,Security,,"D:P(A;;GA;;;SY)"
HKR,,DeviceCharacteristics,0x10001,0x100
HKR,,Mark,0x1,0a,ff
HKLM,Software,Other,,x
[Install.NT.Services]
AddService = Filter, 0, Filter_Service
AddService = sample, 0x00000002, Service
[Service]
ServiceType = 1
AddReg = Parameters
[Parameters]
HKR,Parameters,Limit,0x00010001,0x20
HKR,Parameters,Names,0x00010000,a,b
[Strings]
Maker = "Maker"
Device = "A sample device"
"#;

    #[test]
    fn an_inf_becomes_an_installation() {
        let made = Installation::from_inf(&Inf::parse(SAMPLE).unwrap()).unwrap();
        assert_eq!(made.service, "sample");
        assert_eq!(made.description, "A sample device");
        assert_eq!(made.hardware_id, "Root\\sample");
        assert_eq!(made.class, "Sample");
        assert_eq!(made.security.as_deref(), Some("D:P(A;;GA;;;SY)"));
        assert_eq!(made.characteristics, Some(0x100));
        let mark =
            Value { subkey: String::new(), name: "Mark".into(), kind: 3, data: vec![10, 255] };
        assert_eq!(made.device_values, [mark]);
        assert_eq!(made.service_values.len(), 2);
        assert_eq!(made.service_values[0].data, [0x20, 0, 0, 0]);
        let names = [b'a', 0, 0, 0, b'b', 0, 0, 0, 0, 0];
        assert_eq!(
            (made.service_values[1].kind, &made.service_values[1].data[..]),
            (7, &names[..])
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (cut, named) in [
            ("[Manufacturer]\n%Maker% = Models, NTx86, NT$ARCH$.10.0...19041", "[Manufacturer]"),
            ("AddService = sample, 0x00000002, Service", "AddService"),
            ("[Hardware]", "[Hardware]"),
            ("[Install.NT]", "[Install]"),
        ] {
            let inf = Inf::parse(&SAMPLE.replace(cut, "[Elsewhere]")).unwrap();
            let error = Installation::from_inf(&inf).unwrap_err().to_string();
            assert!(error.contains(named), "{cut}: {error}");
        }
        let inf = Inf::parse(&SAMPLE.replace("0x20\n", "many\n")).unwrap();
        assert!(matches!(Installation::from_inf(&inf), Err(InfError::Number { .. })));
    }
}
