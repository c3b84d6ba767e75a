//! The table of signing keys as the database keeps it: conditional writes, one active and one next key.

use std::rc::Rc;
use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::time::Timestamp;
use signet::keys::schedule::Action;

use super::fault::Fault;

/// One state of the table, shared with the nodes that have read it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Keys {
    pub(crate) rows: Vec<SigningKey>,
    /// A small number for each row: what tokens and readers know keys by. It is given anew long after the key has gone.
    numbers: Vec<u8>,
}

impl Keys {
    pub(crate) fn number(&self, key: &SigningKey) -> u8 {
        let at = self.rows.iter().position(|row| std::ptr::eq(row, key)).unwrap();
        self.numbers[at]
    }

    /// The JWKS, one bit for each number.
    pub(crate) fn published(&self) -> u64 {
        let published = self.rows.iter().zip(&self.numbers).filter(|(key, _)| key.state.is_published());
        published.fold(0, |set, (_, number)| set | 1 << number)
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) keys: Rc<Keys>,
    pub(crate) version: i64,
    pub(crate) fault: Option<Fault>,
    /// The newest instant that a node was sure of.
    pub(crate) newest: Option<Timestamp>,
    /// What time it is, by no clock of ours.
    pub(crate) true_time: Timestamp,
    /// Since when keys are in the JWKS, by their numbers.
    pub(crate) published_at: Vec<Timestamp>,
    made: usize,
}

impl Table {
    pub(crate) fn new(fault: Option<Fault>, now: Timestamp) -> Self {
        Self {
            keys: Rc::default(),
            version: 0,
            fault,
            newest: None,
            true_time: now,
            published_at: vec![Timestamp::EPOCH; 64],
            made: 0,
        }
    }

    /// One transaction: all of the action, or nothing when the keys are no longer as the plan saw them. `now` is what the
    /// node believes that carries it out; `longest_token` what its configuration says.
    pub(crate) fn carry_out(&mut self, action: &Action, now: Timestamp, longest_token: Duration) -> bool {
        let new = |algorithm, state| (algorithm, state, now, longest_token);
        let done = match action {
            Action::Begin { keys } => {
                self.rows().all(|key| key.state != KeyState::Active)
                    && keys.iter().all(|(kid, algorithm)| self.create(kid, new(*algorithm, KeyState::Active)))
            }
            Action::Create { kid, algorithm } => self.create(kid, new(*algorithm, KeyState::Next)),
            Action::Raise { kid, longest_token } => self.raise(kid, *longest_token),
            Action::Plan { kid, at, .. } => self.plan(kid, *at),
            Action::Activate { kid, algorithm, retire, at, leaves_at, successor, longest_token: seen } => {
                self.activate(kid, retire.as_ref().map(|retire| (retire, *seen)), *at, *leaves_at)
                    && successor.as_ref().is_none_or(|next| self.create(next, new(*algorithm, KeyState::Next)))
            }
            Action::Expire { kid } => self.expire(kid),
            // They are forgotten as soon as they expire here.
            Action::Forget { .. } => false,
        };
        self.version += i64::from(done);
        done
    }

    fn rows(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.rows.iter()
    }

    fn create(
        &mut self,
        kid: &KeyId,
        (algorithm, state, now, longest_token): (Algorithm, KeyState, Timestamp, Duration),
    ) -> bool {
        let mut kid = kid.clone();
        if self.fault == Some(Fault::BothCreate) {
            // Random names, as others have, and no rule about how many.
            kid = KeyId::new(format!("{kid}-{}", self.made)).unwrap();
        } else if self.rows().any(|key| key.kid == kid || (key.algorithm == algorithm && key.state == state)) {
            return false;
        }
        let number = self.made % 64;
        self.made += 1;
        self.published_at[number] = self.true_time;
        let keys = Rc::make_mut(&mut self.keys);
        keys.numbers.push(u8::try_from(number).unwrap());
        keys.rows.push(SigningKey {
            kid,
            algorithm,
            state,
            public_jwk: String::new(),
            sealed_private: None,
            published_at: now,
            activates_at: None,
            activated_at: (state == KeyState::Active).then_some(now),
            retired_at: None,
            longest_token,
            leaves_at: None,
            revoked_at: None,
            revoked_reason: None,
        });
        true
    }

    pub(crate) fn raise(&mut self, kid: &KeyId, longest_token: Duration) -> bool {
        if self.fault == Some(Fault::ForgetsLongTokens) {
            return false;
        }
        let signs = |key: &SigningKey| matches!(key.state, KeyState::Next | KeyState::Active);
        let keys = Rc::make_mut(&mut self.keys);
        let found = keys.rows.iter_mut().find(|key| key.kid == *kid && signs(key) && key.longest_token < longest_token);
        found.map(|key| key.longest_token = longest_token).is_some()
    }

    fn plan(&mut self, kid: &KeyId, at: Timestamp) -> bool {
        let keys = Rc::make_mut(&mut self.keys);
        let Some(next) = keys.rows.iter_mut().find(|key| key.kid == *kid && key.state == KeyState::Next) else {
            return false;
        };
        if next.activates_at.is_some_and(|planned| planned <= at) {
            return false;
        }
        next.activates_at = Some(at);
        true
    }

    fn activate(
        &mut self,
        kid: &KeyId,
        retire: Option<(&KeyId, Duration)>,
        at: Timestamp,
        leaves_at: Timestamp,
    ) -> bool {
        let is = |key: &SigningKey, kid: &KeyId, state| key.kid == *kid && key.state == state;
        let as_seen = |old: &KeyId, seen: Duration| {
            self.rows().any(|key| is(key, old, KeyState::Active) && key.longest_token <= seen)
        };
        if !self.rows().any(|key| is(key, kid, KeyState::Next)) || retire.is_some_and(|(old, seen)| !as_seen(old, seen))
        {
            return false;
        }
        let fault = self.fault;
        for key in &mut Rc::make_mut(&mut self.keys).rows {
            if retire.is_some_and(|(old, _)| *old == key.kid) {
                key.state = KeyState::Retired;
                (key.retired_at, key.leaves_at) = (Some(at), Some(leaves_at));
                match fault {
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
        let Some(at) = self.rows().position(|key| key.kid == *kid && key.state == KeyState::Retired) else {
            return false;
        };
        // What has left the JWKS matters no longer here.
        let keys = Rc::make_mut(&mut self.keys);
        keys.rows.remove(at);
        keys.numbers.remove(at);
        true
    }
}
