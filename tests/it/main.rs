//! Everything that needs more than values: databases, sockets, pages. One binary, because linking is what costs.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod store;
mod support;
