//! Signing in with a password.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::limits::Rate;
use crate::crypto::hash;
use crate::domain::ids::RequestId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::secret::SecretKind;
use crate::domain::session::Authentication;
use crate::domain::session::AuthenticationMethod;
use crate::domain::session::Session;
use crate::domain::user::Email;
use crate::domain::user::User;
use crate::store::session::BeginSession;
use crate::store::throttle::Policy;
use crate::store::throttle::Throttle;

use super::Signet;
use super::audit::Event;
use super::authorize::AttemptLookup;
use super::authorize::BrowserCookies;
use super::authorize::Next;
use super::error::FlowError;

/// How often a password is compared when it changes meanwhile.
pub(super) const ROUNDS: usize = 2;

/// What somebody typed, and from where.
#[derive(Debug)]
pub struct Credentials {
    pub username: String,
    pub password: Secret,
    /// The value of the device cookie, if there is one.
    pub device: Option<String>,
    pub address: IpAddr,
}

/// How a login ended.
#[derive(Debug)]
pub enum Login {
    SignedIn(SignedIn),
    /// Wrong name or password: one answer for both, and for a disabled user.
    Denied,
    /// Too many attempts for this account or from this address.
    Wait(Duration),
    /// The attempt is no longer open; goes on elsewhere.
    Elsewhere(Next),
}

