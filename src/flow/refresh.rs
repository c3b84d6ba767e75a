//! `grant_type=refresh_token`, RFC 6749 section 6, with rotation (RFC 9700 section 4.14.2).
//!
//! One row per family holds the hash of the current token, the hash of the one before it, and the current token
//! sealed under a key that only the one before it gives. A client that lost the answer presents the older token
//! again and gets the same successor; there is never a second living branch.

use crate::crypto::hash;
use crate::crypto::seal::SubKey;
use crate::domain::client::GrantType;
use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::FamilyId;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::protocol::params::Params;
use crate::protocol::token as grants;
use crate::protocol::token::refresh as rules;
use crate::protocol::token::refresh::Decision;
use crate::protocol::token::refresh::Generation;
use crate::protocol::token::refresh::RefreshRequest;
use crate::protocol::token::resource;
use crate::store::family::RotateFamily;
use crate::store::family::Rotation;

use super::Signet;
use super::audit::Event;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::mint::ForUser;
use super::tokens::TokenResponse;

/// A refresh token: `sgr_` family `.` generation `.` 256 random bits `.` mac.
///
/// The mac says that we made it. It is asked only when the hash is neither the current nor the previous one, to
/// tell a token that was ours long ago (theft: the family dies) from an invented one (nothing happens).
#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) value: Secret,
    pub(super) hash: SecretHash,
}

const SUCCESSOR: &str = "signet refresh successor 1";

/// How often a lost race is looked at again. Each loss means that somebody else has moved the family on.
const ROUNDS: usize = 4;

