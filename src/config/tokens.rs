//! How long codes and tokens live. A client may have lifetimes of its own.

use std::time::Duration;

use super::key::section;
use super::value::Between;
use crate::domain::denial::LONGEST_ACCESS_TOKEN;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);
pub(super) const YEAR: Duration = Duration::from_hours(366 * 24);

section! {
    /// How long codes and tokens live. A client may have lifetimes of its own.
    Tokens in "tokens" {
        /// Access tokens. They cannot be called back everywhere at once, so more than 10 minutes is warned about.
        access_token: Duration = Default(r#""10m""#), Between(SECOND, LONGEST_ACCESS_TOKEN);
        /// ID tokens.
        id_token: Duration = Default(r#""1h""#), Between(SECOND, DAY);
        /// Let applications that are registered for the response types `id_token` and `id_token token` use them: tokens
        /// then come in the address that the browser is sent to. Only for applications that cannot do otherwise.
        front_channel: bool = Default("false");
        /// Authorization codes, from redirect to redemption.
        code: Duration = Default(r#""60s""#), Between(SECOND, MINUTE);
        /// From sign-in to the end of a refresh family, however often it is used.
        refresh_absolute: Duration = Default(r#""30d""#), Between(MINUTE, YEAR);
        /// From the last refresh to the end of a refresh family.
        refresh_idle: Duration = Default(r#""14d""#), Between(MINUTE, YEAR);
        /// How long a public client may present the same refresh token again, when an answer was lost or two tabs
        /// refresh at once.
        refresh_retry_window: Duration = Default(r#""60s""#), Between(Duration::ZERO, Duration::from_mins(10));
        /// Count it as theft when a public client does so from another network (/24, /48) or another browser than at first.
        /// A phone that changes from Wi-Fi to mobile does that too. Either way it is in the audit trail.
        refresh_retry_elsewhere_is_theft: bool = Default("false");
    }
}
