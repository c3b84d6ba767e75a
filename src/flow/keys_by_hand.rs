//! Changes of the signing keys that somebody asks for: each is a plan first, which can be shown, and then carried out.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::time::Timestamp;
use crate::keys::readers;
use crate::keys::readers::Habits;
use crate::keys::readers::READERS;
use crate::keys::revocation;
use crate::keys::revocation::Revoke;
use crate::keys::schedule;
use crate::keys::schedule::Action;
use crate::keys::schedule::Refused;
use crate::store::key::ChangeKeys;
use crate::store::key::Revocation;

use super::Signet;
use super::audit::Event;
use super::audit::KeyChange;
use super::error::FlowError;

const PAUSED_UNTIL: &str = "keys_paused_until";

/// What a rotation by hand changes, and for whom.
#[derive(Debug, Clone)]
pub struct RotationPlan {
    pub algorithm: Algorithm,
    /// For [`Signet::carry_out`].
    pub actions: Vec<Action>,
    /// Why it is not safe yet; nothing when no reader notices.
    pub unsafe_yet: Option<Refused>,
    /// For how long the next key has been published.
    pub published_for: Duration,
    /// Readers that may not know the next key yet and would refuse its tokens.
    pub unaware: Vec<&'static Habits>,
}

/// What a revocation changes, and what breaks.
#[derive(Debug, Clone)]
pub struct RevocationPlan {
    pub change: Revoke,
    pub reason: String,
    pub flush: bool,
    /// Until when tokens of this key would have been good; nothing when none can be alive. They are refused instead.
    pub tokens_end_at: Option<Timestamp>,
    /// What outside readers do: how long each goes on accepting the key, and refuses a fresh one.
    pub readers: &'static [Habits],
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    Done,
    /// The keys changed since the plan was made; nothing was done.
    Stale,
}

impl Signet {
    /// What letting the next key of `algorithm` sign would change. `now`: also when not every reader can have seen it.
    ///
    /// # Errors
    /// [`FlowError::RotationRefused`] when there is nothing to rotate to, or a key is too young and `now` was not said;
    /// [`FlowError::ClockBehind`].
    pub async fn plan_rotation(&self, algorithm: Algorithm, now: bool) -> Result<RotationPlan, FlowError> {
        let keys = self.store.signing_keys().await?;
        self.check_clock(&keys)?;
        let policy = self.key_policy().await?;
        let instant = self.steady_now();
        let unsafe_yet = schedule::rotate(&keys, algorithm, instant, &policy, false).err();
        let actions = schedule::rotate(&keys, algorithm, instant, &policy, now)?;
        let next = schedule::oldest(&keys, algorithm, KeyState::Next);
        let published_for = next.map_or(Duration::ZERO, |next| instant.since(next.published_at));
        let unaware = match unsafe_yet {
            Some(_) => readers::unaware(published_for).collect(),
            None => Vec::new(),
        };
        Ok(RotationPlan { algorithm, actions, unsafe_yet, published_for, unaware })
    }

    /// Writes down changes of guard that are past their instant without waiting for clocks that are behind. A server
    /// does so by itself a moment later.
    ///
    /// # Errors
    /// As [`Signet::carry_out`].
    pub async fn settle_keys(self: &Arc<Self>, algorithm: Algorithm) -> Result<(), FlowError> {
        let keys = self.store.signing_keys().await?;
        let actions = schedule::settle(&keys, algorithm, self.steady_now(), &self.key_policy().await?);
        if actions.is_empty() { Ok(()) } else { self.carry_out(actions).await }
    }

