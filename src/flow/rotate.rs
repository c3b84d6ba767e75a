//! Signing keys over time: what the schedule says, carried out on the database.

use std::sync::Arc;
use std::time::Duration;

use crate::config::keys::RetireFor;
use crate::config::keys::RotateEvery;
use crate::domain::client::Client;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::keys::Ring;
use crate::keys::schedule;
use crate::keys::schedule::Action;
use crate::keys::schedule::Policy;
use crate::store::key::ActivateKey;
use crate::store::key::Activation;
use crate::store::key::CreateKey;

use super::Signet;
use super::audit::Event;
use super::audit::KeyChange;
use super::error::FlowError;

/// How often a node looks whether a key is due.
pub const TEND_EVERY: Duration = Duration::from_secs(30);

/// Clocks of verifiers may be this far off.
const SKEW: Duration = Duration::from_hours(1);

impl Signet {
    /// What the schedule goes by, with `retire_for = "auto"` worked out from the tokens that are in use.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn key_policy(&self) -> Result<Policy, FlowError> {
        let keys = &self.config.keys;
        let retire_for = match keys.retire_for {
            RetireFor::For(time) => time,
            RetireFor::Auto => self.longest_token(&self.store.clients().await?) + SKEW,
        };
        let rotate_every = match keys.rotate_every {
            RotateEvery::Never => None,
            RotateEvery::Every(time) => Some(time),
        };
        Ok(Policy { rotate_every, publish_ahead: keys.publish_ahead, retire_for })
    }

    fn longest_token(&self, clients: &[Client]) -> Duration {
        let tokens = &self.config.tokens;
        clients
            .iter()
            .flat_map(|client| [client.lifetimes.access_token, client.lifetimes.id_token])
            .flatten()
            .chain([tokens.access_token, tokens.id_token])
            .max()
            .unwrap_or_default()
    }

    /// Does what the schedule asks for: makes missing keys, activates due ones, takes old ones out of the JWKS.
    /// Safe on many nodes at once: each action is conditional, and losing one is as good as winning it.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Vault`], [`FlowError::Keys`].
    pub async fn tend_keys(self: &Arc<Self>) -> Result<usize, FlowError> {
        let keys = self.store.signing_keys().await?;
        let policy = self.key_policy().await?;
        let plan = schedule::plan(&keys, &self.config.keys.algorithms, self.now(), &policy);
        let actions = plan.len();
        if actions > 0 {
            self.carry_out(plan).await?;
        }
        Ok(actions)
    }

    /// Makes what has to be there before the first answer: a key that signs, for each algorithm. Everything else of
    /// the schedule is left to [`Signet::tend_keys`], so that a first start need not wait for keys of later weeks.
    ///
    /// # Errors
    /// As [`Signet::tend_keys`].
    pub async fn ensure_active_keys(self: &Arc<Self>) -> Result<(), FlowError> {
        let keys = self.store.signing_keys().await?;
        let policy = self.key_policy().await?;
        let mut plan = schedule::plan(&keys, &self.config.keys.algorithms, self.now(), &policy);
        plan.retain(|action| {
            matches!(action, Action::Create { state: KeyState::Active, .. } | Action::Activate { retire: None, .. })
        });
        if plan.is_empty() { Ok(()) } else { self.carry_out(plan).await }
    }

    /// What a rotation by hand would change; carried out by [`Signet::carry_out`].
    ///
    /// # Errors
    /// [`FlowError::RotationRefused`] when a key is too young to sign and `force` was not said.
    pub async fn plan_rotation(&self, algorithms: &[Algorithm], force: bool) -> Result<Vec<Action>, FlowError> {
        let keys = self.store.signing_keys().await?;
        let policy = self.key_policy().await?;
        let mut plan = Vec::new();
        for algorithm in algorithms {
            plan.extend(schedule::rotate(&keys, *algorithm, self.now(), &policy, force)?);
        }
        Ok(plan)
    }

    /// Carries out a plan, in order, and loads the result.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Vault`], [`FlowError::Keys`]; what was done before stays done, and the next
    /// look at the schedule goes on from there.
    pub async fn carry_out(self: &Arc<Self>, plan: Vec<Action>) -> Result<(), FlowError> {
        let mut making = Vec::new();
        for action in &plan {
            if let Action::Create { kid, algorithm, state } = action {
                making.push(self.make_key(kid.clone(), *algorithm, *state));
            }
        }
        let mut made = futures_util::future::try_join_all(making).await?.into_iter();
        for action in plan {
            match action {
                Action::Create { kid, .. } => {
                    let key = made.next().ok_or(FlowError::Internal("a key was planned but not made"))?;
                    // Another node that was faster has told it too.
                    if self.store.create_key(key).await? == CreateKey::Created {
                        self.record(&Event::Key { kid, change: KeyChange::Published }).await;
                    }
                }
                Action::Activate { kid, retire, leaves_at } => {
                    let activation = Activation {
                        kid: kid.clone(),
                        retire: retire.clone(),
                        leaves_at: Some(leaves_at),
                        now: self.now(),
                    };
                    if self.store.activate_key(activation).await? == ActivateKey::Activated {
                        self.record(&Event::Key { kid, change: KeyChange::Activated }).await;
                        if let Some(kid) = retire {
                            let change = KeyChange::Retired { leaves_at: Some(leaves_at) };
                            self.record(&Event::Key { kid, change }).await;
                        }
                    }
                }
                Action::Expire { kid } => {
                    if self.store.expire_key(kid.clone()).await? {
                        self.record(&Event::Key { kid, change: KeyChange::Expired }).await;
                    }
                }
            }
        }
        self.reload_keys().await
    }

    /// Making an RSA key takes a tenth of a second of a core: on a thread for that, never on one that answers.
    async fn make_key(
        self: &Arc<Self>,
        kid: KeyId,
        algorithm: Algorithm,
        state: KeyState,
    ) -> Result<SigningKey, FlowError> {
        let signet = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            signet.vault.make_key(&kid, algorithm, state, signet.now(), signet.entropy.as_ref())
        });
        Ok(made.await.map_err(|_| FlowError::Internal("key generation did not finish"))??)
    }

    /// Builds a new ring from the store and swaps it in whole.
    ///
    /// # Errors
    /// [`FlowError::Store`]; [`FlowError::Keys`] when a key cannot be used: the old ring stays.
    pub async fn reload_keys(&self) -> Result<(), FlowError> {
        let keys = self.store.signing_keys().await?;
        let ring = Ring::build(&keys, &self.vault, self.config.keys.jwks_max_age)?;
        self.ring.swap(Arc::new(ring));
        tracing::debug!(event = "keys_loaded", keys = keys.len());
        Ok(())
    }
}
