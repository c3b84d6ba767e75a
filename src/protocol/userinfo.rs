//! The UserInfo response, OpenID Connect Core section 5.3: which claims which scope gives.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use super::access_token::AccessToken;
use super::error::OAuthError;
use crate::domain::ids::Subject;
use crate::domain::scope::Scope;
use crate::domain::user::Address;
use crate::domain::user::Role;
use crate::domain::user::User;

/// Scope values that give claims here, and the claims that each of them gives; discovery lists both.
pub const CLAIMS: &[(&str, &[&str])] = &[
    ("openid", &["sub"]),
    (
        "profile",
        &[
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("roles", &["roles"]),
];

/// The scope value that gives a claim.
#[must_use]
pub fn scope_of(claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(_, names)| names.contains(&claim)).map(|(value, _)| *value)
}

/// Whether a verified token opens this endpoint.
///
/// # Errors
/// `invalid_token` when no person stands behind it, `insufficient_scope` when it was issued without `openid`.
pub fn check(token: &AccessToken) -> Result<(), OAuthError> {
    if !token.is_of_a_person() {
        return Err(OAuthError::invalid_token("No person stands behind this access token"));
    }
    if !token.scope.contains("openid") {
        return Err(OAuthError::insufficient_scope("The access token has no openid scope"));
    }
    Ok(())
}

/// The claims of `user`, whom the client knows as `sub`, that `scope` gives. "If a Claim is not returned, that Claim Name SHOULD be omitted from the
/// JSON object representing the Claims; it SHOULD NOT be present with a null or empty string value" (OpenID Connect
/// Core section 5.3.2).
#[must_use]
pub fn claims(sub: &Subject, user: &User, scope: &Scope) -> Map<String, Value> {
    let mut out = of_scope(user, scope);
    out.insert("sub".to_owned(), sub.as_str().into());
    out
}

/// All of them but `sub`.
#[must_use]
pub fn of_scope(user: &User, scope: &Scope) -> Map<String, Value> {
    let mut out = Map::new();
    if scope.contains("profile") {
        profile(user, &mut out);
    }
    if scope.contains("email") {
        out.insert("email".to_owned(), user.email.as_str().into());
        out.insert("email_verified".to_owned(), user.claims.email_verified.into());
    }
    if scope.contains("phone") && put(&mut out, "phone_number", user.claims.phone_number.as_ref()) {
        out.insert("phone_number_verified".to_owned(), user.claims.phone_number_verified.into());
    }
    if scope.contains("address") {
        let address = user.claims.address.as_ref().map(address).filter(|address| !address.is_empty());
        out.extend(address.map(|address| ("address".to_owned(), address.into())));
    }
    if scope.contains("roles") {
        out.insert("roles".to_owned(), user.roles.iter().map(Role::as_str).collect());
    }
    out
}

/// A signed answer: "the UserInfo Response MUST contain the Claims `iss` (issuer) and `aud` (audience) as members. The `iss` value MUST be
/// the OP's Issuer Identifier URL. The `aud` value MUST be or include the RP's Client ID value." (OpenID Connect Core
/// section 5.3.2)
#[derive(Debug, Serialize)]
pub struct Signed<'a> {
    pub iss: &'a str,
    pub aud: &'a str,
    #[serde(flatten)]
    pub claims: &'a Map<String, Value>,
}

/// The claims of `user` that were asked for one by one (OpenID Connect Core section 5.5), as far as there are any.
#[must_use]
pub fn named(user: &User, names: &BTreeSet<String>) -> Map<String, Value> {
    let needed: BTreeSet<&str> = names.iter().filter_map(|name| scope_of(name)).collect();
    let scope = Scope::parse(&needed.into_iter().collect::<Vec<_>>().join(" ")).unwrap_or_default();
    let mut out = of_scope(user, &scope);
    out.retain(|name, _| names.contains(name));
    out
}

fn profile(user: &User, out: &mut Map<String, Value>) {
    let own = &user.claims;
    for (name, value) in [
        ("name", &own.name),
        ("given_name", &own.given_name),
        ("family_name", &own.family_name),
        ("middle_name", &own.middle_name),
        ("nickname", &own.nickname),
        ("preferred_username", &own.preferred_username),
        ("profile", &own.profile),
        ("picture", &own.picture),
        ("website", &own.website),
        ("gender", &own.gender),
        ("birthdate", &own.birthdate),
        ("zoneinfo", &own.zoneinfo),
        ("locale", &own.locale),
    ] {
        put(out, name, value.as_ref());
    }
    out.insert("updated_at".to_owned(), user.updated_at.seconds().into());
}

fn address(own: &Address) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in [
        ("formatted", &own.formatted),
        ("street_address", &own.street_address),
        ("locality", &own.locality),
        ("region", &own.region),
        ("postal_code", &own.postal_code),
        ("country", &own.country),
    ] {
        put(&mut out, name, value.as_ref());
    }
    out
}

