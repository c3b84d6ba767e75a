//! Keys in and out of a provider, its four algorithms, and another master key.

use std::time::Duration;

use serde_json::Value;
use signet::ambient::OsEntropy;
use signet::crypto::pem;
use signet::crypto::seal::MasterKey;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::flow::error::FlowError;
use signet::flow::key_files::KeyFileError;
use signet::flow::key_files::PublicForm;
use signet::flow::key_files::Reseal;
use signet::flow::key_files::reseal;
use signet::flow::keys_by_hand::Revoked;
use signet::keys::Vault;
use signet::keys::VaultError;
use signet::store::custody::CANARY;
use signet::store::key::ChangeKeys;
use signet::store::key::Revocation;
use zeroize::Zeroizing;

use crate::support::app::App;
use crate::support::app::master;
use crate::support::database::Kind;
use crate::support::nouns::create_key;
use crate::support::party::EVERYTHING;
use crate::support::party::Party;
use crate::support::postgres::left_out;

const ALL_FOUR: [(&str, &str); 1] = [("keys.algorithms", "ES256,RS256,PS256,EdDSA")];

async fn keys(app: &App) -> Vec<SigningKey> {
    app.signet.store.signing_keys().await.unwrap()
}

async fn the_key(app: &App, algorithm: Algorithm, state: KeyState) -> SigningKey {
    keys(app).await.into_iter().find(|key| key.algorithm == algorithm && key.state == state).unwrap()
}

/// A key of another installation, as PEM.
fn foreign(algorithm: Algorithm) -> Zeroizing<String> {
    let key = signet::crypto::jwk::generate(algorithm, &KeyId::new("foreign").unwrap(), &OsEntropy).unwrap();
    pem::private(&key.private_pkcs8)
}

#[tokio::test]
async fn a_provider_signs_with_all_four() {
    let app = App::start_with(Kind::Sqlite, &ALL_FOUR).await.unwrap();
    app.signet.tend_keys().await.unwrap();
    let web = Party::web(&app);
    let discovery = web.get("/.well-known/openid-configuration").await.json();
    let listed = &discovery["id_token_signing_alg_values_supported"];
    assert_eq!(*listed, serde_json::json!(["RS256", "ES256", "PS256", "EdDSA"]));
    let jwks = web.get("/.well-known/jwks.json").await.json();
    for (algorithm, kty) in [("ES256", "EC"), ("RS256", "RSA"), ("PS256", "RSA"), ("EdDSA", "OKP")] {
        let published: Vec<&Value> =
            jwks["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == algorithm).collect();
        assert_eq!(published.len(), 2, "{algorithm}");
        assert!(published.iter().all(|key| key["kty"] == kty && key.get("d").is_none()));

        let chosen = Algorithm::parse(algorithm).unwrap();
        let party = Party::register(&app, &web, &algorithm.to_ascii_lowercase(), |client| {
            client.id_token_signed_response_alg = chosen;
            client.access_token_signed_response_alg = chosen;
        })
        .await;
        let tokens = party.sign_in(EVERYTHING).await;
        let ring = app.signet.ring.load();
        for token in [tokens.access(), tokens.id_token()] {
            assert_eq!(ring.verify(token).unwrap().algorithm, chosen);
        }
        let at_hash = signet::crypto::hash::half_hash(chosen, tokens.access());
        assert_eq!(ring.verify(tokens.id_token()).unwrap().claims["at_hash"], at_hash.as_str());
        assert_eq!(at_hash.len(), if algorithm == "EdDSA" { 43 } else { 22 });
    }
}

#[tokio::test]
async fn import_replaces_the_next_key() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(app) = App::start_with(kind, &ALL_FOUR).await else {
            left_out();
            continue;
        };
        app.signet.tend_keys().await.unwrap();
        for algorithm in Algorithm::ALL {
            let text = foreign(algorithm);
            let old = the_key(&app, algorithm, KeyState::Next).await;
            let imported = app.signet.import_key(text.clone(), algorithm).await.unwrap();
            assert_eq!(imported.replaced, Some(old.kid.clone()));
            let next = the_key(&app, algorithm, KeyState::Next).await;
            assert_eq!(next.kid, imported.kid);
            assert!(app.signet.ring.load().verifier(&imported.kid).is_some());
            assert!(app.signet.ring.load().verifier(&old.kid).is_none());
            // It signs no earlier than any other next key.
            let plan = app.signet.plan_rotation(algorithm, true).await.unwrap();
            app.signet.carry_out(plan.actions).await.unwrap();
            app.clock.advance(Duration::from_secs(10));
            app.signet.settle_keys(algorithm).await.unwrap();
            assert_eq!(the_key(&app, algorithm, KeyState::Active).await.kid, imported.kid);
            assert_eq!(*app.signet.export_private(&imported.kid).await.unwrap(), *text);
        }
    }
}

