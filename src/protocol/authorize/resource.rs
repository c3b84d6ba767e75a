//! Which resource the client means to call, RFC 8707 section 2.1. Checked here so that a wrong one is told early; the
//! token endpoint decides (RFC 8707 section 2.2).

use super::super::error::OAuthError;
use super::super::params::Params;
use super::super::token::resource;
use crate::domain::client::Client;

pub(super) fn check(params: &Params, client: &Client) -> Result<(), OAuthError> {
    resource::requested(params, client).map(|_| ())
}