/// Whether there was something to put.
fn put(out: &mut Map<String, Value>, name: &str, value: Option<&String>) -> bool {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return false };
    out.insert(name.to_owned(), value.as_str().into());
    true
}

#[cfg(test)]
mod tests {
    use super::CLAIMS;
    use super::check;
    use super::claims;
    use super::named;
    use super::scope_of;
    use crate::domain::ids::ClientId;
    use crate::domain::ids::FamilyId;
    use crate::domain::ids::Subject;
    use crate::domain::ids::TokenId;
    use crate::domain::ids::UserId;
    use crate::domain::user::Address;
    use crate::domain::user::Email;
    use crate::domain::user::Role;
    use crate::domain::user::StandardClaims;
    use crate::domain::user::User;
    use crate::protocol::access_token::AccessToken;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::scope;
    use serde_json::Value;
    use serde_json::json;

    fn sub() -> Subject {
        Subject::new("usr_ada").unwrap()
    }

    fn ada() -> User {
        let some = |text: &str| Some(text.to_owned());
        User {
            id: UserId::new("usr_ada").unwrap(),
            email: Email::parse("ada@example.test").unwrap(),
            password: None,
            roles: [Role::parse("admin").unwrap()].into(),
            claims: StandardClaims {
                name: some("Ada"),
                given_name: some("Ada"),
                family_name: some("Lovelace"),
                middle_name: some("King"),
                nickname: some("ada"),
                preferred_username: some("ada"),
                profile: some("https://example.test/ada"),
                picture: some("https://example.test/ada.png"),
                website: some("https://example.test"),
                gender: some("female"),
                birthdate: some("1815-12-10"),
                zoneinfo: some("Europe/London"),
                locale: some("en-GB"),
                email_verified: true,
                phone_number: some("+441234"),
                phone_number_verified: false,
                address: Some(Address { formatted: some("London"), ..Address::default() }),
            },
            disabled: false,
            created_at: at(0),
            updated_at: at(1_700_000_000),
        }
    }

    #[test]
    fn rs_04_exactly_the_claims_of_each_scope() {
        for (value, names) in CLAIMS {
            let got = claims(&sub(), &ada(), &scope(&format!("openid {value}")));
            let mut want: Vec<&str> = names.to_vec();
            want.extend((*value != "openid").then_some("sub"));
            let mut got: Vec<&str> = got.keys().map(String::as_str).collect();
            want.sort_unstable();
            got.sort_unstable();
            assert_eq!(got, want, "{value}");
        }
    }

    #[test]
    fn c_36_types_and_no_empty_values() {
        let everything = scope("openid profile email address phone roles");
        let full = Value::Object(claims(&sub(), &ada(), &everything));
        assert_eq!(full["email_verified"], json!(true));
        assert_eq!(full["updated_at"], json!(1_700_000_000));
        assert_eq!(full["address"], json!({"formatted": "London"}));
        let name = Some(String::new());
        let address = Some(Address { country: Some(String::new()), ..Address::default() });
        let bare = User { claims: StandardClaims { name, address, ..StandardClaims::default() }, ..ada() };
        let got = claims(&sub(), &bare, &everything);
        for name in ["name", "address", "phone_number", "phone_number_verified", "locale"] {
            assert!(!got.contains_key(name), "{name}");
        }
        assert!(got.values().all(|value| !value.is_null() && value != ""));
    }

    #[test]
    fn core_5_5_single_claims_and_no_others_of_their_scope() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let got = named(&ada(), &names(&["name", "email_verified", "shoe_size", "sub"]));
        assert_eq!(Value::Object(got), json!({"name": "Ada", "email_verified": true}));
        assert_eq!(Value::Object(named(&ada(), &names(&[]))), json!({}));
        assert_eq!((scope_of("zoneinfo"), scope_of("roles"), scope_of("acr")), (Some("profile"), Some("roles"), None));
    }

    #[test]
    fn rs_03_sc_09_only_tokens_of_people_with_openid() {
        let token = AccessToken {
            subject: Subject::new("usr_ada").unwrap(),
            client_id: ClientId::new("c1").unwrap(),
            scope: scope("openid"),
            audience: Vec::new(),
            id: TokenId::new("j").unwrap(),
            issued_at: at(0),
            expires_at: at(1),
            grant_id: Some(FamilyId::new("f").unwrap()),
            session_id: None,
            roles: Vec::new(),
            auth_time: None,
            acr: None,
            actor: None,
            may_act: None,
        };
        assert_eq!(check(&token), Ok(()));
        let plain = AccessToken { scope: scope("profile"), ..token.clone() };
        assert_eq!(check(&plain).unwrap_err().code, ErrorCode::InsufficientScope);
        let service = AccessToken { grant_id: None, ..token };
        assert_eq!(check(&service).unwrap_err().code, ErrorCode::InvalidToken);
    }
}
