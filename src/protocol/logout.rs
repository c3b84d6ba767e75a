//! Signing out: what a request to end a session may ask for (OpenID Connect RP-Initiated Logout 1.0), and what
//! clients are told (Back-Channel Logout 1.0, Front-Channel Logout 1.0).

use std::time::Duration;

use serde::Serialize;

use super::authorize::ui_locales;
use super::error::OAuthError;
use super::id_token_hint::Hint;
use super::params::Params;
use super::response;
use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::ids::Subject;
use crate::domain::time::Timestamp;

/// A request that may be followed once it is known whose session ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    pub hint: Option<Hint>,
    /// Where the browser goes afterwards: registered, with `state` in its query.
    pub back: Option<String>,
    pub ui_locales: Vec<String>,
}

/// Who asks: the client of the hint, or the one that is named.
///
/// # Errors
/// `invalid_request`: "When both `client_id` and `id_token_hint` are present, the OP MUST verify that the Client
/// Identifier matches the one used when issuing the ID Token." (section 2)
pub fn client_id(params: &Params, hint: Option<&Hint>) -> Result<Option<ClientId>, OAuthError> {
    let named = params.get("client_id")?.map(ClientId::new).transpose().map_err(|_| unknown_client())?;
    match (named, hint) {
        (Some(named), Some(hint)) if named != hint.client_id => {
            Err(OAuthError::invalid_request("The id_token_hint was issued to another client than client_id"))
        }
        (named, hint) => Ok(named.or_else(|| hint.map(|hint| hint.client_id.clone()))),
    }
}

/// Checks all else. `client` is what the store knows under [`client_id`]; `named` whether anybody was named there.
///
/// # Errors
/// `invalid_request`; nothing of it may be followed then, and nobody is redirected.
pub fn validate(
    params: &Params,
    hint: Option<Hint>,
    named: bool,
    client: Option<&Client>,
) -> Result<LogoutRequest, OAuthError> {
    params.check()?;
    let client = client.filter(|client| !client.disabled);
    if named && client.is_none() {
        return Err(unknown_client());
    }
    let back = match (params.get("post_logout_redirect_uri")?, client) {
        // Without a hint and without `client_id` nobody knows whose address it is; the person can sign out all the
        // same, and stays here.
        (None, _) | (Some(_), None) => None,
        (Some(uri), Some(client)) => {
            // "the OP MUST NOT perform post-logout redirection if the post_logout_redirect_uri value supplied does
            // not exactly match one of the previously registered post_logout_redirect_uris values" (section 3)
            if !client.returns_to_after_logout(uri) {
                return Err(OAuthError::invalid_request("The post_logout_redirect_uri is not registered")
                    .detail(format!("of client {}", client.id)));
            }
            let state = params.get("state")?.map(|state| ("state", state));
            Some(response::with_query(uri, state))
        }
    };
    Ok(LogoutRequest { hint, back, ui_locales: ui_locales::check(params)? })
}

fn unknown_client() -> OAuthError {
    OAuthError::invalid_request("The client is not known")
}

/// Whether a hint proves that the request comes from where the person is signed in, so that nobody need be asked: it is an
/// ID token of this very session. "the OP MUST ask the End-User whether to log out" when there is none or "if the supplied
/// ID Token does not belong to the current OP session" (section 2). Otherwise any page could sign people out. `sub` and
/// `sid` are how the client of the hint names who is signed in and their session.
#[must_use]
pub fn spares_the_question(hint: &Hint, sub: &Subject, sid: &SessionId) -> bool {
    hint.sub == sub.as_str() && hint.sid.as_ref().is_none_or(|hinted| hinted == sid.as_str())
}

/// The `typ` header of a logout token, Back-Channel Logout section 2.4.
pub const TYPE: &str = "logout+jwt";

/// "RECOMMENDED that [...] at most two minutes in the future" (Back-Channel Logout section 2.4, `exp`).
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(2);

