//! Ed25519 keys, for EdDSA (RFC 8037). The private half is 32 random bytes (RFC 8032 section 5.1.5); OpenSSL finds the
//! public one.

use openssl::pkey::Id;
use openssl::pkey::PKey;
use zeroize::Zeroizing;

use super::jwk::Members;
use super::jwk::encode;
use crate::ambient::Entropy;

/// A fresh key: its JWK members and its PKCS#8 form.
pub(super) fn generate(entropy: &dyn Entropy) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut_slice());
    from_seed(seed.as_slice())
}

/// The key of this private half, 32 bytes.
pub(super) fn from_seed(seed: &[u8]) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    let secret = PKey::private_key_from_raw_bytes(seed, Id::ED25519).ok()?;
    let pkcs8 = Zeroizing::new(secret.private_key_to_pkcs8().ok()?);
    // RFC 8037 section 2: `kty` "MUST be" "OKP", and `x` "MUST contain the public key encoded using the base64url".
    Some((Members::Okp { crv: "Ed25519", x: encode(&secret.raw_public_key().ok()?) }, pkcs8))
}
