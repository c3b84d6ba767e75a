//! The refresh token grant, RFC 6749 section 6: one live token for each family, a lost response is no theft, and a
//! token presented after its successor has been used ends the family (RFC 9700 section 4.14.2).
//!
//! ```text
//! presented   successor unused                               successor used
//! current     Rotate (Keep, for the profile fapi2)           -
//! previous    Retry (who proves it is the client: any time;  - (it is older then)
//!             who cannot: within the window), else Reuse
//! older       -                                              Reuse
//! forged      Invalid: an identifier of a family is no secret, so guessing tokens must end nothing
//! ```

use std::fmt;
use std::time::Duration;

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::client::SecurityProfile;
use crate::domain::family::Family;
use crate::domain::place::Place;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;

/// An access token request with a refresh token.
#[derive(Clone)]
pub struct RefreshRequest {
    pub refresh_token: Secret,
    /// Less than what was granted, when present.
    pub scope: Option<Scope>,
}

impl RefreshRequest {
    /// # Errors
    /// `invalid_request` when `refresh_token` is missing, `invalid_scope` when `scope` is not one.
    pub fn read(form: &Params) -> Result<Self, OAuthError> {
        let token =
            form.get("refresh_token")?.ok_or_else(|| OAuthError::invalid_request("refresh_token is missing"))?;
        let scope = form.get("scope")?.map(Scope::parse).transpose();
        let scope = scope.map_err(|fault| OAuthError::invalid_scope(fault.to_string()))?;
        Ok(Self { refresh_token: Secret::new(token), scope })
    }
}

impl fmt::Debug for RefreshRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshRequest").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Which token of its family was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    Current,
    Previous,
    /// One that we made for this family, before the previous one.
    Older,
    /// Not one of ours.
    Forged,
}

impl Generation {
    /// `authentic`: whether the token proves by itself (by its MAC) that we made it for this family.
    #[must_use]
    pub fn of(presented: &SecretHash, family: &Family, authentic: bool) -> Self {
        match Some(presented) {
            hash if hash == family.current.as_ref() => Self::Current,
            hash if hash == family.previous.as_ref() => Self::Previous,
            _ if authentic => Self::Older,
            _ => Self::Forged,
        }
    }
}

/// What happens with a presented refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Make the next token; the store does it in one conditional write. Who loses that race decides again.
    Rotate,
    /// Answer with the same token: it is bound to a client that proves who it is, which makes rotation superfluous.
    Keep,
    /// Answer with the token that already follows this one.
    Retry,
    /// Theft, as far as anybody can tell: revoke the family.
    Reuse,
    /// Answer `invalid_grant`, change nothing.
    Invalid(OAuthError),
}

/// Decides. `authenticated` is whether the client has proven who it is; `window` is how long one that has not may
/// present the previous token, from the first use of that token.
#[must_use]
pub fn decide(
    family: &Family,
    generation: Generation,
    client: &Client,
    authenticated: bool,
    window: Duration,
    now: Timestamp,
) -> Decision {
    // "the refresh token is bound to the client to which it was issued" (RFC 6749 section 6). Another client cannot
    // end the family either.
    if family.client_id != client.id {
        return invalid("the refresh token belongs to another client");
    }
    if let Some(revocation) = family.revoked {
        return invalid(format!("the family was revoked: {}", revocation.reason.as_str()));
    }
    if !family.is_live(now) {
        return invalid("the family has expired");
    }
    match generation {
        // "Authorization Servers [...] shall not use refresh token rotation except in extraordinary circumstances"
        // (FAPI 2.0 Security Profile section 5.3.2.1).
        Generation::Current if authenticated && client.security_profile == SecurityProfile::Fapi2 => Decision::Keep,
        Generation::Current => Decision::Rotate,
        Generation::Previous if family.successor.is_some() && may_retry(family, authenticated, window, now) => {
            Decision::Retry
        }
        Generation::Previous | Generation::Older => Decision::Reuse,
        Generation::Forged => invalid("no refresh token of this family"),
    }
}

/// A thief of the token alone cannot authenticate as a confidential client, so that one has no clock.
fn may_retry(family: &Family, authenticated: bool, window: Duration, now: Timestamp) -> bool {
    authenticated || family.rotated_at.is_some_and(|first_use| now.since(first_use) < window)
}

