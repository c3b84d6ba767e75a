//! Signing keys over time: which there should be ([`schedule`]), how their private halves are kept ([`vault`]) and
//! what a running node does with them ([`ring`]). Nothing here knows the database: rows come in and go out as values.

pub mod forecast;
pub mod import;
mod master;
pub mod ring;
pub mod schedule;
pub mod vault;

pub use ring::Jwks;
pub use ring::KeysError;
pub use ring::Ring;
pub use ring::RingHandle;
pub use vault::Vault;
pub use vault::VaultError;
