use super::CHALLENGE;
use super::Checked;
use super::MAX_HEADER;
use super::Presented;
use super::STANDARD;
use super::check;
use super::presented;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecretHash;
use crate::protocol::error::ErrorCode;
use crate::protocol::error::OAuthError;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;
use crate::protocol::fixtures::secret;
use crate::protocol::params::Params;
use crate::protocol::params::TOKEN;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::cell::Cell;

fn form(text: &str) -> Params {
    Params::parse(&[text.as_bytes()], TOKEN).unwrap()
}

fn basic(pair: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn read(header: &str, body: &str) -> Result<Presented, OAuthError> {
    if header.is_empty() { presented(&[], &form(body)) } else { presented(&[header.as_bytes()], &form(body)) }
}

fn verify(hash: &ClientSecretHash, secret: &str) -> bool {
    *hash == ClientSecretHash::Sha256(format!("hash-of-{secret}"))
}

fn authenticate(header: &str, body: &str, client: &Client) -> Result<AuthMethod, OAuthError> {
    let presented = read(header, body)?;
    assert_eq!(check(&presented, Some(client), at(100), verify)?, Checked::Proven);
    Ok(presented.method())
}

fn post_client() -> Client {
    Client { token_endpoint_auth_methods: [AuthMethod::ClientSecretPost].into(), ..confidential() }
}

#[test]
fn each_method_works() {
    assert_eq!(authenticate(&basic("c1:s3cret"), "", &confidential()), Ok(AuthMethod::ClientSecretBasic));
    assert_eq!(authenticate(&basic("c1:s3cret"), "client_id=c1", &confidential()), Ok(AuthMethod::ClientSecretBasic));
    let body = "client_id=c1&client_secret=s3cret";
    assert_eq!(authenticate("", body, &post_client()), Ok(AuthMethod::ClientSecretPost));
    assert_eq!(authenticate("", "client_id=p1", &public()), Ok(AuthMethod::None));
}

#[test]
fn ca_01_two_methods_at_once() {
    for body in ["client_secret=s3cret", "client_assertion=x", "client_assertion_type=x"] {
        let error = read(&basic("c1:s3cret"), body).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{body}");
    }
    let error = read("", "client_id=c1&client_secret=s&client_assertion=x").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    let header = basic("c1:s3cret");
    let error = presented(&[header.as_bytes(), header.as_bytes()], &form("")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn ca_02_identities_disagree() {
    let error = read(&basic("c1:s3cret"), "client_id=c2").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidClient);
}

#[test]
fn ca_03_only_the_registered_method() {
    let error = authenticate("", "client_id=c1&client_secret=s3cret", &confidential()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidClient);
    assert!(authenticate(&basic("c1:s3cret"), "", &post_client()).is_err());
    assert!(authenticate("", "client_id=c1&client_assertion=x", &confidential()).is_err());
}

#[test]
fn ca_04_public_with_a_secret_and_confidential_without() {
    assert!(authenticate("", "client_id=p1&client_secret=x", &public()).is_err());
    assert!(authenticate(&basic("p1:x"), "", &public()).is_err());
    assert!(authenticate("", "client_id=c1", &confidential()).is_err());
    assert!(authenticate("", "", &confidential()).is_err());
}

#[test]
fn ca_05_both_halves_are_form_encoded() {
    let client = Client { secrets: vec![secret("hash-of-%+: \u{e9}")], ..confidential() };
    assert!(authenticate(&basic("c1:%25%2B%3A+%C3%A9"), "", &client).is_ok());
    assert!(authenticate(&basic("%63%31:%25%2b%3a%20%c3%a9"), "", &client).is_ok());
    assert!(authenticate(&basic("c1:s3cret").replace("Basic", "bASIC"), "", &confidential()).is_ok());
}

#[test]
fn ca_05_malformed_basic_is_invalid_client() {
    for header in [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basicc1",
        "Bearer abc",
        "Other YzE6czNjcmV0",
        "Basic YzE6czNjcmV0=",
        "Basic YzE6czNjcmV0IA",
        "Basic YzE6c_-_",
        "Basic YzE6Yz==YQ==",
        "Basic YzE6cx==",
        "Basic YzE6 czNjcmV0",
        "\u{e9}",
        &basic("c1"),
        &basic(":s3cret"),
        &basic("c1:"),
        &basic("c1:%"),
        &basic("c1:%zz"),
        &basic("c1:%ff"),
        &basic("c1:%00"),
        &basic(b"c1:\xff"),
        &basic("c1\0:s3cret"),
        &format!("Basic {}", "A".repeat(10_000)),
    ] {
        let error = read(header, "").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClient, "{header}");
    }
    let padded = |length: usize| format!("{:<length$}", basic("c1:s3cret"));
    assert!(read(&padded(MAX_HEADER), "").is_ok());
    assert!(read(&padded(MAX_HEADER + 1), "").is_err());
}

#[test]
fn ca_06_unknown_client_costs_the_same_comparison() {
    let count = Cell::new(0);
    let counting = |_: &ClientSecretHash, _: &str| {
        count.set(count.get() + 1);
        false
    };
    let claimed = read(&basic("c1:wrong"), "").unwrap();
    check(&claimed, Some(&confidential()), at(0), counting).unwrap_err();
    check(&claimed, None, at(0), counting).unwrap_err();
    assert_eq!(count.get(), 2);
    assert!(check(&claimed, None, at(0), |_, _| true).is_err());
}

#[test]
fn ca_10_old_and_new_secret_until_one_expires() {
    let mut client = Client { secrets: vec![secret("hash-of-old"), secret("hash-of-new")], ..confidential() };
    client.secrets[0].expires_at = Some(at(100));
    let authenticate =
        |pair: &str, now| check(&read(&basic(pair), "").unwrap(), Some(&client), at(now), verify).map(drop);
    assert!(authenticate("c1:old", 99).is_ok());
    assert!(authenticate("c1:new", 99).is_ok());
    assert!(authenticate("c1:old", 100).is_err());
    assert!(authenticate("c1:new", 100).is_ok());
}

#[test]
fn ca_12_the_name_is_compared_byte_by_byte() {
    for id in ["C1", "+c1", "c1+", "c1%20", "c%EF%BC%91"] {
        assert!(authenticate(&basic(format!("{id}:s3cret")), "", &confidential()).is_err(), "{id}");
    }
}

#[test]
fn ca_13_refusals_look_the_same() {
    let disabled = Client { disabled: true, ..confidential() };
    let no_secret = Client { secrets: Vec::new(), ..confidential() };
    let wrong = read(&basic("c1:wrong"), "").unwrap();
    let right = read(&basic("c1:s3cret"), "").unwrap();
    let answers = [
        check(&wrong, Some(&confidential()), at(0), verify).map(drop),
        check(&right, None, at(0), verify).map(drop),
        check(&right, Some(&disabled), at(0), verify).map(drop),
        check(&right, Some(&no_secret), at(0), verify).map(drop),
        check(&right, Some(&post_client()), at(0), verify).map(drop),
        authenticate(&basic("C1:s3cret"), "", &confidential()).map(drop),
        read("Basic x", "").map(drop),
        read("", &assertion("{}", r#"{"sub":"c1"}"#)).and_then(|it| check(&it, None, at(0), verify).map(drop)),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!((error.status(), error.to_string()), (401, "invalid_client: Client authentication failed".into()));
    }
    assert!(CHALLENGE.starts_with("Basic "));
}

fn assertion(header: &str, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("client_assertion_type={JWT_BEARER}&client_assertion={}.{}.AAAA", part(header), part(claims))
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[test]
fn c_22_an_assertion_says_whose_it_is() {
    let client = Client { token_endpoint_auth_methods: [AuthMethod::PrivateKeyJwt].into(), ..confidential() };
    let body = assertion(r#"{"alg":"ES256"}"#, r#"{"sub":"c1"}"#);
    for body in [body.clone(), format!("{body}&client_id=c1")] {
        let presented = read("", &body).unwrap();
        assert_eq!((presented.client_id.as_str(), presented.method()), ("c1", AuthMethod::PrivateKeyJwt));
        let Ok(Checked::Asserted(text)) = check(&presented, Some(&client), at(0), verify) else { panic!("{body}") };
        assert!(body.contains(text) && !format!("{presented:?}").contains(text));
    }
    // CA-02, CA-03.
    assert_eq!(read("", &format!("{body}&client_id=c2")).unwrap_err().code, ErrorCode::InvalidClient);
    assert!(check(&read("", &body).unwrap(), Some(&confidential()), at(0), verify).is_err());
    assert!(authenticate("", "client_id=c1&client_secret=s3cret", &client).is_err());
    assert!(authenticate("", "client_id=c1", &client).is_err());
}

#[test]
fn cj_09_missing_or_malformed() {
    let good = assertion("{}", r#"{"sub":"c1"}"#);
    assert!(read("", &good).is_ok());
    let twice = assertion("{}", r#"{"sub":"c1","sub":"c1"}"#);
    for body in [
        "client_assertion=a.b.c".to_owned(),
        format!("client_assertion_type={JWT_BEARER}"),
        format!("client_assertion_type={JWT_BEARER}&client_assertion=junk"),
        good.replace("jwt-bearer", "saml2-bearer"),
        good.replace("jwt-bearer", "JWT-BEARER"),
        assertion("[]", r#"{"sub":"c1"}"#),
        assertion("{}", "[]"),
        assertion("{}", "{}"),
        assertion("{}", r#"{"sub":1}"#),
        assertion("{}", r#"{"sub":"c 1"}"#),
        twice,
    ] {
        assert_eq!(read("", &body).unwrap_err().code, ErrorCode::InvalidClient, "{body}");
    }
}

#[test]
fn the_secret_does_not_show() {
    assert!(!format!("{:?}", read(&basic("c1:s3cret"), "").unwrap()).contains("s3cret"));
}
