//! `Authorization` headers: RFC 7617, RFC 6749 section 2.3.1, RFC 6750 section 2.1.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signet::crypto::hash;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::ClientSecret;
use signet::domain::client::ClientSecretHash;
use signet::domain::ids::ClientId;
use signet::domain::time::Timestamp;
use signet::protocol::bearer;
use signet::protocol::client_auth;
use signet::protocol::client_auth::Presented;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;

use super::oracle;

/// The bytes are a header. Beginning with a line end, they are what is encoded: `name:secret`.
pub fn run(data: &[u8]) {
    let header = match data.strip_prefix(b"\n") {
        Some(pair) => format!("Basic {}", STANDARD.encode(pair)).into_bytes(),
        None => data.to_vec(),
    };
    let basic = presented(&[&header], b"");
    let token = bearer::token(&[&header], None);
    // CA-01: two headers are two ways, whatever they say.
    assert!(presented(&[&header, &header], b"").is_none() && bearer::token(&[&header, &header], None).is_err());
    if let Ok(Some(token)) = &token {
        assert!(basic.is_none());
        assert!(!token.reveal().is_empty() && token.reveal().bytes().all(|byte| byte.is_ascii_graphic()));
        let again = format!("bEARER {}", token.reveal());
        let again = bearer::token(&[again.as_bytes()], None);
        assert_eq!(again.ok().flatten().map(|t| t.reveal().to_owned()), Some(token.reveal().to_owned()));
    }
    if let Err(error) = &token {
        oracle::assert_sendable(error);
    }
    let Some((name, secret)) = basic else { return assert!(plainly(&header).is_none()) };
    assert_eq!(plainly(&header).as_ref(), Some(&(name.clone(), secret.clone())), "CA-05");
    // Encoded as RFC 6749 says, it is the same; and a name in the body must agree (CA-02).
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let again = format!("BASIC {}", STANDARD.encode(format!("{}:{}", encode(&name), encode(&secret))));
    assert_eq!(presented(&[again.as_bytes()], b""), Some((name.clone(), secret.clone())));
    let body = format!("client_id={}", encode(&name));
    assert_eq!(presented(&[&header], body.as_bytes()), Some((name.clone(), secret.clone())));
    assert_eq!(presented(&[&header], format!("{body}x").as_bytes()), None);
    assert_eq!(presented(&[&header], b"client_secret=x"), None, "CA-01");
    assert_eq!(presented(&[&header], b"client_assertion=x"), None, "CA-01");
}

/// Name and secret that the program reads.
fn presented(headers: &[&[u8]], body: &[u8]) -> Option<(String, String)> {
    let form = Params::parse(&[body], TOKEN).expect("a small form");
    let presented = match client_auth::presented(headers, &form) {
        Ok(presented) => presented,
        Err(error) => {
            oracle::assert_sendable(&error);
            return None;
        }
    };
    assert_eq!(presented.method(), AuthMethod::ClientSecretBasic);
    let secret = secret(&presented);
    // What is shown is the same whatever the secret is.
    let name: String = url::form_urlencoded::byte_serialize(presented.client_id.as_str().as_bytes()).collect();
    let header = format!("Basic {}", STANDARD.encode(format!("{name}:another")));
    let other = client_auth::presented(&[header.as_bytes()], &form).expect("the same name");
    assert_eq!(format!("{presented:?}"), format!("{other:?}"), "a secret shows");
    Some((presented.client_id.to_string(), secret))
}

/// The secret as it comes to be compared, found out by comparing. Only the right one passes, and only for its client.
fn secret(presented: &Presented) -> String {
    let seen = RefCell::new(String::new());
    let see = |_: &ClientSecretHash, secret: &str| {
        seen.replace(secret.to_owned());
        false
    };
    let now = Timestamp::EPOCH;
    assert!(client_auth::check(presented, None, now, see).is_err());
    let seen = seen.into_inner();
    let hash = ClientSecretHash::Sha256(hash::s256(&seen));
    let client = |id: ClientId| Client {
        token_endpoint_auth_methods: [AuthMethod::ClientSecretBasic].into(),
        secrets: vec![ClientSecret { hash: hash.clone(), created_at: now, expires_at: None }],
        ..Client::new(id, now)
    };
    let verify = |own: &ClientSecretHash, secret: &str| *own == ClientSecretHash::Sha256(hash::s256(secret));
    let own = client(presented.client_id.clone());
    assert!(client_auth::check(presented, Some(&own), now, verify).is_ok());
    let other = client(ClientId::new("somebody-else-of-this-long-name").expect("a name"));
    assert_eq!(client_auth::check(presented, Some(&other), now, verify).is_ok(), other.id == presented.client_id);
    let disabled = Client { disabled: true, ..own };
    assert!(client_auth::check(presented, Some(&disabled), now, verify).is_err());
    seen
}

/// The same by other means.
fn plainly(header: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.len() <= 8192)?;
    let (scheme, rest) = (text.get(..5)?, text.get(5..)?);
    if !scheme.eq_ignore_ascii_case("basic") || !rest.starts_with(' ') {
        return None;
    }
    let pair = STANDARD.decode(rest.trim_matches(['\t', '\n', '\x0C', '\r', ' '])).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let half = |bytes: &[u8], max: usize| {
        let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let decoded = strict_percent(&spaced)?;
        let text = String::from_utf8(decoded).ok()?;
        (text.len() <= max && !text.chars().any(char::is_control)).then_some(text)
    };
    let (name, secret) = (half(pair.get(..colon)?, 255)?, half(pair.get(colon + 1..)?, 1024)?);
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    (named && !secret.is_empty()).then_some((name, secret))
}

fn strict_percent(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut parts = bytes.split(|byte| *byte == b'%');
    let mut out = parts.next()?.to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        out.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        out.extend_from_slice(part.get(2..)?);
    }
    Some(out)
}