    /// What the revocation of a key would change and break.
    ///
    /// # Errors
    /// [`FlowError::NotRevoked`]; [`FlowError::Store`].
    pub async fn plan_revocation(
        self: &Arc<Self>,
        kid: &KeyId,
        reason: &str,
        flush: bool,
    ) -> Result<RevocationPlan, FlowError> {
        let now = self.steady_now();
        let mut keys = self.store.signing_keys().await?;
        // A plan builds on what is true now: a next key past its instant signs, whatever its row says.
        if let Some(algorithm) = keys.iter().find(|key| key.kid == *kid).map(|key| key.algorithm) {
            self.settle_keys(algorithm).await?;
            keys = self.store.signing_keys().await?;
        }
        let change = revocation::revoke(&keys, kid, now, flush)?;
        let key = keys.iter().find(|key| key.kid == *kid);
        let policy = self.key_policy().await?;
        let longest = key.map_or(Duration::ZERO, |key| policy.longest_token_of(key));
        let tokens_end_at = match (change.state, key.and_then(|key| key.retired_at)) {
            (KeyState::Active, _) => Some(now.plus(longest)),
            (KeyState::Retired, Some(retired_at)) => Some(retired_at.plus(longest)).filter(|end| *end > now),
            _ => None,
        };
        Ok(RevocationPlan { change, reason: reason.to_owned(), flush, tokens_end_at, readers: READERS })
    }

    /// Carries out a revocation. Other nodes follow within a second.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Vault`], [`FlowError::Keys`].
    pub async fn revoke_key(self: &Arc<Self>, plan: RevocationPlan) -> Result<Revoked, FlowError> {
        let Revoke { kid, algorithm, state, activate, create } = plan.change;
        let mut made = Vec::new();
        for (kid, state) in &create {
            made.push(*self.make_key(kid.clone(), algorithm, *state).await?);
        }
        let now = self.steady_now();
        let revocation = Revocation {
            kid: kid.clone(),
            state,
            reason: plan.reason.clone(),
            now,
            activate: activate.clone(),
            create: made,
            canary: self.vault.canary().to_vec(),
        };
        if self.store.revoke_key(revocation).await? == ChangeKeys::Stale {
            self.check_canary().await?;
            return Ok(Revoked::Stale);
        }
        self.record(&Event::Key { kid, change: KeyChange::Revoked { reason: plan.reason } }).await;
        if let Some(kid) = activate {
            self.record(&Event::Key { kid, change: KeyChange::Activated }).await;
        }
        for (kid, _) in create {
            self.record(&Event::Key { kid, change: KeyChange::Published }).await;
        }
        self.reload_keys().await?;
        Ok(Revoked::Done)
    }

    /// Until when no rotation is planned, if that is not over.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn keys_paused_until(&self) -> Result<Option<Timestamp>, FlowError> {
        let now = self.steady_now();
        Ok(self.paused_until().await?.filter(|until| *until > now))
    }

    /// Until when the last pause is or was.
    pub(super) async fn paused_until(&self) -> Result<Option<Timestamp>, FlowError> {
        let value = self.store.instance_value(PAUSED_UNTIL).await?;
        let micros = value.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(i64::from_le_bytes);
        Ok(micros.map(Timestamp::from_micros))
    }

    /// Plans no rotation before `until`. What is planned already goes on: those instants are told.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn pause_keys(&self, until: Timestamp) -> Result<Vec<(KeyId, Timestamp)>, FlowError> {
        self.set_paused_until(until).await?;
        self.record(&Event::KeysPaused { until }).await;
        let keys = self.store.signing_keys().await?;
        Ok(keys.into_iter().filter_map(|key| key.activates_at.map(|at| (key.kid, at))).collect())
    }

    async fn set_paused_until(&self, until: Timestamp) -> Result<(), FlowError> {
        Ok(self.store.set_instance_value(PAUSED_UNTIL, Some(until.micros().to_le_bytes().to_vec())).await?)
    }

    /// Ends a pause. What was due in it is late from now on, not from when it was due.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn resume_keys(&self) -> Result<(), FlowError> {
        self.set_paused_until(self.steady_now()).await?;
        self.record(&Event::KeysResumed).await;
        Ok(())
    }
}
