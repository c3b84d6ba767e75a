//! The `openidconnect` crate: discovery, code flow, ID token verified against our JWKS, userinfo.

use openidconnect::AccessTokenHash;
use openidconnect::AuthorizationCode;
use openidconnect::ClientId;
use openidconnect::ClientSecret;
use openidconnect::CsrfToken;
use openidconnect::IssuerUrl;
use openidconnect::Nonce;
use openidconnect::OAuth2TokenResponse;
use openidconnect::PkceCodeChallenge;
use openidconnect::RedirectUrl;
use openidconnect::Scope;
use openidconnect::TokenResponse;
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::core::CoreClient;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::core::CoreUserInfoClaims;
use url::Url;

use super::REDIRECT_URI;
use super::SECRET;
use super::http;
use super::parameter;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::server::Server;

#[tokio::test]
async fn the_openidconnect_crate_verifies_who_signed_in() {
    let server = Server::dev().await;
    sign_in(&server.base, "demo-web", Some(SECRET)).await;
}

#[tokio::test]
async fn the_openidconnect_crate_signs_in_as_a_public_client() {
    let server = Server::dev().await;
    sign_in(&server.base, "demo-spa", None).await;
}

async fn sign_in(base: &Url, id: &str, secret: Option<&str>) {
    // OpenID Connect Core section 3.1.3.7: the issuer is compared as it is written, and ours ends without a slash.
    let issuer = IssuerUrl::new(base.as_str().trim_end_matches('/').to_owned()).expect("a URL");
    let metadata = CoreProviderMetadata::discover_async(issuer, &http::send).await.expect("discovery");
    let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret)
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).expect("a URL"));

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let arrived = Browser::new().authorize(&url, REDIRECT_URI, ADA).await;
    assert_eq!(parameter(&arrived, "state"), *state.secret());
    // RFC 9207 section 2: the response names who sent it.
    assert_eq!(parameter(&arrived, "iss"), base.as_str().trim_end_matches('/'));

    let tokens = client
        .exchange_code(AuthorizationCode::new(parameter(&arrived, "code")))
        .expect("discovery names the token endpoint")
        .set_pkce_verifier(verifier)
        .request_async(&http::send)
        .await
        .expect("the code is exchanged");

    let id_token = tokens.id_token().expect("an ID token");
    let id_token_verifier = client.id_token_verifier();
    let claims = id_token.claims(&id_token_verifier, &nonce).expect("an ID token that verifies");
    if let Some(expected) = claims.access_token_hash() {
        let key = id_token.signing_key(&id_token_verifier).expect("its key is in the JWKS");
        let algorithm = id_token.signing_alg().expect("its algorithm is known");
        let found = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).expect("a hash");
        assert_eq!(found, *expected);
    }

    let user: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .expect("discovery names the userinfo endpoint")
        .request_async(&http::send)
        .await
        .expect("userinfo");
    assert_eq!(user.email().expect("the email scope was asked for").as_str(), ADA.0);
}
