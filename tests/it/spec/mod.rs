//! The catalogue of attacks, row by row, against a running provider. A test is named after its row.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod basic;
mod claims;
mod cookies;
mod dynamic;
mod hint;
mod implicit;
mod login;
mod pages;
mod pairwise;
mod parameters;
mod paths;
mod pkce;
mod presentation;
mod prompt;
mod redirect_uri;
mod request_object;
mod response;
mod signed_userinfo;
mod stage;
mod tabs;

/// Makes `sqlite::ROW` and `postgres::ROW` of each `ROW`, an `async fn(Stage)`.
macro_rules! on_both_databases {
    ($($row:ident),* $(,)?) => {
        mod sqlite {$(
            #[test]
            fn $row() {
                crate::spec::stage::run(crate::support::database::Kind::Sqlite, super::$row);
            }
        )*}
        mod postgres {$(
            #[test]
            fn $row() {
                crate::spec::stage::run(crate::support::database::Kind::Postgres, super::$row);
            }
        )*}
    };
}
use on_both_databases;
