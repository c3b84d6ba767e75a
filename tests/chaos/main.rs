//! The program, killed, cut off, filled up and put back, while people use it. Slow, and hard on its processes: a room of
//! its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod crash;
mod dice;
mod disk;
mod failover;
mod faults;
mod flips;
mod key_crash;
mod kills;
mod load;
mod power;
mod proxy;
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with tests/it, which uses the rest")]
#[path = "../it/support/mod.rs"]
mod support;
mod visitor;

/// Whether `./test --long` runs.
fn long() -> bool {
    std::env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1")
}
