//! How long people stay signed in.

use std::time::Duration;

use super::key::section;
use super::tokens::DAY;
use super::tokens::MINUTE;
use super::tokens::YEAR;
use super::value::Between;

section! {
    /// How long people stay signed in here.
    Sessions in "sessions" {
        /// From the last use to the end of a session.
        idle: Duration = Default(r#""24h""#), Between(MINUTE, YEAR);
        /// From sign-in to the end of a session, however often it is used.
        absolute: Duration = Default(r#""14d""#), Between(MINUTE, YEAR);
        /// How long a sign-in page may stay open. Afterwards it starts itself again.
        attempt: Duration = Default(r#""30m""#), Between(Duration::from_mins(5), DAY);
    }
}
