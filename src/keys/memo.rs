//! Tokens whose signature a ring has found good, so that it need not be computed again: an API asks about one token at
//! every call. A memo belongs to one ring and goes with it. So a key that is revoked, or taken out, takes along all that
//! it ever vouched for, and no change of keys has to think of this. Only signatures are remembered: whether a token has
//! expired, is denied or meant for somebody else is asked every time.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;

use super::ring::Verified;
use crate::crypto::VerifyError;
use crate::crypto::hash;
use crate::crypto::jws;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;

/// How many tokens are remembered. Of the usual size they take about four megabytes.
const MOST: u64 = 5_000;

/// Longer tokens are not remembered: what is kept is bounded by this, too.
const LONGEST: usize = 2048;

/// By SHA-256 of the whole token, its signature included.
pub(super) struct Memo(Cache<[u8; 32], Arc<Seen>>);

/// What was signed, and with what.
struct Seen {
    algorithm: Algorithm,
    kid: KeyId,
    typ: Option<String>,
    payload: Vec<u8>,
}

impl Memo {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// The token as it was verified before, or as `check` verifies it now. What is not good is never remembered.
    pub(super) fn verified(
        &self,
        token: &str,
        check: impl FnOnce() -> Result<(Algorithm, KeyId, Option<String>, Vec<u8>), VerifyError>,
    ) -> Result<Verified, VerifyError> {
        if token.len() > LONGEST {
            let (algorithm, kid, typ, payload) = check()?;
            return Seen { algorithm, kid, typ, payload }.read();
        }
        let digest = hash::digest(token.as_bytes());
        if let Some(seen) = self.0.get(&digest) {
            return seen.read();
        }
        let (algorithm, kid, typ, payload) = check()?;
        let seen = Arc::new(Seen { algorithm, kid, typ, payload });
        let verified = seen.read()?;
        self.0.insert(digest, seen);
        Ok(verified)
    }
}

impl Seen {
    fn read(&self) -> Result<Verified, VerifyError> {
        let claims = jws::claims(&self.payload)?;
        Ok(Verified { algorithm: self.algorithm, kid: self.kid.clone(), typ: self.typ.clone(), claims })
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("tokens", &self.0.entry_count()).finish()
    }
}
