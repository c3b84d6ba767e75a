//! Several nodes on one database, and one database after another.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod builds;
mod clocks;
mod fleet;
mod load;
mod moved_home;
mod proxy;
mod rolling;
mod rows;
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with other tests, which need more of it")]
#[path = "../it/support/mod.rs"]
mod support;
