//! Client authentication at the token endpoint, RFC 6749 section 2.3 and OpenID Connect Core section 9.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client_assertion;
use super::error::OAuthError;
use super::params;
use super::params::Params;
use crate::crypto::jws;
use crate::domain::client::AuthMethod;
use crate::domain::client::Client;
use crate::domain::client::ClientSecretHash;
use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// `WWW-Authenticate` of every `invalid_client` answer to a request that had an `Authorization` header: "MUST
/// respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response header field" (RFC 6749
/// section 5.2).
pub const CHALLENGE: &str = "Basic realm=\"signet\", charset=\"UTF-8\"";

/// Longest `Authorization` value that is read, in bytes.
pub const MAX_HEADER: usize = 8192;

/// What a client says about itself; nothing of it is proven yet.
#[derive(Clone)]
pub struct Presented {
    pub client_id: ClientId,
    method: AuthMethod,
    proof: Proof,
}

#[derive(Clone)]
enum Proof {
    /// It only gives its name.
    None,
    Secret(Secret),
    Assertion(Secret),
}

impl Presented {
    /// How the client authenticates, or [`AuthMethod::None`] when it only gives its name.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        self.method
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.client_id, self.method.as_str())
    }
}

/// Finds the credentials in a request. `authorization` has every `Authorization` header as sent; `form` is the body.
///
/// # Errors
/// `invalid_request` for two methods at once, `invalid_client` for what cannot be read.
pub fn presented(authorization: &[&[u8]], form: &Params) -> Result<Presented, OAuthError> {
    let body_id = form.get("client_id")?;
    let body_secret = form.get("client_secret")?;
    let assertion = (form.get("client_assertion")?, form.get("client_assertion_type")?);
    let asserts = assertion != (None, None);
    let used = authorization.len() + usize::from(body_secret.is_some()) + usize::from(asserts);
    // "The client MUST NOT use more than one authentication method in each request" (RFC 6749 section 2.3).
    if used > 1 {
        return Err(OAuthError::invalid_request("More than one way of client authentication"));
    }
    let named = match authorization {
        [header] => Some(basic(header)?),
        _ if asserts => Some(asserted(assertion)?),
        _ => None,
    };
    if let Some(presented) = named {
        return match body_id {
            Some(id) if id != presented.client_id.as_str() => Err(refused("client_id differs from the credentials")),
            _ => Ok(presented),
        };
    }
    // No credentials and no name: nobody tried to authenticate.
    let id = body_id.ok_or_else(|| refused("no client authentication"))?;
    let client_id = ClientId::new(id).map_err(|_| refused("client_id cannot be one"))?;
    let (method, proof) = match body_secret {
        Some(secret) => (AuthMethod::ClientSecretPost, Proof::Secret(Secret::new(secret))),
        None => (AuthMethod::None, Proof::None),
    };
    Ok(Presented { client_id, method, proof })
}

/// What is left to do before a client has proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked<'a> {
    /// Nothing.
    Proven,
    /// The client may use an assertion; this one says that it is by it, and nobody has looked whether it is.
    Asserted(&'a str),
}

/// Proves that the client is who it says, or finds what will. `verify` compares a secret with one hash in constant time.
///
/// All refusals look the same, and an unknown client costs the same comparison as a wrong secret.
///
/// # Errors
/// `invalid_client`.
pub fn check<'a>(
    presented: &'a Presented,
    client: Option<&Client>,
    now: Timestamp,
    verify: impl Fn(&ClientSecretHash, &str) -> bool,
) -> Result<Checked<'a>, OAuthError> {
    // Whoever swaps name and secret has sent the secret as a name, and what is refused is logged.
    let name = match client {
        Some(client) => client.id.to_string(),
        None => format!("of that name ({} characters)", presented.client_id.as_str().len()),
    };
    let client = client.filter(|client| client.id == presented.client_id && !client.disabled);
    let proven = match &presented.proof {
        Proof::None | Proof::Assertion(_) => true,
        Proof::Secret(secret) => proves(secret, client, now, verify),
    };
    let client = client.ok_or_else(|| refused(format!("no enabled client {name}")))?;
    // The method that was used must be a registered one; a public client with a secret and a confidential one without
    // end here.
    if !client.token_endpoint_auth_methods.contains(&presented.method) {
        let method = presented.method.as_str();
        return Err(refused(format!("client {} is not registered for {method}", client.id)));
    }
    if !proven {
        return Err(refused(format!("wrong or expired secret of client {}", client.id)));
    }
    Ok(match &presented.proof {
        Proof::Assertion(assertion) => Checked::Asserted(assertion.reveal()),
        Proof::None | Proof::Secret(_) => Checked::Proven,
    })
}

