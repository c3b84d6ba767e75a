//! Values that do not fit each other.

use super::Machine;
use crate::domain::key::Algorithm;

#[test]
fn a_gateway_that_no_cookie_reaches_is_refused() {
    let issuer = "[server]\nissuer = \"https://id.example.test\"\n[gateway]\n";
    let faults =
        |gateway: &str| Machine::with(&format!("{issuer}{gateway}")).load().err().map(|faults| faults.to_string());
    assert_eq!(faults("hosts = [\"https://id.example.test:8443\"]"), None);
    assert_eq!(faults("hosts = [\"https://app.example.test\"]\ncookie_domain = \"example.test\""), None);
    for (bad, says) in [
        ("hosts = [\"https://app.example.test\"]", "no cookie of ours would reach it"),
        ("hosts = [\"https://app.example.org\"]\ncookie_domain = \"example.test\"", "no cookie of ours would reach it"),
        ("hosts = [\"https://app.example.test/x\"]", "without a path"),
        ("cookie_domain = \"example.org\"", "browsers would refuse its cookie"),
        ("cookie_domain = \"test\"", "at least one dot"),
    ] {
        assert!(faults(bad).is_some_and(|text| text.contains(says)), "{bad}: {:?}", faults(bad));
    }
}

#[test]
fn dev_never_leaves_the_machine() {
    let fault = Machine::with("").flag("server.listen", "0.0.0.0:8080").dev().fault();
    assert!(fault.contains("serve --dev listens on 127.0.0.1 and [::1] only"), "{fault}");
    let fault = Machine::with("[server]\nadmin_listen = \"192.0.2.1:81\"").dev().fault();
    assert!(fault.contains("serve --dev is for loopback only"), "{fault}");
}

#[test]
fn ru_17_sp_06_plain_http_never_leaves_the_machine() {
    let fault = Machine::with("[server]\nlisten = [\"0.0.0.0:8080\"]").fault();
    assert!(fault.starts_with("signet.toml:2:11: server.listen has 0.0.0.0:8080, which other machines may reach"));
    Machine::with("[server]\nissuer = \"https://id.test\"\nlisten = [\"0.0.0.0:8080\"]").loaded();
    let local = Machine::with("[server]\nissuer = \"http://localhost:8080\"").loaded();
    assert!(local.warnings[0].message.contains("only applications on this machine"));
}

#[test]
fn key_schedules_that_would_surprise_a_verifier_are_refused() {
    for (toml, expected) in [
        ("algorithms = ['ES256']", "keys.algorithms lacks \"RS256\""),
        ("algorithms = ['RS256', 'RS256']", "keys.algorithms has RS256 twice"),
        (
            "algorithms = ['RS256', 'HS256']",
            "keys.algorithms is \"HS256\"; it must be one of \"ES256\" \"RS256\" \"PS256\" \"EdDSA\"",
        ),
        ("rotate_every = '23h'\npublish_ahead = '2h'", "keys.rotate_every must be at least 24h"),
        ("publish_ahead = '59m'", "keys.publish_ahead must be at least 1h"),
        ("rotate_every = '7d'", "keys.publish_ahead is longer than keys.rotate_every"),
        ("publish_ahead = '1h'\njwks_max_age = '2h'", "keys.jwks_max_age is longer than keys.publish_ahead"),
        ("retire_for = '1h'", "keys.retire_for is shorter than the longest token"),
        ("retire_for = '1h'", "at least 1h5m"),
        ("retire_for = '24h'\n[tokens]\nid_token = '24h'", "at least 1d5m"),
        ("window = 'Tue-Thu 09:00-16:00'", "keys.window is \"Tue-Thu 09:00-16:00\"; it must be days"),
        ("window = 'Tue 09:00-16:00 Europe/Atlantis'", "a time zone such as"),
        ("jitter = 6", "keys.jitter is 6; it must be from 0 to 5"),
    ] {
        let fault = Machine::with(&format!("[keys]\n{toml}\n")).fault();
        assert!(fault.contains(expected), "{toml}\n{fault}");
    }
    let all = "[keys]\nalgorithms = ['EdDSA', 'PS256', 'RS256']\n[[clients]]\nid = 'a'\nredirect_uris = ['https://a.test/']\n";
    let fault = Machine::with(all).fault();
    assert!(
        fault.contains("keys.algorithms lacks ES256, the access_token_signed_response_alg of the client a"),
        "{fault}"
    );
    let with = format!("{all}access_token_signed_response_alg = 'EdDSA'\nid_token_signed_response_alg = 'PS256'\n");
    let loaded = Machine::with(&with).loaded();
    assert_eq!(loaded.config.clients[0].client.access_token_signed_response_alg, Algorithm::EdDsa);
    assert_eq!(loaded.config.keys.algorithms, [Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256]);
    Machine::with("[keys]\nrotate_every = '10m'\npublish_ahead = '1m'").dev().loaded();
    let short =
        "[keys]\nrehearsal = true\nrotate_every = '9s'\npublish_ahead = '4s'\nretire_for = '1h'\njwks_max_age = '1s'\n";
    let warnings = Machine::with(short).loaded().warnings;
    assert!(warnings.iter().any(|warning| warning.message.contains("keys.rehearsal is true")), "{warnings:?}");
    let fault = Machine::with(&format!("{short}[server]\nissuer = 'https://id.example.test'\n")).fault();
    assert!(fault.contains("keys.rehearsal is true, but server.issuer is https://id.example.test"), "{fault}");
    let fault = Machine::with(&short.replace("retire_for = '1h'", "retire_for = '59m'")).fault();
    assert!(fault.contains("It must be at least 1h,"), "{fault}");
    let unwise = Machine::with("[keys]\nrotate_every = 'never'\npublish_ahead = '2h'").loaded();
    assert_eq!(unwise.warnings.len(), 2, "{:?}", unwise.warnings);
}
