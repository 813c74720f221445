//! The package of what was built, judged by ourselves and by two programs of others; then broken,
//! byte by byte, and judged again.

use std::path::{Path, PathBuf};

use pagewise_package::catalog;

use super::osslsigncode::Osslsigncode;
use super::*;

/// What was built.
fn artifacts() -> PathBuf {
    let folder = std::env::var_os("PAGEWISE_ARTIFACTS");
    folder.expect("PAGEWISE_ARTIFACTS is not set: run `cargo xtask test`").into()
}

/// A package in a folder of its own, and all who judge it.
struct Bench {
    folder: tempfile::TempDir,
    identity: Identity,
    signify: Signify,
    osslsigncode: Osslsigncode,
}

impl Bench {
    fn new() -> Self {
        setup::provide(setup::SIGNATURES).unwrap();
        let identity = Identity::throw_away(now().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(&Package::of(&artifacts(), Some(&identity)).unwrap(), folder.path()).unwrap();
        Self {
            folder,
            signify: Signify::provide(&Workspace::this()).unwrap(),
            osslsigncode: Osslsigncode::trusting(&identity.certificate_pem().unwrap()).unwrap(),
            identity,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn said(&self) -> Vec<String> {
        let images = ["pagewise.sys".to_owned()];
        let folder = self.folder.path();
        let said = self.signify.ask(folder, "pagewise.cat", "pagewise.cer", &images, make::INF);
        let said = said.unwrap();
        assert_eq!(said.verdicts.len(), 4);
        said.wrong().into_iter().map(|text| text.split(':').next().unwrap().to_owned()).collect()
    }

    /// Changes one byte of a file while `judge` looks.
    fn with_change(&self, name: &str, at: usize, judge: impl FnOnce()) {
        let path = self.path(name);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        judge();
        std::fs::write(&path, whole).unwrap();
    }

    fn ours(&self) -> Result<Vec<check::Verified>> {
        check::ours(self.folder.path(), Some(&self.identity))
    }
}

#[test]
#[ignore = "needs what was built and programs of others: cargo xtask test runs it"]
fn ours_and_others_agree_on_the_package_and_on_each_broken_one() {
    let bench = Bench::new();
    let (sys, cat) = (bench.path("pagewise.sys"), bench.path("pagewise.cat"));

    assert_eq!(bench.ours().unwrap().len(), 3);
    assert_eq!(check::osslsigncode(bench.folder.path(), &bench.identity).unwrap().len(), 2);
    assert_eq!(check::signify(bench.folder.path(), &bench.signify).unwrap().len(), 3);

    // In .text, whose first page begins after the headers.
    bench.with_change("pagewise.sys", 0x1000, || {
        assert!(bench.ours().unwrap_err().to_string().contains("pagewise.sys"));
        assert!(bench.osslsigncode.signature(&sys).is_err());
        assert!(bench.osslsigncode.listed(&cat, &sys).is_err());
        assert_eq!(bench.said(), ["pagewise.sys catalog", "pagewise.sys embedded"]);
    });
    bench.with_change(make::INF, 1, || {
        assert!(bench.ours().unwrap_err().to_string().contains(make::INF));
        assert_eq!(bench.said(), ["pagewise.inf catalog"]);
    });
    // In the digest of a member: the list is well formed, and not the signed one.
    let at = digest_of_member(&cat);
    bench.with_change("pagewise.cat", at, || {
        assert!(bench.ours().is_err());
        assert!(bench.osslsigncode.signature(&cat).is_err());
        assert!(bench.osslsigncode.listed(&cat, &sys).is_err());
        assert!(bench.said().contains(&"catalog".to_owned()));
    });
    assert!(bench.ours().is_ok(), "the package is whole again");
}

/// Where the tag of the image's SHA-256 member is in the catalog.
fn digest_of_member(cat: &Path) -> usize {
    let file = std::fs::read(cat).unwrap();
    let catalog = catalog::read(&file).unwrap();
    let member = catalog
        .members
        .iter()
        .find(|member| member.tag.len() == 32 && member.file() == Some("pagewise.sys"));
    member.unwrap().tag.as_ptr() as usize - file.as_ptr() as usize
}

#[test]
fn a_folder_with_anything_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("thesis.txt");
    std::fs::write(&foreign, "years").unwrap();
    std::fs::write(folder.path().join("pagewise.cer"), "old").unwrap();
    let package = Package { files: vec![("pagewise.sys".to_owned(), vec![1])] };
    let error = write(&package, folder.path()).unwrap_err().to_string();
    assert!(error.contains("thesis.txt"), "{error}");
    assert!(foreign.is_file());

    std::fs::remove_file(foreign).unwrap();
    write(&package, folder.path()).unwrap();
    let left = fs::entries(folder.path()).unwrap();
    assert_eq!(left, [folder.path().join("pagewise.sys")]);
}

#[test]
fn a_key_is_its_owners_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    write_key(&path, "secret").unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(write_key(&path, "other").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
}
