//! The textual form of keys, RFC 7468.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::EcGroup;
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use serde_json::Value;
use zeroize::Zeroizing;

use super::CryptoError;
use super::json;

/// The public half of a key of ours as PEM (`SubjectPublicKeyInfo`).
///
/// # Errors
/// [`CryptoError::PublicKey`] when it is no JWK of a type that we sign with.
pub fn public(public_jwk: &str) -> Result<String, CryptoError> {
    let Ok(Value::Object(members)) = json::strict(public_jwk.as_bytes()) else {
        return Err(CryptoError::PublicKey("not a JSON object"));
    };
    let bytes = |name: &str| {
        let text = members.get(name).and_then(Value::as_str).ok_or(CryptoError::PublicKey("a member is missing"))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| CryptoError::PublicKey("a member is not base64url"))
    };
    let unusable = |_: ErrorStack| CryptoError::PublicKey("its numbers are not a key");
    let pem = match members.get("kty").and_then(Value::as_str) {
        Some("RSA") => rsa(&bytes("n")?, &bytes("e")?).map_err(unusable)?,
        Some("EC") => ec(&bytes("x")?, &bytes("y")?).map_err(unusable)?,
        Some("OKP") => PKey::public_key_from_raw_bytes(&bytes("x")?, Id::ED25519)
            .and_then(|key| key.public_key_to_pem())
            .map_err(unusable)?,
        _ => return Err(CryptoError::PublicKey("kty")),
    };
    String::from_utf8(pem).map_err(|_| CryptoError::PublicKey("its PEM form is not text"))
}

fn rsa(n: &[u8], e: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = Rsa::from_public_components(BigNum::from_slice(n)?, BigNum::from_slice(e)?)?;
    PKey::from_rsa(key)?.public_key_to_pem()
}

fn ec(x: &[u8], y: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let (x, y) = (BigNum::from_slice(x)?, BigNum::from_slice(y)?);
    PKey::from_ec_key(EcKey::from_public_key_affine_coordinates(&curve, &x, &y)?)?.public_key_to_pem()
}

/// A PKCS#8 private key as PEM, not encrypted.
#[must_use]
pub fn private(pkcs8: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(pkcs8));
    // Exactly as long as it gets, so that growing leaves no unwiped copy behind.
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 60);
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (at, letter) in body.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Zeroizing::new(pem)
}

/// One block of a PEM text.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// `Proc-Type` and `DEK-Info`: the body is encrypted in the old way of OpenSSL.
    pub(super) has_headers: bool,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// All blocks of a text; what stands around them is commentary. `None` when one is cut short or is not base64.
pub(super) fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        let mut has_headers = false;
        loop {
            let line = lines.next()?;
            if let Some(end) = line.strip_prefix("-----END ") {
                (end.strip_suffix("-----")? == label).then_some(())?;
                break;
            }
            if line.contains(':') {
                has_headers = true;
            } else {
                body.push_str(line);
            }
        }
        // An encrypted body may have anything in it; who reads the block refuses it by its headers.
        let der = if has_headers { Vec::new() } else { STANDARD.decode(body.as_bytes()).ok()? };
        found.push(Block { label, has_headers, der: Zeroizing::new(der) });
    }
    Some(found)
}
