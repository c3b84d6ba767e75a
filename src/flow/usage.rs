//! How many tokens each key signs: counted in memory, written with the readers of the JWKS.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::store::usage::Usage;

use super::Signet;
use super::error::FlowError;

const DAY_IN_HOURS: i64 = 24;

/// Counts signatures. Only keys of our own come here, so there are few.
#[derive(Debug, Default)]
pub struct KeyUsage {
    counts: RwLock<HashMap<KeyId, AtomicI64>>,
    /// Taken but not written yet.
    untold: Mutex<BTreeMap<(KeyId, i64), i64>>,
}

impl KeyUsage {
    /// One token.
    pub fn count(&self, kid: &KeyId) {
        if let Some(count) = self.counts.read().unwrap_or_else(PoisonError::into_inner).get(kid) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        counts.entry(kid.clone()).or_default().fetch_add(1, Ordering::Relaxed);
    }

    /// What is to be written: counts since the last time belong to the hour of `now`.
    fn take(&self, now: Timestamp) -> Vec<Usage> {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        for (kid, count) in self.counts.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let tokens = count.swap(0, Ordering::Relaxed);
            if tokens > 0 {
                *untold.entry((kid.clone(), hour(now))).or_default() += tokens;
            }
        }
        std::mem::take(&mut *untold).into_iter().map(|((kid, hour), tokens)| Usage { kid, hour, tokens }).collect()
    }

    fn put_back(&self, usage: Vec<Usage>) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        for Usage { kid, hour, tokens } in usage {
            *untold.entry((kid, hour)).or_default() += tokens;
        }
    }
}

const fn hour(now: Timestamp) -> i64 {
    now.seconds().div_euclid(3600)
}

impl Signet {
    /// Writes what was counted.
    ///
    /// # Errors
    /// [`FlowError::Store`]: it is written next time.
    pub async fn flush_key_usage(&self) -> Result<(), FlowError> {
        let usage = self.watch.usage.take(self.now());
        if usage.is_empty() {
            return Ok(());
        }
        if let Err(cause) = self.store.add_key_usage(usage.clone()).await {
            self.watch.usage.put_back(usage);
            return Err(cause.into());
        }
        Ok(())
    }

    /// Tokens that each key has signed in this hour and the 23 before it.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn tokens_in_24_hours(&self) -> Result<BTreeMap<KeyId, i64>, FlowError> {
        let mut tokens = BTreeMap::new();
        for usage in self.store.key_usage(hour(self.now()) - (DAY_IN_HOURS - 1)).await? {
            *tokens.entry(usage.kid).or_default() += usage.tokens;
        }
        Ok(tokens)
    }
}
