//! The authorization code grant, RFC 6749 section 4.1.3. Single use is not decided here: the store redeems a code in
//! one conditional write.

use std::fmt;

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::code::Code;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// An access token request with a code.
#[derive(Clone)]
pub struct CodeRequest {
    pub code: Secret,
    pub redirect_uri: Option<String>,
    pub code_verifier: Option<Secret>,
}

impl CodeRequest {
    /// # Errors
    /// `invalid_request` when `code` is missing.
    pub fn read(form: &Params) -> Result<Self, OAuthError> {
        let code = form.get("code")?.ok_or_else(|| OAuthError::invalid_request("code is missing"))?;
        Ok(Self {
            code: Secret::new(code),
            redirect_uri: form.get("redirect_uri")?.map(str::to_owned),
            code_verifier: form.get("code_verifier")?.map(Secret::new),
        })
    }
}

impl fmt::Debug for CodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRequest").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Why a code is not redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub error: OAuthError,
    /// Whether the code must not work ever after: somebody who has it but not its verifier tries.
    pub burns: bool,
}

/// Checks everything that a code is bound to. `s256` is the transformation of RFC 7636 section 4.2.
///
/// A code that has been redeemed passes even when it has expired, so that the store finds the replay and ends what
/// the first use began; a replay by another client or without the verifier ends nothing.
///
/// # Errors
/// `invalid_grant`.
pub fn check(
    code: &Code,
    request: &CodeRequest,
    client: &Client,
    now: Timestamp,
    s256: impl Fn(&str) -> String,
) -> Result<(), Refused> {
    // "ensure that the authorization code was issued to the authenticated confidential client, or if the client is
    // public, ensure that the code was issued to "client_id" in the request" (RFC 6749 section 4.1.3).
    if code.client_id != client.id {
        return Err(refused(format!("the code belongs to client {}, not {}", code.client_id, client.id)));
    }
    if code.redeemed.is_none() && now >= code.expires_at {
        return Err(refused("the code has expired"));
    }
    // "ensure that the "redirect_uri" parameter is present if [it] was included in the initial authorization request
    // [...] and [...] ensure that their values are identical" (RFC 6749 section 4.1.3). It always was.
    if request.redirect_uri.as_deref() != Some(code.redirect_uri.as_str()) {
        return Err(refused("redirect_uri is not that of the authorization request"));
    }
    // What is used up needs no burning, which would end the family of the first use.
    let burns = code.redeemed.is_none();
    verifier(code, request.code_verifier.as_ref(), s256).map_err(|detail| Refused { burns, ..refused(detail) })
}

/// "If the values are not equal, an error response indicating `invalid_grant` [...] MUST be returned" (RFC 7636
/// section 4.6).
fn verifier(code: &Code, verifier: Option<&Secret>, s256: impl Fn(&str) -> String) -> Result<(), &'static str> {
    match (&code.code_challenge, verifier) {
        (None, None) => Ok(()),
        // "MUST ensure that if there was no code_challenge in the authorization request, a request to the token
        // endpoint containing a code_verifier is rejected" (RFC 9700 section 4.8.2).
        (None, Some(_)) => Err("code_verifier without code_challenge"),
        (Some(_), None) => Err("code_verifier is missing"),
        (Some(_), Some(verifier)) if !is_verifier(verifier.reveal()) => Err("code_verifier has not the right shape"),
        // Both are hashes of what an attacker would have to know, so the time of comparing tells nothing.
        (Some(challenge), Some(verifier)) if s256(verifier.reveal()) == challenge.as_str() => Ok(()),
        _ => Err("code_verifier is wrong"),
    }
}

/// `43*128unreserved`, RFC 7636 section 4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

fn refused(detail: impl Into<String>) -> Refused {
    Refused { error: invalid_code().detail(detail), burns: false }
}

/// The answer to every code that is not redeemed, whatever the reason.
#[must_use]
pub fn invalid_code() -> OAuthError {
    OAuthError::invalid_grant(
        "The authorization code is wrong, expired or used, or redirect_uri or code_verifier do not belong to it",
    )
}

#[cfg(test)]
mod tests {
    use super::CodeRequest;
    use super::Refused;
    use super::check;
    use crate::domain::claims::ClaimsRequest;
    use crate::domain::client::Client;
    use crate::domain::code::Code;
    use crate::domain::code::Redemption;
    use crate::domain::ids::ClientId;
    use crate::domain::ids::FamilyId;
    use crate::domain::ids::SessionId;
    use crate::domain::ids::UserId;
    use crate::domain::request::CodeChallenge;
    use crate::domain::secret::Secret;
    use crate::domain::secret::SecretHash;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::CB;
    use crate::protocol::fixtures::CHALLENGE;
    use crate::protocol::fixtures::VERIFIER;
    use crate::protocol::fixtures::at;
    use crate::protocol::fixtures::authentication;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;

    fn code() -> Code {
        Code {
            hash: SecretHash::from_bytes([7; 32]),
            client_id: ClientId::new("c1").unwrap(),
            user_id: UserId::new("ada").unwrap(),
            session_id: SessionId::new("s").unwrap(),
            redirect_uri: CB.to_owned(),
            scope: scope("openid"),
            resources: Vec::new(),
            nonce: None,
            claims: ClaimsRequest::default(),
            code_challenge: Some(CodeChallenge::parse(CHALLENGE).unwrap()),
            authentication: authentication(0),
            issued_at: at(0),
            expires_at: at(60),
            redeemed: None,
        }
    }

