//! What can happen, and what is written down of it.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

use crate::domain::denial::Denied;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::InitialTokenId;
use crate::domain::ids::KeyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::logout::Delivery;
use crate::domain::place::Place;
use crate::domain::time::Timestamp;

use super::LONGEST;
use super::printable;

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    SignedIn {
        sub: UserId,
        sid: SessionId,
    },
    LoginDenied {
        address: IpAddr,
        /// Whose account it was for; nothing when there is no such account. What was typed is not kept.
        sub: Option<UserId>,
    },
    LoginThrottled {
        address: IpAddr,
        wait: Duration,
    },
    SignedOut {
        sub: UserId,
        sid: SessionId,
    },
    /// All sessions and all access of one person have ended.
    SignedOutEverywhere {
        sub: UserId,
    },
    /// An administrator has ended a session.
    SessionRevoked {
        sub: UserId,
        sid: SessionId,
    },
    /// A person has taken back what they had allowed an application.
    AccessRemoved {
        sub: UserId,
        client_id: ClientId,
    },
    /// A client was told that a session has ended.
    LogoutDelivered {
        delivery: Delivery,
    },
    /// A client could not be told, and nobody tries any more.
    LogoutUndelivered {
        delivery: Delivery,
        cause: String,
    },
    /// Signed in on a page of an application's own, at the session API.
    SignedInAt {
        client_id: ClientId,
        sub: UserId,
        grant_id: FamilyId,
    },
    /// Signed out there.
    SignedOutAt {
        client_id: ClientId,
        sub: UserId,
        grant_id: FamilyId,
        everywhere: bool,
        immediate: bool,
    },
    ConsentGranted {
        client_id: ClientId,
        sub: UserId,
        remember: bool,
    },
    ConsentDenied {
        client_id: ClientId,
        sub: UserId,
    },
    /// A code was used twice; the family of the first use is revoked.
    CodeReplayed {
        client_id: ClientId,
        grant_id: FamilyId,
    },
    /// A code was presented without what it was bound to, and is spent.
    CodeBurnt {
        client_id: ClientId,
    },
    /// A refresh token was used twice; its family is revoked.
    RefreshReuse {
        client_id: ClientId,
        grant_id: FamilyId,
    },
    /// A token was revoked by its client or an administrator: one access token, or all of its grant.
    TokenRevoked {
        client_id: ClientId,
        sub: Option<UserId>,
        what: Denied,
    },
    /// A public client presented a refresh token again, in time, but from elsewhere than at first.
    RefreshElsewhere {
        client_id: ClientId,
        grant_id: FamilyId,
        first: Place,
        again: Place,
        /// Whether it counts as theft here.
        theft: bool,
    },
    /// A service exchanged a person's token for one of its own.
    TokenExchanged {
        client_id: ClientId,
        sub: UserId,
        grant_id: FamilyId,
        audience: Vec<String>,
    },
    ClientCreated {
        client_id: ClientId,
    },
    ClientRemoved {
        client_id: ClientId,
    },
    ClientSecretRotated {
        client_id: ClientId,
    },
    /// A client has registered itself.
    ClientRegistered {
        client_id: ClientId,
        initial_token: Option<InitialTokenId>,
    },
    /// A client has changed its own registration.
    RegistrationChanged {
        client_id: ClientId,
    },
    /// Clients that had registered themselves and were never used are gone.
    UnusedClientsRemoved {
        clients: usize,
    },
    InitialTokenCreated {
        token: InitialTokenId,
        clients: i64,
    },
    InitialTokenRevoked {
        token: InitialTokenId,
    },
    UserCreated {
        sub: UserId,
    },
    PasswordSet {
        sub: UserId,
    },
    UserDisabled {
        sub: UserId,
    },
    UserEnabled {
        sub: UserId,
    },
    Key {
        kid: KeyId,
        change: KeyChange,
    },
    KeysPaused {
        until: Timestamp,
    },
    KeysResumed,
    /// Private halves were sealed again, under another master key.
    KeysResealed {
        keys: usize,
    },
    /// Entries that found no room while the database was away.
    AuditDropped {
        entries: u64,
    },
}

/// What happened to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    Published,
    /// It will sign from this instant on.
    Planned {
        at: Timestamp,
    },
    Activated,
    /// It signs no more and leaves the JWKS at this instant.
    Retired {
        leaves_at: Option<Timestamp>,
    },
    Expired,
    /// Its public half was deleted, long after it had expired.
    Forgotten,
    /// Its private half was shown to a person.
    Exported,
    Revoked {
        reason: String,
    },
}

