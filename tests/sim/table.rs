//! The table of signing keys as the database keeps it: conditional writes, one active and one next key.

use std::rc::Rc;
use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::keys::schedule::Action;

use crate::fault::Fault;

#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Shared with the nodes that have read it.
    pub(crate) keys: Rc<Vec<SigningKey>>,
    pub(crate) version: i64,
    pub(crate) fault: Option<Fault>,
}

impl Table {
    /// One transaction: all of the action, or nothing when the keys are no longer as the plan saw them.
    pub(crate) fn carry_out(&mut self, action: &Action, now: Timestamp) -> bool {
        let done = match action {
            Action::Create { kid, algorithm, state } => self.create(kid, *algorithm, *state, now),
            Action::Plan { kid, at, .. } => self.plan(kid, *at),
            Action::Activate { kid, algorithm, retire, at, leaves_at, successor } => {
                self.activate(kid, retire.as_ref(), *at, *leaves_at)
                    && successor.as_ref().is_none_or(|next| self.create(next, *algorithm, KeyState::Next, now))
            }
            Action::Expire { kid } => self.expire(kid),
        };
        self.version += i64::from(done);
        done
    }

    fn create(&mut self, kid: &KeyId, algorithm: Algorithm, state: KeyState, now: Timestamp) -> bool {
        let mut kid = kid.clone();
        if self.fault == Some(Fault::BothCreate) {
            // Random names, as others have, and no rule about how many.
            kid = KeyId::new(format!("{kid}-{}", self.keys.len())).unwrap();
        } else if self.keys.iter().any(|key| key.kid == kid || (key.algorithm == algorithm && key.state == state)) {
            return false;
        }
        Rc::make_mut(&mut self.keys).push(SigningKey {
            kid,
            algorithm,
            state,
            public_jwk: String::new(),
            sealed_private: None,
            published_at: now,
            activates_at: None,
            activated_at: (state == KeyState::Active).then_some(now),
            retired_at: None,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        });
        true
    }

    fn plan(&mut self, kid: &KeyId, at: Timestamp) -> bool {
        let keys = Rc::make_mut(&mut self.keys);
        let Some(next) = keys.iter_mut().find(|key| key.kid == *kid && key.state == KeyState::Next) else {
            return false;
        };
        if next.activates_at.is_some_and(|planned| planned <= at) {
            return false;
        }
        next.activates_at = Some(at);
        true
    }

    fn activate(&mut self, kid: &KeyId, retire: Option<&KeyId>, at: Timestamp, leaves_at: Timestamp) -> bool {
        let is = |key: &SigningKey, kid: &KeyId, state| key.kid == *kid && key.state == state;
        if !self.keys.iter().any(|key| is(key, kid, KeyState::Next))
            || retire.is_some_and(|old| !self.keys.iter().any(|key| is(key, old, KeyState::Active)))
        {
            return false;
        }
        for key in Rc::make_mut(&mut self.keys) {
            if retire == Some(&key.kid) {
                key.state = KeyState::Retired;
                (key.retired_at, key.leaves_at) = (Some(at), Some(leaves_at));
                match self.fault {
                    Some(Fault::DropsOldKey) => key.state = KeyState::Expired,
                    // The key is as old as its office was long: with removal by age it is over at once or soon.
                    Some(Fault::RemovesByAge) => {
                        key.leaves_at = Some(key.published_at.plus(Duration::from_hours(24 * 90)));
                    }
                    _ => {}
                }
            } else if key.kid == *kid {
                (key.state, key.activates_at, key.activated_at) = (KeyState::Active, None, Some(at));
            }
        }
        true
    }

    fn expire(&mut self, kid: &KeyId) -> bool {
        let is = |key: &SigningKey| key.kid == *kid && key.state == KeyState::Retired;
        if !self.keys.iter().any(is) {
            return false;
        }
        // What has left the JWKS matters no longer here.
        Rc::make_mut(&mut self.keys).retain(|key| !is(key));
        true
    }
}
