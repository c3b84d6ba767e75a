//! Taking away what nobody will ask for again.

use std::time::Duration;

use crate::domain::denial::CLOCKS_APART;
use crate::domain::ids::FamilyId;
use crate::domain::time::Timestamp;

use super::Store;
use super::StoreError;
use super::dispatch;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How many rows went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub attempts: usize,
    pub codes: usize,
    pub sessions: usize,
    pub denials: usize,
    pub assertions: usize,
    pub throttles: usize,
    pub setup_links: usize,
    pub initial_tokens: usize,
    pub readers: usize,
    pub usage: usize,
    pub audit: usize,
}

/// What came of looking at some families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptFamilies {
    /// How many rows went.
    pub gone: usize,
    /// The last one looked at; none when there was none after it.
    pub last: Option<FamilyId>,
}

impl Swept {
    /// Whether a full batch of anything went, so that there may be more.
    #[must_use]
    pub fn more(&self, batch: u32) -> bool {
        let Self { attempts, codes, sessions, denials, assertions, throttles, setup_links, audit, .. } = *self;
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        let bounded = [attempts, codes, sessions, denials, assertions, throttles, setup_links, audit];
        bounded.into_iter().any(|count| count >= batch)
    }
}

impl Store {
    /// Deletes at most `batch` rows of each table but the families, each table in a transaction of its own. What has ended
    /// stays a while: an attempt a day, so that a page left open overnight can start again; a code an hour, so that a late
    /// replay is noticed; sessions a day, longer than any access token; initial access tokens a day, so that a
    /// list says why one is refused; denials and used assertions as long as clocks may be apart; readers of the JWKS and
    /// counts of tokens ninety days. Entries of the audit trail go when they were written
    /// before `audit_until`.
    pub async fn sweep(&self, now: Timestamp, audit_until: Timestamp, batch: u32) -> Result<Swept, StoreError> {
        let batch = i64::from(batch);
        let hour_ago = now.minus(HOUR);
        let day_ago = now.minus(DAY);
        let season_ago = now.minus(DAY * 90);
        Ok(Swept {
            attempts: dispatch!(self, statement, sweep::attempts(day_ago, batch))?,
            codes: dispatch!(self, statement, sweep::codes(hour_ago, batch))?,
            sessions: dispatch!(self, statement, sweep::sessions(day_ago, batch))?,
            denials: dispatch!(self, statement, sweep::denials(now.minus(CLOCKS_APART), batch))?,
            assertions: dispatch!(self, statement, sweep::assertions(now.minus(CLOCKS_APART), batch))?,
            throttles: dispatch!(self, statement, sweep::throttles(now, batch))?,
            setup_links: dispatch!(self, statement, sweep::setup_links(now, batch))?,
            initial_tokens: dispatch!(self, statement, sweep::initial_tokens(day_ago))?,
            readers: dispatch!(self, statement, sweep::readers(season_ago))?,
            usage: dispatch!(self, statement, sweep::usage(season_ago.seconds() / 3600))?,
            audit: dispatch!(self, statement, sweep::audit(audit_until, batch))?,
        })
    }

    /// Looks at the `batch` families that come `after` one by their names, and deletes those that ended a day ago, longer
    /// than any access token lives.
    pub async fn sweep_families(
        &self,
        after: Option<FamilyId>,
        now: Timestamp,
        batch: u32,
    ) -> Result<SweptFamilies, StoreError> {
        let day_ago = now.minus(DAY);
        dispatch!(self, statement, sweep::families(after, day_ago, i64::from(batch)))
    }
}
