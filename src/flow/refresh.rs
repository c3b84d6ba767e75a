//! `grant_type=refresh_token`, RFC 6749 section 6, with rotation (RFC 9700 section 4.14.2).
//!
//! One row per family holds the hash of the current token, the hash of the one before it, and the current token
//! sealed under a key that only the one before it gives. A client that lost the answer presents the older token
//! again and gets the same successor; there is never a second living branch.

use std::time::Duration;

use crate::crypto::hash;
use crate::crypto::seal::SubKey;
use crate::domain::client::Client;
use crate::domain::client::GrantType;
use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::ids::FamilyId;
use crate::domain::place::Place;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretHash;
use crate::domain::secret::SecretKind;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
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
use super::audit;
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

/// How much later the idle end of a family that does not rotate must be to be written.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// How often a lost race is looked at again. Each loss means that somebody else has moved the family on.
const ROUNDS: usize = 4;

/// What goes with a refresh token that is presented.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) form: &'a Params,
    pub(super) request: &'a RefreshRequest,
    /// Set when it came in a cookie of the session API.
    pub(super) cookie: Option<Jar>,
}

/// Where a refresh cookie is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jar {
    /// By a browser, whose tabs ask independently of each other and overwrite the one cookie.
    SharedByTabs,
    /// By a program that sends one request at a time.
    Own,
}

/// A refresh that is being answered.
#[derive(Clone, Copy)]
struct Refreshed<'a> {
    caller: &'a AuthenticatedClient,
    family: &'a Family,
    user: Option<&'a User>,
    asked: Asked<'a>,
    now: Timestamp,
}

/// What a refresh token was exchanged for, and its family as it is now.
pub(super) struct Exchanged {
    pub(super) tokens: TokenResponse,
    pub(super) family: Family,
}

