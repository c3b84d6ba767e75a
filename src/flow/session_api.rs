//! The session API: a page of an application of one's own signs people in itself, and its browser keeps the refresh
//! token in a cookie that no script can read.
//!
//! There is no browser session behind it: nothing here signs anybody in anywhere else, and the family is all there is.

use std::time::Duration;

use crate::domain::claims::ClaimsRequest;
use crate::domain::client::GrantType;
use crate::domain::family::Family;
use crate::domain::family::Reach;
use crate::domain::family::RevocationReason;
use crate::domain::secret::Secret;
use crate::domain::session::Authentication;
use crate::domain::session::AuthenticationMethod;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::protocol::params;
use crate::protocol::params::Params;
use crate::protocol::token as grants;
use crate::protocol::token::refresh as rules;
use crate::protocol::token::refresh::Generation;
use crate::protocol::token::refresh::RefreshRequest;
use crate::protocol::token::resource;
use crate::store::family::BeginFamily;

use super::Signet;
use super::audit::Event;
use super::clients::AuthenticatedClient;
use super::error::FlowError;
use super::family::Begins;
use super::login::Checked;
use super::login::Credentials;
use super::login::ROUNDS;
use super::mint::ForUser;
use super::refresh::Asked;
use super::refresh::Jar;
use super::refresh::Presented;
use super::tokens::TokenResponse;

/// How a sign-in ended.
#[derive(Debug)]
pub enum PageLogin {
    SignedIn {
        session: PageSession,
        /// The value of a device cookie to set.
        device: String,
    },
    /// Wrong name or password: one answer for both, and for a disabled user.
    Denied,
    /// Too many attempts for this account or from this address.
    Wait(Duration),
}

/// What a page is told, and what its browser keeps.
#[derive(Debug)]
pub struct PageSession {
    /// The access token, and nothing else.
    pub answer: TokenResponse,
    pub refresh_token: Secret,
    /// How long the refresh token is good for when it is not used.
    pub good_for: Duration,
}

/// A refresh token that a browser keeps for one of its pages.
#[derive(Debug)]
pub struct Kept {
    pub client: AuthenticatedClient,
    pub family: Family,
    user: Option<User>,
    token: Secret,
    generation: Generation,
}

/// How far a page signs out.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignOut {
    /// All sessions and all families of the person, here and elsewhere.
    pub everywhere: bool,
    /// Access tokens that are out are refused too.
    pub immediate: bool,
}

impl Signet {
    /// Signs a person in at the page of `caller`. `replaces` is what the browser kept there before.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when too many passwords are being checked; [`FlowError::Refused`] when the client may not
    /// refresh; [`FlowError::Store`].
    pub async fn login_at_page(
        &self,
        caller: &AuthenticatedClient,
        credentials: Credentials,
        replaces: Option<&Kept>,
    ) -> Result<PageLogin, FlowError> {
        grants::check_grant(caller.client(), GrantType::RefreshToken)?;
        for _ in 0..ROUNDS {
            let user = match self.check_password(&credentials).await? {
                Checked::Right(user) => user,
                Checked::Wrong => break,
                Checked::Wait(time) => return Ok(PageLogin::Wait(time)),
            };
            let (family, session) = self.begin_at_page(caller, &user).await?;
            let event = Event::SignedInAt {
                client_id: family.client_id.clone(),
                sub: user.id.clone(),
                grant_id: family.id.clone(),
            };
            let replaces = replaces.map(|kept| kept.family.id.clone());
            match self.store.begin_family(family, replaces, user.password.clone()).await? {
                BeginFamily::Begun => {
                    self.learn_denials().await?;
                    self.note(&event);
                    self.refresh_hash(&user, &credentials.password).await?;
                    return Ok(PageLogin::SignedIn { session, device: self.new_device_cookie(&user.id) });
                }
                // Another password since then, or the same one hashed anew by another tab: is it right now?
                BeginFamily::PasswordChanged => {}
                // Disabled or deleted since the password was looked up.
                BeginFamily::Gone => {
                    self.note(&Event::LoginDenied { address: credentials.address, sub: Some(user.id) });
                    break;
                }
            }
        }
        Ok(PageLogin::Denied)
    }

