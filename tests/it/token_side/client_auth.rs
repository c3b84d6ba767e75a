//! Client authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::AUTHORIZATION;
use signet::crypto::hash;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::time::Timestamp;

use super::app;
use super::app_with;
use crate::support::app::App;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;

/// Wrong secrets are counted; most of these tests send more than a client would.
async fn patient_app() -> App {
    app_with(&PATIENT).await
}

const PATIENT: [(&str, &str); 1] = [("limits.client_secret_failures", "100000 per 1m")];

fn service_form() -> Form {
    Form::new(&[("grant_type", "client_credentials")])
}

fn basic(pair: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

async fn with_header(party: &Party, header: &[u8], form: &Form) -> Answer {
    let value = reqwest::header::HeaderValue::from_bytes(header).expect("a header value");
    Answer::to(party.raw(form.encoded()).header(AUTHORIZATION, value)).await
}

async fn bare(party: &Party, form: &Form) -> Answer {
    Answer::to(party.raw(form.encoded())).await
}

#[tokio::test]
async fn c_21_c_22_every_registered_method_works() {
    let app = patient_app().await;
    let service = Party::service(&app);
    service.token(service_form()).await.tokens();
    let post = service_form().and("client_id", "demo-service").and("client_secret", SECRET);
    bare(&service, &post).await.tokens();
    let header = basic(format!("demo-service:{SECRET}"));
    with_header(&service, header.as_bytes(), &service_form().and("client_id", "demo-service")).await.tokens();
}

#[tokio::test]
async fn ca_01_two_methods_at_once() {
    let app = patient_app().await;
    let service = Party::service(&app);
    let header = basic(format!("demo-service:{SECRET}"));
    let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for form in [
        service_form().and("client_secret", SECRET),
        service_form().and("client_id", "demo-service").and("client_secret", SECRET),
        service_form().and("client_assertion", "a.b.c").and("client_assertion_type", assertion),
        service_form().and("client_assertion", "junk"),
    ] {
        with_header(&service, header.as_bytes(), &form).await.refused("invalid_request");
    }
    let both = service_form()
        .and("client_id", "demo-service")
        .and("client_secret", SECRET)
        .and("client_assertion", "a.b.c")
        .and("client_assertion_type", assertion);
    bare(&service, &both).await.refused("invalid_request");
    let twice = service.raw(service_form().encoded()).header(AUTHORIZATION, &header).header(AUTHORIZATION, &header);
    Answer::to(twice).await.refused("invalid_request");
    service.token(service_form()).await.tokens();
}

#[tokio::test]
async fn ca_02_identities_disagree() {
    let app = patient_app().await;
    let service = Party::service(&app);
    let header = basic(format!("demo-service:{SECRET}"));
    for other in ["demo-web", "demo-spa", "nobody", "DEMO-SERVICE"] {
        with_header(&service, header.as_bytes(), &service_form().and("client_id", other)).await.unknown_client(true);
    }
}

#[tokio::test]
async fn ca_03_only_the_registered_method() {
    let app = patient_app().await;
    let service = Party::service(&app);
    let only = |method| move |client: &mut Client| client.token_endpoint_auth_methods = [method].into();
    let basic_only = Party::register(&app, &service, "basic-only", only(AuthMethod::ClientSecretBasic)).await;
    let post_only = Party::register(&app, &service, "post-only", only(AuthMethod::ClientSecretPost)).await;
    let post = |id: &str| service_form().and("client_id", id).and("client_secret", SECRET);
    basic_only.token(service_form()).await.tokens();
    bare(&service, &post("post-only")).await.tokens();
    bare(&service, &post("basic-only")).await.unknown_client(false);
    post_only.token(service_form()).await.unknown_client(true);
    // Junk beside it changes no method.
    let junk = service_form().and("client_id", "basic-only").and("client_assertion", "junk");
    bare(&service, &junk).await.unknown_client(false);
}

#[tokio::test]
async fn ca_04_public_with_a_secret_and_confidential_without() {
    let app = patient_app().await;
    let (web, spa) = (Party::web(&app), Party::spa(&app));
    spa.with_secret(Some("x")).redeem("sgc_x").await.unknown_client(true);
    let post = Party::code_form("sgc_x").and("client_id", "demo-spa").and("client_secret", "x");
    bare(&spa, &post).await.unknown_client(false);
    web.with_secret(None).redeem("sgc_x").await.unknown_client(false);
    // Nobody at all.
    bare(&web, &Party::code_form("sgc_x")).await.unknown_client(false);
    spa.redeem("sgc_x").await.refused("invalid_grant");
}

#[tokio::test]
async fn ca_05_basic_decoding() {
    let app = patient_app().await;
    let odd = "a%b+c:d \u{e9}&=\u{1f511}";
    let service = Party::register(&app, &Party::service(&app), "odd:service", |client| {
        client.secrets[0].hash = hash::client_secret_hash(odd);
    })
    .await;
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let right = basic(format!("{}:{}", encode("odd:service"), encode(odd)));
    with_header(&service, right.as_bytes(), &service_form()).await.tokens();
    with_header(&service, right.replacen("Basic", "bAsIc", 1).as_bytes(), &service_form()).await.tokens();

    let good = STANDARD.encode(format!("demo-service:{SECRET}"));
    assert!(good.ends_with('='), "the trailing bits can be played with");
    let loose = good.trim_end_matches('=').to_owned();
    let headers: Vec<Vec<u8>> = vec![
        basic(format!("odd:service:{odd}")).into_bytes(),
        b"Basic".to_vec(),
        b"Basic !!!!".to_vec(),
        b"Basic =".to_vec(),
        format!("Basic{good}").into_bytes(),
        format!("Basic {good}=").into_bytes(),
        format!("Basic {loose}").into_bytes(),
        format!("Basic {} {}", &good[..8], &good[8..]).into_bytes(),
        format!("Bearer {good}").into_bytes(),
        format!("Digest {good}").into_bytes(),
        format!("Basic {good}, Basic {good}").into_bytes(),
        basic("demo-service").into_bytes(),
        basic(":").into_bytes(),
        basic("demo-service:").into_bytes(),
        basic(format!(":{SECRET}")).into_bytes(),
        basic("demo-service:%").into_bytes(),
        basic("demo-service:%zz").into_bytes(),
        basic("demo-service:%00").into_bytes(),
        basic(format!("demo-service:{SECRET}%0a")).into_bytes(),
        basic(b"demo-service:\xff\xfe").into_bytes(),
        basic(b"demo-service\0:x").into_bytes(),
        format!("Basic {}", STANDARD.encode([0xff; 40]).replace('/', "_")).into_bytes(),
        format!("Basic {}", "A".repeat(9000)).into_bytes(),
        b"Basic \xff\xfe".to_vec(),
        "\u{e9}".as_bytes().to_vec(),
    ];
    for header in headers {
        with_header(&service, &header, &service_form()).await.unknown_client(true);
    }
}

#[tokio::test]
async fn ca_07_secrets_at_rest() {
    let app = patient_app().await;
    let (secret, kept) = app.signet.new_client_secret(app.signet.now());
    let random = secret.reveal().split_once('_').map_or(secret.reveal(), |(_, tail)| tail).to_owned();
    assert!(random.len() >= 43, "256 random bits");
    let stored = serde_json::to_string(&kept).unwrap();
    assert!(!stored.contains(&random) && !format!("{kept:?}{secret:?}").contains(&random));
    let service = Party::register(&app, &Party::service(&app), "kept", |client| client.secrets = vec![kept]).await;
    service.with_secret(Some(secret.reveal())).token(service_form()).await.tokens();
}

#[tokio::test]
async fn ca_08_guessing_is_slowed_down_and_locks_out_no_other_client() {
    let app = app().await;
    let (web, service) = (Party::web(&app), Party::service(&app));
    let guesser = service.with_secret(Some("wrong"));
    for _ in 0..20 {
        guesser.token(service_form()).await.unknown_client(true);
    }
    let slowed = guesser.token(service_form()).await;
    slowed.refused_with(429, "invalid_request");
    assert!(slowed.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    // From the same address another client goes on; and so do names that were never guessed at.
    web.redeem("sgc_x").await.refused("invalid_grant");
    Party::spa(&app).redeem("sgc_x").await.refused("invalid_grant");
}

/// Guesses that are under way together are counted one by one, even while the node is still looking the client up.
#[tokio::test]
async fn ca_08_guesses_at_once_are_all_counted() {
    let app = app().await;
    let guesser = Party::service(&app).with_secret(Some("wrong"));
    for round in 0..5 {
        let other = Party::register(&app, &guesser, &format!("guessed-{round}"), |_| {}).await;
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let other = other.clone();
            tries.spawn(async move { other.token(service_form()).await });
        }
        for answer in tries.join_all().await {
            answer.unknown_client(true);
        }
        other.token(service_form()).await.refused_with(429, "invalid_request");
    }
}

#[tokio::test]
async fn ca_08_the_right_client_elsewhere_goes_on() {
    let app = app_with(&[("server.trusted_proxies", "127.0.0.1/32")]).await;
    let service = Party::service(&app);
    let guesser = service.with_secret(Some("wrong"));
    let ask = |party: &Party, from: &str| {
        let secret = if party.id == "x" { "" } else { SECRET };
        let header = basic(format!("demo-service:{secret}"));
        party.raw(service_form().encoded()).header(AUTHORIZATION, header).header("x-forwarded-for", from)
    };
    for number in 0..25 {
        let header = basic("demo-service:wrong");
        let request = guesser.raw(service_form().encoded()).header(AUTHORIZATION, header);
        let answer = Answer::to(request.header("x-forwarded-for", "198.51.100.7")).await;
        assert_eq!(answer.status.as_u16(), if number < 20 { 401 } else { 429 });
    }
    assert_eq!(Answer::to(ask(&service, "198.51.100.7")).await.status.as_u16(), 429);
    Answer::to(ask(&service, "203.0.113.9")).await.tokens();
}

#[tokio::test]
async fn ca_09_disabled_and_deleted_clients() {
    let app = patient_app().await;
    let web = Party::web(&app);
    let tokens = web.sign_in("openid offline_access").await;
    let mut client = app.client("demo-web").await;
    client.disabled = true;
    assert!(app.signet.store.replace_client(client.clone()).await.unwrap());
    app.signet.clients.forget();
    web.redeem("sgc_x").await.unknown_client(true);
    web.refresh(tokens.refresh()).await.unknown_client(true);
    web.userinfo(tokens.access()).await.unauthorized();

    client.disabled = false;
    assert!(app.signet.store.replace_client(client).await.unwrap());
    app.signet.clients.forget();
    let tokens = web.refresh(tokens.refresh()).await.tokens();
    let id = ClientId::new("demo-web").unwrap();
    assert!(app.signet.store.delete_client(id, app.signet.now()).await.unwrap());
    app.signet.clients.forget();
    web.refresh(tokens.refresh()).await.unknown_client(true);
    web.userinfo(tokens.access()).await.unauthorized();
}

#[tokio::test]
async fn ca_10_two_secrets_while_one_is_changed() {
    let app = patient_app().await;
    let ends = Timestamp::from_micros(app.signet.now().micros() + 60_000_000);
    let old = Party::register(&app, &Party::service(&app), "changing", |client| {
        let mut new = client.secrets[0].clone();
        new.hash = hash::client_secret_hash("the-new-secret");
        client.secrets[0].expires_at = Some(ends);
        client.secrets.push(new);
    })
    .await;
    let new = old.with_secret(Some("the-new-secret"));
    app.wait(59);
    old.token(service_form()).await.tokens();
    new.token(service_form()).await.tokens();
    app.wait(1);
    old.token(service_form()).await.unknown_client(true);
    new.token(service_form()).await.tokens();
}

#[tokio::test]
async fn ca_11_certificate_headers_prove_nothing() {
    let app = patient_app().await;
    let service = Party::service(&app);
    let mut request = service.raw(service_form().and("client_id", "demo-service").encoded());
    for name in ["x-client-cert", "ssl_client_cert", "x-ssl-client-s-dn", "x-forwarded-client-cert", "x-remote-user"] {
        request = request.header(name, "demo-service");
    }
    Answer::to(request).await.unknown_client(false);
}

#[tokio::test]
async fn ca_12_the_name_byte_by_byte() {
    let app = patient_app().await;
    let service = Party::service(&app);
    for id in ["demo-service ", " demo-service", "Demo-Service", "demo-servic\u{65}\u{301}", "demo\u{2010}service"] {
        let form = service_form().and("client_id", id).and("client_secret", SECRET);
        bare(&service, &form).await.unknown_client(false);
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let header = basic(format!("{encoded}:{SECRET}"));
        with_header(&service, header.as_bytes(), &service_form()).await.unknown_client(true);
    }
    let nul = service_form().and("client_id", "demo-service\0").and("client_secret", SECRET);
    bare(&service, &nul).await.refused("invalid_request");
}

#[tokio::test]
async fn ca_13_refusals_look_the_same() {
    // Dev mode says what is wrong, on purpose.
    let app = App::start_as_serve(&PATIENT).await;
    let service = Party::service(&app);
    let disabled = Party::register(&app, &service, "disabled", |client| client.disabled = true).await;
    let expired = Party::register(&app, &service, "expired", |client| {
        client.secrets[0].expires_at = Some(Timestamp::from_micros(0));
    })
    .await;
    let unknown = with_header(&service, basic(format!("nobody:{SECRET}")).as_bytes(), &service_form()).await;
    let wrong = service.with_secret(Some("wrong")).token(service_form()).await;
    for answer in [&unknown, &wrong, &disabled.token(service_form()).await, &expired.token(service_form()).await] {
        answer.unknown_client(true);
        assert_eq!(answer.text, unknown.text);
        let plain = |answer: &Answer| {
            let mut headers: Vec<String> = answer.headers.iter().map(|header| format!("{header:?}")).collect();
            headers.retain(|header| !header.contains("x-request-id") && !header.contains("\"date\""));
            headers.sort();
            headers
        };
        assert_eq!(plain(answer), plain(&unknown));
    }
}
