//! The `oauth2` crate: code flow with PKCE, refresh, client credentials.

use oauth2::AuthUrl;
use oauth2::AuthorizationCode;
use oauth2::ClientId;
use oauth2::ClientSecret;
use oauth2::CsrfToken;
use oauth2::PkceCodeChallenge;
use oauth2::RedirectUrl;
use oauth2::Scope;
use oauth2::TokenResponse;
use oauth2::TokenUrl;
use oauth2::basic::BasicClient;
use url::Url;

use super::REDIRECT_URI;
use super::SECRET;
use super::http;
use super::parameter;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::server::Server;

#[tokio::test]
async fn the_oauth2_crate_signs_in_and_refreshes() {
    let server = Server::dev().await;
    sign_in_and_refresh(&server.base).await;
}

#[tokio::test]
async fn the_oauth2_crate_gets_a_token_for_a_service() {
    let server = Server::dev().await;
    client_credentials(&server.base).await;
}

async fn sign_in_and_refresh(base: &Url) {
    let client = BasicClient::new(ClientId::new("demo-web".to_owned()))
        .set_client_secret(ClientSecret::new(SECRET.to_owned()))
        .set_auth_uri(AuthUrl::from_url(base.join("/authorize").expect("a path")))
        .set_token_uri(TokenUrl::from_url(base.join("/token").expect("a path")))
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).expect("a URL"));

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("openid".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .add_extra_param("prompt", "consent")
        .set_pkce_challenge(challenge)
        .url();
    let arrived = Browser::new().authorize(&url, REDIRECT_URI, ADA).await;
    assert_eq!(parameter(&arrived, "state"), *state.secret());

    let tokens = client
        .exchange_code(AuthorizationCode::new(parameter(&arrived, "code")))
        .set_pkce_verifier(verifier)
        .request_async(&http::send)
        .await
        .expect("the code is exchanged");
    let refresh = tokens.refresh_token().expect("a refresh token");
    let next = client.exchange_refresh_token(refresh).request_async(&http::send).await.expect("the token is refreshed");
    assert_ne!(tokens.access_token().secret(), next.access_token().secret());
}

async fn client_credentials(base: &Url) {
    let client = BasicClient::new(ClientId::new("demo-service".to_owned()))
        .set_client_secret(ClientSecret::new(SECRET.to_owned()))
        .set_token_uri(TokenUrl::from_url(base.join("/token").expect("a path")));
    let tokens = client.exchange_client_credentials().request_async(&http::send).await.expect("a token");
    // RFC 6749 section 4.4.3: "A refresh token SHOULD NOT be included."
    assert!(tokens.refresh_token().is_none());
}
