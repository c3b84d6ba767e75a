//! Signet, an OpenID Connect identity provider.
//!
//! The modules are layers. Each may name only those above it in this list (`tests/tidy.rs` checks that):
//!
//! ```text
//! 0  ambient    the only file that reads the real clock or the real random generator
//! 1  domain     types that cannot be wrong; no I/O, no async
//! 2  config     file, then environment, then flags, straight into domain types
//! 3  crypto     the only room that names josekit, rsa, p256, argon2, sha2, openssl, ring's signatures
//! 4  keys       signing keys over time: ring, schedule, vault
//! 5a protocol   the rules: pure functions of values and `now`
//! 5b store      SQLite and PostgreSQL behind one type; knows the domain only
//! 5c outbound   the one guarded way out, to addresses that others have registered
//! 6  flow       use cases: load, decide (protocol), commit (store), sign (keys)
//! 7  http       one thin file per endpoint
//! 8  cli        one file per command
//! ```

pub mod ambient;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod flow;
pub mod http;
pub mod keys;
pub mod outbound;
pub mod protocol;
pub mod store;
