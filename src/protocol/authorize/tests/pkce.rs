//! Challenges (RFC 7636).

use super::ask;
use super::ask_as;
use super::back;
use super::query;
use crate::domain::client::Client;
use crate::protocol::authorize::AuthorizeFailure;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;

#[test]
fn pk_01_no_challenge() {
    let none = [("code_challenge", "-"), ("code_challenge_method", "-")];
    assert_eq!(back(ask(&none)), ErrorCode::InvalidRequest);
    let exempt = Client { require_pkce: false, ..confidential() };
    assert_eq!(ask_as(Some(&exempt), &query(&none)).unwrap().code_challenge, None);
    assert!(ask_as(Some(&exempt), &query(&[])).unwrap().code_challenge.is_some());
}

#[test]
fn pk_01_public_clients_are_never_exempt() {
    let client = Client { require_pkce: false, ..public() };
    let changes = [
        ("client_id", "p1"),
        ("redirect_uri", "http://127.0.0.1:4711/cb"),
        ("code_challenge", "-"),
        ("code_challenge_method", "-"),
    ];
    let outcome = ask_as(Some(&client), &query(&changes));
    assert!(matches!(outcome, Err(AuthorizeFailure::Redirect { .. })));
    assert!(ask_as(Some(&client), &query(&changes[..2])).is_ok());
}

#[test]
fn pk_04_plain_is_refused() {
    let exempt = Client { require_pkce: false, ..confidential() };
    for method in ["plain", "-", "", "s256", "S512"] {
        for client in [&exempt, &confidential()] {
            let outcome = ask_as(Some(client), &query(&[("code_challenge_method", method)]));
            assert_eq!(back(outcome), ErrorCode::InvalidRequest, "{method}");
        }
    }
    let alone = ask_as(Some(&exempt), &query(&[("code_challenge", "-")]));
    assert_eq!(back(alone), ErrorCode::InvalidRequest);
}

#[test]
fn pk_06_shape_of_the_challenge() {
    for challenge in ["a", &"a".repeat(42), &"a".repeat(44), &"%2B".repeat(43), &"%3D".repeat(43), &"%2F".repeat(43)] {
        assert_eq!(back(ask(&[("code_challenge", challenge)])), ErrorCode::InvalidRequest);
    }
}
