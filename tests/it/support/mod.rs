//! What tests stand on.

pub(crate) mod database;
pub(crate) mod nouns;
pub(crate) mod postgres;
