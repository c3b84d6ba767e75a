//! Encryption at rest and message authentication, all from one master key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::aead::Payload;
use hkdf::Hkdf;
use hmac::Hmac;
use hmac::Mac;
use sha2::Sha256;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;
use zeroize::Zeroizing;

use super::CryptoError;
use super::hash::constant_time_eq;
use crate::ambient::Entropy;

/// First byte of everything sealed: XChaCha20-Poly1305, then 24 bytes of nonce, then ciphertext and tag.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// The one key that everything sealed at rest depends on.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads 43 characters of base64url.
    ///
    /// # Errors
    /// [`CryptoError::MasterKey`] for any other length or character.
    pub fn from_base64(text: &str) -> Result<Self, CryptoError> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| CryptoError::MasterKey)?);
        Ok(Self(bytes.as_slice().try_into().map_err(|_| CryptoError::MasterKey)?))
    }

    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The key for one purpose. Keys of different purposes tell nothing about each other.
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> SubKey {
        SubKey::expand(&self.0, purpose)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// A key for one purpose: seals, and authenticates messages.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubKey {
    sealing: [u8; 32],
    mac: [u8; 32],
}

impl SubKey {
    /// The key that a random token of ours gives: only who has the token can open what was sealed under it.
    #[must_use]
    pub fn from_token(token: &str, purpose: &'static str) -> Self {
        Self::expand(token.as_bytes(), purpose)
    }

    /// HKDF-SHA256, RFC 5869.
    fn expand(secret: &[u8], purpose: &'static str) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"signet v1"), secret);
        let mut key = Self { sealing: [0; 32], mac: [0; 32] };
        // Expanding fails only beyond 255 hashes of output; each of these is one.
        let sealing = hkdf.expand_multi_info(&[b"seal ", purpose.as_bytes()], &mut key.sealing);
        let mac = hkdf.expand_multi_info(&[b"mac ", purpose.as_bytes()], &mut key.mac);
        if sealing.is_err() || mac.is_err() {
            std::process::abort();
        }
        key
    }

    /// Encrypts `plain` and binds it to `aad`: [`SubKey::open`] needs the same `aad`.
    ///
    /// # Errors
    /// [`CryptoError::Sealed`] beyond 256 GiB.
    pub fn seal(&self, plain: &[u8], aad: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, CryptoError> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let cipher = XChaCha20Poly1305::new(&self.sealing.into());
        let body =
            cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad }).map_err(|_| CryptoError::Sealed)?;
        Ok([&[VERSION], nonce.as_slice(), &body].concat())
    }

    /// Decrypts what [`SubKey::seal`] made.
    ///
    /// # Errors
    /// [`CryptoError::Sealed`] when a bit of it changed, it was cut, or key or `aad` are others.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (version, rest) = sealed.split_first().ok_or(CryptoError::Sealed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(CryptoError::Sealed)?;
        if *version != VERSION {
            return Err(CryptoError::Sealed);
        }
        let cipher = XChaCha20Poly1305::new(&self.sealing.into());
        let plain =
            cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad }).map_err(|_| CryptoError::Sealed)?;
        Ok(Zeroizing::new(plain))
    }

    /// HMAC-SHA256, RFC 2104.
    #[must_use]
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.mac_key());
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` is the [`SubKey::mac`] of `message`, in constant time.
    #[must_use]
    pub fn verify_mac(&self, message: &[u8], tag: &[u8]) -> bool {
        constant_time_eq(&self.mac(message), tag)
    }

    /// HMAC pads a key shorter than a block (64 bytes) with zeros.
    fn mac_key(&self) -> hmac::digest::Key<Hmac<Sha256>> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (to, from) in block.iter_mut().zip(self.mac) {
            *to = from;
        }
        block
    }
}

impl std::fmt::Debug for SubKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::OsEntropy;

    #[test]
    fn opens_only_what_it_sealed() {
        let master = MasterKey::generate(&OsEntropy);
        let key = master.derive("test");
        let sealed = key.seal(b"private", b"kid", &OsEntropy).unwrap();
        assert_eq!(key.open(&sealed, b"kid").unwrap().as_slice(), b"private");
        assert_ne!(key.seal(b"private", b"kid", &OsEntropy).unwrap(), sealed);

        assert_eq!(key.open(&sealed, b"other"), Err(CryptoError::Sealed));
        assert_eq!(master.derive("other").open(&sealed, b"kid"), Err(CryptoError::Sealed));
        assert_eq!(MasterKey::generate(&OsEntropy).derive("test").open(&sealed, b"kid"), Err(CryptoError::Sealed));
        for length in 0..sealed.len() {
            assert_eq!(key.open(&sealed[..length], b"kid"), Err(CryptoError::Sealed), "cut to {length}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&changed, b"kid"), Err(CryptoError::Sealed), "bit {bit}");
        }
    }

    #[test]
    fn a_master_key_has_one_spelling() {
        let key = MasterKey::generate(&OsEntropy);
        let text = key.to_base64();
        assert_eq!(text.len(), 43);
        assert_eq!(MasterKey::from_base64(&text).unwrap().derive("x").mac(b""), key.derive("x").mac(b""));
        let long = "A".repeat(44);
        let padded = format!("{}=", "A".repeat(43));
        for bad in ["", "AAAA", &"A".repeat(42), &long, &padded, &"/".repeat(43), &format!("{}B", "A".repeat(42))] {
            assert_eq!(MasterKey::from_base64(bad).err(), Some(CryptoError::MasterKey), "{bad}");
        }
        assert_eq!(format!("{key:?} {:?}", key.derive("x")), "MasterKey(***) SubKey(***)");
    }

    #[test]
    fn macs_depend_on_key_purpose_and_message() {
        let key = SubKey::from_token("sgr_1", "successor");
        let tag = key.mac(b"message");
        assert!(key.verify_mac(b"message", &tag));
        assert!(!key.verify_mac(b"Message", &tag));
        assert!(!key.verify_mac(b"message", &tag[..31]));
        assert!(!SubKey::from_token("sgr_2", "successor").verify_mac(b"message", &tag));
        assert!(!SubKey::from_token("sgr_1", "other").verify_mac(b"message", &tag));
    }

    #[test]
    fn mac_is_hmac_sha256() {
        // RFC 4231 section 4.3 has the key "Jefe", which HMAC pads with zeros, as we do.
        let mut key = SubKey { sealing: [0; 32], mac: [0; 32] };
        key.mac[..4].copy_from_slice(b"Jefe");
        let tag = key.mac(b"what do ya want for nothing?");
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(tag[28..], [0x64, 0xec, 0x38, 0x43]);
    }
}
