use crate::domain::key::Algorithm;

/// What can fail in this room besides a refused token. No variant shows a key, a secret or what a caller sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    #[error("no {0} key could be made")]
    KeyGeneration(Algorithm),
    #[error("the private key is not a usable {0} key")]
    PrivateKey(Algorithm),
    #[error("the public key is not a usable JWK: {0}")]
    PublicKey(&'static str),
    #[error("signing failed")]
    Sign,
    #[error("the claims cannot be written as JSON")]
    Claims,
    #[error("a master key is 32 bytes written as 43 characters of base64url")]
    MasterKey,
    #[error("sealed data is damaged, or was sealed under another key")]
    Sealed,
}

/// Why a signed token is refused. For logs; whoever sent the token learns only that it is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is not three base64url parts")]
    Shape,
    #[error("the token's header is not acceptable: {0}")]
    Header(&'static str),
    #[error("the token's algorithm is not one that is accepted here")]
    Algorithm,
    #[error("the token's key is unknown, or not for its algorithm")]
    Key,
    #[error("the signature does not match")]
    Signature,
    #[error("the token's payload is not a strict JSON object")]
    Payload,
}