impl Event {
    /// The stable name in log and table.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignedIn { .. } | Self::SignedInAt { .. } => "signed_in",
            Self::LoginDenied { .. } => "login_denied",
            Self::LoginThrottled { .. } => "login_throttled",
            Self::SignedOut { .. } | Self::SignedOutAt { .. } => "signed_out",
            Self::SignedOutEverywhere { .. } => "signed_out_everywhere",
            Self::SessionRevoked { .. } => "session_revoked",
            Self::AccessRemoved { .. } => "access_removed",
            Self::LogoutDelivered { .. } => "logout_delivered",
            Self::LogoutUndelivered { .. } => "logout_undelivered",
            Self::ConsentGranted { .. } => "consent_granted",
            Self::ConsentDenied { .. } => "consent_denied",
            Self::CodeReplayed { .. } => "code_replayed",
            Self::CodeBurnt { .. } => "code_burnt",
            Self::RefreshReuse { .. } => "refresh_reuse",
            Self::TokenRevoked { .. } => "token_revoked",
            Self::RefreshElsewhere { .. } => "refresh_elsewhere",
            Self::TokenExchanged { .. } => "token_exchanged",
            Self::ClientCreated { .. } => "client_created",
            Self::ClientRemoved { .. } => "client_removed",
            Self::ClientSecretRotated { .. } => "client_secret_rotated",
            Self::ClientRegistered { .. } => "client_registered",
            Self::RegistrationChanged { .. } => "registration_changed",
            Self::UnusedClientsRemoved { .. } => "unused_clients_removed",
            Self::InitialTokenCreated { .. } => "initial_token_created",
            Self::InitialTokenRevoked { .. } => "initial_token_revoked",
            Self::UserCreated { .. } => "user_created",
            Self::PasswordSet { .. } => "password_set",
            Self::UserDisabled { .. } => "user_disabled",
            Self::UserEnabled { .. } => "user_enabled",
            Self::Key { change, .. } => match change {
                KeyChange::Published => "key_published",
                KeyChange::Planned { .. } => "key_planned",
                KeyChange::Activated => "key_activated",
                KeyChange::Retired { .. } => "key_retired",
                KeyChange::Expired => "key_expired",
                KeyChange::Forgotten => "key_forgotten",
                KeyChange::Exported => "key_exported",
                KeyChange::Revoked { .. } => "key_revoked",
            },
            Self::KeysPaused { .. } => "keys_paused",
            Self::KeysResumed => "keys_resumed",
            Self::KeysResealed { .. } => "keys_resealed",
            Self::AuditDropped { .. } => "audit_dropped",
        }
    }

    /// Whether somebody should look at it.
    pub(super) const fn is_alarming(&self) -> bool {
        matches!(
            self,
            Self::LoginThrottled { .. }
                | Self::CodeReplayed { .. }
                | Self::CodeBurnt { .. }
                | Self::RefreshReuse { .. }
                | Self::LogoutUndelivered { .. }
                | Self::RefreshElsewhere { .. }
                | Self::AuditDropped { .. }
                | Self::Key { change: KeyChange::Revoked { .. } | KeyChange::Exported, .. }
        )
    }

    pub(super) const fn client_id(&self) -> Option<&ClientId> {
        match self {
            Self::LogoutDelivered { delivery } | Self::LogoutUndelivered { delivery, .. } => Some(&delivery.client_id),
            Self::SignedInAt { client_id, .. }
            | Self::SignedOutAt { client_id, .. }
            | Self::ConsentGranted { client_id, .. }
            | Self::AccessRemoved { client_id, .. }
            | Self::ConsentDenied { client_id, .. }
            | Self::CodeReplayed { client_id, .. }
            | Self::CodeBurnt { client_id }
            | Self::RefreshReuse { client_id, .. }
            | Self::TokenRevoked { client_id, .. }
            | Self::RefreshElsewhere { client_id, .. }
            | Self::TokenExchanged { client_id, .. }
            | Self::ClientCreated { client_id }
            | Self::ClientRemoved { client_id }
            | Self::ClientRegistered { client_id, .. }
            | Self::RegistrationChanged { client_id }
            | Self::ClientSecretRotated { client_id } => Some(client_id),
            _ => None,
        }
    }

    pub(super) const fn sub(&self) -> Option<&UserId> {
        match self {
            Self::LogoutDelivered { delivery } | Self::LogoutUndelivered { delivery, .. } => Some(&delivery.user_id),
            Self::SignedIn { sub, .. }
            | Self::SignedOutEverywhere { sub }
            | Self::SessionRevoked { sub, .. }
            | Self::AccessRemoved { sub, .. }
            | Self::SignedOut { sub, .. }
            | Self::SignedInAt { sub, .. }
            | Self::SignedOutAt { sub, .. }
            | Self::ConsentGranted { sub, .. }
            | Self::ConsentDenied { sub, .. }
            | Self::TokenExchanged { sub, .. }
            | Self::UserCreated { sub }
            | Self::PasswordSet { sub }
            | Self::UserDisabled { sub }
            | Self::UserEnabled { sub } => Some(sub),
            Self::LoginDenied { sub, .. } | Self::TokenRevoked { sub, .. } => sub.as_ref(),
            _ => None,
        }
    }

    pub(super) const fn kid(&self) -> Option<&KeyId> {
        match self {
            Self::Key { kid, .. } => Some(kid),
            _ => None,
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::LoginDenied { address, .. } | Self::LoginThrottled { address, .. } => Some(*address),
            _ => None,
        }
    }

    pub(super) fn detail(&self) -> Map<String, Json> {
        let fields = match self {
            Self::SignedIn { sid, .. } | Self::SignedOut { sid, .. } | Self::SessionRevoked { sid, .. } => {
                vec![("sid", json!(sid.as_str()))]
            }
            Self::LogoutDelivered { delivery } => {
                vec![("sid", json!(delivery.session_id.as_str())), ("attempts", json!(delivery.attempts))]
            }
            Self::LogoutUndelivered { delivery, cause } => vec![
                ("sid", json!(delivery.session_id.as_str())),
                ("attempts", json!(delivery.attempts)),
                ("cause", json!(printable(cause, LONGEST))),
            ],
            Self::SignedInAt { grant_id, .. } => vec![("grant_id", json!(grant_id.as_str()))],
            Self::SignedOutAt { grant_id, everywhere, immediate, .. } => vec![
                ("grant_id", json!(grant_id.as_str())),
                ("everywhere", json!(everywhere)),
                ("immediate", json!(immediate)),
            ],
            Self::LoginDenied { sub: None, .. } => vec![("account", json!("unknown"))],
            Self::LoginThrottled { wait, .. } => vec![("wait_s", json!(wait.as_secs()))],
            Self::ConsentGranted { remember, .. } => vec![("remember", json!(remember))],
            Self::CodeReplayed { grant_id, .. } | Self::RefreshReuse { grant_id, .. } => {
                vec![("grant_id", json!(grant_id.as_str())), ("then", json!("family revoked"))]
            }
            Self::TokenRevoked { what: Denied::Token(jti), .. } => vec![("jti", json!(jti.as_str()))],
            Self::TokenRevoked { what: Denied::Grant(id), .. } => vec![("grant_id", json!(id.as_str()))],
            Self::RefreshElsewhere { grant_id, first, again, theft, .. } => vec![
                ("grant_id", json!(grant_id.as_str())),
                ("first", json!(first.to_string())),
                ("again", json!(again.to_string())),
                ("then", json!(if *theft { "family revoked" } else { "answered" })),
            ],
            Self::TokenExchanged { grant_id, audience, .. } => {
                vec![("grant_id", json!(grant_id.as_str())), ("audience", json!(audience))]
            }
            Self::CodeBurnt { .. } => vec![("why", json!("wrong or missing verifier"))],
            Self::Key { change: KeyChange::Planned { at }, .. } => vec![("signs_from", json!(at.to_string()))],
            Self::Key { change: KeyChange::Retired { leaves_at: Some(at) }, .. } => {
                vec![("leaves_jwks", json!(at.to_string()))]
            }
            Self::Key { change: KeyChange::Revoked { reason }, .. } => {
                vec![("reason", json!(printable(reason, LONGEST)))]
            }
            Self::ClientRegistered { initial_token: Some(token), .. } | Self::InitialTokenRevoked { token } => {
                vec![("initial_token", json!(token.as_str()))]
            }
            Self::InitialTokenCreated { token, clients } => {
                vec![("initial_token", json!(token.as_str())), ("clients", json!(clients))]
            }
            Self::UnusedClientsRemoved { clients } => vec![("clients", json!(clients))],
            Self::KeysPaused { until } => vec![("until", json!(until.to_string()))],
            Self::KeysResealed { keys } => vec![("keys", json!(keys))],
            Self::AuditDropped { entries } => vec![("entries", json!(entries))],
            _ => Vec::new(),
        };
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
