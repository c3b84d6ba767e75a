//! Tokens whose signature a ring knows to be good, because it has found it so or made it, so that it need not be computed
//! again: an API asks about one token at every call, and an application about a new one at once. A memo belongs to one ring
//! and goes with it. So a key that is revoked, or taken out, takes along all that it ever vouched for, and no change of keys
//! has to think of this. Only signatures are remembered: whether a token has expired, is denied or meant for somebody else is
//! asked every time.

use std::fmt;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// How many tokens are remembered, the last ones that somebody asked about or was given. They take some four megabytes.
const MOST: u64 = 16_000;

/// By SHA-256 of the whole token, its signature included.
pub(super) struct Memo(Cache<[u8; 32], (), foldhash::fast::RandomState>);

impl Memo {
    pub(super) fn new() -> Self {
        let memory = Cache::builder().max_capacity(MOST).eviction_policy(EvictionPolicy::lru());
        Self(memory.build_with_hasher(foldhash::fast::RandomState::default()))
    }

    pub(super) fn knows(&self, token: &[u8; 32]) -> bool {
        self.0.get(token).is_some()
    }

    pub(super) fn note(&self, token: [u8; 32]) {
        self.0.insert(token, ());
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("tokens", &self.0.entry_count()).finish()
    }
}
