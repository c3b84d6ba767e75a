//! Properties of the rules, over inputs that nobody thought of.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod params;
mod pkce;
mod prompt;
mod redirect;
mod refresh;
mod support;
