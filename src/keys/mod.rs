//! Signing keys over time: which there should be ([`schedule`]), how their private halves are kept ([`vault`]) and
//! what a running node does with them ([`ring`]). Nothing here knows the database: rows come in and go out as values.

pub mod forecast;
pub mod handle;
pub mod import;
mod master;
mod memo;
mod name;
pub mod policy;
pub mod readers;
pub mod revocation;
pub mod ring;
pub mod schedule;
pub mod steady;
pub mod vault;

pub use handle::RingHandle;
pub use ring::Jwks;
pub use ring::KeysError;
pub use ring::Ring;
pub use vault::Vault;
pub use vault::VaultError;
