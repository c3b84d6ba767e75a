//! Every statement, written once. `sqlite.rs` and `postgres.rs` each include this folder, with a `Conn`, a
//! `RunQueryDsl`, an `announce` and a `hold` of their own; here none of them is known by name.
//!
//! What finds at most one row is read with `get_result`. `first` would add `LIMIT ?`, and SQLite plans a statement anew
//! each time a limit is bound.

pub(in crate::store) mod assertion;
pub(in crate::store) mod audit;
pub(in crate::store) mod client;
pub(in crate::store) mod code;
pub(in crate::store) mod consent;
pub(in crate::store) mod custody;
pub(in crate::store) mod denial;
pub(in crate::store) mod family;
pub(in crate::store) mod instance;
pub(in crate::store) mod key;
pub(in crate::store) mod logout;
pub(in crate::store) mod reader;
pub(in crate::store) mod registration;
pub(in crate::store) mod request;
pub(in crate::store) mod session;
pub(in crate::store) mod sweep;
pub(in crate::store) mod throttle;
pub(in crate::store) mod usage;
pub(in crate::store) mod user;
pub(in crate::store) mod version;

use super::Conn;
use super::RunQueryDsl;
use super::announce;
use super::hold;