fn proves(
    secret: &Secret,
    client: Option<&Client>,
    now: Timestamp,
    verify: impl Fn(&ClientSecretHash, &str) -> bool,
) -> bool {
    let live = |expires_at: Option<Timestamp>| expires_at.is_none_or(|end| now < end);
    let hashes = client.map(|client| client.secrets.iter().filter(|own| live(own.expires_at)).map(|own| &own.hash));
    let mut compared = false;
    let mut proven = false;
    for hash in hashes.into_iter().flatten() {
        compared = true;
        proven |= verify(hash, secret.reveal());
    }
    if !compared {
        let nobody = ClientSecretHash::Sha256("A".repeat(43));
        let _ = verify(&nobody, secret.reveal());
    }
    proven
}

/// `Authorization: Basic`, RFC 7617, with both halves "encoded using the "application/x-www-form-urlencoded" encoding
/// algorithm" (RFC 6749 section 2.3.1).
fn basic(header: &[u8]) -> Result<Presented, OAuthError> {
    let (scheme, rest) = header.split_at_checked(5).ok_or_else(|| refused("Authorization is too short"))?;
    if header.len() > MAX_HEADER || !scheme.eq_ignore_ascii_case(b"basic") || rest.first() != Some(&b' ') {
        return Err(refused("Authorization is not Basic"));
    }
    let pair = STANDARD.decode(rest.trim_ascii()).map_err(|_| refused("Basic is not base64"))?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(|| refused("Basic has no colon"))?;
    let (id, secret) = pair.split_at_checked(colon).ok_or_else(|| refused("Basic has no colon"))?;
    let decoded = |half: &[u8], max| params::decode(half, max).map_err(|kind| refused(format!("Basic: {kind:?}")));
    let id = decoded(id, 255)?;
    let secret = Secret::new(decoded(secret.get(1..).unwrap_or_default(), 1024)?);
    if secret.reveal().is_empty() {
        return Err(refused("Basic has no secret"));
    }
    let client_id = ClientId::new(id).map_err(|_| refused("client_id cannot be one"))?;
    Ok(Presented { client_id, method: AuthMethod::ClientSecretBasic, proof: Proof::Secret(secret) })
}

/// `client_assertion` and `client_assertion_type`, RFC 7521 section 4.2. Who it is about is read off the assertion:
/// "the client is identified by the subject".
fn asserted((assertion, kind): (Option<&str>, Option<&str>)) -> Result<Presented, OAuthError> {
    if kind != Some(client_assertion::TYPE) {
        return Err(refused("client_assertion_type is missing, or is not the one for JWTs"));
    }
    let assertion = assertion.ok_or_else(|| refused("client_assertion is missing"))?;
    let peeked =
        jws::peek(assertion, jws::MAX_LENGTH).map_err(|fault| refused(format!("client_assertion: {fault}")))?;
    let subject = peeked.claims.get("sub").and_then(|sub| ClientId::new(sub.as_str()?).ok());
    let client_id = subject.ok_or_else(|| refused("client_assertion: sub cannot be a client"))?;
    let proof = Proof::Assertion(Secret::new(assertion));
    Ok(Presented { client_id, method: AuthMethod::PrivateKeyJwt, proof })
}

