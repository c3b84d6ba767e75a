//! The people and things of the tests: ada, bob, and a web application.

use signet::store::StoreError;
use signet::store::custody::CANARY;
use signet::store::key::CreateKey;
use std::collections::BTreeSet;
use std::time::Duration;

use signet::domain::claims::ClaimsRequest;
use signet::domain::client::ApplicationType;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::GrantType;
use signet::domain::client::ResponseType;
use signet::domain::code::Code;
use signet::domain::family::Family;
use signet::domain::ids::ClientId;
use signet::domain::ids::FamilyId;
use signet::domain::ids::KeyId;
use signet::domain::ids::RequestId;
use signet::domain::ids::SessionId;
use signet::domain::ids::Subject;
use signet::domain::ids::UserId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::domain::request::Attempt;
use signet::domain::request::AuthorizationRequest;
use signet::domain::request::CodeChallenge;
use signet::domain::request::Prompt;
use signet::domain::request::ResponseMode;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretHash;
use signet::domain::session::Authentication;
use signet::domain::session::AuthenticationMethod;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::domain::uri::RedirectUri;
use signet::domain::user::Email;
use signet::domain::user::PasswordHash;
use signet::domain::user::Role;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::store::Store;

/// 2026-11-22T12:00:00Z
pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_795_348_800);

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(seconds))
}

pub(crate) fn hash(text: &str) -> SecretHash {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(text.bytes()).for_each(|(byte, from)| *byte = from);
    SecretHash::from_bytes(bytes)
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn user_id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn client_id(name: &str) -> ClientId {
    ClientId::new(name).unwrap()
}

pub(crate) fn session_id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

pub(crate) fn family_id(name: &str) -> FamilyId {
    FamilyId::new(name).unwrap()
}

pub(crate) fn request_id(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: user_id(name),
        email: Email::parse(&format!("{name}@example.test")).unwrap(),
        password: Some(PasswordHash::from_phc("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")),
        roles: BTreeSet::from([Role::parse("admin").unwrap()]),
        claims: StandardClaims { name: Some(name.to_owned()), ..StandardClaims::default() },
        disabled: false,
        created_at: NOON,
        updated_at: NOON,
    }
}

pub(crate) fn client(name: &str) -> Client {
    Client {
        token_endpoint_auth_methods: BTreeSet::from([AuthMethod::None]),
        redirect_uris: vec![RedirectUri::register("https://c1.test/cb", ApplicationType::Web).unwrap()],
        grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        scope: scope("openid email"),
        ..Client::new(client_id(name), NOON)
    }
}

pub(crate) fn authentication() -> Authentication {
    Authentication { time: NOON, methods: vec![AuthenticationMethod::Password] }
}

pub(crate) fn session(name: &str, owner: &str) -> Session {
    Session {
        id: session_id(name),
        hash: hash(name),
        user_id: user_id(owner),
        authentication: authentication(),
        created_at: NOON,
        last_seen_at: NOON,
        idle_expires_at: later(3600),
        expires_at: later(86_400),
        ended_at: None,
    }
}

pub(crate) fn attempt(name: &str, browser: &str) -> Attempt {
    Attempt {
        id: request_id(name),
        browser: hash(browser),
        request: AuthorizationRequest {
            client_id: client_id("demo-web"),
            redirect_uri: "https://c1.test/cb".to_owned(),
            response_type: ResponseType::Code,
            response_mode: ResponseMode::FormPost,
            scope: scope("openid"),
            resources: vec!["https://rs1.test".to_owned()],
            state: Some("\u{1f980} state".to_owned()),
            nonce: None,
            code_challenge: None,
            prompt: Prompt { login: true, ..Prompt::default() },
            max_age: Some(0),
            login_hint: None,
            ui_locales: vec!["de".to_owned()],
            claims: claims(),
            subject: Some(Subject::public(&user_id("ada"))),
        },
        created_at: NOON,
        expires_at: later(1800),
        consented: None,
        account_selected: false,
        finished_at: None,
    }
}

fn claims() -> ClaimsRequest {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ClaimsRequest { userinfo: names(&["name"]), id_token: names(&["locale"]), scope: scope("profile") }
}

/// A code of ada at demo-web, in session `s1`, good for a minute.
pub(crate) fn code(name: &str) -> Code {
    Code {
        hash: hash(name),
        client_id: client_id("demo-web"),
        user_id: user_id("ada"),
        session_id: session_id("s1"),
        redirect_uri: "https://c1.test/cb".to_owned(),
        scope: scope("openid email"),
        resources: vec!["https://rs1.test".to_owned()],
        nonce: Some("n".to_owned()),
        claims: claims(),
        code_challenge: Some(CodeChallenge::parse(&"a".repeat(43)).unwrap()),
        authentication: authentication(),
        issued_at: NOON,
        expires_at: later(60),
        redeemed: None,
    }
}

/// A family of ada at demo-web, in session `s1`, whose current token is `NAME-1`.
pub(crate) fn family(name: &str) -> Family {
    Family {
        id: family_id(name),
        client_id: client_id("demo-web"),
        user_id: user_id("ada"),
        session_id: Some(session_id("s1")),
        scope: scope("openid email"),
        resources: vec!["https://rs1.test".to_owned()],
        claims: claims(),
        authentication: authentication(),
        generation: 1,
        current: Some(hash(&format!("{name}-1"))),
        previous: None,
        successor: None,
        rotated_at: None,
        rotated_from: None,
        created_at: NOON,
        idle_expires_at: later(3600),
        expires_at: later(86_400),
        revoked: None,
    }
}

pub(crate) fn key(kid: &str, algorithm: Algorithm, state: KeyState) -> SigningKey {
    SigningKey {
        kid: KeyId::new(kid).unwrap(),
        algorithm,
        state,
        public_jwk: "{}".to_owned(),
        sealed_private: Some(vec![0, 1, 255]),
        published_at: NOON,
        activates_at: None,
        activated_at: None,
        retired_at: None,
        longest_token: Duration::ZERO,
        leaves_at: None,
        revoked_at: None,
        revoked_reason: None,
    }
}

/// ada and bob, demo-web, and ada's session `s1`.
pub(crate) async fn furnish(store: &Store) {
    for name in ["ada", "bob"] {
        store.create_user(user(name)).await.unwrap();
    }
    store.create_client(client("demo-web")).await.unwrap();
    store.begin_session(session("s1", "ada"), None, None).await.unwrap();
}

/// Furnishes and redeems one code into the family `f1`.
pub(crate) async fn furnish_with_family(store: &Store) {
    furnish(store).await;
    store.issue_code(code("c1"), None, NOON).await.unwrap();
    store.redeem_code(hash("c1"), NOON, family("f1")).await.unwrap();
}

pub(crate) const CANARY_OF_TESTS: &[u8] = b"old";

/// As a node does that has the right master key.
pub(crate) async fn create_key(store: &Store, key: SigningKey) -> Result<CreateKey, StoreError> {
    let canary = store.put_instance_value_if_absent(CANARY, CANARY_OF_TESTS.to_vec()).await?;
    store.create_keys(vec![key], canary).await
}