/// The claims of a logout token, Back-Channel Logout section 2.4. There is no `nonce`: "A nonce Claim MUST NOT be
/// present", so that it is never taken for an ID token.
#[derive(Debug, Serialize)]
pub struct LogoutToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    events: Events,
    sid: &'a str,
}

#[derive(Debug, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Empty,
}

/// "its value MUST be a JSON object and SHOULD be the empty JSON object {}".
#[derive(Debug, Serialize)]
struct Empty {}

impl<'a> LogoutToken<'a> {
    /// The session `sid` of `sub` has ended, for the client `aud`.
    #[must_use]
    pub fn new(iss: &'a str, aud: &'a str, sub: &'a str, sid: &'a str, jti: &'a str, now: Timestamp) -> Self {
        let events = Events { logout: Empty {} };
        let exp = now.plus(TOKEN_LIFETIME).seconds();
        Self { iss, sub, aud, iat: now.seconds(), exp, jti, events, sid }
    }
}

/// What a frame of the signed-out page loads: the client's URI, with `iss` and `sid` when it wants to know which
/// session ends. "If either is included, both MUST be." (Front-Channel Logout section 2)
#[must_use]
pub fn frontchannel_uri(client: &Client, issuer: &str, sid: &str) -> Option<String> {
    let uri = client.logout.frontchannel_logout_uri.as_ref()?.as_str();
    let session = [("iss", issuer), ("sid", sid)];
    let wanted = client.logout.frontchannel_logout_session_required;
    Some(response::with_query(uri, session.into_iter().filter(|_| wanted)))
}

#[cfg(test)]
mod tests {
    use super::LogoutToken;
    use super::client_id;
    use super::frontchannel_uri;
    use super::spares_the_question;
    use super::validate;
    use crate::domain::client::ApplicationType;
    use crate::domain::client::Client;
    use crate::domain::ids::ClientId;
    use crate::domain::ids::SessionId;
    use crate::domain::ids::Subject;
    use crate::domain::time::Timestamp;
    use crate::domain::uri::RedirectUri;
    use crate::protocol::id_token_hint::Hint;
    use crate::protocol::params;
    use crate::protocol::params::Params;
    use serde_json::json;

    fn client() -> Client {
        let uri = |text| RedirectUri::register(text, ApplicationType::Web).unwrap();
        let mut client = Client::new(ClientId::new("c1").unwrap(), Timestamp::EPOCH);
        client.post_logout_redirect_uris = vec![uri("https://c1.test/out"), uri("https://c1.test/out?a=b")];
        client.logout.frontchannel_logout_uri = Some(uri("https://c1.test/fc?x=1"));
        client
    }

    fn read(query: &str) -> Params {
        Params::parse(&[query.as_bytes()], params::END_SESSION).unwrap()
    }

    fn hint(sub: &str, sid: Option<&str>) -> Hint {
        Hint { client_id: ClientId::new("c1").unwrap(), sub: sub.to_owned(), sid: sid.map(str::to_owned) }
    }

    fn back(query: &str) -> Result<Option<String>, String> {
        let request = validate(&read(query), None, true, Some(&client()));
        request.map(|request| request.back).map_err(|error| error.description().to_owned())
    }

    #[test]
    fn lo_02_only_a_registered_address_letter_for_letter() {
        let to = |uri: &str| back(&format!("post_logout_redirect_uri={uri}"));
        assert_eq!(to("https://c1.test/out"), Ok(Some("https://c1.test/out".to_owned())));
        for bad in [
            "https://c1.test/out?foo=bar",
            "https://c1.test/out/",
            "https://c1.test/OUT",
            "https://evil.test/out",
            "javascript:alert(1)",
            "https://c1.test/out%23f",
            "//c1.test/out",
            "x",
        ] {
            assert!(to(bad).is_err(), "{bad}");
        }
        let nobody = validate(&read("post_logout_redirect_uri=https://c1.test/out&state=s"), None, false, None);
        assert_eq!(nobody.unwrap().back, None, "nobody has registered it");
    }

