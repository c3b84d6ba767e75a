//! What the plans Basic and Form Post Basic of the certification suite ask of a provider: a test for each line that all
//! modules have in common (`c_10_...`), and one for each module under its own name, in both response modes.
//!
//! Lines that are tests elsewhere: C-01 to C-06, C-21, C-22, C-30 to C-38, C-40 and C-41 in `token_side`, C-70 and later
//! where registration is tested.

mod common;
mod happy;
mod objects;
mod person;
mod refusals;
mod relying_party;
mod session;

/// Makes `basic::MODULE` and `formpost_basic::MODULE` of each `MODULE`, an `async fn(RelyingParty)`.
macro_rules! in_both_plans {
    ($($module:ident),* $(,)?) => {
        mod basic {$(
            #[tokio::test]
            async fn $module() {
                super::$module(crate::spec::basic::relying_party::RelyingParty::new(false).await).await;
            }
        )*}
        mod formpost_basic {$(
            #[tokio::test]
            async fn $module() {
                super::$module(crate::spec::basic::relying_party::RelyingParty::new(true).await).await;
            }
        )*}
    };
}
use in_both_plans;