/// The one refusal of this room; `detail` is for the log.
pub fn refused(detail: impl Into<String>) -> OAuthError {
    OAuthError::invalid_client("Client authentication failed").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::CHALLENGE;
    use super::Checked;
    use super::Presented;
    use super::STANDARD;
    use super::check;
    use super::presented;
    use crate::domain::client::AuthMethod;
    use crate::domain::client::Client;
    use crate::domain::client::ClientSecretHash;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::error::OAuthError;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::public;
    use crate::protocol::fixtures::secret;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::cell::Cell;

    fn form(text: &str) -> Params {
        Params::parse(&[text.as_bytes()], TOKEN).unwrap()
    }

    fn basic(pair: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn read(header: &str, body: &str) -> Result<Presented, OAuthError> {
        if header.is_empty() { presented(&[], &form(body)) } else { presented(&[header.as_bytes()], &form(body)) }
    }

    fn verify(hash: &ClientSecretHash, secret: &str) -> bool {
        *hash == ClientSecretHash::Sha256(format!("hash-of-{secret}"))
    }

    fn authenticate(header: &str, body: &str, client: &Client) -> Result<AuthMethod, OAuthError> {
        let presented = read(header, body)?;
        assert_eq!(check(&presented, Some(client), at(100), verify)?, Checked::Proven);
        Ok(presented.method())
    }

    fn post_client() -> Client {
        Client { token_endpoint_auth_methods: [AuthMethod::ClientSecretPost].into(), ..confidential() }
    }

    #[test]
    fn each_method_works() {
        assert_eq!(authenticate(&basic("c1:s3cret"), "", &confidential()), Ok(AuthMethod::ClientSecretBasic));
        assert_eq!(
            authenticate(&basic("c1:s3cret"), "client_id=c1", &confidential()),
            Ok(AuthMethod::ClientSecretBasic)
        );
        let body = "client_id=c1&client_secret=s3cret";
        assert_eq!(authenticate("", body, &post_client()), Ok(AuthMethod::ClientSecretPost));
        assert_eq!(authenticate("", "client_id=p1", &public()), Ok(AuthMethod::None));
    }

    #[test]
    fn ca_01_two_methods_at_once() {
        for body in ["client_secret=s3cret", "client_assertion=x", "client_assertion_type=x"] {
            let error = read(&basic("c1:s3cret"), body).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{body}");
        }
        let error = read("", "client_id=c1&client_secret=s&client_assertion=x").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        let header = basic("c1:s3cret");
        let error = presented(&[header.as_bytes(), header.as_bytes()], &form("")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn ca_02_identities_disagree() {
        let error = read(&basic("c1:s3cret"), "client_id=c2").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClient);
    }

    #[test]
    fn ca_03_only_the_registered_method() {
        let error = authenticate("", "client_id=c1&client_secret=s3cret", &confidential()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClient);
        assert!(authenticate(&basic("c1:s3cret"), "", &post_client()).is_err());
        assert!(authenticate("", "client_id=c1&client_assertion=x", &confidential()).is_err());
    }

    #[test]
    fn ca_04_public_with_a_secret_and_confidential_without() {
        assert!(authenticate("", "client_id=p1&client_secret=x", &public()).is_err());
        assert!(authenticate(&basic("p1:x"), "", &public()).is_err());
        assert!(authenticate("", "client_id=c1", &confidential()).is_err());
        assert!(authenticate("", "", &confidential()).is_err());
    }

    #[test]
    fn ca_05_both_halves_are_form_encoded() {
        let client = Client { secrets: vec![secret("hash-of-%+: \u{e9}")], ..confidential() };
        assert!(authenticate(&basic("c1:%25%2B%3A+%C3%A9"), "", &client).is_ok());
        assert!(authenticate(&basic("%63%31:%25%2b%3a%20%c3%a9"), "", &client).is_ok());
        assert!(authenticate(&basic("c1:s3cret").replace("Basic", "bASIC"), "", &confidential()).is_ok());
    }

    #[test]
    fn ca_05_malformed_basic_is_invalid_client() {
        for header in [
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Basicc1",
            "Bearer abc",
            "Basic YzE6czNjcmV0=",
            "Basic YzE6czNjcmV0IA",
            "Basic YzE6c_-_",
            "Basic YzE6Yz==YQ==",
            "Basic YzE6cx==",
            "Basic YzE6 czNjcmV0",
            "\u{e9}",
            &basic("c1"),
            &basic(":s3cret"),
            &basic("c1:"),
            &basic("c1:%"),
            &basic("c1:%zz"),
            &basic("c1:%ff"),
            &basic("c1:%00"),
            &basic(b"c1:\xff"),
            &basic("c1\0:s3cret"),
            &format!("Basic {}", "A".repeat(10_000)),
        ] {
            let error = read(header, "").unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidClient, "{header}");
        }
    }

    #[test]
    fn ca_06_unknown_client_costs_the_same_comparison() {
        let count = Cell::new(0);
        let counting = |_: &ClientSecretHash, _: &str| {
            count.set(count.get() + 1);
            false
        };
        let claimed = read(&basic("c1:wrong"), "").unwrap();
        check(&claimed, Some(&confidential()), at(0), counting).unwrap_err();
        check(&claimed, None, at(0), counting).unwrap_err();
        assert_eq!(count.get(), 2);
        assert!(check(&claimed, None, at(0), |_, _| true).is_err());
    }

    #[test]
    fn ca_10_old_and_new_secret_until_one_expires() {
        let mut client = Client { secrets: vec![secret("hash-of-old"), secret("hash-of-new")], ..confidential() };
        client.secrets[0].expires_at = Some(at(100));
        let authenticate =
            |pair: &str, now| check(&read(&basic(pair), "").unwrap(), Some(&client), at(now), verify).map(drop);
        assert!(authenticate("c1:old", 99).is_ok());
        assert!(authenticate("c1:new", 99).is_ok());
        assert!(authenticate("c1:old", 100).is_err());
        assert!(authenticate("c1:new", 100).is_ok());
    }

    #[test]
    fn ca_12_the_name_is_compared_byte_by_byte() {
        for id in ["C1", "+c1", "c1+", "c1%20", "c%EF%BC%91"] {
            assert!(authenticate(&basic(format!("{id}:s3cret")), "", &confidential()).is_err(), "{id}");
        }
    }

    #[test]
    fn ca_13_refusals_look_the_same() {
        let disabled = Client { disabled: true, ..confidential() };
        let no_secret = Client { secrets: Vec::new(), ..confidential() };
        let wrong = read(&basic("c1:wrong"), "").unwrap();
        let right = read(&basic("c1:s3cret"), "").unwrap();
        let answers = [
            check(&wrong, Some(&confidential()), at(0), verify).map(drop),
            check(&right, None, at(0), verify).map(drop),
            check(&right, Some(&disabled), at(0), verify).map(drop),
            check(&right, Some(&no_secret), at(0), verify).map(drop),
            check(&right, Some(&post_client()), at(0), verify).map(drop),
            authenticate(&basic("C1:s3cret"), "", &confidential()).map(drop),
            read("Basic x", "").map(drop),
            read("", &assertion("{}", r#"{"sub":"c1"}"#)).and_then(|it| check(&it, None, at(0), verify).map(drop)),
        ];
        for answer in answers {
            let error = answer.unwrap_err();
            assert_eq!(
                (error.status(), error.to_string()),
                (401, "invalid_client: Client authentication failed".into())
            );
        }
        assert!(CHALLENGE.starts_with("Basic "));
    }

    fn assertion(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("client_assertion_type={JWT_BEARER}&client_assertion={}.{}.AAAA", part(header), part(claims))
    }

    const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    #[test]
    fn c_22_an_assertion_says_whose_it_is() {
        let client = Client { token_endpoint_auth_methods: [AuthMethod::PrivateKeyJwt].into(), ..confidential() };
        let body = assertion(r#"{"alg":"ES256"}"#, r#"{"sub":"c1"}"#);
        for body in [body.clone(), format!("{body}&client_id=c1")] {
            let presented = read("", &body).unwrap();
            assert_eq!((presented.client_id.as_str(), presented.method()), ("c1", AuthMethod::PrivateKeyJwt));
            let Ok(Checked::Asserted(text)) = check(&presented, Some(&client), at(0), verify) else { panic!("{body}") };
            assert!(body.contains(text) && !format!("{presented:?}").contains(text));
        }
        // CA-02, CA-03.
        assert_eq!(read("", &format!("{body}&client_id=c2")).unwrap_err().code, ErrorCode::InvalidClient);
        assert!(check(&read("", &body).unwrap(), Some(&confidential()), at(0), verify).is_err());
        assert!(authenticate("", "client_id=c1&client_secret=s3cret", &client).is_err());
        assert!(authenticate("", "client_id=c1", &client).is_err());
    }

    #[test]
    fn cj_09_missing_or_malformed() {
        let good = assertion("{}", r#"{"sub":"c1"}"#);
        assert!(read("", &good).is_ok());
        let twice = assertion("{}", r#"{"sub":"c1","sub":"c1"}"#);
        for body in [
            "client_assertion=a.b.c".to_owned(),
            format!("client_assertion_type={JWT_BEARER}"),
            format!("client_assertion_type={JWT_BEARER}&client_assertion=junk"),
            good.replace("jwt-bearer", "saml2-bearer"),
            good.replace("jwt-bearer", "JWT-BEARER"),
            assertion("[]", r#"{"sub":"c1"}"#),
            assertion("{}", "[]"),
            assertion("{}", "{}"),
            assertion("{}", r#"{"sub":1}"#),
            assertion("{}", r#"{"sub":"c 1"}"#),
            twice,
        ] {
            assert_eq!(read("", &body).unwrap_err().code, ErrorCode::InvalidClient, "{body}");
        }
    }

    #[test]
    fn the_secret_does_not_show() {
        assert!(!format!("{:?}", read(&basic("c1:s3cret"), "").unwrap()).contains("s3cret"));
    }
}