    #[test]
    fn lo_05_state_comes_back_as_it_was_and_commands_nothing() {
        let state = "a%26b%3Dc%23%3Cscript%3E%22'%20%C3%A9";
        let uri = back(&format!("post_logout_redirect_uri=https://c1.test/out&state={state}")).unwrap().unwrap();
        assert_eq!(uri, "https://c1.test/out?state=a%26b%3Dc%23%3Cscript%3E%22%27%20%C3%A9");
        let uri = back("post_logout_redirect_uri=https://c1.test/out?a%3Db&state=s").unwrap().unwrap();
        assert_eq!(uri, "https://c1.test/out?a=b&state=s");
        assert!(back("post_logout_redirect_uri=https://c1.test/out&state=a%0d%0ab").is_err());
    }

    #[test]
    fn lo_03_hint_and_client_id_name_the_same_client() {
        let own = hint("usr_ada", None);
        assert_eq!(client_id(&read("client_id=c1"), Some(&own)).unwrap(), Some(own.client_id.clone()));
        assert_eq!(client_id(&read(""), Some(&own)).unwrap(), Some(own.client_id.clone()));
        assert_eq!(client_id(&read(""), None).unwrap(), None);
        assert!(client_id(&read("client_id=c2"), Some(&own)).is_err());
        let mut disabled = client();
        disabled.disabled = true;
        assert!(validate(&read(""), None, true, Some(&disabled)).is_err());
        assert!(validate(&read(""), None, true, None).is_err(), "an unknown client");
        let claims = |value: serde_json::Value| value.as_object().unwrap().clone();
        for bad in [
            json!({ "iss": "https://other.test", "aud": "c1", "sub": "u" }),
            json!({ "aud": "c1", "sub": "u" }),
            json!({ "iss": "https://op.test", "aud": ["c1", "c2"], "sub": "u" }),
            json!({ "iss": "https://op.test", "aud": "c1" }),
        ] {
            assert!(Hint::read(&claims(bad), "https://op.test").is_err());
        }
    }

    #[test]
    fn lo_01_only_a_hint_of_this_session_spares_the_question() {
        let spares = |sub: &str, sid: Option<&str>| {
            let (ada, session) = (Subject::new("usr_ada").unwrap(), SessionId::new("ses_1").unwrap());
            spares_the_question(&hint(sub, sid), &ada, &session)
        };
        assert!(!spares("usr_bob", None));
        assert!(!spares("usr_bob", Some("ses_1")));
        assert!(!spares("usr_ada", Some("ses_2")));
        assert!(spares("usr_ada", Some("ses_1")));
        assert!(spares("usr_ada", None));
    }

    #[test]
    fn lo_08_what_a_logout_token_says() {
        let token = LogoutToken::new(
            "https://op.test",
            "c1",
            "usr_ada",
            "ses_1",
            "tok_1",
            Timestamp::from_micros(1_000_000_000),
        );
        let expected = json!({
            "iss": "https://op.test", "sub": "usr_ada", "aud": "c1", "iat": 1000, "exp": 1120, "jti": "tok_1",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} }, "sid": "ses_1",
        });
        assert_eq!(serde_json::to_value(token).unwrap(), expected);
    }

    #[test]
    fn lo_07_iss_and_sid_together_or_not_at_all() {
        let mut client = client();
        assert_eq!(frontchannel_uri(&client, "https://op.test", "s").unwrap(), "https://c1.test/fc?x=1");
        client.logout.frontchannel_logout_session_required = true;
        let with = "https://c1.test/fc?x=1&iss=https%3A%2F%2Fop.test&sid=s";
        assert_eq!(frontchannel_uri(&client, "https://op.test", "s").unwrap(), with);
    }
}
