//! Private keys that were made elsewhere: PEM or a private JWK in, the same form as of our own keys out.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::EcGroup;
use openssl::ec::EcKey;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::pkey::PKey;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use serde_json::Map;
use serde_json::Value;
use zeroize::Zeroizing;

use super::ec;
use super::ed25519;
use super::json;
use super::jwk::Members;
use super::jwk::encode;
use super::pem;
use super::quality;
use super::quality::Weakness;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// Longer texts are refused before they are looked at, in bytes. An RSA key of 4096 bits has about 3300.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Why a text is not imported. No variant shows anything of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("longer than 16 KiB")]
    TooLong,
    #[error("neither a private key in PEM nor a private JWK")]
    Unrecognised,
    #[error("the PEM block is cut short or damaged")]
    Damaged,
    #[error("the text has more than one key; import them one by one")]
    Several,
    #[error("the key is encrypted; decrypt it first, for example with: openssl pkey -in FILE")]
    Encrypted,
    #[error("this is a {0}; the private key is needed")]
    NotPrivate(&'static str),
    #[error("not a JWK: {0}")]
    Json(#[from] json::JsonError),
    #[error("the JWK's {0:?} is missing, or is not what it should be")]
    Member(&'static str),
    #[error(
        "the JWK's \"kid\" must have 1 to 64 letters, digits, \".\", \"_\" and \"-\", and begin with a letter or digit"
    )]
    KeyName,
    #[error("the JWK's \"alg\" is not {0}")]
    OtherAlgorithm(Algorithm),
    #[error("{algorithm} needs {wanted}; this is {found}")]
    KeyType { algorithm: Algorithm, wanted: &'static str, found: &'static str },
    #[error(transparent)]
    Weak(#[from] Weakness),
}

/// A key that was read and found good.
pub struct ImportedKey {
    members: Members,
    algorithm: Algorithm,
    /// What the JWK calls itself.
    pub kid: Option<KeyId>,
    /// The private half, PKCS#8 DER.
    pub private_pkcs8: Zeroizing<Vec<u8>>,
}

impl ImportedKey {
    /// The public half as it goes into the JWKS.
    #[must_use]
    pub fn public_jwk(&self, kid: &KeyId) -> Option<String> {
        self.members.clone().describe(self.algorithm, kid)
    }
}

impl fmt::Debug for ImportedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Reads PEM (PKCS#8, PKCS#1, SEC1) or a private JWK that is to sign with `algorithm`. Takes some tenths of a second for
/// RSA, whose primes are tested.
///
/// # Errors
/// [`ImportError`].
pub fn read(text: &str, algorithm: Algorithm) -> Result<ImportedKey, ImportError> {
    if text.len() > MAX_LENGTH {
        return Err(ImportError::TooLong);
    }
    let (key, kid) =
        if text.trim_start().starts_with('{') { from_jwk(text, algorithm)? } else { (from_pem(text)?, None) };
    let (members, private_pkcs8) = check(&key, algorithm)?;
    Ok(ImportedKey { members, algorithm, kid, private_pkcs8 })
}

/// The pair in the form of our own keys, whatever the form it came in.
fn check(key: &PKey<Private>, algorithm: Algorithm) -> Result<(Members, Zeroizing<Vec<u8>>), ImportError> {
    let wrong = Err(ImportError::KeyType { algorithm, wanted: wanted(algorithm), found: describe(key) });
    match (algorithm, key.id()) {
        (Algorithm::Rs256 | Algorithm::Ps256, Id::RSA) => {
            let rsa = key.rsa().map_err(|_| ImportError::Damaged)?;
            quality::rsa_private(&rsa)?;
            let pkcs8 = key.private_key_to_pkcs8().map_err(|_| ImportError::Damaged)?;
            Ok((Members::Rsa { n: encode(&rsa.n().to_vec()), e: encode(&rsa.e().to_vec()) }, Zeroizing::new(pkcs8)))
        }
        (Algorithm::Es256, Id::EC) => {
            let ec = key.ec_key().map_err(|_| ImportError::Damaged)?;
            if ec.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
                return wrong;
            }
            ec.check_key().map_err(|_| Weakness::OffCurve)?;
            let scalar = Zeroizing::new(ec.private_key().to_vec_padded(32).map_err(|_| Weakness::OffCurve)?);
            ec::from_scalar(&scalar).ok_or(ImportError::Weak(Weakness::OffCurve))
        }
        (Algorithm::EdDsa, Id::ED25519) => {
            let seed = Zeroizing::new(key.raw_private_key().map_err(|_| ImportError::Damaged)?);
            ed25519::from_seed(&seed).ok_or(ImportError::Weak(Weakness::Inconsistent))
        }
        _ => wrong,
    }
}

const fn wanted(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 => "an RSA key",
        Algorithm::Es256 => "an EC key on P-256",
        Algorithm::EdDsa => "an Ed25519 key",
    }
}

