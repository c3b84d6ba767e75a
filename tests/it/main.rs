//! Everything that needs more than values: databases, sockets, pages. One binary, because linking is what costs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod cli;
mod clients;
mod endpoints;
mod gateway;
mod key_files;
mod logout;
mod month;
mod outbound;
mod spec;
mod store;
mod stories;
#[expect(dead_code, reason = "shared with tests/chaos, which uses the rest")]
mod support;
mod tls;
mod token_side;
mod watch;
