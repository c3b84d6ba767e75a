//! Languages the person reads, best first. "An error SHOULD NOT result if some or all of the requested locales are
//! not supported" (OpenID Connect Core section 3.1.2.1), so odd ones are ignored.

use super::super::error::OAuthError;
use super::super::params::Params;

const MAX_LOCALES: usize = 10;
const MAX_LENGTH: usize = 35;

pub(in crate::protocol) fn check(params: &Params) -> Result<Vec<String>, OAuthError> {
    let text = params.get("ui_locales")?.unwrap_or_default();
    Ok(text.split(' ').filter(|tag| is_language_tag(tag)).take(MAX_LOCALES).map(str::to_owned).collect())
}

/// The shape of RFC 5646: subtags of one to eight letters and digits.
fn is_language_tag(tag: &str) -> bool {
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= MAX_LENGTH && tag.split('-').all(subtag)
}
