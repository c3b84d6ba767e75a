//! Token exchange, RFC 8693: a service acts for the person whose token it was called with, and everything narrows.

use serde_json::json;
use signet::domain::client::GrantType;
use signet::domain::family::Reach;
use signet::domain::family::RevocationReason;
use signet::domain::ids::FamilyId;
use signet::domain::scope::Scope;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::Tokens;
use crate::support::party::opened;
use crate::support::resource_server::ResourceServer;

const GATE: &str = "https://gate.test";
const ORDERS: &str = "https://orders.test";
const STOCK: &str = "https://stock.test";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

on_both_databases! {
    rv_exchanged_tokens_end_with_their_grant,
}

/// Ada's shop calls the gate, the gate calls orders, orders calls stock.
struct World {
    shop: Party,
    gate: Party,
    orders: Party,
}

impl World {
    async fn new(app: &App) -> Self {
        let shop = Party::register(app, &Party::web(app), "shop", |client| {
            client.audiences = vec![GATE.to_owned()];
            client.scope = Scope::parse("openid offline_access api:read api:write").unwrap();
        })
        .await;
        let model = Party::service(app);
        let service = |id: &'static str, is: &'static str, calls: &'static [&'static str], scope: &'static str| {
            Party::register(app, &model, id, move |client| {
                client.resources = vec![is.to_owned()];
                client.audiences = calls.iter().map(|target| (*target).to_owned()).collect();
                client.scope = Scope::parse(scope).unwrap();
                client.grant_types = [GrantType::TokenExchange, GrantType::ClientCredentials].into();
            })
        };
        let gate = service("gate", GATE, &[ORDERS, "reports"], "api:read api:write openid").await;
        let orders = service("orders", ORDERS, &[STOCK], "api:read").await;
        Self { shop, gate, orders }
    }

    async fn sign_in(&self) -> Tokens {
        self.shop.sign_in("openid offline_access api:read api:write").await
    }
}

fn exchange(subject: &str) -> Form {
    Form::new(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
    ])
}

fn grant_of(tokens: &Tokens) -> FamilyId {
    FamilyId::new(opened(tokens.access()).1["grant_id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn on_behalf_of_ada_down_the_line() {
    let app = app().await;
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    let (_, before) = opened(ada.access());
    app.wait(120);

    let answer = world.gate.token(exchange(ada.access())).await;
    let at_orders = answer.tokens();
    assert_eq!(at_orders.0["issued_token_type"], ACCESS_TOKEN);
    assert!(at_orders.0.get("refresh_token").is_none() && at_orders.0.get("id_token").is_none());
    let (header, claims) = opened(at_orders.access());
    assert_eq!(header["typ"], "at+jwt");
    for same in ["iss", "sub", "auth_time", "acr", "roles", "grant_id", "sid"] {
        assert!(claims[same] == before[same] && !claims[same].is_null(), "{same}");
    }
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(ORDERS), &json!("gate")));
    assert_eq!(claims["act"], json!({ "sub": "gate" }));
    assert_eq!(claims["scope"], "api:read api:write");
    // Two minutes have passed: the new one ends when the old one does.
    assert_eq!(claims["exp"], before["exp"]);
    assert_eq!(at_orders.0["expires_in"], 480);
    assert_ne!(claims["jti"], before["jti"]);

    let at_stock = world.orders.token(exchange(at_orders.access())).await.tokens();
    let (_, claims) = opened(at_stock.access());
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(STOCK), &json!("api:read")));
    assert_eq!(claims["act"], json!({ "sub": "orders", "act": { "sub": "gate" } }));
    assert_eq!((&claims["sub"], &claims["exp"]), (&before["sub"], &before["exp"]));

    // At its target it is good, elsewhere it is not.
    let now = app.signet.now().seconds();
    let (orders, stock) = (ResourceServer::new(&app, ORDERS).await, ResourceServer::new(&app, STOCK).await);
    assert!(orders.accept(at_orders.access(), now).is_ok() && stock.accept(at_stock.access(), now).is_ok());
    assert_eq!(stock.accept(at_orders.access(), now), Err("aud"));
    assert_eq!(orders.accept(at_stock.access(), now), Err("aud"));
    world.shop.userinfo(at_orders.access()).await.unauthorized();

    app.signet.flush_audit().await.unwrap();
    let entries = app.signet.store.audit_after(0, 1000).await.unwrap();
    let exchanged: Vec<_> = entries.iter().filter(|row| row.entry.event == "token_exchanged").collect();
    assert_eq!(exchanged.len(), 2);
    assert_eq!(exchanged[0].entry.sub.as_deref(), before["sub"].as_str());
    assert_eq!(exchanged[0].entry.client_id.as_deref(), Some("gate"));
    assert!(exchanged[0].entry.detail.contains(ORDERS));
}

