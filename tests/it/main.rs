//! Everything that runs against a database or a server, in one binary.
#![expect(clippy::expect_used, clippy::panic, clippy::string_slice, reason = "a test stops where it fails")]

mod clients;
mod stories;
mod support;