    fn request(redirect_uri: Option<&str>, verifier: Option<&str>) -> CodeRequest {
        CodeRequest {
            code: Secret::new("sgc_x"),
            redirect_uri: redirect_uri.map(str::to_owned),
            code_verifier: verifier.map(Secret::new),
        }
    }

    /// Stands for SHA-256: the pair of RFC 7636 appendix B, and something else for all else.
    fn s256(verifier: &str) -> String {
        if verifier == VERIFIER { CHALLENGE.to_owned() } else { format!("not-{verifier}") }
    }

    fn outcome(code: &Code, request: &CodeRequest, client: &Client, seconds: i64) -> Result<(), Refused> {
        let outcome = check(code, request, client, at(seconds), s256);
        if let Err(refused) = &outcome {
            assert_eq!(refused.error.code, ErrorCode::InvalidGrant);
        }
        outcome
    }

    fn with_verifier(code: &Code, verifier: Option<&str>) -> Result<(), Refused> {
        outcome(code, &request(Some(CB), verifier), &confidential(), 0)
    }

    #[test]
    fn the_right_code_passes() {
        assert_eq!(with_verifier(&code(), Some(VERIFIER)), Ok(()));
        let plain = Code { code_challenge: None, ..code() };
        assert_eq!(with_verifier(&plain, None), Ok(()));
    }

    #[test]
    fn co_03_bound_to_its_client() {
        let other = Client { id: ClientId::new("c2").unwrap(), ..confidential() };
        for seconds in [0, 61] {
            let refused = outcome(&code(), &request(Some(CB), Some(VERIFIER)), &other, seconds).unwrap_err();
            assert!(!refused.burns);
        }
    }

    #[test]
    fn co_05_expires() {
        let request = request(Some(CB), Some(VERIFIER));
        assert!(outcome(&code(), &request, &confidential(), 59).is_ok());
        assert!(outcome(&code(), &request, &confidential(), 60).is_err());
    }

    #[test]
    fn co_01_a_replay_is_left_to_the_store_even_when_late() {
        let redeemed = Some(Redemption { at: at(1), family_id: FamilyId::new("f").unwrap() });
        let code = Code { redeemed, ..code() };
        assert!(outcome(&code, &request(Some(CB), Some(VERIFIER)), &confidential(), 90).is_ok());
        for wrong in [None, Some("a".repeat(43))] {
            let refused = outcome(&code, &request(Some(CB), wrong.as_deref()), &confidential(), 90).unwrap_err();
            assert!(!refused.burns, "who has no verifier ends nothing");
        }
    }

    #[test]
    fn ru_31_the_same_redirect_uri() {
        for uri in [None, Some("https://c1.test/CB"), Some("https://c1.test/cb2"), Some("https://c1.test/cb/")] {
            assert!(outcome(&code(), &request(uri, Some(VERIFIER)), &confidential(), 0).is_err(), "{uri:?}");
        }
    }

    #[test]
    fn pk_02_verifier_without_challenge() {
        let plain = Code { code_challenge: None, ..code() };
        let refused = with_verifier(&plain, Some(VERIFIER)).unwrap_err();
        assert!(refused.burns);
        assert_eq!(refused.error.private_detail(), Some("code_verifier without code_challenge"));
    }

    #[test]
    fn pk_03_no_verifier_burns_the_code() {
        let refused = with_verifier(&code(), None).unwrap_err();
        assert!(refused.burns);
        assert_eq!(refused.error.private_detail(), Some("code_verifier is missing"));
        let form = Params::parse(&[b"code=x&code_verifier="], TOKEN).unwrap();
        assert!(CodeRequest::read(&form).unwrap().code_verifier.is_none());
    }

    #[test]
    fn pk_05_wrong_verifier() {
        for verifier in [CHALLENGE.to_owned(), VERIFIER.to_uppercase(), format!("{VERIFIER}a"), "a".repeat(43)] {
            assert!(with_verifier(&code(), Some(&verifier)).unwrap_err().burns);
        }
    }

    #[test]
    fn pk_06_shape_of_the_verifier() {
        for length in [1, 42, 129] {
            assert!(!super::is_verifier(&"a".repeat(length)));
        }
        for odd in ["+", "/", "=", " ", "\u{e9}", "\0"] {
            assert!(!super::is_verifier(&format!("{}{odd}", "a".repeat(43))), "{odd:?}");
        }
        assert!(super::is_verifier(&"a".repeat(43)) && super::is_verifier(&"~".repeat(128)));
        // "code_verifier = high-entropy cryptographic random STRING [...] with a minimum length of 43 characters" (RFC 7636
        // section 4.1), also for a client whose challenge was made of less.
        let short = request(Some(CB), Some(&"a".repeat(42)));
        assert!(check(&code(), &short, &confidential(), at(0), |_| CHALLENGE.to_owned()).unwrap_err().burns);
    }

    #[test]
    fn wf_10_secrets_do_not_show() {
        assert!(!format!("{:?}", request(Some(CB), Some(VERIFIER))).contains(VERIFIER));
    }
}
