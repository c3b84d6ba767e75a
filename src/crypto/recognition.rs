//! Whether an ES256 signature is good, told by the private key that made it, in a quarter of the time that the public one takes.
//!
//! FIPS 186-5 section 6.4.2 computes R = u * G + v * Q, of which the second multiplication is slow: nothing is known about Q
//! beforehand. But Q = d * G, and who knows d computes the same R = (u + v * d) * G, with the tables that there are for G.
//! So both come to one verdict about every signature.

use std::fmt;

use openssl::bn::BigNum;
use openssl::bn::BigNumContext;
use openssl::ec::EcGroup;
use openssl::ec::EcPoint;
use openssl::nid::Nid;
use p256::FieldBytes;
use p256::NonZeroScalar;
use p256::Scalar;
use p256::SecretKey;
use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::ops::Invert;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::scalar::IsHigh;
use subtle::ConditionallySelectable;
use zeroize::Zeroizing;

use super::hash;

/// A private key that knows its own signatures.
pub(super) struct Recognition {
    secret: SecretKey,
    group: EcGroup,
}

impl Recognition {
    pub(super) fn of(secret: SecretKey) -> Option<Self> {
        Some(Self { secret, group: EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()? })
    }

    /// Whether the public half of this key would find `signature` good for `message`. `false` also when the library
    /// has failed: the public half can still be asked.
    pub(super) fn recognises(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((r, s)) = numbers(signature) else { return false };
        let secret = Zeroizing::new(*self.secret.to_nonzero_scalar());
        let e = Scalar::reduce(&FieldBytes::from(hash::digest(message)));
        // Everybody knows s: only its inverse may take a time that depends on it.
        let k = Zeroizing::new((e + *r * *secret) * *s.invert_vartime());
        // R at infinity is no signature.
        *k != Scalar::ZERO && self.abscissa(&k).is_some_and(|x| Scalar::reduce(&x) == *r)
    }

    /// The first coordinate of k * G. Here k is as secret as the key: whoever asks can have it made of the key and two
    /// numbers of their own choice, again and again.
    fn abscissa(&self, k: &Scalar) -> Option<FieldBytes> {
        let (mut context, mut point) = (BigNumContext::new().ok()?, EcPoint::new(&self.group).ok()?);
        let mut number = BigNum::from_slice(&long(k)[..]).ok()?;
        number.set_const_time();
        let multiplied = point.mul_generator2(&self.group, &number, &mut context);
        number.clear();
        multiplied.ok()?;
        let (mut x, mut y) = (BigNum::new().ok()?, BigNum::new().ok()?);
        point.affine_coordinates(&self.group, &mut x, &mut y, &mut context).ok()?;
        FieldBytes::try_from(x.to_vec_padded(32).ok()?.as_slice()).ok()
    }
}

/// The larger of k and -k, whose multiples share that coordinate. OpenSSL takes the same time for all numbers of one length
/// in bytes, and a small k would tell itself by the zeros in front that are left away.
fn long(k: &Scalar) -> Zeroizing<FieldBytes> {
    Zeroizing::new(Scalar::conditional_select(&-k, k, k.is_high()).to_repr())
}

/// R and S, both "in the interval [1, n - 1]" (FIPS 186-5 section 6.4.2, step 1).
fn numbers(signature: &[u8]) -> Option<(NonZeroScalar, NonZeroScalar)> {
    let (r, s) = signature.split_at_checked(32)?;
    Some((NonZeroScalar::try_from(r).ok()?, NonZeroScalar::try_from(s).ok()?))
}

