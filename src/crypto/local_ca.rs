//! A certificate authority for one computer, and when certificates end.
//!
//! What the authority may vouch for is narrow on purpose: whoever steals its key can pretend to be localhost, and
//! nothing else.

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use openssl::asn1::Asn1Object;
use openssl::asn1::Asn1OctetString;
use openssl::asn1::Asn1Time;
use openssl::asn1::Asn1TimeRef;
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::pkey::Private;
use openssl::x509::X509;
use openssl::x509::X509Builder;
use openssl::x509::X509Extension;
use openssl::x509::X509Name;
use openssl::x509::X509NameBuilder;
use openssl::x509::extension::AuthorityKeyIdentifier;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::extension::ExtendedKeyUsage;
use openssl::x509::extension::KeyUsage;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::extension::SubjectKeyIdentifier;
use zeroize::Zeroizing;

use super::ec;
use crate::ambient::Entropy;
use crate::domain::time::Timestamp;

/// Ten years: to install it again is a nuisance, and it can do little.
const AUTHORITY_LIVES: Duration = Duration::from_hours(24 * 3653);
/// Browsers refuse server certificates that live longer than 398 days.
const LEAF_LIVES: Duration = Duration::from_hours(24 * 397);
/// By how much clocks are off.
const SKEW: Duration = Duration::from_hours(1);

/// `NameConstraints` of RFC 5280 section 4.2.1.10 in DER: the name localhost, and the addresses 127.0.0.1 and `::1`, each
/// with a mask of all ones.
const ONLY_LOOPBACK: &[u8] = b"\x30\x3f\xa0\x3d\
    \x30\x0b\x82\x09localhost\
    \x30\x0a\x87\x08\x7f\x00\x00\x01\xff\xff\xff\xff\
    \x30\x22\x87\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\
    \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum LocalCaError {
    #[error("{0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("no key could be made")]
    KeyGeneration,
    #[error("certificate and key do not belong to each other")]
    Mismatch,
    #[error("it ended at {0}")]
    Ended(Timestamp),
}

/// An authority that vouches for localhost, 127.0.0.1 and `::1`. ECDSA on P-256.
pub struct LocalCa {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate for a server, and its key. Both DER; the key is PKCS #8.
pub struct Leaf {
    pub certificate: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
}

impl LocalCa {
    /// A new authority.
    ///
    /// # Errors
    /// [`LocalCaError`] when OpenSSL fails.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Result<Self, LocalCaError> {
        let (key, _) = new_key(entropy)?;
        let name = named("Signet local CA")?;
        let mut builder = begin(&name, &key, now, now.plus(AUTHORITY_LIVES), entropy)?;
        builder.set_issuer_name(&name)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        let oid = Asn1Object::from_str("2.5.29.30")?;
        let names = Asn1OctetString::new_from_bytes(ONLY_LOOPBACK)?;
        builder.append_extension(X509Extension::new_from_der(&oid, true, &names)?)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self { certificate: builder.build(), key })
    }

    /// Reads what [`Self::certificate_pem`] and [`Self::key_pem`] gave.
    ///
    /// # Errors
    /// [`LocalCaError`] when they are damaged, do not fit, or have ended.
    pub fn from_pem(certificate: &[u8], key: &[u8], now: Timestamp) -> Result<Self, LocalCaError> {
        let (certificate, key) = (X509::from_pem(certificate)?, PKey::private_key_from_pem(key)?);
        if !certificate.public_key()?.public_eq(&key) {
            return Err(LocalCaError::Mismatch);
        }
        let ends = instant(certificate.not_after()).unwrap_or(Timestamp::EPOCH);
        if ends <= now {
            return Err(LocalCaError::Ended(ends));
        }
        Ok(Self { certificate, key })
    }

    /// # Errors
    /// [`LocalCaError::OpenSsl`].
    pub fn certificate_pem(&self) -> Result<Vec<u8>, LocalCaError> {
        Ok(self.certificate.to_pem()?)
    }

    /// # Errors
    /// [`LocalCaError::OpenSsl`].
    pub fn key_pem(&self) -> Result<Zeroizing<Vec<u8>>, LocalCaError> {
        Ok(Zeroizing::new(self.key.private_key_to_pem_pkcs8()?))
    }

    /// SHA-256 of the certificate in hexadecimal, as browsers show it.
    ///
    /// # Errors
    /// [`LocalCaError::OpenSsl`].
    pub fn fingerprint(&self) -> Result<String, LocalCaError> {
        let digest = self.certificate.digest(MessageDigest::sha256())?;
        Ok(digest.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// A fresh certificate, with a fresh key, for a server on this computer.
    ///
    /// # Errors
    /// [`LocalCaError`] when OpenSSL fails.
    pub fn issue(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<Leaf, LocalCaError> {
        let (key, pkcs8) = new_key(entropy)?;
        // A certificate does not outlive the one that vouches for it.
        let ends = instant(self.certificate.not_after()).unwrap_or(now).min(now.plus(LEAF_LIVES));
        let mut builder = begin(named("localhost")?.as_ref(), &key, now, ends, entropy)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let names = SubjectAlternativeName::new().dns("localhost").ip("127.0.0.1").ip("::1").build(&context)?;
        let subject = SubjectKeyIdentifier::new().build(&context)?;
        let authority = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        for extension in [names, subject, authority] {
            builder.append_extension(extension)?;
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(Leaf { certificate: builder.build().to_der()?, key: pkcs8 })
    }
}

impl fmt::Debug for LocalCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCa").finish_non_exhaustive()
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").finish_non_exhaustive()
    }
}

/// When a certificate (DER) ends; nothing when it is none.
#[must_use]
pub fn end_of_certificate(der: &[u8]) -> Option<Timestamp> {
    instant(X509::from_der(der).ok()?.not_after())
}

fn new_key(entropy: &dyn Entropy) -> Result<(PKey<Private>, Zeroizing<Vec<u8>>), LocalCaError> {
    let (_, pkcs8) = ec::generate(entropy).ok_or(LocalCaError::KeyGeneration)?;
    Ok((PKey::private_key_from_pkcs8(&pkcs8)?, pkcs8))
}

fn named(common: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common)?;
    Ok(name.build())
}

