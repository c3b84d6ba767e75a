//! Requests for tokens in the answer itself: only where the house, the client and the request all say so.

use super::AuthorizeFailure;
use super::response_type;
use super::validate;
use crate::domain::client::Client;
use crate::domain::client::ResponseType;
use crate::domain::client::SecurityProfile;
use crate::domain::request::AuthorizationRequest;
use crate::domain::request::ResponseMode;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::CHALLENGE;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::scope;
use crate::protocol::params::AUTHORIZE;
use crate::protocol::params::Params;

const GOOD: &str = "client_id=c1&redirect_uri=https://c1.test/cb&response_type=id_token&scope=openid+email&nonce=n";

fn client() -> Client {
    Client { response_types: ResponseType::ALL.into(), first_party: true, ..confidential() }
}

fn ask_of(client: &Client, query: &str, house: bool) -> Result<AuthorizationRequest, AuthorizeFailure> {
    validate(&Params::parse(&[query.as_bytes()], AUTHORIZE).unwrap(), Some(client), house)
}

fn ask(query: &str) -> Result<AuthorizationRequest, AuthorizeFailure> {
    ask_of(&client(), query, true)
}

#[track_caller]
fn back(outcome: Result<AuthorizationRequest, AuthorizeFailure>) -> (ErrorCode, ResponseMode) {
    match outcome {
        Err(AuthorizeFailure::Redirect { to, error }) => (error.code, to.response_mode),
        other => panic!("not sent back: {other:?}"),
    }
}

#[test]
fn rm_03_an_id_token_comes_back_in_the_fragment() {
    for (kind, expected) in [
        ("id_token", ResponseType::IdToken),
        ("id_token+token", ResponseType::IdTokenToken),
        ("token+id_token", ResponseType::IdTokenToken),
    ] {
        let request = ask(&GOOD.replace("=id_token&", &format!("={kind}&"))).unwrap();
        assert_eq!(request.response_type, expected);
        assert_eq!(request.response_mode, ResponseMode::Fragment);
        assert_eq!(request.nonce.as_deref(), Some("n"));
    }
    let posted = ask(&format!("{GOOD}&response_mode=form_post")).unwrap();
    assert_eq!(posted.response_mode, ResponseMode::FormPost);
    assert_eq!(ask(&format!("{GOOD}&response_mode=fragment")).unwrap().response_mode, ResponseMode::Fragment);
    // "the query encoding MUST NOT be used"
    let refused = back(ask(&format!("{GOOD}&response_mode=query")));
    assert_eq!(refused, (ErrorCode::InvalidRequest, ResponseMode::Fragment));
}

/// OpenID Connect Core section 3.2.2.1.
#[test]
fn rm_04_nonce_and_openid_are_required() {
    let refused = (ErrorCode::InvalidRequest, ResponseMode::Fragment);
    assert_eq!(back(ask(&GOOD.replace("&nonce=n", ""))), refused);
    assert_eq!(back(ask(&GOOD.replace("&nonce=n", "&nonce="))), refused);
    assert_eq!(back(ask(&GOOD.replace("openid+email", "email"))), refused);
    assert_eq!(back(ask(&GOOD.replace("openid+email", "openidx+email"))), refused);
    assert_eq!(back(ask(&GOOD.replace("&scope=openid+email", ""))), refused);
}

#[test]
fn rm_05_house_and_client_must_both_allow_it() {
    assert_eq!(back(ask_of(&client(), GOOD, false)), (ErrorCode::UnsupportedResponseType, ResponseMode::Query));
    let code_only = Client { response_types: [ResponseType::Code].into(), ..client() };
    assert_eq!(back(ask_of(&code_only, GOOD, true)).0, ErrorCode::UnauthorizedClient);
    let no_code = Client { response_types: [ResponseType::IdToken].into(), ..client() };
    let code = GOOD.replace("=id_token&", "=code&");
    assert_eq!(back(ask_of(&no_code, &code, true)), (ErrorCode::UnauthorizedClient, ResponseMode::Query));
    let fapi2 = Client { security_profile: SecurityProfile::Fapi2, ..client() };
    assert_eq!(back(ask_of(&fapi2, GOOD, true)).0, ErrorCode::UnauthorizedClient);
    for kind in [ResponseType::IdToken, ResponseType::IdTokenToken] {
        assert!(response_type::permitted(kind, &client(), true).is_ok());
        let off = response_type::permitted(kind, &client(), false).unwrap_err();
        assert_eq!(off.code, ErrorCode::UnsupportedResponseType, "also when it is turned off later");
    }
}

/// There is no code that they could be of use for.
#[test]
fn neither_a_challenge_nor_offline_access_counts() {
    let more = GOOD.replace("openid+email", "openid+offline_access");
    let request =
        ask(&format!("{more}&code_challenge={CHALLENGE}&code_challenge_method=plain&prompt=consent")).unwrap();
    assert_eq!(request.code_challenge, None);
    assert_eq!(request.scope, scope("openid"));
    let code = more.replace("=id_token&", "=code&");
    let with_code = ask(&format!("{code}&code_challenge={CHALLENGE}&code_challenge_method=S256")).unwrap();
    assert_eq!(with_code.scope, scope("openid offline_access"));
    assert!(with_code.code_challenge.is_some());
}