/// Whether the current token may still be on its way to somebody: it was made less than `window` ago.
///
/// A cookie is shared by all tabs, and every answer overwrites it. Were it rotated again so soon, an answer that was
/// overtaken would put the token before last back into it, and that would look like theft later on. Nothing is lost:
/// for as long as that, the token before this one gives this one anyway.
#[must_use]
pub fn may_be_under_way(family: &Family, window: Duration, now: Timestamp) -> bool {
    family.rotated_at.is_some_and(|made| now.since(made) < window)
}

/// Whether a token is presented again from elsewhere than at first. Asked only of clients that have not proven who they
/// are: a service may well speak from several networks.
#[must_use]
pub fn is_elsewhere(family: &Family, authenticated: bool, from: Option<&Place>) -> bool {
    let first = family.rotated_from.as_ref();
    !authenticated && first.zip(from).is_some_and(|(first, again)| first != again)
}

/// The scope of the new access token. What was granted stays granted: narrowing one token narrows no later one.
///
/// # Errors
/// `invalid_scope`: "The requested scope MUST NOT include any scope not originally granted by the resource owner"
/// (RFC 6749 section 6), nor one that the client has lost since.
pub fn narrow(family: &Family, requested: Option<&Scope>, client: &Client) -> Result<Scope, OAuthError> {
    let granted = family.scope.intersection(&client.scope);
    match requested {
        // "if omitted is treated as equal to the scope originally granted by the resource owner"
        None => Ok(granted),
        Some(requested) if requested.is_subset(&granted) => Ok(requested.clone()),
        Some(_) => Err(OAuthError::invalid_scope("scope is more than what was granted")),
    }
}

/// The answer to every refresh token that gives nothing, whatever the reason.
#[must_use]
pub fn invalid_refresh_token() -> OAuthError {
    OAuthError::invalid_grant("The refresh token is wrong, expired or revoked")
}

fn invalid(detail: impl Into<String>) -> Decision {
    Decision::Invalid(invalid_refresh_token().detail(detail))
}

#[cfg(test)]
mod tests {
    use super::Decision;
    use super::Generation;
    use super::decide;
    use super::is_elsewhere;
    use super::may_be_under_way;
    use super::narrow;
    use crate::domain::client::Client;
    use crate::domain::client::SecurityProfile;
    use crate::domain::family::Family;
    use crate::domain::family::Revocation;
    use crate::domain::family::RevocationReason;
    use crate::domain::ids::ClientId;
    use crate::domain::place::Place;
    use crate::domain::secret::SecretHash;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::family;
    use crate::protocol::fixtures::public;
    use crate::protocol::fixtures::scope;
    use std::time::Duration;

    const WINDOW: Duration = Duration::from_mins(1);

    fn decision(client: &Client, generation: Generation, seconds: i64) -> Decision {
        decide(&family(client), generation, client, !client.is_public(), WINDOW, at(seconds))
    }

    #[test]
    fn which_generation() {
        let family = family(&public());
        let of = |byte, authentic| Generation::of(&SecretHash::from_bytes([byte; 32]), &family, authentic);
        assert_eq!(of(2, false), Generation::Current);
        assert_eq!(of(1, false), Generation::Previous);
        assert_eq!(of(0, true), Generation::Older);
        assert_eq!(of(0, false), Generation::Forged);
        let first = Family { previous: None, successor: None, ..family.clone() };
        assert_eq!(Generation::of(&SecretHash::from_bytes([1; 32]), &first, false), Generation::Forged);
    }

    #[test]
    fn rf_01_reuse_ends_the_family() {
        for client in [public(), confidential()] {
            assert_eq!(decision(&client, Generation::Older, 101), Decision::Reuse);
        }
        assert_eq!(decision(&public(), Generation::Previous, 160), Decision::Reuse);
    }

    #[test]
    fn rf_03_a_lost_response_is_no_theft() {
        assert_eq!(decision(&public(), Generation::Previous, 100), Decision::Retry);
        assert_eq!(decision(&public(), Generation::Previous, 159), Decision::Retry);
        assert_eq!(decision(&confidential(), Generation::Previous, 9_999), Decision::Retry);
        let never = decide(&family(&public()), Generation::Previous, &public(), false, Duration::ZERO, at(100));
        assert_eq!(never, Decision::Reuse);
        // What cannot be given again is not given at all.
        let without = Family { successor: None, ..family(&confidential()) };
        let again = decide(&without, Generation::Previous, &confidential(), true, WINDOW, at(100));
        assert_eq!(again, Decision::Reuse);
    }

