//! P-256 keys, for ES256 (RFC 7518 section 3.4). Made and described by p256, never used by it.

use p256::SecretKey;
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::EncodePrivateKey;
use zeroize::Zeroizing;

use super::entropy::Generator;
use super::jwk::Members;
use super::jwk::encode;
use crate::ambient::Entropy;

/// A fresh key: its JWK members and its PKCS#8 form.
pub(super) fn generate(entropy: &dyn Entropy) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    encoded(&SecretKey::generate_from_rng(&mut Generator(entropy)))
}

/// The key of this private number, 32 bytes; `None` when it is zero or not below the order of the curve.
pub(super) fn from_scalar(scalar: &[u8]) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    encoded(&SecretKey::from_slice(scalar).ok()?)
}

fn encoded(secret: &SecretKey) -> Option<(Members, Zeroizing<Vec<u8>>)> {
    let pkcs8 = secret.to_pkcs8_der().ok()?;
    let point = secret.public_key().to_sec1_point(false);
    // RFC 7518 section 6.2.1.2: "The length of this octet string MUST be the full size of a coordinate".
    let members = Members::Ec { crv: "P-256", x: encode(point.x()?), y: encode(point.y()?) };
    Some((members, Zeroizing::new(pkcs8.as_bytes().to_vec())))
}
