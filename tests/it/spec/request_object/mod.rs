//! RO: signed authorization requests, OpenID Connect Core section 6 and RFC 9101.

mod by_reference;
mod by_value;
mod log;

use std::sync::LazyLock;

use serde_json::Value;
use serde_json::json;
use signet::domain::client::Client;
use signet::domain::client::ClientKeys;
use signet::domain::ids::ClientId;
use signet::domain::key::Algorithm;

use super::stage::*;
use crate::support::client_key::ClientKey;
use crate::support::client_key::jwks;

/// The client's keys, one for each algorithm and named by it. The same in every test: RSA keys take a while.
static KEYS: LazyLock<Vec<ClientKey>> =
    LazyLock::new(|| Algorithm::ALL.map(|algorithm| ClientKey::new(algorithm, algorithm.as_str())).into());
/// A key of somebody else, under a name of one of them.
static STRANGER: LazyLock<ClientKey> = LazyLock::new(|| ClientKey::new(Algorithm::Es256, Algorithm::Es256.as_str()));

fn key_of(algorithm: Algorithm) -> &'static ClientKey {
    KEYS.iter().find(|key| key.algorithm == algorithm).expect("one of each")
}

fn stranger() -> &'static ClientKey {
    &STRANGER
}

/// All of the client's keys as a JWK Set.
fn keys() -> String {
    jwks(&KEYS.iter().map(ClientKey::public).collect::<Vec<_>>())
}

fn header_of(key: &ClientKey) -> Value {
    with(&key.header(), "typ", json!("oauth-authz-req+jwt"))
}

fn sign(key: &ClientKey, claims: &Value) -> String {
    sign_as(key, &header_of(key), &claims.to_string())
}

/// Header and payload as they are given.
fn sign_as(key: &ClientKey, header: &Value, payload: &str) -> String {
    key.sign(&header.to_string(), payload)
}

/// A state that only an object says.
const INNER: &str = "inner state/2";

/// Registers `j1`: like `c1`, with a key of each algorithm, and changed by `edit`.
async fn register(stage: &Stage, edit: impl FnOnce(&mut Client)) {
    register_as(stage, "j1", edit).await;
}

async fn register_as(stage: &Stage, id: &str, edit: impl FnOnce(&mut Client)) {
    let mut client = Client {
        id: ClientId::new(id).unwrap(),
        keys: ClientKeys { jwks: Some(keys()), jwks_uri: None },
        ..stage.app.client("c1").await
    };
    edit(&mut client);
    stage.app.signet.store.create_client(client).await.unwrap();
    stage.app.signet.clients.forget();
}

/// The good claims of a request object of `j1`.
fn claims(stage: &Stage) -> Value {
    let now = stage.app.signet.now().seconds();
    json!({
        "iss": "j1", "aud": stage.issuer(), "iat": now, "nbf": now, "exp": now + 300, "jti": "o1",
        "client_id": "j1", "response_type": "code", "redirect_uri": CB, "scope": "openid email",
        "state": INNER, "nonce": "inner nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    })
}

/// The claims with one member set; `null` takes it away.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn signed(claims: &Value) -> String {
    sign(key_of(Algorithm::Es256), claims)
}

/// DY-04: what stands in the query beside an object.
fn beside() -> Ask {
    ask_as("j1", CB).without("state").without("code_challenge").without("code_challenge_method")
}

fn ask_with(object: &str) -> Ask {
    beside().set("request", object)
}

/// `R(error)`: told at the redirect URI of the query, without a state, which nobody has signed.
async fn is_told(stage: &Stage, ask: &Ask, error: &str) {
    stage.is_refused_with(&stage.get(&ask.target()).await, CB, error, None);
}

async fn is_refused(stage: &Stage, object: &str) {
    is_told(stage, &ask_with(object), "invalid_request_object").await;
}
