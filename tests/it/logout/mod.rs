//! Signing out: on request, everywhere, and whoever has to hear of it.

mod account;
mod backchannel;
mod frontchannel;
mod levels;
mod rp_initiated;
mod session_management;

use reqwest::StatusCode;
use signet::domain::client::ApplicationType;
use signet::domain::client::Client;
use signet::domain::uri::RedirectUri;
use url::Url;

use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::Tokens;

/// Where the clients of these tests want people back.
const BACK: &str = "https://rp.example.test/out";
const BOB: (&str, &str) = ("bob@example.test", "correct-horse-battery");

fn uri(text: &str) -> RedirectUri {
    RedirectUri::register(text, ApplicationType::Web).expect(text)
}

/// A client that takes people back after signing out.
async fn party(app: &App, id: &str, edit: impl FnOnce(&mut Client)) -> Party {
    Party::register(app, &Party::web(app), id, |client| {
        client.post_logout_redirect_uris = vec![uri(BACK)];
        client.first_party = true;
        edit(client);
    })
    .await
}

/// Signs somebody in to this client in this browser.
async fn sign_in_as(party: &Party, browser: &mut Browser, who: (&str, &str), scope: &str) -> Tokens {
    let arrived = browser.authorize(&party.authorization_url(scope), REDIRECT_URI, who).await;
    let code = arrived.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    party.redeem(&code).await.tokens()
}

async fn sign_in(party: &Party, browser: &mut Browser) -> Tokens {
    sign_in_as(party, browser, ADA, "openid").await
}

fn end_session(app: &App, params: &[(&str, &str)]) -> Url {
    let mut url = app.url("/end_session");
    if !params.is_empty() {
        url.query_pairs_mut().extend_pairs(params);
    }
    url
}

/// Whether this browser is signed in, as an application finds out.
async fn is_signed_in(party: &Party, browser: &mut Browser) -> bool {
    let mut url = party.authorization_url("openid");
    url.query_pairs_mut().append_pair("prompt", "none");
    let answer = browser.open(&url).await.location().expect("an answer");
    let query = answer.query().expect("parameters");
    assert!(query.contains("code=") != query.contains("error=login_required"), "{answer}");
    query.contains("code=")
}

fn is_error_page(page: &Page) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text);
    assert!(page.location().is_none());
    assert!(page.text.contains("id=\"error-title\""), "{}", page.text);
    assert!(page.text.contains("Something is wrong with this request"), "{}", page.text);
}

fn is_signed_out_page(page: &Page) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("You are signed out"), "{}", page.text);
}
