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
use crate::domain::time::Timestamp;
use crate::keys::policy::Jitter;
use crate::keys::policy::Policy;
use crate::keys::schedule;
use crate::keys::schedule::Action;
use crate::store::custody::CANARY;
use crate::store::key::Activation;
use crate::store::key::ChangeKeys;
use crate::store::key::CreateKey;

use super::Signet;
use super::audit::Event;
use super::audit::KeyChange;
use super::error::FlowError;

/// How often a node looks whether a key is due.
pub const TEND_EVERY: Duration = Duration::from_secs(30);

/// Clocks of verifiers may be this far off.
const SKEW: Duration = Duration::from_hours(1);

/// What rotations of this installation are put off by: chosen once, the same for all nodes.
const JITTER: &str = "keys_jitter";

impl Signet {
    /// What the schedule goes by, with `retire_for = "auto"` worked out from the tokens that are in use.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn key_policy(&self) -> Result<Policy, FlowError> {
        let keys = &self.config.keys;
        // Clients of the database may have tokens that live longer than the file knows.
        let longest_token = self.longest_token(&self.store.clients().await?);
        let (retire_for, skew) = match keys.retire_for {
            RetireFor::For(time) => (time, keys.least_skew(self.dev)),
            RetireFor::Auto => (Duration::ZERO, SKEW),
        };
        let rotate_every = match keys.rotate_every {
            RotateEvery::Never => None,
            RotateEvery::Every(time) => Some(time),
        };
        let seed = self.store.put_instance_value_if_absent(JITTER, self.random_seed().to_le_bytes().to_vec()).await?;
        let seed = <[u8; 8]>::try_from(seed.as_slice()).map_or(0, u64::from_le_bytes);
        Ok(Policy {
            rotate_every,
            publish_ahead: keys.publish_ahead,
            retire_for,
            longest_token,
            skew,
            window: keys.window.clone(),
            jitter: Jitter { percent: keys.jitter, seed },
            // Also one that is over: nothing is planned for the time in it.
            paused_until: self.paused_until().await?,
        })
    }

    fn random_seed(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// The longest lifetime of any token that is issued now.
    pub(super) fn longest_token(&self, clients: &[Client]) -> Duration {
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
        self.compare_clocks().await?;
        let keys = self.store.signing_keys().await?;
        let policy = self.key_policy().await?;
        let plan = schedule::plan(&keys, &self.config.keys.algorithms, self.steady_now(), &policy);
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
        let mut plan = schedule::plan(&keys, &self.config.keys.algorithms, self.steady_now(), &policy);
        plan.retain(|action| matches!(action, Action::Begin { .. } | Action::Activate { retire: None, .. }));
        if plan.is_empty() { Ok(()) } else { self.carry_out(plan).await }
    }

    /// Carries out a plan, in order, and loads the result.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Vault`], [`FlowError::Keys`]; what was done before stays done, and the next
    /// look at the schedule goes on from there.
    pub async fn carry_out(self: &Arc<Self>, plan: Vec<Action>) -> Result<(), FlowError> {
        let (plans, others): (Vec<Action>, Vec<Action>) =
            plan.into_iter().partition(|action| matches!(action, Action::Plan { .. }));
        self.set_instants(plans).await?;
        for action in others {
            self.act(action).await?;
        }
        self.reload_keys().await
    }

    /// All or nothing: who rotates two algorithms does not want to be left with one.
    async fn set_instants(self: &Arc<Self>, plans: Vec<Action>) -> Result<(), FlowError> {
        let instant = |action| match action {
            Action::Plan { kid, at, .. } => Some((kid, at)),
            _ => None,
        };
        let instants: Vec<(KeyId, Timestamp)> = plans.into_iter().filter_map(instant).collect();
        if !instants.is_empty() && self.store.plan_activations(instants.clone()).await? == ChangeKeys::Changed {
            for (kid, at) in instants {
                self.record(&Event::Key { kid, change: KeyChange::Planned { at } }).await;
            }
        }
        Ok(())
    }

    async fn act(self: &Arc<Self>, action: Action) -> Result<(), FlowError> {
        match action {
            Action::Begin { keys } => self.create(keys, KeyState::Active).await?,
            Action::Create { kid, algorithm } => self.create(vec![(kid, algorithm)], KeyState::Next).await?,
            Action::Raise { kid, longest_token } => {
                self.store.raise_longest_token(kid, longest_token).await?;
            }
            plan @ Action::Plan { .. } => self.set_instants(vec![plan]).await?,
            Action::Activate { kid, algorithm, retire, longest_token, at, leaves_at, successor } => {
                let successor = match successor {
                    Some(next) => Some(self.make_key(next, algorithm, KeyState::Next).await?),
                    None => None,
                };
                let published = successor.as_ref().map(|key| key.kid.clone());
                let activation = Activation {
                    kid: kid.clone(),
                    retire: retire.clone(),
                    longest_token,
                    leaves_at: Some(leaves_at),
                    at,
                    successor: successor.map(|key| *key),
                    canary: self.vault.canary().to_vec(),
                };
                if self.store.activate_key(activation).await? == ChangeKeys::Changed {
                    self.record(&Event::Key { kid, change: KeyChange::Activated }).await;
                    if let Some(kid) = retire {
                        let change = KeyChange::Retired { leaves_at: Some(leaves_at) };
                        self.record(&Event::Key { kid, change }).await;
                    }
                    if let Some(kid) = published {
                        self.record(&Event::Key { kid, change: KeyChange::Published }).await;
                    }
                } else {
                    self.check_canary().await?;
                }
            }
            Action::Expire { kid } => {
                if self.store.expire_key(kid.clone()).await? {
                    self.record(&Event::Key { kid, change: KeyChange::Expired }).await;
                }
            }
            Action::Forget { kid } => {
                if self.store.forget_key(kid.clone()).await? {
                    self.record(&Event::Key { kid, change: KeyChange::Forgotten }).await;
                }
            }
        }
        Ok(())
    }

    /// All of these keys or none: another node may have been faster.
    async fn create(self: &Arc<Self>, keys: Vec<(KeyId, Algorithm)>, state: KeyState) -> Result<(), FlowError> {
        let mut made = Vec::new();
        for (kid, algorithm) in &keys {
            made.push(*self.make_key(kid.clone(), *algorithm, state).await?);
        }
        match self.store.create_keys(made, self.vault.canary().to_vec()).await? {
            CreateKey::Created => {
                for (kid, _) in keys {
                    self.record(&Event::Key { kid, change: KeyChange::Published }).await;
                }
                Ok(())
            }
            CreateKey::Exists => self.check_canary().await,
        }
    }

    /// Says so if the database has another master key by now: one clear error, not a key that nobody can use.
    pub(super) async fn check_canary(&self) -> Result<(), FlowError> {
        let kept = self.store.instance_value(CANARY).await?.unwrap_or_default();
        Ok(self.vault.check_canary(&kept)?)
    }

    /// Making an RSA key takes a tenth of a second of a core: on a thread for that, never on one that answers.
    pub(super) async fn make_key(
        self: &Arc<Self>,
        kid: KeyId,
        algorithm: Algorithm,
        state: KeyState,
    ) -> Result<Box<SigningKey>, FlowError> {
        let longest_token = self.longest_token(&self.store.clients().await?);
        let signet = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            let now = signet.steady_now();
            signet.vault.make_key(&kid, algorithm, state, now, signet.entropy.as_ref()).map(Box::new)
        });
        let mut made = made.await.map_err(|_| FlowError::Internal("key generation did not finish"))??;
        made.longest_token = longest_token;
        Ok(made)
    }
}
