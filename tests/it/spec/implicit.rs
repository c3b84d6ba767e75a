//! RM with response types `id_token` and `id_token token` turned on: OpenID Connect Core section 3.2. `response` has the
//! same rows with the switch off.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;
use signet::crypto::hash::half_hash;
use signet::domain::client::Client;
use signet::domain::client::ResponseType;
use signet::domain::client::SecurityProfile;
use signet::domain::key::Algorithm;
use url::Url;

use super::stage::*;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::html;
use crate::support::party::Party;
use crate::support::party::opened;

const ON: &[(&str, &str)] = &[("tokens.front_channel", "true")];

mod sqlite {
    use super::*;

    #[test]
    fn c_35_core_3_2_id_token_token_answers_in_the_fragment() {
        run_with(Kind::Sqlite, ON, super::c_35_core_3_2_id_token_token_answers_in_the_fragment);
    }

    #[test]
    fn co_01_every_answer_is_a_grant_of_its_own() {
        run_with(Kind::Sqlite, ON, super::co_01_every_answer_is_a_grant_of_its_own);
    }
}

mod postgres {
    use super::*;

    #[test]
    fn c_35_core_3_2_id_token_token_answers_in_the_fragment() {
        run_with(Kind::Postgres, ON, super::c_35_core_3_2_id_token_token_answers_in_the_fragment);
    }

    #[test]
    fn co_01_every_answer_is_a_grant_of_its_own() {
        run_with(Kind::Postgres, ON, super::co_01_every_answer_is_a_grant_of_its_own);
    }
}

const NONCE: &str = "n-0S6_WzA2Mj";
const BOTH: [&str; 2] = ["id_token", "id_token token"];

async fn edit(app: &App, id: &str, change: impl FnOnce(&mut Client)) {
    let mut client = app.client(id).await;
    change(&mut client);
    assert!(app.signet.store.replace_client(client).await.unwrap());
    app.signet.clients.forget();
}

/// With everything allowed to `c1`.
async fn furnished(stage: Stage) -> Stage {
    edit(&stage.app, "c1", |client| client.response_types = ResponseType::ALL.into()).await;
    stage
}

async fn switched_on() -> Stage {
    furnished(Stage::with(ON).await).await
}

fn ask_for(kind: &str) -> Ask {
    ask().set("response_type", kind).set("nonce", NONCE).without("code_challenge").without("code_challenge_method")
}

/// The parameters of a fragment; nothing may be in the query.
fn fragment(stage: &Stage, location: &str) -> BTreeMap<String, String> {
    let url = Url::parse(location).expect("a URL");
    assert!(location.starts_with(&format!("{CB}#")), "{location}");
    let mut said = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(url.fragment().expect("a fragment").as_bytes()) {
        assert!(said.insert(name.into_owned(), value.into_owned()).is_none(), "a parameter twice in {location}");
    }
    assert_eq!(said.get("iss").map(String::as_str), Some(stage.issuer()), "{location}");
    said
}

/// `R(error)`, told in the fragment.
fn is_refused_there(stage: &Stage, answer: &crate::support::raw::Answer, error: &str) {
    assert_eq!(answer.status, 303, "{answer:?}");
    let said = fragment(stage, answer.header("location").expect("a Location"));
    let names: BTreeSet<&str> = said.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["error", "error_description", "iss", "state"]));
    assert_eq!((said["error"].as_str(), said["state"].as_str()), (error, STATE));
}

async fn answered(stage: &Stage, browser: &mut Browser, ask: &Ask) -> BTreeMap<String, String> {
    fragment(stage, browser.authorize(&stage.url(&ask.target()), CB, ADA).await.as_str())
}