#[tokio::test]
async fn a_refused_import_changes_nothing() {
    let app = App::start_with(Kind::Sqlite, &[]).await.unwrap();
    let before = keys(&app).await;
    let ours = app.signet.export_private(&the_key(&app, Algorithm::Es256, KeyState::Next).await.kid).await.unwrap();
    for (text, algorithm, said) in [
        (foreign(Algorithm::EdDsa), Algorithm::EdDsa, "not one of keys.algorithms"),
        (foreign(Algorithm::Es256), Algorithm::Rs256, "RS256 needs an RSA key; this is an EC key on P-256"),
        (foreign(Algorithm::Es256)[..100].to_owned().into(), Algorithm::Es256, "cut short"),
        (String::new().into(), Algorithm::Es256, "neither a private key in PEM nor a private JWK"),
        (ours, Algorithm::Es256, "the same key is here already"),
    ] {
        let fault = app.signet.import_key(text, algorithm).await.unwrap_err().to_string();
        assert!(fault.contains(said), "{fault}");
        assert_eq!(keys(&app).await, before);
    }
}

#[tokio::test]
async fn export_in_every_form() {
    let app = App::start_with(Kind::Sqlite, &ALL_FOUR).await.unwrap();
    app.signet.tend_keys().await.unwrap();
    for key in keys(&app).await {
        let jwk = app.signet.export_public(&key.kid, PublicForm::Jwk).await.unwrap();
        assert_eq!(jwk, key.public_jwk);
        let public = app.signet.export_public(&key.kid, PublicForm::Pem).await.unwrap();
        let private = app.signet.export_private(&key.kid).await.unwrap();
        let openssl = openssl::pkey::PKey::private_key_from_pem(private.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(openssl.public_key_to_pem().unwrap()).unwrap(), public);
    }
    let exports = app.signet.store.newest_audit(100).await.unwrap();
    let exports = exports.iter().filter(|recorded| recorded.entry.event == "key_exported").count();
    assert_eq!(exports, 8, "each private key that was shown is in the audit trail");
    let kid = the_key(&app, Algorithm::Es256, KeyState::Active).await.kid;
    let plan = app.signet.plan_revocation(&kid, "seen elsewhere", false).await.unwrap();
    assert_eq!(app.signet.revoke_key(plan).await.unwrap(), Revoked::Done);
    let gone = app.signet.export_private(&kid).await.unwrap_err();
    assert!(matches!(gone, KeyFileError::NoPrivateHalf(_, KeyState::Revoked)), "{gone}");
    assert!(app.signet.export_public(&kid, PublicForm::Pem).await.is_ok());
    let unknown = KeyId::new("nobody").unwrap();
    assert!(matches!(app.signet.export_private(&unknown).await, Err(KeyFileError::Unknown(_))));
    assert!(matches!(app.signet.export_public(&unknown, PublicForm::Jwk).await, Err(KeyFileError::Unknown(_))));
}

