use super::ACCESS_TOKEN;
use super::Exchange;
use super::ExchangeRequest;
use super::accepted_actors;
use super::accepted_subjects;
use super::check;
use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::Subject;
use crate::domain::ids::TokenId;
use crate::protocol::access_token::AccessToken;
use crate::protocol::access_token::Actor;
use crate::protocol::error::ErrorCode;
use crate::protocol::fixtures::at;
use crate::protocol::fixtures::confidential;
use crate::protocol::fixtures::public;
use crate::protocol::fixtures::scope;
use crate::protocol::params::Params;
use crate::protocol::params::TOKEN;
use serde_json::json;

const ISSUER: &str = "https://op.test";

/// The orders service: it is called with tokens for itself and calls stock and mail.
fn orders() -> Client {
    Client {
        id: ClientId::new("orders").unwrap(),
        resources: vec!["https://orders.test".to_owned()],
        audiences: ["https://stock.test", "https://mail.test"].map(str::to_owned).to_vec(),
        scope: scope("api:read openid"),
        ..confidential()
    }
}

/// Ada's token for the orders service, issued to her shop.
fn subject() -> AccessToken {
    AccessToken {
        subject: Subject::new("usr_ada").unwrap(),
        client_id: ClientId::new("shop").unwrap(),
        scope: scope("openid api:read api:write"),
        audience: vec!["https://orders.test".to_owned()],
        id: TokenId::new("tok_1").unwrap(),
        issued_at: at(1000),
        expires_at: at(1600),
        grant_id: Some(FamilyId::new("fam_1").unwrap()),
        session_id: None,
        roles: Vec::new(),
        auth_time: Some(900),
        acr: None,
        actor: None,
        may_act: None,
    }
}

fn actor(sub: &str, client: &str) -> AccessToken {
    let (subject_id, client_id) = (Subject::new(sub).unwrap(), ClientId::new(client).unwrap());
    AccessToken { subject: subject_id, client_id, grant_id: None, expires_at: at(1300), ..subject() }
}

fn form(more: &str) -> Params {
    let text = format!("subject_token=x&subject_token_type={ACCESS_TOKEN}{more}");
    Params::parse(&[text.as_bytes()], TOKEN).unwrap()
}

fn with(more: &str, subject: &AccessToken, actor: Option<&AccessToken>) -> Result<Exchange, ErrorCode> {
    let (form, client) = (form(more), orders());
    let request = ExchangeRequest::read(&form, &client).map_err(|error| error.code)?;
    check(&form, &request, &client, subject, actor, ISSUER).map_err(|error| error.code)
}

fn chain(names: &[&str]) -> Option<Actor> {
    names.iter().rev().fold(None, |act, sub| Some(Actor { sub: (*sub).to_owned(), act: act.map(Box::new) }))
}

#[test]
fn the_service_acts_for_the_person() {
    let exchange = with("", &subject(), None).unwrap();
    assert_eq!(exchange.scope, scope("api:read"));
    assert_eq!(exchange.audience, ["https://stock.test"]);
    assert_eq!(Some(exchange.actor), chain(&["orders"]));
    assert_eq!(exchange.expires_by, at(1600));
    let mail = with("&resource=https://mail.test&scope=api:read", &subject(), None).unwrap();
    assert_eq!(mail.audience, ["https://mail.test"]);
}

#[test]
fn rfc8693_2_1_tokens_that_were_sent_to_the_service_or_are_its_own() {
    assert_eq!(accepted_subjects(&orders()), ["https://orders.test", "orders"]);
    let own = ["https://orders.test", "orders", "https://stock.test", "https://mail.test", ISSUER];
    assert_eq!(accepted_actors(&orders(), ISSUER), own);
}

#[test]
fn sc_05_only_registered_targets() {
    for target in ["resource=https://orders.test", "resource=https://op.test", "audience=shop", "resource=/stock"] {
        assert_eq!(with(&format!("&{target}"), &subject(), None), Err(ErrorCode::InvalidTarget), "{target}");
    }
}

#[test]
fn sc_04_scope_only_narrows() {
    for asked in ["api:write", "openid", "api:read%20api:write", "admin"] {
        assert_eq!(with(&format!("&scope={asked}"), &subject(), None), Err(ErrorCode::InvalidScope), "{asked}");
    }
    let poor = AccessToken { scope: scope("openid"), ..subject() };
    assert!(with("", &poor, None).unwrap().scope.is_empty());
    assert_eq!(with("&scope=api:read", &poor, None), Err(ErrorCode::InvalidScope));
}