async fn c_35_core_3_2_id_token_token_answers_in_the_fragment(stage: Stage) {
    let stage = furnished(stage).await;
    let asked = ask_for("id_token token").set("scope", "openid email offline_access").set("prompt", "consent");
    let said = answered(&stage, &mut Browser::new(), &asked).await;
    let names: BTreeSet<&str> = said.keys().map(String::as_str).collect();
    let expected = ["access_token", "expires_in", "id_token", "iss", "scope", "session_state", "state", "token_type"];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!((said["state"].as_str(), said["token_type"].as_str()), (STATE, "Bearer"));
    assert_eq!((said["expires_in"].as_str(), said["scope"].as_str()), ("600", "email openid"));
    let (_, id) = opened(&said["id_token"]);
    assert!(stage.app.signet.ring.load().verify(&said["id_token"]).is_ok());
    assert_eq!((&id["nonce"], &id["aud"]), (&json!(NONCE), &json!("c1")));
    assert_eq!(id["at_hash"], half_hash(Algorithm::Rs256, &said["access_token"]));
    assert_eq!(id.get("email"), None, "UserInfo tells it");
    assert!(id.get("c_hash").is_none());
    let told = stage.userinfo(&json!({ "access_token": said["access_token"] })).await;
    assert_eq!((&told["sub"], &told["email"]), (&id["sub"], &json!(ADA.0)));
    // It ends with its session, as every token does.
    let party = Party::web(&stage.app);
    assert!(party.userinfo(&said["access_token"]).await.status.is_success());
    let ada = stage.app.ada().await.id;
    let reason = signet::domain::family::RevocationReason::Administrator;
    let reach = signet::domain::family::Reach::Immediate;
    stage.app.signet.sign_out_everywhere(&ada, reason, reach).await.unwrap();
    party.userinfo(&said["access_token"]).await.unauthorized();
}

/// "when no Access Token is issued [...], the resulting Claims are returned in the ID Token" (Core section 5.4).
#[tokio::test]
async fn core_5_4_id_token_alone_has_the_claims_of_the_scope() {
    let stage = switched_on().await;
    let asked = ask_for("id_token").set("scope", "openid email profile");
    let said = answered(&stage, &mut Browser::new(), &asked).await;
    let names: BTreeSet<&str> = said.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["id_token", "iss", "session_state", "state"]));
    let (_, id) = opened(&said["id_token"]);
    assert_eq!((&id["nonce"], &id["email"], &id["name"]), (&json!(NONCE), &json!(ADA.0), &json!("Ada Example")));
    assert_eq!(id.get("at_hash"), None);
    assert_eq!(id.get("phone_number"), None);
    // A code flow of the same client is what it was.
    let code = stage.code(&mut Browser::new(), &ask().set("scope", "openid email profile"), ADA).await;
    let claims = stage.claims(&code).await;
    assert_eq!((claims.get("email"), claims.get("name")), (None, None));
}

#[tokio::test]
async fn rm_01_no_access_token_alone_and_no_hybrid() {
    let stage = switched_on().await;
    for kind in ["token", "code token", "code id_token", "code id_token token", "none"] {
        stage.is_refused(&stage.get(&ask_for(kind).target()).await, CB, "unsupported_response_type");
    }
}

/// The stored request is what is answered, and it is asked again whether it may be.
#[tokio::test]
async fn rm_02_what_was_taken_away_in_between_is_not_given() {
    let stage = switched_on().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask_for("id_token token")).await;
    edit(&stage.app, "c1", |client| client.response_types = [ResponseType::Code].into()).await;
    let next = sign_in(&mut browser, &page, ADA).await;
    let arrived = match browser.follow(next, CB).await {
        Ok(consent) => {
            let next = browser.press(&consent, "consent-allow", &[]).await;
            browser.follow(next, CB).await.expect_err("back to the client")
        }
        Err(arrived) => arrived,
    };
    let said = fragment(&stage, arrived.as_str());
    assert_eq!(said["error"], "unauthorized_client");
    assert!(!said.contains_key("access_token") && !said.contains_key("id_token"));
    // Nothing that comes back on the way says what kind of answer is wanted.
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let form = page.form("login-submit").expect("a form");
    assert!(form.inputs.iter().all(|input| !format!("{input:?}").contains("response_type")));
}

#[tokio::test]
async fn rm_03_only_the_exact_words() {
    let stage = switched_on().await;
    for kind in
        ["ID_TOKEN", "id_token id_token", "id_token  token", " id_token", "id_token ", "id_token,token", "token token"]
    {
        stage.is_refused(&stage.get(&ask_for(kind).target()).await, CB, "unsupported_response_type");
    }
    // "the order of values does not matter" (RFC 6749 section 3.1.1).
    asks_for_login(&stage.get(&ask_for("token id_token").target()).await);
    for kind in BOTH {
        asks_for_login(&stage.get(&ask_for(kind).target()).await);
    }
}

#[tokio::test]
async fn rm_04_missing_or_unknown() {
    let stage = switched_on().await;
    stage.is_refused(&stage.get(&ask_for("x").without("response_type").target()).await, CB, "invalid_request");
    stage.is_refused(&stage.get(&ask_for("foo").target()).await, CB, "unsupported_response_type");
}

