//! Clients that register themselves.

use std::time::Duration;

use super::key::section;
use super::limits::Rate;
use super::tokens::HOUR;
use super::tokens::YEAR;
use super::value::Between;
use super::value::NotEmpty;
use super::value::choice;
use crate::domain::client::GrantType;
use crate::domain::scope::Scope;

section! {
    /// Applications that register themselves at /register (RFC 7591, OpenID Connect Dynamic Client Registration). See
    /// docs/registration.md.
    Registration in "registration" {
        /// "off"; "token": with an initial access token of `signet registration-tokens create`; "open": anybody.
        /// serve --dev is open.
        mode: Mode = Default(r#""off""#);
        /// Registrations and changes of registrations from one address.
        per_address: Rate = Default(r#""30 per 1h""#);
        /// How many clients one initial access token may register when its maker does not say.
        clients_per_token: u32 = Default("1"), Between(1, 100_000);
        /// How many clients there may be that registered themselves; beyond it nobody else can.
        most_clients: u32 = Default("10000"), Between(1, 1_000_000);
        /// Scope values that such a client may have; others are left out of its registration.
        scope: Scope = Default(r#""openid profile email address phone offline_access""#);
        /// What it gets of them when it does not say. All of them when absent.
        default_scope: Option<Scope> = Example(r#""openid profile""#);
        /// Grants that it may have.
        grant_types: Vec<GrantType> = Default(r#"["authorization_code", "refresh_token"]"#), NotEmpty;
        /// Refuse authorization requests without a code challenge also from clients with a secret or a key of their own.
        /// Always so for public clients.
        require_pkce: bool = Default("false");
        /// A client that got nothing for anybody in this time is deleted.
        forget_unused: Duration = Default(r#""30d""#), Between(HOUR, YEAR);
    }
}

/// Who may register a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Off,
    Token,
    Open,
}

choice!(Mode: "off" => Mode::Off, "token" => Mode::Token, "open" => Mode::Open);
