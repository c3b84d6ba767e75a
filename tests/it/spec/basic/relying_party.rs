//! A relying party as careful as the suite: whatever a module is about, every answer on the way is looked at.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use signet::crypto::Verifier;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::uri::RedirectUri;
use url::Url;

use crate::spec::stage::Ask;
use crate::spec::stage::ask_as;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::database::Kind;
use crate::support::party::Answer;
use crate::support::party::EVERYTHING;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;
use crate::support::party::Tokens;
use crate::support::party::opened;

pub(super) const CALLBACK: &str = "https://rp.test/test/a/signet/callback";
pub(super) const STATE: &str = "kD0-._~s7Q";
pub(super) const NONCE: &str = "n0N.~ce-_1";
/// C-37.
const ID_TOKEN_CLAIMS: [&str; 17] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "nbf",
    "jti",
    "sid",
    "txn",
];
const MAX_STEPS: usize = 10;

/// Two clients with `client_secret_basic` and one with `client_secret_post`, at a provider of their own (C-61).
pub(super) struct RelyingParty {
    pub(super) app: App,
    pub(super) form_post: bool,
    pub(super) first: Party,
    pub(super) second: Party,
    pub(super) third: Party,
    pub(super) discovery: Value,
    /// Read at the start, as the suite does, and used to the end (C-06).
    jwks: Value,
}

/// Where the browser came back to, and what it had to do on the way.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) said: BTreeMap<String, String>,
    pub(super) logins: usize,
    pub(super) consents: usize,
}

impl Arrival {
    pub(super) fn code(&self) -> &str {
        self.said.get("code").unwrap_or_else(|| panic!("no code in {self:?}"))
    }

    /// The error, with everything that C-17 allows beside it and nothing else.
    pub(super) fn error(&self) -> &str {
        let allowed = ["error", "error_description", "error_uri", "state", "session_state", "iss"];
        assert!(self.said.keys().all(|name| allowed.contains(&name.as_str())), "{self:?}");
        self.said.get("error").unwrap_or_else(|| panic!("no error in {self:?}"))
    }
}

/// All that came of one sign-in.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) arrival: Arrival,
    pub(super) tokens: Tokens,
    /// Its claims.
    pub(super) id_token: Value,
    pub(super) userinfo: Value,
}

impl RelyingParty {
    pub(super) async fn new(form_post: bool) -> Self {
        let app = App::start(Kind::Sqlite).await.expect("SQLite is always there");
        let web = Party::web(&app);
        let [first, second, third] = [
            ("client-1", AuthMethod::ClientSecretBasic),
            ("client-2", AuthMethod::ClientSecretBasic),
            ("client-3", AuthMethod::ClientSecretPost),
        ]
        .map(|(id, method)| {
            Party::register(&app, &web, id, move |client: &mut Client| {
                client.redirect_uris =
                    vec![RedirectUri::register(CALLBACK, client.application_type).expect("a redirect URI")];
                client.token_endpoint_auth_methods = [method].into();
                // C-11: a confidential client that uses `nonce` instead.
                client.require_pkce = false;
            })
        });
        let (first, second, third) = (first.await, second.await, third.await);
        let discovery = first.get("/.well-known/openid-configuration").await.json();
        let jwks = Answer::to(first.http.get(discovery["jwks_uri"].as_str().expect("jwks_uri"))).await.json();
        Self { app, form_post, first, second, third, discovery, jwks }
    }

    /// C-10: what the suite sends, by client 1 and without PKCE.
    pub(super) fn ask(&self, scope: &str) -> Ask {
        self.ask_by(&self.first, scope)
    }

    pub(super) fn ask_by(&self, client: &Party, scope: &str) -> Ask {
        let plain = ask_as(&client.id, CALLBACK)
            .without("code_challenge")
            .without("code_challenge_method")
            .set("scope", scope)
            .set("state", STATE)
            .set("nonce", NONCE);
        if self.form_post { plain.set("response_mode", "form_post") } else { plain }
    }

    pub(super) fn url(&self, ask: &Ask) -> Url {
        self.app.url(&ask.target())
    }

    pub(super) fn issuer(&self) -> &str {
        self.app.signet.issuer()
    }

    /// Sends the browser there; signs ada in and allows what is asked, until it comes back.
    pub(super) async fn arrive(&self, browser: &mut Browser, ask: &Ask) -> Arrival {
        let page = browser.open(&self.url(ask)).await;
        self.go_on(browser, page).await
    }

    pub(super) async fn go_on(&self, browser: &mut Browser, mut page: Page) -> Arrival {
        let (mut logins, mut consents) = (0, 0);
        for _ in 0..MAX_STEPS {
            page = match browser.follow(page, CALLBACK).await {
                Err(arrived) => {
                    assert!(!self.form_post, "in a form post plan nothing comes by the query: {arrived}");
                    return Arrival { said: self.said(arrived.query_pairs()), logins, consents };
                }
                Ok(page) if page.form("login-submit").is_some() => {
                    logins += 1;
                    browser.press(&page, "login-submit", &[("username", ADA.0), ("password", ADA.1)]).await
                }
                Ok(page) if page.form("consent-allow").is_some() => {
                    consents += 1;
                    browser.press(&page, "consent-allow", &[]).await
                }
                Ok(page) => return Arrival { said: self.posted(&page), logins, consents },
            };
        }
        panic!("still not at {CALLBACK} after {MAX_STEPS} steps");
    }