#[tokio::test]
async fn rm_05_only_for_clients_that_are_registered_for_it() {
    let stage = switched_on().await;
    edit(&stage.app, "c1", |client| client.response_types = [ResponseType::Code, ResponseType::IdToken].into()).await;
    is_refused_there(&stage, &stage.get(&ask_for("id_token token").target()).await, "unauthorized_client");
    asks_for_login(&stage.get(&ask_for("id_token").target()).await);
    edit(&stage.app, "c1", |client| client.response_types = [ResponseType::IdToken].into()).await;
    stage.is_refused(&stage.get(&ask().target()).await, CB, "unauthorized_client");
    // Tokens of this profile are bound to keys.
    edit(&stage.app, "c1", |client| {
        client.response_types = ResponseType::ALL.into();
        client.security_profile = SecurityProfile::Fapi2;
    })
    .await;
    for kind in BOTH {
        is_refused_there(&stage, &stage.get(&ask_for(kind).target()).await, "unauthorized_client");
    }
}

/// Registered for it, but the switch is off.
#[tokio::test]
async fn rm_05_the_switch_is_off() {
    let stage = Stage::new().await;
    edit(&stage.app, "c1", |client| client.response_types = ResponseType::ALL.into()).await;
    for kind in BOTH {
        stage.is_refused(&stage.get(&ask_for(kind).target()).await, CB, "unsupported_response_type");
    }
    asks_for_login(&stage.get(&ask().target()).await);
}

#[tokio::test]
async fn rm_06_modes_that_do_not_fit() {
    let stage = switched_on().await;
    for mode in ["jwt", "fragment.jwt", "web_message", "FRAGMENT", "foo"] {
        let answer = stage.get(&ask_for("id_token").set("response_mode", mode).target()).await;
        is_refused_there(&stage, &answer, "invalid_request");
    }
    // A code has no business in a fragment, here as elsewhere.
    stage.is_refused(&stage.get(&ask().set("response_mode", "fragment").target()).await, CB, "invalid_request");
    asks_for_login(&stage.get(&ask_for("id_token").set("response_mode", "fragment").target()).await);
}

#[tokio::test]
async fn rm_07_never_tokens_in_a_query() {
    let stage = switched_on().await;
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    for kind in BOTH {
        let answer = stage.get(&ask_for(kind).set("response_mode", "query").target()).await;
        is_refused_there(&stage, &answer, "invalid_request");
        // Also for somebody who would have nothing more to do.
        let page = browser.open(&stage.url(&ask_for(kind).set("response_mode", "query").target())).await;
        assert_eq!(fragment(&stage, page.location().unwrap().as_str())["error"], "invalid_request");
        let page = browser.open(&stage.url(&ask_for(kind).set("prompt", "none").target())).await;
        let location = page.location().unwrap();
        assert!(location.query().is_none() && location.fragment().unwrap().contains("id_token=eyJ"), "{location}");
    }
}

#[tokio::test]
async fn rm_08_form_post_carries_them_too() {
    let stage = switched_on().await;
    let mut browser = Browser::new();
    stage.code(&mut browser, &ask(), ADA).await;
    for kind in BOTH {
        let asked = ask_for(kind).set("response_mode", "form_post").set("prompt", "none");
        let page = browser.open(&stage.url(&asked.target())).await;
        let forms = html::forms(&page.text);
        assert_eq!((forms[0].action.as_str(), forms[0].method.as_str()), (CB, "post"));
        let fields = forms[0].fields("form-post-continue");
        assert_eq!(fields.contains_key("access_token"), kind == "id_token token");
        assert_eq!(opened(&fields["id_token"]).1["nonce"], NONCE);
        assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), (STATE, stage.issuer()));
    }
    // Errors as well.
    let nobody = Browser::new()
        .open(&stage.url(&ask_for("id_token").set("response_mode", "form_post").set("prompt", "none").target()))
        .await;
    assert_eq!(html::forms(&nobody.text)[0].fields("form-post-continue")["error"], "login_required");
}

