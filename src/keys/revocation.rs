//! Which keys take the place of a revoked one: a pure function of the keys there are.

use super::name;
use super::schedule::oldest;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;

/// One change of the database: all of it or nothing, so that no algorithm is ever without a key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoke {
    pub kid: KeyId,
    pub algorithm: Algorithm,
    /// The state in which it was found.
    pub state: KeyState,
    /// The published next key that signs in its place.
    pub activate: Option<KeyId>,
    /// Keys to make: a new `next`, or an `active` one that nobody has seen yet.
    pub create: Vec<(KeyId, KeyState)>,
}

/// Why a key is not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRevoked {
    #[error("there is no signing key {0}")]
    Unknown(KeyId),
    #[error("{0} was revoked before")]
    Before(KeyId),
}

/// What the revocation of `kid` changes. `flush`: a fresh key signs instead of the published next one, so that readers
/// meet a kid they do not know, and fetch the JWKS again.
///
/// # Errors
/// [`NotRevoked`].
pub fn revoke(keys: &[SigningKey], kid: &KeyId, now: Timestamp, flush: bool) -> Result<Revoke, NotRevoked> {
    let key = keys.iter().find(|key| key.kid == *kid).ok_or_else(|| NotRevoked::Unknown(kid.clone()))?;
    let mut plan =
        Revoke { kid: kid.clone(), algorithm: key.algorithm, state: key.state, activate: None, create: Vec::new() };
    let name = |taken: &[(KeyId, KeyState)]| {
        let taken = keys.iter().map(|key| &key.kid).chain(taken.iter().map(|(kid, _)| kid));
        name::free(taken, key.algorithm, now)
    };
    let next = oldest(keys, key.algorithm, KeyState::Next);
    match key.state {
        KeyState::Revoked => return Err(NotRevoked::Before(kid.clone())),
        KeyState::Active => {
            let fresh = flush || next.is_none();
            if fresh {
                plan.create.extend(name(&plan.create).map(|kid| (kid, KeyState::Active)));
            } else {
                plan.activate = next.map(|next| next.kid.clone());
            }
            if !fresh || next.is_none() {
                plan.create.extend(name(&plan.create).map(|kid| (kid, KeyState::Next)));
            }
        }
        KeyState::Next => plan.create.extend(name(&plan.create).map(|kid| (kid, KeyState::Next))),
        KeyState::Retired | KeyState::Expired => {}
    }
    Ok(plan)
}