impl Signet {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`FlowError::Refused`] with `invalid_grant`, the same for an unknown, expired, revoked or foreign token;
    /// `invalid_scope` when more is asked for than was granted.
    pub async fn refresh(&self, caller: &AuthenticatedClient, form: &Params) -> Result<TokenResponse, FlowError> {
        grants::check_grant(caller.client(), GrantType::RefreshToken)?;
        let request = RefreshRequest::read(form)?;
        let presented = Presented::parse(request.refresh_token.reveal()).ok_or_else(rules::invalid_refresh_token)?;
        let found = self.family_and_user(&presented.family).await?;
        let asked = Asked { form, request: &request, cookie: None };
        Ok(self.refresh_family(caller, found, &presented, asked).await?.tokens)
    }

    /// The same for a refresh token whose family is at hand.
    ///
    /// # Errors
    /// As [`Signet::refresh`].
    pub(super) async fn refresh_family(
        &self,
        caller: &AuthenticatedClient,
        (mut family, user): (Family, Option<User>),
        presented: &Presented<'_>,
        asked: Asked<'_>,
    ) -> Result<Exchanged, FlowError> {
        let client = caller.client();
        let window = client.lifetimes.refresh_retry_window.unwrap_or(self.config.tokens.refresh_retry_window);
        // Well before the family would end unused, so that nobody is kept on a token until it has ended.
        let idle = client.lifetimes.refresh_idle.unwrap_or(self.config.tokens.refresh_idle);
        let once_in = if asked.cookie == Some(Jar::SharedByTabs) { window.min(idle / 2) } else { Duration::ZERO };
        let from = audit::place();
        for _ in 0..ROUNDS {
            let now = self.now();
            let generation = Generation::of(&presented.hash, &family, self.is_ours(presented));
            let refreshed = Refreshed { caller, family: &family, user: user.as_ref(), asked, now };
            match rules::decide(&family, generation, client, caller.is_confidential(), window, now) {
                Decision::Rotate if rules::may_be_under_way(&family, once_in, now) => {
                    let tokens = self.answer(refreshed, &asked.request.refresh_token).await?;
                    return Ok(Exchanged { tokens, family });
                }
                Decision::Rotate => {
                    let next = self.new_refresh_token(&family.id, family.generation.saturating_add(1));
                    let tokens = self.answer(refreshed, &next.value).await?;
                    let rotation = self.rotation(client, &family, presented, &next, from.clone(), now)?;
                    match self.store.rotate_family(family.id.clone(), rotation).await? {
                        RotateFamily::Rotated(family) => return Ok(Exchanged { tokens, family }),
                        // Somebody else has moved the family on in the meantime: what is true now?
                        RotateFamily::Lost(moved_on) => family = moved_on,
                        RotateFamily::Unknown => return Err(rules::invalid_refresh_token().into()),
                    }
                }
                Decision::Keep => {
                    let tokens = self.answer(refreshed, &asked.request.refresh_token).await?;
                    if self.keep(client, &family, presented, now).await? {
                        return Ok(Exchanged { tokens, family });
                    }
                    family = self.family_and_user(&presented.family).await?.0;
                }
                Decision::Retry => {
                    if rules::is_elsewhere(&family, caller.is_confidential(), from.as_ref()) {
                        self.retried_elsewhere(&family, from.as_ref()).await?;
                    }
                    let successor = open_successor(&family, presented)?;
                    tracing::info!(event = "refresh_retried", client_id = %client.id, grant_id = %family.id);
                    let tokens = self.answer(refreshed, &successor).await?;
                    return Ok(Exchanged { tokens, family });
                }
                Decision::Reuse => {
                    self.note(&Event::RefreshReuse { client_id: client.id.clone(), grant_id: family.id.clone() });
                    return Err(self.reused(&family).await?);
                }
                Decision::Invalid(error) => return Err(error.into()),
            }
        }
        Err(rules::invalid_refresh_token().into())
    }

    /// The family of a refresh token that we made, its user, and which of its tokens it is.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub(super) async fn family_behind(
        &self,
        token: &Secret,
    ) -> Result<Option<(Family, Option<User>, Generation)>, FlowError> {
        let Some(presented) = Presented::parse(token.reveal()) else { return Ok(None) };
        let found = self.store.family_and_user(presented.family.clone()).await?;
        let Some((family, user)) = found else { return Ok(None) };
        let generation = Generation::of(&presented.hash, &family, self.is_ours(&presented));
        Ok((generation != Generation::Forged).then_some((family, user, generation)))
    }

    async fn family_and_user(&self, id: &FamilyId) -> Result<(Family, Option<User>), FlowError> {
        let found = self.store.family_and_user(id.clone()).await?;
        Ok(found.ok_or_else(rules::invalid_refresh_token)?)
    }

    /// Ends a family whose token has been seen twice; gives the answer.
    async fn reused(&self, family: &Family) -> Result<FlowError, FlowError> {
        self.revoke_family(&family.id, RevocationReason::RefreshReused, Reach::Immediate).await?;
        let detail = format!("the refresh token has been used before; grant {} is revoked", family.id);
        Ok(rules::invalid_refresh_token().detail(detail).into())
    }

    /// Writes down a retry in time that comes from another network or browser than the first use; where the
    /// configuration counts that as theft, the family ends.
    async fn retried_elsewhere(&self, family: &Family, from: Option<&Place>) -> Result<(), FlowError> {
        let Some((first, again)) = family.rotated_from.clone().zip(from.cloned()) else { return Ok(()) };
        let theft = self.config.tokens.refresh_retry_elsewhere_is_theft;
        let (client_id, grant_id) = (family.client_id.clone(), family.id.clone());
        self.note(&Event::RefreshElsewhere { client_id, grant_id, first, again, theft });
        if theft { Err(self.reused(family).await?) } else { Ok(()) }
    }

    /// Moves the idle end of a family on that does not rotate, but not at every use: most refreshes write nothing.
    async fn keep(
        &self,
        client: &Client,
        family: &Family,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<bool, FlowError> {
        let idle_expires_at = self.idle_end(client, family, now);
        if idle_expires_at.since(family.idle_expires_at) < KEEP_EVERY {
            return Ok(true);
        }
        Ok(self.store.keep_family(family.id.clone(), presented.hash, now, idle_expires_at).await?)
    }

    fn idle_end(&self, client: &Client, family: &Family, now: Timestamp) -> Timestamp {
        let idle = client.lifetimes.refresh_idle.unwrap_or(self.config.tokens.refresh_idle);
        now.plus(idle).min(family.expires_at)
    }

    fn rotation(
        &self,
        client: &Client,
        family: &Family,
        presented: &Presented<'_>,
        next: &RefreshToken,
        from: Option<Place>,
        now: Timestamp,
    ) -> Result<Rotation, FlowError> {
        let key = SubKey::from_token(presented.value, SUCCESSOR);
        let successor =
            key.seal(next.value.reveal().as_bytes(), family.id.as_str().as_bytes(), self.entropy.as_ref())?;
        let idle_expires_at = self.idle_end(client, family, now);
        Ok(Rotation { presented: presented.hash, next: next.hash, successor, from, now, idle_expires_at })
    }

    /// Signs what goes with a refresh token: a new access token, and an ID token with the same `sub`, `sid` and
    /// `auth_time` but without a nonce (OpenID Connect Core section 12.2).
    async fn answer(&self, refreshed: Refreshed<'_>, refresh: &Secret) -> Result<TokenResponse, FlowError> {
        let Refreshed { caller, family, user, asked, now } = refreshed;
        let client = caller.client();
        let user = user.filter(|user| !user.disabled).ok_or_else(rules::invalid_refresh_token)?;
        let scope = rules::narrow(family, asked.request.scope.as_ref(), client)?;
        let audience = resource::audience(asked.form, client, &family.resources, &scope, self.issuer())?;
        // A page knows who is there from UserInfo, and has nowhere to put an ID token.
        let id_token = asked.cookie.is_none();
        let content = ForUser { user, family, scope, audience: &audience, nonce: None, id_token };
        let tokens = self.mint_for_user(client, content, now).await?;
        Ok(tokens.with_refresh_token(Some(refresh.reveal().to_owned())))
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

/// Whether a text is written as refresh tokens are.
pub(super) fn looks_like_one(token: &str) -> bool {
    token.starts_with(SecretKind::Refresh.prefix())
}

/// A refresh token as it was presented, taken apart. Nothing in it is trusted before its hash or mac matches.
pub(super) struct Presented<'a> {
    value: &'a str,
    hash: SecretHash,
    family: FamilyId,
    generation: i64,
    random: &'a str,
    mac: &'a str,
}

impl<'a> Presented<'a> {
    pub(super) fn parse(value: &'a str) -> Option<Self> {
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
