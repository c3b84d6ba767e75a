//! What tests stand on.

pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod client_key;
pub(crate) mod database;
pub(crate) mod html;
pub(crate) mod https;
pub(crate) mod installation;
pub(crate) mod nouns;
pub(crate) mod party;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod resource_server;
pub(crate) mod server;
pub(crate) mod tls;

/// How often a race is run: `./test --long` takes the larger number.
pub(crate) fn rounds(usual: usize, long: usize) -> usize {
    if std::env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1") { long } else { usual }
}
