//! The types of keys of clients.

use super::super::value::choice;
use super::super::value::written;
use crate::domain::client::ApplicationType;
use crate::domain::client::AuthMethod;
use crate::domain::client::GrantType;
use crate::domain::client::ResponseType;
use crate::domain::client::SecurityProfile;
use crate::domain::client::SubjectType;
use crate::domain::ids::ClientId;
use crate::domain::scope::Scope;
use crate::domain::uri::Origin;
use crate::domain::uri::WebUri;

choice!(ApplicationType: "web" => ApplicationType::Web, "native" => ApplicationType::Native);
choice!(SecurityProfile: "oidc" => SecurityProfile::Oidc, "fapi2" => SecurityProfile::Fapi2);
choice!(AuthMethod:
    "none" => AuthMethod::None,
    "client_secret_basic" => AuthMethod::ClientSecretBasic,
    "client_secret_post" => AuthMethod::ClientSecretPost,
    "private_key_jwt" => AuthMethod::PrivateKeyJwt,
);
choice!(GrantType:
    "authorization_code" => GrantType::AuthorizationCode,
    "refresh_token" => GrantType::RefreshToken,
    "client_credentials" => GrantType::ClientCredentials,
    "urn:ietf:params:oauth:grant-type:token-exchange" => GrantType::TokenExchange,
);

written!(ClientId: "1 to 255 characters of printable ASCII without spaces, quotes and backslashes", |text| ClientId::new(text).ok(), |own| own.as_str().to_owned());

written!(Scope: "scope values separated by single spaces (RFC 6749 section 3.3)", |text| Scope::parse(text).ok(), ToString::to_string);

written!(Origin: "https://host[:port], or http:// on a loopback host, without a path", |text| Origin::register(text).ok(), |own| own.as_str().to_owned());

choice!(SubjectType: "public" => SubjectType::Public, "pairwise" => SubjectType::Pairwise);
choice!(ResponseType:
    "code" => ResponseType::Code,
    "id_token" => ResponseType::IdToken,
    "id_token token" => ResponseType::IdTokenToken,
);

written!(WebUri: "https://..., or http:// on a loopback host", |text| WebUri::register(text).ok(), |own| own.as_str().to_owned());
