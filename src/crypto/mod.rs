//! The only room that names josekit, ring, rsa, p256, argon2, sha2, openssl and the cipher crates.
//!
//! ring signs and verifies ES256; josekit does everything else, with OpenSSL underneath. The rsa and p256 crates make keys, describe them and
//! cross-check in tests; they never sign: rsa is open to a timing attack (RUSTSEC-2023-0071) whenever somebody can
//! time it, and a token endpoint can be timed by anyone. The numbers of p256, whose arithmetic takes the same time for all of
//! them, help to recognise our own signatures.

mod ec;
mod ed25519;
mod entropy;
mod error;
mod es256;
pub mod hash;
pub mod import;
pub mod json;
pub mod jwk;
pub mod jwk_set;
pub mod jws;
pub mod local_ca;
pub mod password;
pub mod pem;
pub mod quality;
mod recognition;
mod rsa_keys;
pub mod seal;
mod signer;
#[cfg(test)]
mod test_pair;
mod verifier;

pub use error::CryptoError;
pub use error::VerifyError;
pub use signer::Signer;
pub use verifier::Verifier;