#[tokio::test]
async fn rm_09_errors_are_told_in_the_fragment_with_the_issuer() {
    let stage = switched_on().await;
    for (changed, error) in [
        (ask_for("id_token").set("prompt", "none"), "login_required"),
        (ask_for("id_token").set("prompt", "none login"), "invalid_request"),
        (ask_for("id_token").set("max_age", "x"), "invalid_request"),
        (ask_for("id_token").without("nonce"), "invalid_request"),
        (ask_for("id_token token").set("nonce", ""), "invalid_request"),
        (ask_for("id_token").set("scope", "email"), "invalid_request"),
        (ask_for("id_token").without("scope"), "invalid_request"),
    ] {
        is_refused_there(&stage, &stage.get(&changed.target()).await, error);
    }
    is_error_page(&stage.get(&ask_for("id_token").set("redirect_uri", "https://evil.test/").target()).await);
    // Whoever is asked may say no.
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask_for("id_token")).await;
    let next = sign_in(&mut browser, &page, ADA).await;
    let consent = browser.follow(next, CB).await.expect("a consent page");
    let next = browser.press(&consent, "consent-deny", &[]).await;
    let arrived = browser.follow(next, CB).await.expect_err("back to the client");
    assert_eq!(fragment(&stage, arrived.as_str())["error"], "access_denied");
}

/// Discovery and the endpoint say the same, for everything that could be asked for.
#[tokio::test]
async fn rm_13_d_04_discovery_tells_what_works_and_nothing_else() {
    let (off, on) = (Stage::new().await, switched_on().await);
    edit(&off.app, "c1", |client| client.response_types = ResponseType::ALL.into()).await;
    for (stage, types, grants, modes) in [
        (&off, json!(["code"]), false, json!(["query", "form_post"])),
        (&on, json!(["code", "id_token", "id_token token"]), true, json!(["query", "form_post", "fragment"])),
    ] {
        let discovery: Value =
            serde_json::from_str(&stage.get("/.well-known/openid-configuration").await.body).unwrap();
        assert_eq!(discovery["response_types_supported"], types);
        assert_eq!(discovery["response_modes_supported"], modes);
        let told = discovery["grant_types_supported"].as_array().unwrap();
        assert_eq!(told.contains(&json!("implicit")), grants, "{told:?}");
        for kind in ["code", "id_token", "id_token token", "token", "code id_token", "none"] {
            let works = types.as_array().unwrap().contains(&json!(kind));
            let asked = if kind == "code" { ask() } else { ask_for(kind) };
            let answer = stage.get(&asked.target()).await;
            assert_eq!(answer.header("location").unwrap().starts_with("/login?"), works, "{kind}");
            if !works {
                stage.is_refused(&answer, CB, "unsupported_response_type");
            }
        }
        // It is a name in a list and no grant of the token endpoint.
        let (status, body) = stage.token("c1", &[("grant_type", "implicit")]).await;
        assert_eq!((status.as_u16(), body["error"].as_str()), (400, Some("unsupported_grant_type")));
    }
}

/// Clicks that come at once: each that is answered with tokens has begun a grant, and none is shared.
async fn co_01_every_answer_is_a_grant_of_its_own(stage: Stage) {
    let stage = furnished(stage).await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask_for("id_token token")).await;
    let next = sign_in(&mut browser, &page, ADA).await;
    let consent = browser.follow(next, CB).await.expect("a consent page");
    let cookies: Vec<String> = browser.cookies().map(|(name, cookie)| format!("{name}={}", cookie.value)).collect();
    let form = consent.form("consent-allow").expect("a form");
    let fields = form.fields("consent-allow");
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let headers = format!(
        "cookie: {}\r\norigin: {}\r\nsec-fetch-site: same-origin\r\n",
        cookies.join("; "),
        stage.base().origin().ascii_serialization()
    );
    let click = || stage.post("/consent", &headers, &body);
    let answers = tokio::join!(click(), click(), click(), click());
    let given = [answers.0, answers.1, answers.2, answers.3];
    let given_tokens: Vec<&str> = given
        .iter()
        .filter_map(|answer| answer.header("location"))
        .filter(|location| location.contains("access_token="))
        .collect();
    let families = stage.app.signet.store.families_of_user(stage.app.ada().await.id).await.unwrap();
    assert_eq!(families.iter().filter(|family| family.client_id.as_str() == "c1").count(), given_tokens.len());
    assert!(!given_tokens.is_empty(), "{given:?}");
    let payloads: BTreeSet<Vec<u8>> = given_tokens
        .iter()
        .map(|location| {
            let (_, token) = location.split_once("access_token=").unwrap();
            URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()
        })
        .collect();
    assert_eq!(payloads.len(), given_tokens.len());
}