    /// The additions of Form Post, section 2: a page that posts itself by script, with a button for who has none.
    fn posted(&self, page: &Page) -> BTreeMap<String, String> {
        let form = page.form("form-post-continue").unwrap_or_else(|| panic!("stopped at {}: {}", page.url, page.text));
        assert!(self.form_post, "{}", page.text);
        assert_eq!((page.status.as_u16(), form.action.as_str(), form.method.as_str()), (200, CALLBACK, "post"));
        // Without `enctype` it is application/x-www-form-urlencoded.
        assert!(!page.text.contains("enctype") && page.text.contains("form_post"), "{}", page.text);
        self.said(form.fields("form-post-continue").into_iter())
    }

    /// C-12 is asked by each test that sends another state; the issuer is always ours (C-13), and nothing is there twice.
    fn said<N: Into<String>, V: Into<String>>(&self, pairs: impl Iterator<Item = (N, V)>) -> BTreeMap<String, String> {
        let mut said = BTreeMap::new();
        for (name, value) in pairs {
            assert!(said.insert(name.into(), value.into()).is_none(), "a parameter twice");
        }
        assert_eq!(said.get("iss").map(String::as_str), Some(self.issuer()));
        if said.contains_key("code") {
            let known = ["code", "state", "iss", "session_state"];
            assert!(said.keys().all(|name| known.contains(&name.as_str())), "C-17: {said:?}");
        }
        said
    }

    /// A new browser all the way to UserInfo, and every check of section 1 on it.
    pub(super) async fn sign_in(&self, ask: &Ask) -> SignedIn {
        self.sign_in_with(&mut Browser::new(), ask).await
    }

    pub(super) async fn sign_in_with(&self, browser: &mut Browser, ask: &Ask) -> SignedIn {
        let arrival = self.arrive(browser, ask).await;
        let tokens = self.first.token(redemption(arrival.code())).await.tokens();
        self.finish(&self.first, arrival, tokens).await
    }

    pub(super) async fn finish(&self, client: &Party, arrival: Arrival, tokens: Tokens) -> SignedIn {
        assert_eq!(arrival.said.get("state").map(String::as_str), Some(STATE), "C-12");
        unguessable(arrival.code());
        unguessable(tokens.access());
        let id_token = self.id_token(client, tokens.id_token());
        let userinfo = self.userinfo(&tokens, &id_token).await;
        SignedIn { arrival, tokens, id_token, userinfo }
    }

    /// The claims of an ID token that was signed with a published key, for this client and of now.
    pub(super) fn id_token(&self, client: &Party, token: &str) -> Value {
        let (header, claims) = opened(token);
        let keys = self.jwks["keys"].as_array().expect("keys");
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("C-30: a published key");
        assert_eq!((&header["alg"], &key["alg"], &key["use"]), (&"RS256".into(), &"RS256".into(), &"sig".into()));
        Verifier::from_jwk(&key.to_string()).expect("a key").verify(token).expect("C-30: a good signature");
        let now = self.app.signet.now().seconds();
        assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(self.issuer()), Some(client.id.as_str())));
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now), "C-31: {claims}");
        assert!(claims["iat"].as_i64().is_some_and(|iat| (now - 300..=now).contains(&iat)), "C-31: {claims}");
        assert!(claims["auth_time"].as_i64().is_some_and(|at| at <= now), "C-34: {claims}");
        let known = |name: &String| ID_TOKEN_CLAIMS.contains(&name.as_str());
        assert!(claims.as_object().expect("claims").keys().all(known), "C-37: {claims}");
        claims
    }

    async fn userinfo(&self, tokens: &Tokens, id_token: &Value) -> Value {
        let answer = self.first.userinfo(tokens.access()).await;
        assert_eq!(answer.status.as_u16(), 200, "C-40: {answer:?}");
        let claims = answer.json();
        assert_eq!(claims["sub"], id_token["sub"], "C-40");
        claims
    }
}

/// C-20, without a verifier.
pub(super) fn redemption(code: &str) -> Form {
    Form::new(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)])
}

/// The names of the members, but for `sub`.
pub(super) fn names(claims: &Value) -> BTreeSet<&str> {
    claims.as_object().expect("an object").keys().map(String::as_str).filter(|name| *name != "sub").collect()
}

/// C-15, C-16: at least 128 bits of text, and a Shannon entropy of more than 96 bits.
pub(super) fn unguessable(text: &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(text.len() * 8 >= 128, "{text}");
    let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
    for byte in text.bytes() {
        *counts.entry(byte).or_default() += 1.0;
    }
    let length: f64 = counts.values().sum();
    let per_character: f64 = counts.values().map(|count| -(count / length) * (count / length).log2()).sum();
    assert!(per_character * length > 96.0, "{} bits in {text}", per_character * length);
}

/// The error page of C-50: where nobody may be sent on.
pub(super) fn is_error_page(page: &Page) {
    assert_eq!(page.status.as_u16(), 400, "{}", page.text);
    assert!(!page.headers.contains_key("location"));
    assert!(page.text.contains("<h1 id=\"error-title\""), "{}", page.text);
    assert!(page.text.contains("Something is wrong with this request"), "{}", page.text);
}

/// The full scope of the plans.
pub(super) const ALL_SCOPES: &str = "openid profile email address phone";

/// What [`SECRET`] and [`EVERYTHING`] are elsewhere: the secret of all three clients, and what they are allowed.
pub(super) fn secret() -> &'static str {
    assert!(ALL_SCOPES.split(' ').all(|scope| EVERYTHING.contains(scope)));
    SECRET
}