fn describe(key: &PKey<Private>) -> &'static str {
    match key.id() {
        Id::RSA => "an RSA key",
        Id::RSA_PSS => "an RSA key that is bound to RSASSA-PSS (import it as plain RSA)",
        Id::EC => match key.ec_key().ok().and_then(|ec| ec.group().curve_name()) {
            Some(Nid::X9_62_PRIME256V1) => "an EC key on P-256",
            Some(Nid::SECP384R1) => "an EC key on P-384",
            Some(Nid::SECP521R1) => "an EC key on P-521",
            Some(Nid::SECP256K1) => "an EC key on secp256k1",
            _ => "an EC key on another curve",
        },
        Id::ED25519 => "an Ed25519 key",
        Id::ED448 => "an Ed448 key",
        _ => "a key of another kind",
    }
}

/// The label decides the form. OpenSSL's own reader of PEM is not used: it would ask the terminal for a password.
fn from_pem(text: &str) -> Result<PKey<Private>, ImportError> {
    let mut keys = pem::blocks(text).ok_or(ImportError::Damaged)?;
    // What `openssl ecparam -genkey` writes before the key; the key names its curve again.
    keys.retain(|block| block.label != "EC PARAMETERS");
    let [block] = keys.as_slice() else {
        return Err(if keys.is_empty() { ImportError::Unrecognised } else { ImportError::Several });
    };
    if block.has_headers || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(ImportError::Encrypted);
    }
    if !is_whole(&block.der) {
        return Err(ImportError::Damaged);
    }
    match block.label {
        "PRIVATE KEY" => PKey::private_key_from_pkcs8(&block.der),
        "RSA PRIVATE KEY" => Rsa::private_key_from_der(&block.der).and_then(PKey::from_rsa),
        "EC PRIVATE KEY" => EcKey::private_key_from_der(&block.der).and_then(PKey::from_ec_key),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(ImportError::NotPrivate("public key")),
        "CERTIFICATE" => return Err(ImportError::NotPrivate("certificate")),
        _ => return Err(ImportError::Unrecognised),
    }
    .map_err(|_| ImportError::Damaged)
}

/// Whether the outer SEQUENCE fills the block: OpenSSL does not mind what comes after it.
fn is_whole(der: &[u8]) -> bool {
    match der {
        [0x30, length, body @ ..] if *length < 0x80 => body.len() == usize::from(*length),
        [0x30, 0x81, length, body @ ..] => body.len() == usize::from(*length),
        [0x30, 0x82, high, low, body @ ..] => body.len() == usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

fn from_jwk(text: &str, algorithm: Algorithm) -> Result<(PKey<Private>, Option<KeyId>), ImportError> {
    let Value::Object(members) = json::strict(text.as_bytes())? else { return Err(ImportError::Unrecognised) };
    if members.contains_key("keys") {
        return Err(ImportError::Several);
    }
    match members.get("alg").map(Value::as_str) {
        None => {}
        Some(Some(alg)) if alg == algorithm.as_str() => {}
        Some(_) => return Err(ImportError::OtherAlgorithm(algorithm)),
    }
    // RFC 7517 sections 4.2 and 4.3: who says what a key is for means it.
    if members.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(ImportError::Member("use"));
    }
    let signs = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "sign"));
    if members.get("key_ops").is_some_and(|ops| !signs(ops)) {
        return Err(ImportError::Member("key_ops"));
    }
    let key = match members.get("kty").and_then(Value::as_str) {
        Some("RSA") => rsa_from(&members)?,
        Some("EC") => ec_from(&members, algorithm)?,
        Some("OKP") => okp_from(&members, algorithm)?,
        _ => return Err(ImportError::Member("kty")),
    };
    Ok((key, name(&members)?))
}

