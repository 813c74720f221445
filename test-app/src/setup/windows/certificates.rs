//! The certificate stores of the machine
//! (learn.microsoft.com/windows/win32/seccrypto/system-store-locations).

use std::fs;
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::CRYPT_E_EXISTS;
use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FIND_SHA1_HASH, CERT_SHA1_HASH_PROP_ID, CERT_STORE_ADD_NEW,
    CERT_STORE_CTRL_COMMIT, CERT_STORE_PROV_SYSTEM_W, CERT_SYSTEM_STORE_LOCAL_MACHINE,
    CRYPT_INTEGER_BLOB, CertAddCertificateContextToStore, CertCloseStore, CertControlStore,
    CertCreateCertificateContext, CertDeleteCertificateFromStore, CertFindCertificateInStore,
    CertFreeCertificateContext, CertGetCertificateContextProperty, CertOpenStore, HCERTSTORE,
    X509_ASN_ENCODING,
};

use super::super::Trust;
use super::notes;
use crate::error::Error;
use crate::status::Win32;
use crate::win32::{done, failed, last_error, wide};

/// What a package that is not Microsoft's own has to be in: both, or the signature is not trusted
/// without a question
/// (learn.microsoft.com/windows-hardware/drivers/install/trusted-publishers-certificate-store).
const STORES: [&str; 2] = ["Root", "TrustedPublisher"];

/// Adds a certificate to the stores that it is not in, and takes note of each.
pub(super) fn trust(path: &Path) -> Result<Vec<Trust>, Error> {
    let unreadable = |source| Error::File { what: "read", path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(unreadable)?;
    let certificate = Certificate::parse(&bytes, path)?;
    let thumbprint = certificate.thumbprint()?;
    let mut added = Vec::new();
    for store in STORES {
        let trust = Trust { store: store.to_owned(), thumbprint: thumbprint.clone() };
        // The note comes first: what is noted and not there is harmless, the opposite is not.
        if Store::open(store)?.find(&thumbprint).is_some() {
            continue;
        }
        notes::add(&trust)?;
        match Store::open(store)?.add(&certificate) {
            Ok(()) => added.push(trust),
            Err(error) => {
                notes::forget(&trust)?;
                added.iter().try_for_each(distrust)?;
                return Err(error);
            }
        }
    }
    Ok(added)
}

/// The certificates that were noted and are there.
pub(super) fn trusted() -> Result<Vec<Trust>, Error> {
    let noted = notes::read()?;
    let mut there = Vec::new();
    for trust in noted {
        if Store::open(&trust.store)?.find(&trust.thumbprint).is_some() {
            there.push(trust);
        } else {
            // Somebody else has removed it.
            notes::forget(&trust)?;
        }
    }
    Ok(there)
}

/// Removes a certificate from a store.
pub(super) fn distrust(trust: &Trust) -> Result<(), Error> {
    Store::open(&trust.store)?.remove(trust)?;
    // Another look: what is still there must stay noted, for `trusted` to find.
    match Store::open(&trust.store)?.find(&trust.thumbprint) {
        Some(_) => Ok(()),
        None => notes::forget(trust),
    }
}

/// A certificate, freed when it is dropped.
struct Certificate(*const CERT_CONTEXT);

impl Certificate {
    fn parse(der: &[u8], path: &Path) -> Result<Self, Error> {
        let length = u32::try_from(der.len()).unwrap_or(u32::MAX);
        // SAFETY: the bytes are as many as told.
        let context =
            unsafe { CertCreateCertificateContext(X509_ASN_ENCODING, der.as_ptr(), length) };
        if context.is_null() {
            return Err(failed(format!("CertCreateCertificateContext for {}", path.display())));
        }
        Ok(Self(context))
    }

    fn thumbprint(&self) -> Result<String, Error> {
        let (mut hash, mut length) = ([0u8; 20], 20);
        // SAFETY: the context is valid, and the buffer has as many bytes as told.
        let result = unsafe {
            CertGetCertificateContextProperty(
                self.0,
                CERT_SHA1_HASH_PROP_ID,
                hash.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        done(result, "CertGetCertificateContextProperty(CERT_SHA1_HASH_PROP_ID)")?;
        Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: the context is valid, and nothing uses it after this.
        unsafe { CertFreeCertificateContext(self.0) };
    }
}

/// A store of the machine, closed when it is dropped.
struct Store(HCERTSTORE, String);

impl Store {
    fn open(name: &str) -> Result<Self, Error> {
        let wide_name = wide::from_str(name);
        // SAFETY: the provider takes the name as its parameter; it ends with a zero.
        let store = unsafe {
            CertOpenStore(
                CERT_STORE_PROV_SYSTEM_W,
                0,
                0,
                CERT_SYSTEM_STORE_LOCAL_MACHINE,
                wide_name.as_ptr().cast(),
            )
        };
        if store.is_null() {
            return Err(failed(format!("CertOpenStore for LocalMachine\\{name}")));
        }
        Ok(Self(store, name.to_owned()))
    }

    fn find(&self, thumbprint: &str) -> Option<Certificate> {
        let mut hash = bytes_of(thumbprint)?;
        let length = u32::try_from(hash.len()).ok()?;
        let blob = CRYPT_INTEGER_BLOB { cbData: length, pbData: hash.as_mut_ptr() };
        // SAFETY: the store is open, and the blob's bytes outlive the call.
        let context = unsafe {
            CertFindCertificateInStore(
                self.0,
                X509_ASN_ENCODING,
                0,
                CERT_FIND_SHA1_HASH,
                (&raw const blob).cast(),
                null(),
            )
        };
        (!context.is_null()).then_some(Certificate(context))
    }

    fn add(&self, certificate: &Certificate) -> Result<(), Error> {
        // SAFETY: both are open, and nobody wants the copy.
        let result = unsafe {
            CertAddCertificateContextToStore(self.0, certificate.0, CERT_STORE_ADD_NEW, null_mut())
        };
        if result == 0 && last_error() == Win32(CRYPT_E_EXISTS.cast_unsigned()) {
            return Ok(());
        }
        done(result, format!("CertAddCertificateContextToStore to LocalMachine\\{}", self.1))
    }

    fn remove(&self, trust: &Trust) -> Result<(), Error> {
        let Some(certificate) = self.find(&trust.thumbprint) else { return Ok(()) };
        let context = certificate.0;
        // It is freed by the call, even if that fails.
        std::mem::forget(certificate);
        // SAFETY: the context is of this store, and nothing uses it after this.
        let result = unsafe { CertDeleteCertificateFromStore(context) };
        done(result, format!("CertDeleteCertificateFromStore from LocalMachine\\{}", self.1))?;
        // Wine 8 writes no deletion back without this.
        // SAFETY: the store is open, and this function takes nothing more.
        let result = unsafe { CertControlStore(self.0, 0, CERT_STORE_CTRL_COMMIT, null()) };
        done(result, format!("CertControlStore(CERT_STORE_CTRL_COMMIT) for {}", self.1))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and nothing uses it after this.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_read_back() {
        assert_eq!(bytes_of("00ff1a"), Some(vec![0, 255, 26]));
        assert_eq!(bytes_of("0g"), None);
    }
}