/// Cookies to set after a login.
#[derive(Debug)]
pub struct SignedIn {
    pub session: Secret,
    pub device: String,
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Signet {
    /// The password step of an attempt. Ends by going back to the dispatcher, which the caller does.
    ///
    /// # Errors
    /// [`FlowError::Busy`] when too many passwords are being checked; [`FlowError::Store`].
    pub async fn login(
        &self,
        id: &RequestId,
        credentials: Credentials,
        cookies: &BrowserCookies,
    ) -> Result<Login, FlowError> {
        match self.open_attempt(id, cookies).await? {
            AttemptLookup::Open(_) => {}
            AttemptLookup::Restarted(next) => return Ok(Login::Elsewhere(next)),
            AttemptLookup::Lost => return Ok(Login::Elsewhere(Next::Lost)),
        }
        for _ in 0..ROUNDS {
            let user = match self.check_password(&credentials).await? {
                Checked::Right(user) => user,
                Checked::Wrong => break,
                Checked::Wait(time) => return Ok(Login::Wait(time)),
            };
            let (secret, session) = self.new_session(&user)?;
            let replaces = cookies.session.as_ref().map(|own| hash::secret_hash(SecretKind::Session, own.reveal()));
            match self.store.begin_session(session, replaces, user.password.clone()).await? {
                BeginSession::Begun(id) => {
                    self.note(&Event::SignedIn { sub: user.id.clone(), sid: id.clone() });
                    if cookies.session.is_some() {
                        // Somebody else's session may have ended with this.
                        self.learn_denials().await?;
                    }
                    self.refresh_hash(&user, &credentials.password).await?;
                    let device = self.new_device_cookie(&user.id);
                    return Ok(Login::SignedIn(SignedIn { session: secret, device, user_id: user.id, session_id: id }));
                }
                // Another password since then, or the same one hashed anew by another tab: is it right now?
                BeginSession::PasswordChanged => {}
                // Disabled or deleted since the password was looked up.
                BeginSession::UserGone => {
                    self.note(&Event::LoginDenied { address: credentials.address, sub: Some(user.id) });
                    break;
                }
            }
        }
        Ok(Login::Denied)
    }

    pub(super) async fn check_password(&self, credentials: &Credentials) -> Result<Checked, FlowError> {
        let now = self.now();
        let email = Email::parse(&credentials.username).ok();
        let user = match &email {
            Some(email) => self.store.user_by_email(email.clone()).await?,
            None => None,
        };
        // Counted before hashing, so that parallel guesses cannot outrun the count. Unknown names are counted too,
        // under their own name: whether an account exists cannot be told from when the waiting starts.
        let name = email.as_ref().map_or(credentials.username.as_str(), Email::as_str);
        let buckets = self.buckets(name, user.as_ref(), credentials);
        let taken: Vec<[u8; 32]> = buckets.iter().map(|(bucket, _)| *bucket).collect();
        if let Throttle::Wait(time) = self.store.throttle_take_of_each(buckets, now).await? {
            self.note(&Event::LoginThrottled { address: credentials.address, wait: time });
            return Ok(Checked::Wait(time));
        }
        let known = user.as_ref().filter(|user| !user.disabled).and_then(|user| user.password.clone());
        let right = match self.passwords.verify(known, credentials.password.clone()).await {
            Ok(right) => right,
            Err(failure) => {
                // Nothing was compared, so nothing was tried: a crowd at the door locks nobody out.
                if matches!(failure, FlowError::Busy { .. }) {
                    self.store.throttle_settle(taken, None).await?;
                }
                return Err(failure);
            }
        };
        if !right {
            let sub = user.map(|user| user.id);
            self.note(&Event::LoginDenied { address: credentials.address, sub });
            return Ok(Checked::Wrong);
        }
        let Some(user) = user else { return Ok(Checked::Wrong) };
        // Only failures count: many people may sign in from one address.
        self.store.throttle_settle(taken, Some(self.account_bucket(name))).await?;
        Ok(Checked::Right(Box::new(user)))
    }

    /// Whose budget an attempt is taken from. A browser in which this very user has signed in before has a budget
    /// of its own, so that strangers who fail on purpose cannot lock the owner out.
    fn buckets(&self, name: &str, user: Option<&User>, credentials: &Credentials) -> Vec<([u8; 32], Policy)> {
        let limits = &self.config.limits;
        let policy = |rate: Rate| Policy { limit: rate.limit, window: rate.window, block: rate.window };
        let (by_account, by_address) = (policy(limits.login_per_account), policy(limits.login_per_address));
        let known_device =
            user.zip(credentials.device.as_deref()).filter(|(user, device)| self.is_known_device(device, &user.id));
        match known_device {
            Some((_, device)) => vec![(self.bucket("device", device), by_account)],
            None => vec![
                (self.bucket("address", &address_prefix(credentials.address)), by_address),
                (self.account_bucket(name), by_account),
            ],
        }
    }

    fn account_bucket(&self, name: &str) -> [u8; 32] {
        self.bucket("account", name)
    }

    fn bucket(&self, kind: &str, value: &str) -> [u8; 32] {
        self.secrets.throttle.mac(format!("{kind}\0{value}").as_bytes())
    }

    /// Passwords hashed with older parameters get the new ones now that the password is at hand.
    pub(super) async fn refresh_hash(&self, user: &User, password: &Secret) -> Result<(), FlowError> {
        let Some(old) = user.password.clone().filter(|hash| self.passwords.is_outdated(hash)) else { return Ok(()) };
        let new = self.passwords.hash(password.clone(), self.entropy.clone()).await?;
        self.store.rehash_password(user.id.clone(), old, new).await?;
        tracing::info!(event = "password_rehashed", sub = %user.id);
        Ok(())
    }

    /// A new session id at every login; the session this browser had before ends with the same write.
    fn new_session(&self, user: &User) -> Result<(Secret, Session), FlowError> {
        let now = self.now();
        let (secret, hash) = hash::new_secret(SecretKind::Session, self.entropy.as_ref());
        let id = SessionId::new(hash::random_id("ses_", self.entropy.as_ref()))
            .map_err(|_| FlowError::Internal("made an unusable id"))?;
        let sessions = &self.config.sessions;
        let session = Session {
            id,
            hash,
            user_id: user.id.clone(),
            authentication: Authentication { time: now, methods: vec![AuthenticationMethod::Password] },
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now.plus(sessions.idle),
            expires_at: now.plus(sessions.absolute),
            ended_at: None,
        };
        Ok((secret, session))
    }

    /// `nonce.mac`: says that this user has signed in in this browser, without naming them.
    pub(super) fn new_device_cookie(&self, user: &UserId) -> String {
        let nonce = hash::random_id("sgd_", self.entropy.as_ref());
        let mac = self.device_mac(&nonce, user);
        format!("{nonce}.{mac}")
    }

    fn is_known_device(&self, cookie: &str, user: &UserId) -> bool {
        cookie
            .split_once('.')
            .is_some_and(|(nonce, mac)| hash::constant_time_eq(self.device_mac(nonce, user).as_bytes(), mac.as_bytes()))
    }

    fn device_mac(&self, nonce: &str, user: &UserId) -> String {
        hash::base64url(&self.secrets.device.mac(format!("{nonce}\0{user}").as_bytes()))
    }
}

/// Whether a name and a password belong together.
pub(super) enum Checked {
    Right(Box<User>),
    Wrong,
    Wait(Duration),
}

/// All of an IPv4 address, the first 64 bits of an IPv6 one: what one host or household has to itself.
#[must_use]
pub fn address_prefix(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
