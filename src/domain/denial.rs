//! What a denylist says: access tokens that are refused although they have not expired.

use std::time::Duration;

use super::ids::FamilyId;
use super::ids::TokenId;
use super::time::Timestamp;

/// The longest that an access token may be configured to live. How long the ones that are out do live nobody has
/// written down, and a lifetime may have been shortened since: so this bounds what a revocation must outlast.
pub const LONGEST_ACCESS_TOKEN: Duration = Duration::from_hours(1);

/// How far clocks of nodes may be apart, twice: of the one that signed and the one that revokes, and of that one and
/// the one that asks.
pub const CLOCKS_APART: Duration = Duration::from_mins(2);

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub denied: Denied,
    /// From then on every token that this denies has expired.
    pub expires_at: Timestamp,
}

/// What is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Denied {
    /// One access token, by its `jti`.
    Token(TokenId),
    /// Every access token of a family, by its `grant_id`.
    Grant(FamilyId),
}

/// When the last access token of a family that ends at `now` has expired.
#[must_use]
pub fn outlasts(now: Timestamp) -> Timestamp {
    now.plus(LONGEST_ACCESS_TOKEN).plus(CLOCKS_APART)
}
