//! How a refresh family begins: with a redeemed code, or with a sign-in at the session API.

use crate::crypto::hash;
use crate::domain::claims::ClaimsRequest;
use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::scope::Scope;
use crate::domain::session::Authentication;
use crate::domain::time::Timestamp;

use super::Signet;
use super::error::FlowError;
use super::refresh::RefreshToken;

/// What is granted, to whom, and how they proved it.
pub(super) struct Begins {
    pub(super) client_id: ClientId,
    pub(super) user_id: UserId,
    /// The browser session it hangs on. None at the session API, which has none.
    pub(super) session_id: Option<SessionId>,
    pub(super) scope: Scope,
    /// Empty: those that the client is registered for.
    pub(super) resources: Vec<String>,
    pub(super) claims: ClaimsRequest,
    pub(super) authentication: Authentication,
}

impl Signet {
    pub(super) fn new_family_id(&self, now: Timestamp) -> Result<FamilyId, FlowError> {
        FamilyId::new(hash::ordered_id("fam_", now, self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))
    }

    pub(super) fn new_family(
        &self,
        id: FamilyId,
        begins: Begins,
        client: &Client,
        refresh: Option<&RefreshToken>,
        now: Timestamp,
    ) -> Family {
        let tokens = &self.config.tokens;
        let lifetimes = &client.lifetimes;
        let (idle, absolute) = match refresh {
            Some(_) => (
                lifetimes.refresh_idle.unwrap_or(tokens.refresh_idle),
                lifetimes.refresh_absolute.unwrap_or(tokens.refresh_absolute),
            ),
            // Without a refresh token the family lives as long as its one access token.
            None => {
                let access = lifetimes.access_token.unwrap_or(tokens.access_token);
                (access, access)
            }
        };
        Family {
            id,
            client_id: begins.client_id,
            user_id: begins.user_id,
            session_id: begins.session_id,
            scope: begins.scope,
            resources: begins.resources,
            claims: begins.claims,
            authentication: begins.authentication,
            generation: i64::from(refresh.is_some()),
            current: refresh.map(|refresh| refresh.hash),
            previous: None,
            successor: None,
            rotated_at: None,
            rotated_from: None,
            created_at: now,
            idle_expires_at: now.plus(idle.min(absolute)),
            expires_at: now.plus(absolute),
            revoked: None,
        }
    }
}
