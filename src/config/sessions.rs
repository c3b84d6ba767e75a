//! How long people stay signed in.

use std::time::Duration;

use super::key::section;
use super::tokens::DAY;
use super::tokens::MINUTE;
use super::tokens::YEAR;
use super::value::Between;
use super::value::choice;
use crate::domain::family::Reach;

section! {
    /// How long people stay signed in here.
    Sessions in "sessions" {
        /// From the last use to the end of a session.
        idle: Duration = Default(r#""24h""#), Between(MINUTE, YEAR);
        /// From sign-in to the end of a session, however often it is used.
        absolute: Duration = Default(r#""14d""#), Between(MINUTE, YEAR);
        /// How long a sign-in page may stay open. Afterwards it starts itself again.
        attempt: Duration = Default(r#""30m""#), Between(Duration::from_mins(5), DAY);
        /// How far signing out reaches: "immediate" (access tokens are refused too, on every node within a second) or
        /// "refresh revocation" (they live to their end, some minutes). Applications with `offline_access` keep it.
        logout: Reach = Default(r#""immediate""#);
        /// How long an application that does not answer is told again that somebody has signed out.
        backchannel_retry_for: Duration = Default(r#""6h""#), Between(MINUTE, DAY);
    }
}

choice!(Reach: "refresh revocation" => Reach::RefreshOnly, "immediate" => Reach::Immediate);
