//! Values that the tests of this room share.

use crate::domain::claims::ClaimsRequest;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecret;
use crate::domain::client::ClientSecretHash;
use crate::domain::client::GrantType;
use crate::domain::family::Family;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::UserId;
use crate::domain::place::Place;
use crate::domain::scope::Scope;
use crate::domain::secret::SecretHash;
use crate::domain::session::Authentication;
use crate::domain::session::AuthenticationMethod;
use crate::domain::time::Timestamp;
use crate::domain::uri::RedirectUri;

pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CB: &str = "https://c1.test/cb";

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// C1 of the catalogue: confidential, `client_secret_basic`, one redirect URI.
pub(crate) fn confidential() -> Client {
    Client {
        name: "C1".to_owned(),
        token_endpoint_auth_methods: [AuthMethod::ClientSecretBasic].into(),
        secrets: vec![secret("hash-of-s3cret")],
        redirect_uris: vec![RedirectUri::register(CB, ApplicationType::Web).unwrap()],
        grant_types: GrantType::ALL.into(),
        scope: scope("openid profile email offline_access api:read api:write"),
        ..Client::new(ClientId::new("c1").unwrap(), at(0))
    }
}

/// P1 of the catalogue: a public native app on a loopback address.
pub(crate) fn public() -> Client {
    let uri = RedirectUri::register("http://127.0.0.1/cb", ApplicationType::Native).unwrap();
    Client {
        id: ClientId::new("p1").unwrap(),
        application_type: ApplicationType::Native,
        token_endpoint_auth_methods: [AuthMethod::None].into(),
        secrets: Vec::new(),
        redirect_uris: vec![uri],
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        ..confidential()
    }
}

pub(crate) fn secret(hash: &str) -> ClientSecret {
    ClientSecret { hash: ClientSecretHash::Sha256(hash.to_owned()), created_at: at(0), expires_at: None }
}

pub(crate) fn authentication(seconds: i64) -> Authentication {
    Authentication { time: at(seconds), methods: vec![AuthenticationMethod::Password] }
}

/// A grant of Ada at `client`, rotated at second 100.
pub(crate) fn family(client: &Client) -> Family {
    Family {
        id: FamilyId::new("f").unwrap(),
        client_id: client.id.clone(),
        user_id: UserId::new("ada").unwrap(),
        session_id: None,
        scope: scope("openid api:read"),
        resources: Vec::new(),
        claims: ClaimsRequest::default(),
        authentication: authentication(0),
        generation: 2,
        current: Some(SecretHash::from_bytes([2; 32])),
        previous: Some(SecretHash::from_bytes([1; 32])),
        successor: Some(vec![0]),
        rotated_at: Some(at(100)),
        rotated_from: Some(Place::new("192.0.2.0/24", "Firefox/145")),
        created_at: at(0),
        idle_expires_at: at(10_000),
        expires_at: at(20_000),
        revoked: None,
    }
}