/// What every certificate has; its issuer and its extensions are missing yet.
fn begin(
    subject: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    now: Timestamp,
    ends: Timestamp,
    entropy: &dyn Entropy,
) -> Result<X509Builder, LocalCaError> {
    let mut builder = X509::builder()?;
    // X.509 version 3, which counts from zero.
    builder.set_version(2)?;
    // "CAs MUST force the serialNumber to be a non-negative integer", of at most 20 octets (RFC 5280 section 4.1.2.2).
    let mut serial = [0; 16];
    entropy.fill(&mut serial);
    let mut serial = BigNum::from_slice(&serial)?;
    serial.mask_bits(127)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(now.minus(SKEW).seconds())?)?;
    builder.set_not_after(&*Asn1Time::from_unix(ends.seconds())?)?;
    Ok(builder)
}

fn instant(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(Timestamp::from_seconds(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

#[cfg(test)]
mod tests {
    use super::LocalCa;
    use super::LocalCaError;
    use super::end_of_certificate;
    use crate::ambient::OsEntropy;
    use crate::domain::time::Timestamp;
    use openssl::pkey::PKey;
    use openssl::stack::Stack;
    use openssl::x509::X509;
    use openssl::x509::X509StoreContext;
    use openssl::x509::extension::SubjectAlternativeName;
    use openssl::x509::store::X509StoreBuilder;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

    fn vouches(ca: &LocalCa, leaf: &X509) -> bool {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(ca.certificate.clone()).unwrap();
        let mut parameters = openssl::x509::verify::X509VerifyParam::new().unwrap();
        parameters.set_time(NOW.seconds());
        store.set_param(&parameters).unwrap();
        let chain = Stack::new().unwrap();
        let mut context = X509StoreContext::new().unwrap();
        context.init(&store.build(), leaf, &chain, openssl::x509::X509StoreContextRef::verify_cert).unwrap()
    }

    #[test]
    fn it_vouches_for_this_computer_and_for_nothing_else() {
        let ca = LocalCa::generate(NOW, &OsEntropy).unwrap();
        let leaf = ca.issue(NOW, &OsEntropy).unwrap();
        assert!(vouches(&ca, &X509::from_der(&leaf.certificate).unwrap()));
        assert_eq!(end_of_certificate(&leaf.certificate), Some(Timestamp::from_seconds(NOW.seconds() + 397 * 86_400)));
        for (name, allowed) in [("localhost", true), ("bank.example", false), ("10.0.0.1", false), ("127.0.0.1", true)]
        {
            let key = PKey::private_key_from_pkcs8(&leaf.key).unwrap();
            let subject = super::named("x").unwrap();
            let mut builder = super::begin(&subject, &key, NOW, NOW.plus(super::SKEW), &OsEntropy).unwrap();
            builder.set_issuer_name(ca.certificate.subject_name()).unwrap();
            let mut names = SubjectAlternativeName::new();
            match name.parse::<std::net::IpAddr>() {
                Ok(_) => names.ip(name),
                Err(_) => names.dns(name),
            };
            let names = names.build(&builder.x509v3_context(Some(&ca.certificate), None)).unwrap();
            builder.append_extension(names).unwrap();
            builder.sign(&ca.key, super::MessageDigest::sha256()).unwrap();
            assert_eq!(vouches(&ca, &builder.build()), allowed, "{name}");
        }
    }

    #[test]
    fn it_is_read_again_unless_damaged_or_at_its_end() {
        let ca = LocalCa::generate(NOW, &OsEntropy).unwrap();
        let (certificate, key) = (ca.certificate_pem().unwrap(), ca.key_pem().unwrap());
        let again = LocalCa::from_pem(&certificate, &key, NOW).unwrap();
        assert_eq!(again.fingerprint().unwrap(), ca.fingerprint().unwrap());
        let other = LocalCa::generate(NOW, &OsEntropy).unwrap().key_pem().unwrap();
        assert!(matches!(LocalCa::from_pem(&certificate, &other, NOW), Err(LocalCaError::Mismatch)));
        let end = NOW.plus(super::AUTHORITY_LIVES);
        assert!(matches!(LocalCa::from_pem(&certificate, &key, end), Err(LocalCaError::Ended(_))));
        assert!(LocalCa::from_pem(b"", &key, NOW).is_err() && LocalCa::from_pem(&certificate, b"", NOW).is_err());
        // A leaf made on its last day ends with it.
        let late = end.minus(super::SKEW);
        assert_eq!(end_of_certificate(&again.issue(late, &OsEntropy).unwrap().certificate), Some(end));
        assert_eq!(format!("{again:?}"), "LocalCa { .. }");
    }
}
