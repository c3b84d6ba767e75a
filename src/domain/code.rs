//! Authorization codes, RFC 6749 section 4.1.2.

use super::claims::ClaimsRequest;
use super::ids::ClientId;
use super::ids::FamilyId;
use super::ids::SessionId;
use super::ids::UserId;
use super::request::CodeChallenge;
use super::scope::Scope;
use super::secret::SecretHash;
use super::session::Authentication;
use super::time::Timestamp;

/// An authorization code and all that it is bound to. Redeemed once, by one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub hash: SecretHash,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// As it stood in the authorization request.
    pub redirect_uri: String,
    pub scope: Scope,
    /// The resources that the authorization request named; what is redeemed may be for these only.
    pub resources: Vec<String>,
    pub nonce: Option<String>,
    pub claims: ClaimsRequest,
    pub code_challenge: Option<CodeChallenge>,
    pub authentication: Authentication,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The family that its first use began.
    pub redeemed: Option<Redemption>,
}

/// The first use of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    pub at: Timestamp,
    pub family_id: FamilyId,
}
