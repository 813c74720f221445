//! The rules, one by one. What `learn.microsoft.com/windows-hardware/drivers/` says of each stands
//! with the code that checks it.

use super::finding::{Rule, Severity};

macro_rules! rules {
    ($($name:ident = $id:literal, $number:expr, $severity:ident, $next:literal;)*) => {
        $(pub(super) static $name: Rule = Rule {
            id: $id,
            infverif: $number,
            severity: Severity::$severity,
            next: $next,
        };)*

        /// Every rule, in the order in which files are checked.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The file.
    ENCODING = "encoding", Some(1003), Error, "save it as ASCII, or as UTF-16 LE with a byte order mark";
    CHARACTERS = "characters", None, Warning, "write it in ASCII, or save the file as UTF-16 LE";
    SYNTAX = "syntax", Some(1002), Error, "see general-syntax-rules-for-inf-files";
    OUTSIDE = "outside", None, Warning, "put it below a [section], or make a comment of it with a semicolon";
    SECTION_TWICE = "section-twice", Some(1209), Error, "put the lines of both into one section";
    STRING = "string", Some(1235), Error, "add it to [Strings]; a percent sign itself is %%";
    ARCH_TOKEN = "arch-token", Some(1274), Error, "stamp the file: cargo xtask build, or stampinf";
    STAMP_TOKEN = "stamp-token", None, Error, "stamp the file: cargo xtask build, or stampinf";
    SECTION_MISSING = "section-missing", Some(1203), Error, "add the section, or mend the name";
    SECTION_UNUSED = "section-unused", Some(2083), Warning, "remove it, or mend the line that should name it";

    // [Version].
    SIGNATURE = "signature", Some(1001), Error, "begin [Version] with Signature = \"$WINDOWS NT$\"";
    VERSION_DIRECTIVE = "version-directive", Some(1234), Error, "add it: PnP installs no driver without";
    SIGNED_DIRECTIVE = "signed-directive", Some(1233), Error, "add it: without, the package cannot be signed";
    CLASS_GUID = "class-guid", Some(1010), Error, "write it as {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    CLASS_LENGTH = "class-length", Some(1286), Error, "take a name of at most 31 characters";
    CLASS_OF_GUID = "class-of-guid", Some(1280), Error, "take name and GUID of one class";
    GUID_OF_CLASS = "guid-of-class", Some(1281), Error, "take name and GUID of one class";
    CLASS_RESERVED = "class-reserved", Some(1284), Error, "take a class for vendors, such as System";
    CLASS_UNKNOWN = "class-unknown", None, Warning, "take a class for vendors, such as System: a new one needs [ClassInstall32], which /u and /w refuse";
    CLASS_INSTALL = "class-install", Some(1285), Error, "remove [ClassInstall32]: the class is Microsoft's";
    CLASS_COMPONENT = "class-component", None, Error, "take System: SoftwareComponent is for children made by AddComponent";
    PROVIDER = "provider", Some(1204), Error, "name the organisation that wrote the file";
    CATALOG_NAME = "catalog-name", Some(1214), Error, "write a plain file name that ends in .cat";
    CATALOG_SOURCE = "catalog-source", Some(1213), Error, "name the catalog in [Version] only";
    DRIVER_DATE = "driver-date", Some(1218), Error, "write mm/dd/yyyy, or stamp the file";
    DRIVER_VERSION = "driver-version", Some(1217), Error, "write w.x.y.z with parts up to 65535";
    PNP_LOCKDOWN = "pnp-lockdown", Some(1324), Error, "add PnpLockdown = 1";

    // [Manufacturer] and models.
    NO_DEVICE = "no-device", Some(1297), Error, "list a hardware id in a models section that [Manufacturer] names";
    MODELS_NAME = "models-name", Some(1011), Error, "name the models section after the equals sign";
    DECORATION = "decoration", Some(1287), Error, "write NTarchitecture.major.minor.product.suite.build, leaving out what does not matter";
    DECORATION_BUILD = "decoration-build", Some(1288), Error, "name build 14310 or later, or none";
    DECORATION_ARCH = "decoration-arch", Some(2010), Warning, "name the architecture, as in NTamd64";
    DECORATION_SUITE = "decoration-suite", None, Error, "leave product type and suite out: a universal INF is for all";
    MODEL_INSTALL = "model-install", Some(1271), Error, "name the install section after the equals sign";
    INSTALL_MISSING = "install-missing", Some(1261), Error, "add the section, decorated like .NTamd64, or mend the name";
    OS_FLOOR = "os-floor", Some(1199), Error, "decorate the models section with build 16299 or later: NTamd64.10.0...16299";
    KMDF_FLOOR = "kmdf-floor", None, Error, "decorate the models section with the first build that has this KMDF";
    WINE_MODELS = "wine-models", None, Error, "copy the models section to one decorated .NTamd64, and do not list that in [Manufacturer]";
    WINE_FALLBACK = "wine-fallback", None, Error, "list an empty models section for older Windows: NTamd64.5.1";

    // Files.
    DESTINATION = "destination", Some(1275), Error, "add DefaultDestDir = 13 to [DestinationDirs]";
    DRIVER_STORE = "driver-store", Some(1322), Error, "run from the driver store: destination 13";
    RENAME = "rename", Some(1100), Error, "copy each file under its own name and from the same folder";
    SOURCE_FILE = "source-file", Some(1230), Error, "add the file to [SourceDisksFiles]";
    SOURCE_DISK = "source-disk", Some(1273), Error, "add the disk to [SourceDisksNames]";
    ONE_SOURCE = "one-source", Some(1330), Error, "copy each file to a place of its own";
    FILE_NAME = "file-name", None, Warning, "put the product or the company into the name";

    // What a universal INF leaves out.
    COINSTALLER = "coinstaller", Some(1303), Error, "remove it: Windows installs what the INF says, and nothing runs";
    REMOVAL = "removal", Some(1308), Error, "remove it: Windows undoes what the INF did";
    FILE_REMOVAL = "file-removal", Some(1309), Error, "remove it: Windows deletes what the INF copied";
    DESKTOP_ONLY = "desktop-only", Some(1307), Error, "remove it: a universal INF only adds";

    // The registry.
    REGISTRY_ROOT = "registry-root", Some(1321), Error, "write below HKR";
    ROOT_UNKNOWN = "root-unknown", Some(1224), Error, "write HKR";
    ABSOLUTE_PATH = "absolute-path", None, Error, "name what lies in the driver store by %13%";
    FOLDER_PATH = "folder-path", Some(1258), Error, "name what lies in the driver store by %13%, what is Windows's by %%SystemRoot%%";
    PARAMETERS = "parameters", Some(1323), Error, "write HKR,Parameters,...";
    SECURITY_MISSING = "security-missing", None, Warning, "add HKR,,Security,,\"D:P(A;;GA;;;SY)(A;;GA;;;BA)\" to the .HW section, unless the driver assigns one";
    SECURITY_TEXT = "security-text", None, Error, "write a descriptor like D:P(A;;GA;;;SY)(A;;GA;;;BA)";
    SECURITY_OPEN = "security-open", None, Warning, "grant to SYSTEM (SY) and Administrators (BA) only, unless the device is for all";

    // Services.
    SERVICE_NONE = "service-none", Some(1296), Error, "add a .Services section with AddService = name, 0x00000002, section";
    SERVICE_TWO = "service-two", Some(1211), Error, "give one AddService only the flag 2";
    SERVICE_SECTION = "service-section", Some(2006), Error, "add the service's section, or mend the name";
    SERVICE_DISABLED = "service-disabled", Some(1251), Warning, "set StartType = 3";
    SERVICE_VALUE = "service-value", None, Error, "set ServiceType = 1, StartType = 3, ErrorControl = 1";
    SERVICE_START = "service-start", None, Warning, "set StartType = 3 and ErrorControl = 1, unless Windows needs the device to start";
    BINARY_COPIED = "binary-copied", Some(2084), Error, "name a file that CopyFiles copies, where it copies it";
    BINARY_FOLDER = "binary-folder", Some(2085), Error, "write %13%\\name.sys";

    // The framework.
    KMDF_NONE = "kmdf-none", None, Error, "add a .Wdf section with KmdfService = service, section";
    KMDF_DIRECTIVE = "kmdf-directive", Some(1084), Error, "add KmdfLibraryVersion = $KMDFVERSION$ and stamp the file";
    KMDF_SERVICE = "kmdf-service", Some(2501), Error, "name the service of AddService";
    KMDF_VERSION = "kmdf-version", None, Error, "name the version that the driver was built for";
}
