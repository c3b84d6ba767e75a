//! Who has the key of the server and writes what he likes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use p256::pkcs8::DecodePrivateKey;
use serde_json::Value;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;

use super::app;
use crate::support::app::App;
use crate::support::party::Answer;
use crate::support::party::Party;
use crate::support::party::Tokens;
use crate::support::party::opened;

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider, a good access token, and the private key behind it.
pub(super) struct Forge {
    pub(super) app: App,
    pub(super) party: Party,
    pub(super) tokens: Tokens,
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) key: SigningKey,
}

impl Forge {
    pub(super) async fn new() -> Self {
        let app = app().await;
        let party = Party::web(&app);
        let tokens = party.sign_in("openid email").await;
        let (header, claims) = opened(tokens.access());
        let keys = app.signet.store.signing_keys().await.unwrap();
        let active =
            |key: &&signet::domain::key::SigningKey| key.state == KeyState::Active && key.algorithm == Algorithm::Es256;
        let row = keys.iter().find(active).unwrap();
        let der = app.signet.vault.unseal(&row.kid, row.algorithm, row.sealed_private.as_ref().unwrap()).unwrap();
        let key = SigningKey::from_pkcs8_der(&der).unwrap();
        Self { app, party, tokens, header, claims, key }
    }

    /// A rightly signed token with this header and these claims, as they are written.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", encode(signature.to_bytes()))
    }

    /// A rightly signed token whose claims differ in one member; `null` takes it away.
    pub(super) fn claiming(&self, name: &str, value: Value) -> String {
        self.sign(&self.header.to_string(), &changed(&self.claims, name, value).to_string())
    }

    pub(super) fn headed(&self, name: &str, value: Value) -> String {
        self.sign(&changed(&self.header, name, value).to_string(), &self.claims.to_string())
    }

    pub(super) async fn refuses(&self, what: &str, token: &str) {
        let answer = self.ask(token).await;
        assert_eq!(answer.status.as_u16(), 401, "{what}: {answer:?}");
        answer.unauthorized();
    }

    pub(super) async fn ask(&self, token: &str) -> Answer {
        let request = self.party.http.get(self.app.url("/userinfo")).header("authorization", format!("Bearer {token}"));
        Answer::to(request).await
    }

    pub(super) async fn accepts(&self, token: &str) {
        let answer = self.ask(token).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }
}

pub(super) fn changed(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    if value.is_null() {
        object.as_object_mut().unwrap().remove(name);
    } else {
        object[name] = value;
    }
    object
}