#[tokio::test]
async fn another_master_key() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(app) = App::start_with(kind, &[]).await else {
            left_out();
            continue;
        };
        let store = &app.signet.store;
        let old = master();
        let new = MasterKey::generate(&OsEntropy);
        let before = keys(&app).await;

        let stranger = MasterKey::generate(&OsEntropy);
        let wrong = reseal(store, &stranger, &new, &OsEntropy).await.unwrap_err();
        assert!(matches!(wrong, KeyFileError::Vault(VaultError::WrongMasterKey)), "{wrong}");
        let same = reseal(store, &old, &master(), &OsEntropy).await.unwrap_err();
        assert!(matches!(same, KeyFileError::SameMasterKey), "{same}");
        assert_eq!(keys(&app).await, before);

        assert_eq!(reseal(store, &old, &new, &OsEntropy).await.unwrap(), Reseal::Done(before.len()));
        let after = keys(&app).await;
        let vault = Vault::new(&new);
        for (was, is) in before.iter().zip(&after) {
            let open = |vault: &Vault, key: &SigningKey| {
                vault.unseal(&key.kid, key.algorithm, key.sealed_private.as_deref().unwrap())
            };
            assert_eq!(open(&vault, is).unwrap(), open(&app.signet.vault, was).unwrap());
            assert_eq!(open(&app.signet.vault, is), Err(VaultError::Damaged));
        }
        assert_eq!(vault.check_canary(&store.instance_value(CANARY).await.unwrap().unwrap()), Ok(()));

        // Twice, as after a crash between the commit and the exchange of the files.
        assert_eq!(reseal(store, &old, &new, &OsEntropy).await.unwrap(), Reseal::Already);
        assert_eq!(keys(&app).await, after);
        // A server that still has the old one goes on with what it has and brings nothing in.
        assert!(app.signet.reload_keys().await.is_err());
        let fault = app.signet.import_key(foreign(Algorithm::Es256), Algorithm::Es256).await.unwrap_err();
        assert!(matches!(fault, KeyFileError::Vault(VaultError::WrongMasterKey)), "{fault}");
        assert_eq!(keys(&app).await, after);
        Party::web(&app).sign_in(EVERYTHING).await;
        // Nor does it ever make a key that nobody else can open.
        let revocation = app.signet.plan_revocation(&after[0].kid, "seen elsewhere", true).await.unwrap();
        let fault = app.signet.revoke_key(revocation).await.unwrap_err();
        assert!(matches!(fault, FlowError::Vault(VaultError::WrongMasterKey)), "{fault}");
        app.wait(90 * 24 * 3600);
        assert!(app.signet.tend_keys().await.is_err(), "it plans, and cannot read what it has planned");
        app.wait(2 * 3600);
        let fault = app.signet.tend_keys().await.unwrap_err();
        assert!(matches!(fault, FlowError::Vault(VaultError::WrongMasterKey)), "{fault}");
        let kids = |keys: &[SigningKey]| keys.iter().map(|key| (key.kid.clone(), key.state)).collect::<Vec<_>>();
        assert_eq!(kids(&keys(&app).await), kids(&after));
    }
}

#[tokio::test]
async fn a_tampered_sealed_key_stops_resealing() {
    let app = App::start_with(Kind::Sqlite, &[]).await.unwrap();
    let mut damaged = the_key(&app, Algorithm::Es256, KeyState::Next).await;
    let damaged_kid = KeyId::new("damaged").unwrap();
    // Out of the way, and nothing in its place.
    let revocation = Revocation {
        kid: damaged.kid.clone(),
        state: KeyState::Next,
        reason: "seen elsewhere".to_owned(),
        now: app.signet.now(),
        activate: None,
        create: Vec::new(),
        canary: Vec::new(),
    };
    assert_eq!(app.signet.store.revoke_key(revocation).await, Ok(ChangeKeys::Changed));
    // Sealed for another kid: as good as a changed bit.
    damaged.kid = damaged_kid.clone();
    create_key(&app.signet.store, damaged).await.unwrap();
    let before = keys(&app).await;
    let fault = reseal(&app.signet.store, &master(), &MasterKey::generate(&OsEntropy), &OsEntropy).await.unwrap_err();
    assert!(matches!(&fault, KeyFileError::Sealed { kid, .. } if *kid == damaged_kid), "{fault}");
    assert_eq!(keys(&app).await, before);
}
