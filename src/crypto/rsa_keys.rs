//! RSA keys, for RS256 and PS256 (RFC 7518 sections 3.3 and 3.5): 2048 bits, e = 65537. Made and described by rsa,
//! never used by it.

use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use super::entropy::Generator;
use super::jwk::Members;
use super::jwk::encode;
use crate::ambient::Entropy;

/// RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used".
const BITS: usize = 2048;

/// A fresh key: its JWK members and its PKCS#8 form. Takes about a tenth of a second.
pub(super) fn generate(entropy: &dyn Entropy) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    let secret = RsaPrivateKey::new(&mut Generator(entropy), BITS).ok()?;
    let pkcs8 = secret.to_pkcs8_der().ok()?;
    let members = Members::Rsa { n: encode(&secret.n().to_bytes_be()), e: encode(&secret.e().to_bytes_be()) };
    Some((members, Zeroizing::new(pkcs8.as_bytes().to_vec())))
}
