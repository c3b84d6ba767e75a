//! Everything that runs against a database or a server, in one binary.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

mod clients;
mod support;
