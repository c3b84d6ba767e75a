//! A clock that shows a time before what has been done already.

use std::time::Duration;

use crate::domain::key::SigningKey;

use super::Signet;
use super::error::FlowError;

/// Clocks of several nodes are a little apart. What is further off is wrong.
const TOLERANCE: Duration = Duration::from_hours(1);

impl Signet {
    /// Whether the clock can be believed as far as the keys tell: none of those that are published was made or changed
    /// more than an hour from now. By a clock far in the past a key would seem to have been published for long, and
    /// tokens would be over before they are issued.
    ///
    /// # Errors
    /// [`FlowError::ClockBehind`].
    pub fn check_clock(&self, keys: &[SigningKey]) -> Result<(), FlowError> {
        let now = self.now();
        let moments = |key: &SigningKey| {
            let latest = [Some(key.published_at), key.activated_at, key.retired_at].into_iter().flatten().max();
            latest.map(|at| (at, key.kid.clone()))
        };
        let published = keys.iter().filter(|key| key.state.is_published());
        match published.filter_map(moments).max() {
            Some((at, kid)) if now.plus(TOLERANCE) < at => Err(FlowError::ClockBehind { now, kid, at }),
            _ => Ok(()),
        }
    }
}
