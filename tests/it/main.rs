//! Everything that needs more than values: databases, sockets, pages. One binary, because linking is what costs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cli;
mod clients;
mod endpoints;
mod spec;
mod store;
mod stories;
mod support;
mod token_side;
