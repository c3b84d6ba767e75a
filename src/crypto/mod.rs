//! The only room that names josekit, rsa, p256, argon2, sha2, openssl and the cipher crates.
//!
//! josekit signs and verifies, with OpenSSL underneath. The rsa and p256 crates make keys, describe them and
//! cross-check in tests; they never sign: rsa is open to a timing attack (RUSTSEC-2023-0071) whenever somebody can
//! time it, and a token endpoint can be timed by anyone.

mod entropy;
mod error;
mod es256;
pub mod hash;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod password;
mod rs256;
pub mod seal;
mod signer;
#[cfg(test)]
mod test_pair;
mod verifier;

pub use error::CryptoError;
pub use error::VerifyError;
pub use signer::Signer;
pub use verifier::Verifier;