    #[test]
    fn a_cookie_is_rotated_once_in_a_window() {
        let family = family(&public());
        assert!(may_be_under_way(&family, WINDOW, at(100)));
        assert!(may_be_under_way(&family, WINDOW, at(159)));
        assert!(!may_be_under_way(&family, WINDOW, at(160)));
        assert!(!may_be_under_way(&family, Duration::ZERO, at(100)));
        let first = Family { previous: None, successor: None, rotated_at: None, ..family };
        assert!(!may_be_under_way(&first, WINDOW, at(0)), "nothing came before the first one");
    }

    #[test]
    fn rf_03_a_retry_from_elsewhere_is_seen() {
        let family = family(&public());
        let elsewhere = |network: &str, agent: &str| is_elsewhere(&family, false, Some(&Place::new(network, agent)));
        assert!(!elsewhere("192.0.2.0/24", "Firefox/146"));
        assert!(elsewhere("198.51.100.0/24", "Firefox/145"));
        assert!(elsewhere("192.0.2.0/24", "curl/8"));
        assert!(!is_elsewhere(&family, true, Some(&Place::new("198.51.100.0/24", "curl/8"))));
        assert!(!is_elsewhere(&family, false, None));
    }

    #[test]
    fn the_profile_fapi2_does_not_rotate() {
        let client = Client { security_profile: SecurityProfile::Fapi2, ..confidential() };
        assert_eq!(decision(&client, Generation::Current, 101), Decision::Keep);
        assert_eq!(decision(&client, Generation::Previous, 9_999), Decision::Retry);
        assert_eq!(decision(&client, Generation::Older, 101), Decision::Reuse);
        assert!(matches!(decision(&client, Generation::Current, 10_000), Decision::Invalid(_)));
        let unproven = Client { security_profile: SecurityProfile::Fapi2, ..public() };
        assert_eq!(decision(&unproven, Generation::Current, 101), Decision::Rotate);
    }

    #[test]
    fn rf_05_another_client_changes_nothing() {
        let other = Client { id: ClientId::new("p2").unwrap(), ..public() };
        for generation in [Generation::Current, Generation::Previous, Generation::Older, Generation::Forged] {
            let decision = decide(&family(&public()), generation, &other, false, WINDOW, at(101));
            assert!(matches!(decision, Decision::Invalid(error) if error.code == ErrorCode::InvalidGrant));
        }
    }

    #[test]
    fn rf_06_scope_only_narrows() {
        let family = family(&confidential());
        assert_eq!(narrow(&family, None, &confidential()), Ok(scope("openid api:read")));
        assert_eq!(narrow(&family, Some(&scope("api:read")), &confidential()), Ok(scope("api:read")));
        let error = narrow(&family, Some(&scope("api:read api:write")), &confidential()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidScope);
    }

    #[test]
    fn rf_07_what_the_client_lost_is_gone_now() {
        let client = Client { scope: scope("openid"), ..confidential() };
        assert_eq!(narrow(&family(&client), None, &client), Ok(scope("openid")));
        assert!(narrow(&family(&client), Some(&scope("api:read")), &client).is_err());
    }

    #[test]
    fn rf_09_idle_and_absolute_end() {
        assert_eq!(decision(&public(), Generation::Current, 9_999), Decision::Rotate);
        assert!(matches!(decision(&public(), Generation::Current, 10_000), Decision::Invalid(_)));
        let busy = Family { idle_expires_at: at(99_999), ..family(&public()) };
        let decision = decide(&busy, Generation::Current, &public(), false, WINDOW, at(20_000));
        assert!(matches!(decision, Decision::Invalid(_)));
    }

    #[test]
    fn rf_10_guessing_ends_nothing() {
        assert!(matches!(decision(&public(), Generation::Forged, 101), Decision::Invalid(_)));
    }

    #[test]
    fn a_revoked_family_gives_nothing() {
        let revoked = Some(Revocation { at: at(50), reason: RevocationReason::Logout });
        let family = Family { revoked, ..family(&public()) };
        for generation in [Generation::Current, Generation::Previous, Generation::Older] {
            let decision = decide(&family, generation, &public(), true, WINDOW, at(101));
            assert!(matches!(decision, Decision::Invalid(_)));
        }
    }
}