#[test]
fn sc_02_registered_and_proven_clients_only() {
    let refused = |client: &Client| ExchangeRequest::read(&form(""), client).unwrap_err().code;
    let mut unregistered = orders();
    unregistered.grant_types.remove(&crate::domain::client::GrantType::TokenExchange);
    assert_eq!(refused(&unregistered), ErrorCode::UnauthorizedClient);
    let unproven = Client { grant_types: orders().grant_types, ..public() };
    assert_eq!(refused(&unproven), ErrorCode::UnauthorizedClient);
}

#[test]
fn requests_in_another_shape() {
    let read = |text: String| {
        let form = Params::parse(&[text.as_bytes()], TOKEN).unwrap();
        ExchangeRequest::read(&form, &orders()).map(|_| ()).map_err(|error| error.code)
    };
    let whole = format!("subject_token=x&subject_token_type={ACCESS_TOKEN}");
    assert_eq!(read(whole.clone()), Ok(()));
    assert_eq!(read(format!("{whole}&actor_token=y&actor_token_type={ACCESS_TOKEN}")), Ok(()));
    assert_eq!(read(format!("{whole}&requested_token_type={ACCESS_TOKEN}")), Ok(()));
    let urn = "urn:ietf:params:oauth:token-type";
    for odd in [
        "subject_token=x".to_owned(),
        format!("subject_token_type={ACCESS_TOKEN}"),
        format!("subject_token=x&subject_token_type={urn}:id_token"),
        format!("subject_token=x&subject_token_type={urn}:refresh_token"),
        format!("{whole}&requested_token_type={urn}:refresh_token"),
        format!("{whole}&requested_token_type={urn}:id_token"),
        format!("{whole}&actor_token=y"),
        format!("{whole}&actor_token_type={ACCESS_TOKEN}"),
        format!("{whole}&actor_token=y&actor_token_type={urn}:saml2"),
        format!("{whole}&subject_token=z"),
    ] {
        assert_eq!(read(odd.clone()), Err(ErrorCode::InvalidRequest), "{odd}");
    }
}

#[test]
fn no_service_is_passed_on() {
    let own = AccessToken { grant_id: None, ..subject() };
    assert_eq!(with("", &own, None), Err(ErrorCode::InvalidRequest));
}

#[test]
fn the_chain_grows_and_ends() {
    let passed_on = |names: &[&str]| with("", &AccessToken { actor: chain(names), ..subject() }, None);
    assert_eq!(Some(passed_on(&["gate"]).unwrap().actor), chain(&["orders", "gate"]));
    assert_eq!(passed_on(&["c", "b", "a"]).unwrap().actor.depth(), 4);
    assert_eq!(passed_on(&["d", "c", "b", "a"]), Err(ErrorCode::InvalidRequest));
}

#[test]
fn an_actor_token_is_the_clients_own() {
    let worker = actor("orders", "orders");
    let exchange = with("", &subject(), Some(&worker)).unwrap();
    assert_eq!((Some(exchange.actor), exchange.expires_by), (chain(&["orders"]), at(1300)));
    let agent = with("", &subject(), Some(&actor("usr_bob", "orders"))).unwrap();
    assert_eq!(Some(agent.actor), chain(&["usr_bob"]));
    assert_eq!(with("", &subject(), Some(&actor("stock", "stock"))), Err(ErrorCode::InvalidRequest));
    let second_hand = AccessToken { actor: chain(&["stock"]), ..actor("orders", "orders") };
    assert_eq!(with("", &subject(), Some(&second_hand)), Err(ErrorCode::InvalidRequest));
}

#[test]
fn may_act_is_honoured() {
    let naming = |value: serde_json::Value| {
        let may_act = value.as_object().cloned();
        with("", &AccessToken { may_act, ..subject() }, None).map(|_| ())
    };
    assert_eq!(naming(json!({ "sub": "orders" })), Ok(()));
    assert_eq!(naming(json!({ "sub": "orders", "iss": ISSUER, "client_id": "orders" })), Ok(()));
    for other in [
        json!({ "sub": "stock" }),
        json!({}),
        json!({ "iss": ISSUER }),
        json!({ "sub": "orders", "iss": "https://other.test" }),
        json!({ "sub": "orders", "client_id": "stock" }),
        json!({ "sub": "orders", "email": "x@example.test" }),
        json!({ "sub": ["orders"] }),
    ] {
        assert_eq!(naming(other.clone()), Err(ErrorCode::InvalidRequest), "{other}");
    }
}
