//! Which resources the client means to call, RFC 8707 section 2.1. The token endpoint gives tokens for these only (RFC
//! 8707 section 2.2).

use super::super::error::OAuthError;
use super::super::params::Params;
use super::super::token::resource;
use crate::domain::client::Client;

pub(super) fn check(params: &Params, client: &Client) -> Result<Vec<String>, OAuthError> {
    resource::requested(params, client)
}
