//! What tests stand on.

pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod html;
pub(crate) mod https;
pub(crate) mod installation;
pub(crate) mod nouns;
pub(crate) mod party;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod resource_server;
pub(crate) mod server;
