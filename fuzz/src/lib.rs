//! What must hold for every input, one file for each target. `tests/corpus.rs` asks it of every kept input, libFuzzer of
//! those that it finds.
//!
//! An input is what an attacker sends, as plainly as possible: bytes of a form, lines of a header. Where a signature
//! would stop everything, the input is `header JSON, line end, payload JSON` and is signed here.

pub mod basic_header;
pub mod client_assertion;
pub mod config;
pub mod cookies;
pub mod dpop;
pub mod jwk_set;
pub mod jws;
pub mod key_import;
mod oracle;
pub mod params;
pub mod redirect_uri;
pub mod request_object;
mod signed;

/// What asserts of an input all that must hold.
pub type Target = fn(&[u8]);

/// A target and its name: that of its file, its corpus and its dictionary.
pub const TARGETS: [(&str, Target); 11] = [
    ("params", params::run),
    ("redirect_uri", redirect_uri::run),
    ("cookies", cookies::run),
    ("basic_header", basic_header::run),
    ("jws", jws::run),
    ("client_assertion", client_assertion::run),
    ("request_object", request_object::run),
    ("dpop", dpop::run),
    ("key_import", key_import::run),
    ("jwk_set", jwk_set::run),
    ("config", config::run),
];
