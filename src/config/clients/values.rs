//! The types of keys of clients.

use serde_json::Value as Json;
use serde_json::json;

use super::super::node::Node;
use super::super::value::Refusal;
use super::super::value::Value;
use super::super::value::choice;
use super::super::value::parsed;
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

impl Value for ClientId {
    fn expected() -> String {
        "1 to 255 characters of printable ASCII without spaces, quotes and backslashes".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::new(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.as_str())
    }
}

impl Value for Scope {
    fn expected() -> String {
        "scope values separated by single spaces (RFC 6749 section 3.3)".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::parse(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.to_string())
    }
}

impl Value for Origin {
    fn expected() -> String {
        "https://host[:port], or http:// on a loopback host, without a path".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::register(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.as_str())
    }
}

choice!(SubjectType: "public" => SubjectType::Public, "pairwise" => SubjectType::Pairwise);
choice!(ResponseType:
    "code" => ResponseType::Code,
    "id_token" => ResponseType::IdToken,
    "id_token token" => ResponseType::IdTokenToken,
);

impl Value for WebUri {
    fn expected() -> String {
        "https://..., or http:// on a loopback host".to_owned()
    }
    fn read(node: &Node) -> Result<Self, Refusal> {
        parsed(node, |text| Self::register(text).ok())
    }
    fn show(&self) -> Json {
        json!(self.as_str())
    }
}
