//! Types that cannot be wrong. No I/O, no async, no cryptography.
//!
//! A value of one of these types has been checked when it was made, so no later floor checks it again. The nouns
//! (`client`, `user`, `session`, `consent`, `request`, `code`, `family`, `place`, `denial`,
//! `registration`, `key`) keep their names on every floor.

pub mod claims;
pub mod client;
pub mod code;
pub mod consent;
pub mod denial;
pub mod family;
pub mod ids;
pub mod key;
pub mod logout;
pub mod place;
pub mod registration;
pub mod request;
pub mod scope;
pub mod secret;
pub mod session;
pub mod time;
pub mod uri;
pub mod user;
pub mod window;
