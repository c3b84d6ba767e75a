//! Where answers go: RFC 9700 section 2.1, RFC 8252 section 7.3; and the other addresses that are registered or come back.

use signet::domain::client::ApplicationType;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::request::ResponseMode;
use signet::domain::time::Timestamp;
use signet::domain::uri::Origin;
use signet::domain::uri::RedirectUri;
use signet::domain::uri::WebUri;
use signet::protocol::authorize::AuthorizeFailure;
use signet::protocol::authorize::validate;
use signet::protocol::gateway::ReturnAddress;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::Params;
use signet::protocol::response::AuthorizationResponse;
use signet::protocol::response::ReturnTo;
use url::Url;

use super::oracle;

/// Lines: what is registered, what is presented, the `state`.
pub fn run(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n').map(|line| std::str::from_utf8(line).unwrap_or_default());
    let mut line = || lines.next().unwrap_or_default();
    let (registered, presented, state) = (line(), line(), line());
    for application in [ApplicationType::Web, ApplicationType::Native] {
        for text in [registered, presented] {
            if let Ok(uri) = RedirectUri::register(text, application) {
                is_fit(&uri, application);
            }
        }
        if let Ok(uri) = RedirectUri::register(registered, application) {
            let matches = uri.matches(presented, application);
            assert_eq!(matches, may_match(registered, presented, application), "{registered} {presented}");
            asked(&uri, presented, state, application, matches);
            if matches {
                answered(presented, state);
            }
        }
    }
    others(registered);
    others(presented);
}

/// Byte for byte; or a native app's `http` on loopback, where the port alone may differ.
fn may_match(registered: &str, presented: &str, application: ApplicationType) -> bool {
    let without_port = |text: &str| {
        let rest = text.strip_prefix("http://")?;
        let (host, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let host = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                let canonical = port.parse::<u16>().ok().filter(|number| *number > 0 && number.to_string() == port);
                canonical.map(|_| name)?
            }
            _ => host,
        };
        ["127.0.0.1", "[::1]", "localhost"].contains(&host).then(|| (host.to_owned(), path.to_owned()))
    };
    registered == presented
        || application == ApplicationType::Native
            && without_port(registered).is_some_and(|one| without_port(presented) == Some(one))
}

/// RU-08, RU-09, RU-11, RU-17 to RU-19: what can be registered at all.
fn is_fit(uri: &RedirectUri, application: ApplicationType) {
    let text = uri.as_str();
    let url = Url::parse(text).expect("an absolute URI");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['#', '*', '\\', '"', '<', '>']));
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    match url.scheme() {
        "https" => assert!(text.starts_with("https://") && url.has_host()),
        "http" => {
            let host = url.host_str().expect("a host");
            assert!(text.starts_with("http://") && ["127.0.0.1", "[::1]", "localhost"].contains(&host), "{text}");
        }
        scheme => {
            assert!(application == ApplicationType::Native && scheme.contains('.') && !url.has_authority(), "{text}");
        }
    }
    for (name, _) in url.query_pairs() {
        assert!(!["code", "state", "iss", "error", "id_token", "access_token"].contains(&name.as_ref()));
    }
}

/// RU-01 to RU-10, RU-21: whatever else is wrong, what does not match is told to nobody but the person.
fn asked(uri: &RedirectUri, presented: &str, state: &str, application: ApplicationType, matches: bool) {
    let id = ClientId::new("c1").expect("a name");
    let client =
        Client { application_type: application, redirect_uris: vec![uri.clone()], ..Client::new(id, Timestamp::EPOCH) };
    let pairs = [("client_id", "c1"), ("redirect_uri", presented), ("state", state), ("prompt", "none x")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let Ok(params) = Params::parse(&[query.as_bytes()], AUTHORIZE) else { return };
    match validate(&params, Some(&client), true).expect_err("no response_type") {
        AuthorizeFailure::Page(error) => {
            assert!(!matches || presented.len() > RedirectUri::MAX_LENGTH, "{presented}");
            oracle::assert_sendable(&error);
        }
        AuthorizeFailure::Redirect { to, error } => {
            assert!(matches && to.redirect_uri == presented);
            oracle::assert_sendable(&error);
        }
    }
}

/// RU-27, RU-28, RM-09, AP-13: an answer goes where it was asked for, in one printable line, and says what was sent.
fn answered(uri: &str, state: &str) {
    let home = Url::parse(uri).expect("an absolute URI");
    for response_mode in ResponseMode::ALL {
        let to = ReturnTo { redirect_uri: uri.to_owned(), response_mode, state: Some(state.to_owned()) };
        let response = AuthorizationResponse::success(to, "c0de", "https://op.test");
        let location = response.location();
        assert!(location.starts_with(uri) && location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        let url = Url::parse(&location).expect("an absolute URI");
        assert_eq!(
            (url.scheme(), url.host(), url.port(), url.path()),
            (home.scheme(), home.host(), home.port(), home.path())
        );
        let pairs: Vec<(String, String)> = match response_mode {
            ResponseMode::Fragment => {
                url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).into_owned().collect()
            }
            _ => url.query_pairs().into_owned().skip(home.query_pairs().count()).collect(),
        };
        let expected = [("code", "c0de"), ("state", state), ("iss", "https://op.test")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

/// Origins, addresses of documents and ways back of a reverse proxy.
fn others(text: &str) {
    if let Ok(origin) = Origin::register(text) {
        let url = Url::parse(text).expect("an absolute URI");
        assert_eq!(url.origin().ascii_serialization(), origin.as_str());
        assert!(origin.matches(text, ApplicationType::Web));
    }
    if let Ok(uri) = WebUri::register(text) {
        let url = Url::parse(text).expect("an absolute URI");
        assert!(uri.is_https() || ["127.0.0.1", "[::1]", "localhost"].contains(&url.host_str().unwrap_or_default()));
        assert!(url.username().is_empty() && url.password().is_none());
    }
    // RU-26: only hosts of the list, and nobody reads another host from it than we did.
    let listed = |url: &Url| url.host_str().is_some_and(|host| host.ends_with("app.test"));
    if let Ok(address) = ReturnAddress::parse(text, listed) {
        let url = Url::parse(address.as_str()).expect("an absolute URI");
        assert!(listed(&url) && ["http", "https"].contains(&url.scheme()) && url.username().is_empty());
        assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()) && url.fragment().is_none());
        assert_eq!(ReturnAddress::parse(address.as_str(), listed).expect("still one"), address);
    }
}