/// Names end up in logs, tables and command lines of others, so there is less freedom than RFC 7517 section 4.5 gives.
fn name(members: &Map<String, Value>) -> Result<Option<KeyId>, ImportError> {
    let Some(kid) = members.get("kid") else { return Ok(None) };
    let kid = kid.as_str().ok_or(ImportError::KeyName)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if kid.len() > 64 || !kid.starts_with(|first: char| first.is_ascii_alphanumeric()) || !kid.chars().all(plain) {
        return Err(ImportError::KeyName);
    }
    KeyId::new(kid).map(Some).map_err(|_| ImportError::KeyName)
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let text = members.get(name).and_then(Value::as_str).ok_or(ImportError::Member(name))?;
    URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).map_err(|_| ImportError::Member(name))
}

/// RFC 7518 section 6.3.2. The prime factors may be left out there; without them a key cannot be checked.
fn rsa_from(members: &Map<String, Value>) -> Result<PKey<Private>, ImportError> {
    if !members.contains_key("d") {
        return Err(ImportError::NotPrivate("public JWK"));
    }
    // RFC 7518 section 6.3.2.7: a consumer "that does not support the use of more than two prime factors MUST NOT" use it.
    if members.contains_key("oth") {
        return Err(ImportError::Member("oth"));
    }
    let number = |name| BigNum::from_slice(&bytes(members, name)?).map_err(|_| ImportError::Member(name));
    let key = Rsa::from_private_components(
        number("n")?,
        number("e")?,
        number("d")?,
        number("p")?,
        number("q")?,
        number("dp")?,
        number("dq")?,
        number("qi")?,
    );
    key.and_then(PKey::from_rsa).map_err(|_| ImportError::Weak(Weakness::Inconsistent))
}

/// RFC 7518 section 6.2.
fn ec_from(members: &Map<String, Value>, algorithm: Algorithm) -> Result<PKey<Private>, ImportError> {
    if !members.contains_key("d") {
        return Err(ImportError::NotPrivate("public JWK"));
    }
    if members.get("crv").and_then(Value::as_str) != Some("P-256") {
        let wanted = wanted(algorithm);
        return Err(ImportError::KeyType { algorithm, wanted, found: "an EC key on another curve than P-256" });
    }
    // Section 6.2.1.2: the coordinates have "the full size"; so has the private number (section 6.2.2.1).
    for name in ["x", "y", "d"] {
        if bytes(members, name)?.len() != 32 {
            return Err(ImportError::Member(name));
        }
    }
    let number = |name| BigNum::from_slice(&bytes(members, name)?).map_err(|_| ImportError::Member(name));
    let (x, y, d) = (number("x")?, number("y")?, number("d")?);
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).map_err(|_| Weakness::OffCurve)?;
    let public = EcKey::from_public_key_affine_coordinates(&curve, &x, &y).map_err(|_| Weakness::OffCurve)?;
    let key = EcKey::from_private_components(&curve, &d, public.public_key()).and_then(PKey::from_ec_key);
    Ok(key.map_err(|_| Weakness::OffCurve)?)
}

/// RFC 8037 section 2.
fn okp_from(members: &Map<String, Value>, algorithm: Algorithm) -> Result<PKey<Private>, ImportError> {
    if !members.contains_key("d") {
        return Err(ImportError::NotPrivate("public JWK"));
    }
    if members.get("crv").and_then(Value::as_str) != Some("Ed25519") {
        let wanted = wanted(algorithm);
        return Err(ImportError::KeyType { algorithm, wanted, found: "an OKP key on another curve than Ed25519" });
    }
    let key =
        PKey::private_key_from_raw_bytes(&bytes(members, "d")?, Id::ED25519).map_err(|_| ImportError::Member("d"))?;
    // An Ed25519 signer that is told a public half that is not its own gives its private half away.
    if key.raw_public_key().map_err(|_| Weakness::Inconsistent)? != *bytes(members, "x")? {
        return Err(ImportError::Weak(Weakness::Inconsistent));
    }
    Ok(key)
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