#[tokio::test]
async fn sc_04_sc_05_an_exchange_only_narrows() {
    let app = app().await;
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    let ask = |name: &str, value: &str| world.gate.token(exchange(ada.access()).and(name, value));
    for scope in ["openid", "offline_access", "api:admin", "api:read profile"] {
        ask("scope", scope).await.refused("invalid_scope");
    }
    assert_eq!(ask("scope", "api:read").await.tokens().scope(), ["api:read"]);
    for target in [GATE, STOCK, "reports", app.base.as_str(), "/orders", "https://orders.test#x"] {
        ask("resource", target).await.refused("invalid_target");
    }
    ask("audience", STOCK).await.refused("invalid_target");
    assert_eq!(opened(ask("audience", "reports").await.tokens().access()).1["aud"], "reports");

    // What orders may not do, it cannot get by exchanging a token of somebody who may.
    let at_orders = world.gate.token(exchange(ada.access())).await.tokens();
    let widened = exchange(at_orders.access()).and("scope", "api:write");
    world.orders.token(widened).await.refused("invalid_scope");
    // Nor what the token at hand does not say, by way of what the client may otherwise.
    let narrow = world.gate.token(exchange(ada.access()).and("scope", "api:read")).await.tokens();
    let form = exchange(narrow.access()).and("audience", ORDERS);
    world.gate.token(form).await.refused("invalid_request");
}

/// CO-06: what is no access token, is for somebody else or has ended is no subject.
#[tokio::test]
async fn rs_03_only_a_live_token_that_was_sent_to_the_caller() {
    let app = app().await;
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    let code = world.shop.code(&mut crate::support::browser::Browser::new(), "openid").await;
    let own = Form::new(&[("grant_type", "client_credentials")]);
    let service = world.gate.token(own.clone().and("resource", ORDERS)).await.tokens();
    let other = Party::web(&app).sign_in("openid").await;
    let mut wrong: Vec<String> =
        [ada.refresh(), ada.id_token(), &code, "x", "a.b.c", other.access()].map(str::to_owned).into();
    wrong.push(ada.access()[..ada.access().len() - 4].to_owned());
    for token in &wrong {
        world.gate.token(exchange(token)).await.refused("invalid_request");
    }
    // Orders may not use what was sent to the gate, nor pass on a token that no person stands behind.
    world.orders.token(exchange(ada.access())).await.refused("invalid_request");
    world.orders.token(exchange(service.access())).await.refused("invalid_request");
    world.gate.token(exchange("")).await.refused("invalid_request");
    app.wait(600);
    world.gate.token(exchange(ada.access())).await.refused("invalid_request");
}

#[tokio::test]
async fn sc_02_registered_and_proven_clients_only() {
    let app = app().await;
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    world.shop.token(exchange(ada.access())).await.refused("unauthorized_client");
    world.gate.with_secret(Some("wrong")).token(exchange(ada.access())).await.unknown_client(true);
    let odd = Party::register(&app, &Party::spa(&app), "odd-spa", |client| {
        client.grant_types.insert(GrantType::TokenExchange);
        client.resources = vec![GATE.to_owned()];
        client.audiences = vec![ORDERS.to_owned()];
    })
    .await;
    odd.token(exchange(ada.access())).await.refused("unauthorized_client");
}

#[tokio::test]
async fn an_actor_token_is_the_callers_own() {
    let app = app().await;
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    let own = Form::new(&[("grant_type", "client_credentials")]);
    let acting = |token: &str| exchange(ada.access()).and("actor_token", token).and("actor_token_type", ACCESS_TOKEN);
    let gate = world.gate.token(own.clone()).await.tokens();
    let answer = world.gate.token(acting(gate.access())).await.tokens();
    assert_eq!(opened(answer.access()).1["act"], json!({ "sub": "gate" }));
    let orders = world.orders.token(own).await.tokens();
    for foreign in [orders.access(), ada.access(), "x"] {
        world.gate.token(acting(foreign)).await.refused("invalid_request");
    }
}

/// The chain has an end: here the gate calls itself.
#[tokio::test]
async fn the_chain_has_an_end() {
    let app = app().await;
    let world = World::new(&app).await;
    let echo = Party::register(&app, &world.gate, "echo", |client| client.audiences = vec![GATE.to_owned()]).await;
    let mut token = world.sign_in().await.access().to_owned();
    for _ in 0..4 {
        token = echo.token(exchange(&token)).await.tokens().access().to_owned();
    }
    echo.token(exchange(&token)).await.refused("invalid_request");
}

async fn rv_exchanged_tokens_end_with_their_grant(app: App) {
    let world = World::new(&app).await;
    let ada = world.sign_in().await;
    let at_orders = world.gate.token(exchange(ada.access())).await.tokens();
    let ended = app.signet.revoke_family(&grant_of(&ada), RevocationReason::Administrator, Reach::Immediate).await;
    assert!(ended.unwrap());
    world.gate.token(exchange(ada.access())).await.refused("invalid_request");
    world.orders.token(exchange(at_orders.access())).await.refused("invalid_request");

    // The same when the person is disabled.
    let ada = world.sign_in().await;
    let at_orders = world.gate.token(exchange(ada.access())).await.tokens();
    assert!(app.signet.set_user_disabled(&app.ada().await.id, true).await.unwrap());
    world.orders.token(exchange(at_orders.access())).await.refused("invalid_request");
    world.gate.token(exchange(ada.access())).await.refused("invalid_request");
}