impl fmt::Debug for Recognition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recognition(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::Recognition;
    use super::long;
    use crate::ambient::OsEntropy;
    use crate::crypto::entropy::Generator;
    use crate::crypto::hash;
    use p256::FieldBytes;
    use p256::NonZeroScalar;
    use p256::ProjectivePoint;
    use p256::Scalar;
    use p256::SecretKey;
    use p256::ecdsa::Signature;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;
    use p256::elliptic_curve::Generate;
    use p256::elliptic_curve::ff::PrimeField;
    use p256::elliptic_curve::group::Group;
    use p256::elliptic_curve::ops::Reduce;
    use p256::elliptic_curve::point::AffineCoordinates;
    use p256::elliptic_curve::sec1::ToSec1Point;
    use ring::signature::ECDSA_P256_SHA256_FIXED;
    use ring::signature::UnparsedPublicKey;

    const MESSAGE: &[u8] = b"eyJ9.e30";
    /// The order of the curve, SEC 2 section 2.4.2.
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

    struct Judges {
        secret: Scalar,
        own: Recognition,
        ring: Vec<u8>,
        p256: VerifyingKey,
    }

    impl Judges {
        fn new() -> Self {
            let secret = SecretKey::generate_from_rng(&mut Generator(&OsEntropy));
            let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
            Self {
                secret: *secret.to_nonzero_scalar(),
                p256: VerifyingKey::from_sec1_bytes(&public).unwrap(),
                own: Recognition::of(secret).unwrap(),
                ring: public,
            }
        }

        /// What all three say: the private half, and two libraries with the public one.
        fn verdict(&self, signature: &[u8]) -> bool {
            let own = self.own.recognises(MESSAGE, signature);
            let ring = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.ring).verify(MESSAGE, signature).is_ok();
            let p256 = Signature::from_slice(signature).is_ok_and(|read| self.p256.verify(MESSAGE, &read).is_ok());
            assert_eq!((own, own), (ring, p256), "{signature:x?}");
            own
        }

        /// The signature that this key makes with `k`, which is to be known to nobody else.
        fn signature(&self, k: Scalar) -> (Scalar, Scalar) {
            let r = Scalar::reduce(&ProjectivePoint::mul_by_generator(&k).to_affine().x());
            (r, (e() + r * self.secret) * k.invert().unwrap())
        }
    }

    fn e() -> Scalar {
        Scalar::reduce(&FieldBytes::from(hash::digest(MESSAGE)))
    }

    fn bytes(r: Scalar, s: Scalar) -> Vec<u8> {
        [r.to_repr(), s.to_repr()].concat()
    }

    fn hex(digits: &str) -> Vec<u8> {
        digits.as_bytes().chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
    }

    fn any() -> Scalar {
        *NonZeroScalar::generate_from_rng(&mut Generator(&OsEntropy))
    }

    #[test]
    fn every_multiple_is_found() {
        let judges = Judges::new();
        let small = (1..=40_u64).map(Scalar::from);
        let powers = std::iter::successors(Some(Scalar::ONE), |k| Some(*k * Scalar::from(256_u64))).take(32);
        for k in small.chain(powers) {
            for k in [k, -k, k * any()] {
                let (r, s) = judges.signature(k);
                assert!(judges.verdict(&bytes(r, s)));
                assert!(judges.verdict(&bytes(r, -s)), "as good, for whoever does not ask for the smaller s");
                assert!(!judges.verdict(&bytes(r + Scalar::ONE, s)));
                assert!(!judges.verdict(&bytes(r, s + Scalar::ONE)));
                assert!(!judges.verdict(&bytes(s, r)));
            }
        }
    }

    #[test]
    fn no_number_is_short() {
        let half = Scalar::from(2_u64).invert().unwrap();
        let powers = std::iter::successors(Some(Scalar::ONE), |k| Some(*k * Scalar::from(256_u64))).take(32);
        for k in powers.chain([half, half - Scalar::ONE, any()]) {
            let long = |k: &Scalar| Scalar::from_repr(*long(k)).unwrap();
            assert!(long(&k).to_repr()[0] >= 0x7f);
            assert_eq!(long(&k), long(&-k));
            assert!(long(&k) == k || long(&k) == -k);
        }
    }

    #[test]
    fn the_point_at_infinity_is_no_signature() {
        let judges = Judges::new();
        let r = -e() * judges.secret.invert().unwrap();
        for s in [Scalar::ONE, -Scalar::ONE, r, any()] {
            assert!(!judges.verdict(&bytes(r, s)));
        }
    }

    #[test]
    fn numbers_out_of_range_are_no_signature() {
        let judges = Judges::new();
        let (r, s) = judges.signature(any());
        let (r, s) = (r.to_repr().to_vec(), s.to_repr().to_vec());
        let mut above = hex(ORDER);
        *above.last_mut().unwrap() += 1;
        for bad in [vec![0; 32], hex(ORDER), above, vec![0xff; 32]] {
            assert!(!judges.verdict(&[&*bad, &*s].concat()));
            assert!(!judges.verdict(&[&*r, &*bad].concat()));
            assert!(!judges.verdict(&[&*bad, &*bad].concat()));
        }
        let whole = [r, s].concat();
        for bad in [&[], &whole[..32], &whole[..63], &[&*whole, &[0]].concat(), &[&[0], &*whole].concat()] {
            assert!(!judges.verdict(bad));
        }
    }

    #[test]
    fn nobody_elses_signature_is_recognised() {
        let (judges, others) = (Judges::new(), Judges::new());
        for _ in 0..100 {
            let (r, s) = others.signature(any());
            assert!(others.verdict(&bytes(r, s)));
            assert!(!judges.verdict(&bytes(r, s)));
        }
    }
}
