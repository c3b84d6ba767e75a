//! Resource indicators, RFC 8707: a token names whom it is for, and nobody else takes it.

use serde_json::json;
use signet::domain::client::GrantType;
use signet::domain::scope::Scope;

use super::app;
use super::on_both_databases;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::opened;
use crate::support::resource_server::ResourceServer;

const ORDERS: &str = "https://orders.test";
const STOCK: &str = "https://stock.test/api";

on_both_databases! {
    sc_05_what_was_granted_is_never_widened,
}

async fn shop(app: &App) -> Party {
    Party::register(app, &Party::web(app), "shop", |client| {
        client.audiences = vec![ORDERS.to_owned(), STOCK.to_owned()];
        client.scope = Scope::parse("openid offline_access api:read").unwrap();
    })
    .await
}

/// A code for what `resources` name at the authorization endpoint.
async fn code_for(party: &Party, resources: &[&str]) -> String {
    let mut url = party.authorization_url("openid offline_access api:read");
    for resource in resources {
        url.query_pairs_mut().append_pair("resource", resource);
    }
    let arrived = Browser::new().authorize(&url, REDIRECT_URI, ADA).await;
    arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned()
}

fn with(form: Form, resources: &[&str]) -> Form {
    resources.iter().fold(form, |form, resource| form.and("resource", resource))
}

#[tokio::test]
async fn rs_03_each_services_token_fails_at_the_other() {
    let app = app().await;
    let (orders, stock) = (ResourceServer::new(&app, ORDERS).await, ResourceServer::new(&app, STOCK).await);
    let service = Party::register(&app, &Party::service(&app), "robot", |client| {
        client.audiences = vec![ORDERS.to_owned(), STOCK.to_owned()];
        client.scope = Scope::parse("api:read").unwrap();
    })
    .await;
    let now = app.signet.now().seconds();
    let own = Form::new(&[("grant_type", "client_credentials")]);
    let shop = shop(&app).await;
    let people = shop.redeem(&code_for(&shop, &[ORDERS, STOCK]).await).await.tokens();
    for resource in [ORDERS, STOCK] {
        let of_a_service = service.token(with(own.clone(), &[resource])).await.tokens();
        let refresh = with(Party::refresh_form(people.refresh()), &[resource]);
        let of_a_person = shop.token(refresh.set("scope", "api:read")).await.tokens();
        for token in [of_a_service.access(), of_a_person.access()] {
            let (right, wrong) = if resource == ORDERS { (&orders, &stock) } else { (&stock, &orders) };
            assert_eq!(right.accept(token, now).expect("accepted")["aud"], resource);
            assert_eq!(wrong.accept(token, now), Err("aud"));
            assert_eq!(right.accept(token, now + 601), Err("exp"));
            let forged = format!("{}x", token.strip_suffix(|_: char| true).unwrap());
            assert!(right.accept(&forged, now).is_err());
            shop.userinfo(token).await.unauthorized();
        }
    }
    assert_eq!(orders.accept(people.id_token(), now).map(|_| ()).unwrap_err(), "signature", "an ID token is RS256");
}

async fn sc_05_what_was_granted_is_never_widened(app: App) {
    let shop = shop(&app).await;
    let issuer = app.base.as_str().trim_end_matches('/').to_owned();
    let audience = |token: &str| opened(token).1["aud"].clone();

    let both = shop.redeem(&code_for(&shop, &[ORDERS, STOCK]).await).await.tokens();
    assert_eq!(audience(both.access()), json!([ORDERS, STOCK, issuer]));
    let one = shop.token(with(Party::refresh_form(both.refresh()), &[STOCK])).await.tokens();
    assert_eq!(audience(one.access()), json!([STOCK, issuer]));
    // Narrowing one token narrows no later one.
    let again = shop.refresh(one.refresh()).await.tokens();
    assert_eq!(audience(again.access()), json!([ORDERS, STOCK, issuer]));

    let code = code_for(&shop, &[STOCK]).await;
    shop.token(with(Party::code_form(&code), &[ORDERS])).await.refused("invalid_target");
    shop.token(with(Party::code_form(&code), &[STOCK, ORDERS])).await.refused("invalid_target");
    let narrow = shop.redeem(&code).await.tokens();
    assert_eq!(audience(narrow.access()), json!([STOCK, issuer]));
    for wider in
        [&[ORDERS][..], &[STOCK, ORDERS], &["https://elsewhere.test"], &["/api"], &["https://stock.test/api#x"]]
    {
        shop.token(with(Party::refresh_form(narrow.refresh()), wider)).await.refused("invalid_target");
    }
    let kept = shop.token(with(Party::refresh_form(narrow.refresh()), &[STOCK])).await.tokens();

    // What the client has lost since is gone now.
    let mut client = app.client("shop").await;
    client.audiences = vec![ORDERS.to_owned()];
    app.signet.store.replace_client(client).await.unwrap();
    app.signet.clients.forget();
    shop.refresh(kept.refresh()).await.refused("invalid_target");
    let left = shop.refresh(again.refresh()).await.tokens();
    assert_eq!(audience(left.access()), json!([ORDERS, issuer]));
}

#[tokio::test]
async fn sc_05_a_wrong_resource_at_the_authorization_endpoint() {
    let app = app().await;
    let shop = shop(&app).await;
    for wrong in ["/api", "https://elsewhere.test", "https://stock.test/api#x", "orders"] {
        let mut url = shop.authorization_url("openid");
        url.query_pairs_mut().append_pair("resource", STOCK).append_pair("resource", wrong);
        let answer = shop.http.get(url).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with(REDIRECT_URI) && location.contains("error=invalid_target"), "{location}");
    }
    assert!(!app.client("shop").await.allows(GrantType::TokenExchange));
}
