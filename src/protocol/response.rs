//! Answers of the authorization endpoint, RFC 6749 section 4.1.2, with `iss` of RFC 9207.

use std::fmt;
use std::fmt::Write;

use super::error::OAuthError;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::ResponseMode;

/// Where an answer goes: a redirect URI that its client has registered, how, and what must come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo {
    pub redirect_uri: String,
    pub response_mode: ResponseMode,
    /// Returned as it was received.
    pub state: Option<String>,
}

impl From<&AuthorizationRequest> for ReturnTo {
    fn from(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode,
            state: request.state.clone(),
        }
    }
}

/// An answer on its way to the client. May hold a code or tokens, so it does not show its parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    pub response_mode: ResponseMode,
    /// Where the form of `form_post` goes; for the others, see [`AuthorizationResponse::location`].
    pub redirect_uri: String,
    /// The hidden fields of `form_post`; not escaped.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// RFC 6749 section 4.1.2.
    #[must_use]
    pub fn success(to: ReturnTo, code: &str, issuer: &str) -> Self {
        Self::new(to, vec![("code", code.to_owned())], issuer)
    }

    /// Tokens in the answer itself, OpenID Connect Core section 3.2.2.5.
    #[must_use]
    pub fn tokens(to: ReturnTo, tokens: Vec<(&'static str, String)>, issuer: &str) -> Self {
        Self::new(to, tokens, issuer)
    }

    /// The same with `session_state`, Session Management section 2: "This parameter is REQUIRED if the server supports
    /// it" for an answer to an authentication request.
    #[must_use]
    pub fn with_session_state(mut self, session_state: Option<String>) -> Self {
        self.parameters.extend(session_state.map(|value| ("session_state", value)));
        self
    }

    /// RFC 6749 section 4.1.2.1.
    #[must_use]
    pub fn failure(to: ReturnTo, error: &OAuthError, issuer: &str) -> Self {
        let parameters =
            vec![("error", error.code.as_str().to_owned()), ("error_description", error.description().to_owned())];
        Self::new(to, parameters, issuer)
    }

    fn new(to: ReturnTo, mut parameters: Vec<(&'static str, String)>, issuer: &str) -> Self {
        // "REQUIRED if the "state" parameter was present in the client authorization request. The exact value
        // received from the client." (RFC 6749 section 4.1.2)
        parameters.extend(to.state.map(|state| ("state", state)));
        // "In authorization responses to the client, including error responses, an authorization server supporting
        // this specification MUST indicate its identity by including the iss parameter" (RFC 9207 section 2).
        parameters.push(("iss", issuer.to_owned()));
        Self { response_mode: to.response_mode, redirect_uri: to.redirect_uri, parameters }
    }

    /// The `Location` of response modes `query` and `fragment`. Has printable ASCII only, whatever the parameters hold.
    ///
    /// The query of the redirect URI "MUST be retained when adding additional query parameters" (RFC 6749 section
    /// 3.1.2). The empty fragment at the end of a `query` keeps browsers from attaching the fragment of the request to the
    /// response (RFC 9700 section 4.1.3); it is empty so that pages that route by fragment see none.
    #[must_use]
    pub fn location(&self) -> String {
        let parameters = self.parameters.iter().map(|(name, value)| (*name, value.as_str()));
        if self.response_mode == ResponseMode::Fragment {
            // A redirect URI has no fragment of its own: "The endpoint URI MUST NOT include a fragment component."
            let mut location = format!("{}#", self.redirect_uri);
            append(&mut location, "", parameters);
            return location;
        }
        let mut location = with_query(&self.redirect_uri, parameters);
        location.push('#');
        location
    }
}

impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("response_mode", &self.response_mode)
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

/// `uri` with more parameters in its query, which is kept. Has printable ASCII only when `uri` has.
#[must_use]
pub fn with_query<'a>(uri: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut uri = uri.to_owned();
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    append(&mut uri, separator, parameters);
    uri
}

fn append<'a>(uri: &mut String, first: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut separator = first;
    for (name, value) in parameters {
        uri.push_str(separator);
        uri.push_str(name);
        uri.push('=');
        percent_encode(value, uri);
        separator = "&";
    }
}

/// Leaves the unreserved characters of RFC 3986 section 2.3 and escapes all else, a space as `%20`: what every form
/// decoder reads back unchanged.
fn percent_encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AuthorizationResponse;
    use super::OAuthError;
    use super::ReturnTo;
    use crate::domain::request::ResponseMode;

    fn to(redirect_uri: &str, state: Option<&str>) -> ReturnTo {
        let state = state.map(str::to_owned);
        ReturnTo { redirect_uri: redirect_uri.to_owned(), response_mode: ResponseMode::Query, state }
    }

    #[test]
    fn rm_09_iss_comes_with_success_and_error() {
        let success = AuthorizationResponse::success(to("https://c1.test/cb", Some("s")), "c", "https://op.test");
        assert_eq!(success.location(), "https://c1.test/cb?code=c&state=s&iss=https%3A%2F%2Fop.test#");
        let error = OAuthError::access_denied("No");
        let failure = AuthorizationResponse::failure(to("https://c1.test/cb", None), &error, "https://op.test");
        assert_eq!(
            failure.location(),
            "https://c1.test/cb?error=access_denied&error_description=No&iss=https%3A%2F%2Fop.test#"
        );
    }

    #[test]
    fn c_14_the_registered_query_stays() {
        for (uri, start) in [
            ("https://c1.test/cb?a=%2f+b", "https://c1.test/cb?a=%2f+b&code=c"),
            ("https://c1.test/cb?", "https://c1.test/cb?code=c"),
            ("https://c1.test/cb?a&", "https://c1.test/cb?a&code=c"),
            ("com.app:/cb", "com.app:/cb?code=c"),
        ] {
            let location = AuthorizationResponse::success(to(uri, None), "c", "i").location();
            assert_eq!(location, format!("{start}&iss=i#"));
        }
    }

    #[test]
    fn ru_27_no_control_byte_survives() {
        let state = "a\r\nSet-Cookie: x=1\0\u{7f}\u{e9}\"'<>&#;%";
        let location = AuthorizationResponse::success(to("https://c1.test/cb", Some(state)), "c", "i").location();
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        assert!(location.contains("state=a%0D%0ASet-Cookie%3A%20x%3D1%00%7F%C3%A9%22%27%3C%3E%26%23%3B%25&"));
    }

    #[test]
    fn ru_28_an_own_fragment() {
        let location = AuthorizationResponse::success(to("https://c1.test/cb", None), "c", "i").location();
        assert!(location.ends_with('#') && location.matches('#').count() == 1);
    }

    #[test]
    fn co_10_the_code_does_not_show() {
        let response = AuthorizationResponse::success(to("https://c1.test/cb", Some("st")), "c0de", "i");
        assert!(!format!("{response:?}").contains("c0de"));
    }
}
