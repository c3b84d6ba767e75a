//! OpenID Connect Session Management 1.0: a value by which a client's page finds out, without asking this server, that
//! somebody has signed in or out here.

use url::Url;

use crate::crypto::hash;

/// `session_state` of an authorization response: "a salted cryptographic hash of Client ID, origin URL, and OP browser
/// state" (section 2), and the salt. `None` for a redirect URI without an origin, whose client has no page to ask with.
#[must_use]
pub fn session_state(client_id: &str, redirect_uri: &str, browser_state: &str, salt: &str) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    if !origin.is_tuple() {
        return None;
    }
    let origin = origin.ascii_serialization();
    // The frame's script (templates/assets/check_session.js) writes down the same.
    let hashed = hash::s256(&format!("{client_id} {origin} {browser_state} {salt}"));
    Some(format!("{hashed}.{salt}"))
}

#[cfg(test)]
mod tests {
    use super::session_state;

    #[test]
    fn sm_04_client_origin_state_and_salt_all_count() {
        let of = |client, uri, state, salt| session_state(client, uri, state, salt).unwrap();
        let one = of("c1", "https://c1.test:8443/cb?x", "state", "salt");
        assert_eq!(one, of("c1", "https://c1.test:8443/other", "state", "salt"), "the origin, not the path");
        assert!(one.split_once('.').is_some_and(|(_, salt)| salt == "salt") && !one.contains(' '));
        for other in [
            of("c2", "https://c1.test:8443/cb", "state", "salt"),
            of("c1", "https://c1.test/cb", "state", "salt"),
            of("c1", "https://c1.test:8443/cb", "other", "salt"),
            of("c1", "https://c1.test:8443/cb", "state", "pepper"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(session_state("c1", "com.example.app:/cb", "state", "salt"), None);
    }
}