impl Signet {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_grant`, the same for an unknown, expired, revoked or foreign token;
    /// `invalid_scope` when more is asked for than was granted.
    pub async fn refresh(&self, caller: &AuthenticatedClient, form: &Params) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        grants::check_grant(client, GrantType::RefreshToken)?;
        let request = RefreshRequest::read(form)?;
        let presented = Presented::parse(request.refresh_token.reveal()).ok_or_else(rules::invalid_refresh_token)?;
        let family = self.store.family(presented.family.clone()).await?;
        let mut family = family.ok_or_else(rules::invalid_refresh_token)?;
        let window = client.lifetimes.refresh_retry_window.unwrap_or(self.config.tokens.refresh_retry_window);
        for _ in 0..ROUNDS {
            let now = self.now();
            let generation = Generation::of(&presented.hash, &family, self.is_ours(&presented));
            match rules::decide(&family, generation, client, caller.is_confidential(), window, now) {
                Decision::Rotate => {
                    let next = self.new_refresh_token(&family.id, family.generation.saturating_add(1));
                    let answer = self.answer(caller, &family, form, &request, &next.value, now).await?;
                    let rotation = self.rotation(caller, &family, &presented, &next, now)?;
                    match self.store.rotate_family(family.id.clone(), rotation).await? {
                        RotateFamily::Rotated(_) => return Ok(answer),
                        // Somebody else has moved the family on in the meantime: what is true now?
                        RotateFamily::Lost(moved_on) => family = moved_on,
                        RotateFamily::Unknown => return Err(rules::invalid_refresh_token().into()),
                    }
                }
                Decision::Retry => {
                    let successor = open_successor(&family, &presented)?;
                    tracing::info!(event = "refresh_retried", client_id = %client.id, grant_id = %family.id);
                    return self.answer(caller, &family, form, &request, &successor, now).await;
                }
                Decision::Reuse => {
                    self.revoke_family(&family.id, RevocationReason::RefreshReused, Reach::Immediate).await?;
                    let detail = format!("the refresh token has been used before; grant {} is revoked", family.id);
                    self.note(&Event::RefreshReuse { client_id: client.id.clone(), grant_id: family.id });
                    return Err(rules::invalid_refresh_token().detail(detail).into());
                }
                Decision::Invalid(error) => return Err(error.into()),
            }
        }
        Err(rules::invalid_refresh_token().into())
    }

    fn rotation(
        &self,
        caller: &AuthenticatedClient,
        family: &Family,
        presented: &Presented<'_>,
        next: &RefreshToken,
        now: Timestamp,
    ) -> Result<Rotation, FlowError> {
        let key = SubKey::from_token(presented.value, SUCCESSOR);
        let successor =
            key.seal(next.value.reveal().as_bytes(), family.id.as_str().as_bytes(), self.entropy.as_ref())?;
        let idle = caller.client().lifetimes.refresh_idle.unwrap_or(self.config.tokens.refresh_idle);
        Ok(Rotation { presented: presented.hash, next: next.hash, successor, now, idle_expires_at: now.plus(idle) })
    }

    /// Signs what goes with a refresh token: a new access token, and an ID token with the same `sub`, `sid` and
    /// `auth_time` but without a nonce (OpenID Connect Core section 12.2).
    async fn answer(
        &self,
        caller: &AuthenticatedClient,
        family: &Family,
        form: &Params,
        request: &RefreshRequest,
        refresh: &Secret,
        now: Timestamp,
    ) -> Result<TokenResponse, FlowError> {
        let client = caller.client();
        let user = self.store.user(family.user_id.clone()).await?;
        let user = user.filter(|user| !user.disabled).ok_or_else(rules::invalid_refresh_token)?;
        let scope = rules::narrow(family, request.scope.as_ref(), client)?;
        let audience = resource::audience(form, client, &scope, self.issuer())?;
        let content = ForUser { user: &user, family, scope, audience: &audience, nonce: None };
        let tokens = self.mint_for_user(client, content, now).await?;
        Ok(tokens.with_refresh_token(Some(refresh.reveal().to_owned())))
    }

    /// The family that a refresh token of ours belongs to, whether or not it is the current one.
    pub(super) async fn family_of(&self, token: &str) -> Result<Option<OfFamily>, FlowError> {
        let Some(presented) = Presented::parse(token) else { return Ok(None) };
        let Some(family) = self.store.family(presented.family.clone()).await? else { return Ok(None) };
        let is_current = family.current.as_ref() == Some(&presented.hash);
        Ok((is_current || self.is_ours(&presented)).then_some(OfFamily { family, is_current }))
    }

    fn is_ours(&self, presented: &Presented<'_>) -> bool {
        let mac = self.refresh_mac(&presented.family, presented.generation, presented.random);
        hash::constant_time_eq(mac.as_bytes(), presented.mac.as_bytes())
    }

    pub(super) fn new_refresh_token(&self, family: &FamilyId, generation: i64) -> RefreshToken {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        let random = hash::base64url(&bytes);
        let mac = self.refresh_mac(family, generation, &random);
        let value = Secret::new(format!("{}{family}.{generation}.{random}.{mac}", SecretKind::Refresh.prefix()));
        let hash = hash::secret_hash(SecretKind::Refresh, value.reveal());
        RefreshToken { value, hash }
    }

    fn refresh_mac(&self, family: &FamilyId, generation: i64, random: &str) -> String {
        hash::base64url(&self.secrets.refresh.mac(format!("{family}\0{generation}\0{random}").as_bytes()))
    }
}

/// Where a refresh token belongs.
pub(super) struct OfFamily {
    pub(super) family: Family,
    pub(super) is_current: bool,
}

/// Whether a text is written as refresh tokens are.
pub(super) fn looks_like_one(token: &str) -> bool {
    token.starts_with(SecretKind::Refresh.prefix())
}

/// A refresh token as it was presented, taken apart. Nothing in it is trusted before its hash or mac matches.
struct Presented<'a> {
    value: &'a str,
    hash: SecretHash,
    family: FamilyId,
    generation: i64,
    random: &'a str,
    mac: &'a str,
}

impl<'a> Presented<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let mut parts = value.strip_prefix(SecretKind::Refresh.prefix())?.split('.');
        let (family, generation, random, mac) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || value.len() > 512 {
            return None;
        }
        Some(Self {
            value,
            hash: hash::secret_hash(SecretKind::Refresh, value),
            family: FamilyId::new(family).ok()?,
            // As we write it: `+1` and `01` are no tokens of ours, although the mac of 1 would fit.
            generation: generation.parse().ok().filter(|number: &i64| number.to_string() == generation)?,
            random,
            mac,
        })
    }
}

fn open_successor(family: &Family, presented: &Presented<'_>) -> Result<Secret, FlowError> {
    let sealed = family.successor.as_deref().ok_or(FlowError::Internal("a rotated family without a successor"))?;
    let opened = SubKey::from_token(presented.value, SUCCESSOR).open(sealed, family.id.as_str().as_bytes())?;
    let text = std::str::from_utf8(&opened).map_err(|_| FlowError::Internal("a successor that is no text"))?;
    Ok(Secret::new(text))
}