    /// A family with its first refresh token, and the first access token. Nothing is stored yet.
    async fn begin_at_page(
        &self,
        caller: &AuthenticatedClient,
        user: &User,
    ) -> Result<(Family, PageSession), FlowError> {
        let (client, now) = (caller.client(), self.now());
        let id = self.new_family_id(now)?;
        let refresh = self.new_refresh_token(&id, 1);
        let begins = Begins {
            client_id: client.id.clone(),
            user_id: user.id.clone(),
            session_id: None,
            // Whoever signs out here has signed out: nothing goes on in their absence.
            scope: client.scope.without("offline_access"),
            resources: Vec::new(),
            claims: ClaimsRequest::default(),
            authentication: Authentication { time: now, methods: vec![AuthenticationMethod::Password] },
        };
        let family = self.new_family(id, begins, client, Some(&refresh), now);
        let scope = family.scope.clone();
        let audience = resource::audience(&Params::none(params::TOKEN), client, &[], &scope, self.issuer())?;
        let content = ForUser { user, family: &family, scope, audience: &audience, nonce: None, id_token: false };
        let (answer, _) = self.mint_for_user(client, content, now).await?.for_a_page();
        let session = PageSession { answer, refresh_token: refresh.value, good_for: good_for(&family, now) };
        Ok((family, session))
    }

    /// What a refresh cookie stands for. None when we did not make it, when it belongs to a client without session
    /// API, or when its family is gone; the family may have ended.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn kept(&self, token: Secret) -> Result<Option<Kept>, FlowError> {
        let Some((family, user, generation)) = self.family_behind(&token).await? else { return Ok(None) };
        match self.session_api_client(&family.client_id).await {
            Ok(client) => Ok(Some(Kept { client, family, user, token, generation })),
            Err(FlowError::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The next access token of a page, and the next refresh token of its browser.
    ///
    /// # Errors
    /// As [`Signet::refresh`].
    pub async fn refresh_at_page(&self, kept: Kept, jar: Jar) -> Result<PageSession, FlowError> {
        grants::check_grant(kept.client.client(), GrantType::RefreshToken)?;
        let form = Params::none(params::TOKEN);
        let request = RefreshRequest { refresh_token: kept.token, scope: None };
        let presented = Presented::parse(request.refresh_token.reveal()).ok_or_else(rules::invalid_refresh_token)?;
        let asked = Asked { form: &form, request: &request, cookie: Some(jar) };
        let exchanged = self.refresh_family(&kept.client, (kept.family, kept.user), &presented, asked).await?;
        let good_for = good_for(&exchanged.family, self.now());
        let (answer, refresh_token) = exchanged.tokens.for_a_page();
        let refresh_token = refresh_token.ok_or(FlowError::Internal("a refresh without a refresh token"))?;
        self.watch.metrics.token_issued(GrantType::RefreshToken);
        Ok(PageSession { answer, refresh_token, good_for })
    }

    /// Signs out at a page. False when `everywhere` was asked for by a token that no longer speaks for the person:
    /// then only its own family has ended.
    ///
    /// # Errors
    /// [`FlowError::Store`]: then nothing has ended.
    pub async fn sign_out_at_page(&self, kept: &Kept, how: SignOut) -> Result<bool, FlowError> {
        let (family, now) = (&kept.family, self.now());
        let speaks = family.is_live(now) && matches!(kept.generation, Generation::Current | Generation::Previous);
        let everywhere = how.everywhere && speaks;
        let reach = if how.immediate { Reach::Immediate } else { Reach::RefreshOnly };
        let ended = if everywhere {
            self.sign_out_everywhere(&family.user_id, RevocationReason::Logout, reach).await?;
            true
        } else {
            self.revoke_family(&family.id, RevocationReason::Logout, reach).await?
        };
        if ended {
            self.note(&Event::SignedOutAt {
                client_id: family.client_id.clone(),
                sub: family.user_id.clone(),
                grant_id: family.id.clone(),
                everywhere,
                immediate: how.immediate,
            });
        }
        Ok(everywhere == how.everywhere)
    }
}

fn good_for(family: &Family, now: Timestamp) -> Duration {
    family.idle_expires_at.min(family.expires_at).since(now)
}
