//! How clients name people and sessions, OpenID Connect Core section 8.
//!
//! A client with pairwise subjects sees names of its own sector, made from a secret of this installation; all others see
//! ours. Every name that leaves for a client comes from here, and none is ever turned back: where a client names
//! somebody, the name of who is signed in is made and compared, and a token leads to its person by its grant.

use zeroize::Zeroizing;

use crate::ambient::Entropy;
use crate::crypto::hash;
use crate::crypto::seal::SubKey;
use crate::domain::client::Client;
use crate::domain::family::Family;
use crate::domain::ids::SessionId;
use crate::domain::ids::Subject;
use crate::domain::ids::USER_PREFIX;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::keys::Vault;
use crate::protocol::access_token::AccessToken;
use crate::store::Store;
use crate::store::custody::SUBJECT_SECRET;

use super::Signet;
use super::error::FlowError;
use super::userinfo::VerifiedToken;

/// A person and their session as one client names them.
#[derive(Debug)]
pub struct Named {
    pub user_id: UserId,
    pub sub: Subject,
    pub sid: Option<SessionId>,
}

impl Signet {
    /// `sub`: "The Subject Identifier value MUST NOT be reversible by any party other than the OpenID Provider", "Distinct
    /// Sector Identifier values MUST result in distinct Subject Identifier values", and "The algorithm MUST be
    /// deterministic" (section 8.1).
    #[must_use]
    pub fn subject(&self, client: &Client, user: &UserId) -> Subject {
        self.pairwise(client, "sub", USER_PREFIX, user.as_str())
            .and_then(|name| Subject::new(name).ok())
            .unwrap_or_else(|| Subject::public(user))
    }

    /// `sid`: of a sector too, or else it would join what the pairwise `sub` keeps apart.
    #[must_use]
    pub fn session_name(&self, client: &Client, session: &SessionId) -> SessionId {
        self.pairwise(client, "sid", "ses_", session.as_str())
            .and_then(|name| SessionId::new(name).ok())
            .unwrap_or_else(|| session.clone())
    }

    /// Both at once.
    pub(super) fn names(
        &self,
        client: &Client,
        user: &UserId,
        session: Option<&SessionId>,
    ) -> (Subject, Option<SessionId>) {
        (self.subject(client, user), session.map(|session| self.session_name(client, session)))
    }

    /// The prefix is that of our own names: what must not look like a person does not look like this one either.
    fn pairwise(&self, client: &Client, what: &str, prefix: &str, own: &str) -> Option<String> {
        // None of the parts can hold a NUL, so no two of them give the same bytes.
        let message = format!("{what}\0{}\0{own}", client.sector()?);
        Some(format!("{prefix}{}", hash::base64url(&self.subjects.mac(message.as_bytes()))))
    }

    /// The grant behind an access token, and its person; nothing for a service's own, or when either is gone.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub(super) async fn behind(&self, token: &AccessToken) -> Result<Option<(Family, User)>, FlowError> {
        match token.grant_id.clone().filter(|_| token.is_of_a_person()) {
            Some(grant) => Ok(self.store.userinfo(grant).await?),
            None => Ok(None),
        }
    }

    /// The person of a token as another client names them. Where both see the same names no database is asked.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub(super) async fn named_to(&self, client: &Client, token: &VerifiedToken) -> Result<Option<Named>, FlowError> {
        let VerifiedToken { claims, client: issued_to, .. } = token;
        if issued_to.sector().is_none() && client.sector().is_none() {
            let named = |user_id| Named { user_id, sub: claims.subject.clone(), sid: claims.session_id.clone() };
            return Ok(UserId::new(claims.subject.as_str()).ok().map(named));
        }
        Ok(self.behind(claims).await?.map(|(family, user)| {
            let (sub, sid) = self.names(client, &user.id, family.session_id.as_ref());
            Named { user_id: user.id, sub, sid }
        }))
    }
}

/// The secret that pairwise names are made with. Made once for an installation, sealed under the master key, and kept for
/// ever: with another one all clients would meet strangers.
///
/// # Errors
/// [`FlowError::Vault`] when it cannot be opened; [`FlowError::Store`].
pub(super) async fn secret(store: &Store, vault: &Vault, entropy: &dyn Entropy) -> Result<SubKey, FlowError> {
    let kept = match store.instance_value(SUBJECT_SECRET).await? {
        Some(kept) => kept,
        None => {
            let mut fresh = Zeroizing::new([0; 32]);
            entropy.fill(fresh.as_mut_slice());
            let sealed = vault.seal_subject_secret(fresh.as_slice(), entropy)?;
            store.put_subject_secret(sealed, vault.canary().to_vec()).await?
        }
    };
    let opened = vault.open_subject_secret(&kept)?;
    Ok(SubKey::from_token(&Zeroizing::new(hash::base64url(&opened)), "pairwise subjects 1"))
}
