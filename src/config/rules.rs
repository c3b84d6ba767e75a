//! What shows only when keys are seen beside each other.

use std::time::Duration;

use url::Url;

use super::clients::ConfiguredClient;
use super::fixtures::Fixtures;
use super::gateway::Gateway;
use super::input::Input;
use super::keys::Keys;
use super::keys::RetireFor;
use super::keys::RotateEvery;
use super::registration::Registration;
use super::server::Server;
use super::sessions::Sessions;
use super::text::show_duration;
use super::tls::Tls;
use super::tokens::DAY;
use super::tokens::HOUR;
use super::tokens::Tokens;
use crate::domain::key::Algorithm;

/// Loopback only in dev; plain http never leaves the machine.
pub(super) fn server(server: &Server, dev: bool, input: &mut Input) {
    let outside: Vec<usize> =
        server.listen.iter().enumerate().filter(|(_, address)| !address.ip().is_loopback()).map(|(at, _)| at).collect();
    for at in outside {
        let Some(address) = server.listen.get(at) else { continue };
        if dev {
            let message = format!("server.listen has {address}: serve --dev listens on 127.0.0.1 and [::1] only");
            input.fault("server.listen", Some(at), message);
        } else if !server.issuer.is_https() {
            let message = format!(
                "server.listen has {address}, which other machines may reach, but server.issuer is {}: set an https issuer",
                server.issuer
            );
            input.fault("server.listen", Some(at), message);
        }
    }
    if !server.admin_listen.ip().is_loopback() {
        if dev {
            let message = format!("server.admin_listen is {}: serve --dev is for loopback only", server.admin_listen);
            input.fault("server.admin_listen", None, message);
        } else {
            let message = format!("server.admin_listen is {}: other machines may reach it", server.admin_listen);
            input.warn("server.admin_listen", message);
        }
    }
    if server.listen.contains(&server.admin_listen) && server.admin_listen.port() != 0 {
        let message = format!("server.admin_listen is {}, as in server.listen; use another port", server.admin_listen);
        input.fault("server.admin_listen", None, message);
    }
    if !dev && !server.issuer.is_https() && input.is_written("server.issuer") {
        let message = format!("server.issuer is {}: only applications on this machine can use it", server.issuer);
        input.warn("server.issuer", message);
    }
}

/// Both files or none; an https issuer; and a certificate for loopback addresses on those only.
pub(super) fn tls(tls: &Tls, server: &Server, input: &mut Input) {
    const CERTIFICATE: &str = "server.tls.certificate";
    input.refuse_both("server.tls.key", "server.tls.key_file");
    match (&tls.certificate, tls.key.as_ref().or(tls.key_file.as_ref())) {
        (Some(_), None) => {
            input.fault(CERTIFICATE, None, format!("{CERTIFICATE} is given, but server.tls.key is not"));
        }
        (None, Some(_)) => {
            let key = if tls.key.is_some() { "server.tls.key" } else { "server.tls.key_file" };
            input.fault(key, None, format!("{key} is given, but {CERTIFICATE} is not"));
        }
        _ => {}
    }
    if tls.client_ca.is_some() && !tls.is_on() {
        let message = "server.tls.client_ca is of no use without server.tls.certificate and key".to_owned();
        input.fault("server.tls.client_ca", None, message);
    }
    if !tls.is_on() {
        return;
    }
    let given = if tls.is_local() { "server.tls.local_ca" } else { CERTIFICATE };
    if !server.issuer.is_https() {
        let message = format!("{given} makes the listener speak https, but server.issuer is {}", server.issuer);
        input.fault(given, None, message);
    }
    if tls.is_local() {
        for outside in server.beyond_loopback() {
            let message =
                format!("{given} is for this computer only, but {outside}: set server.tls.certificate and key");
            input.fault(given, None, message);
        }
    }
}

/// A password that everybody knows must not be reached by anybody else.
pub(super) fn fixtures(fixtures: &Fixtures, server: &Server, input: &mut Input) {
    const DEMO_USER: &str = "fixtures.demo_user";
    if !fixtures.demo_user {
        return;
    }
    for outside in server.beyond_loopback() {
        let message = format!("{DEMO_USER} is for this computer only (everybody knows the password), but {outside}");
        input.fault(DEMO_USER, None, message);
    }
    input.warn(DEMO_USER, format!("{DEMO_USER} is true: everybody on this computer can sign in as ada@example.test"));
}

/// Keys that change within seconds are for verifiers on this machine only.
pub(super) fn rehearsal(keys: &Keys, server: &Server, input: &mut Input) {
    if !keys.rehearsal {
        return;
    }
    if server.issuer.is_https() {
        let message = format!(
            "keys.rehearsal is true, but server.issuer is {}: keys would change faster than verifiers read them. It is for \
             an http issuer on this machine",
            server.issuer
        );
        input.fault("keys.rehearsal", None, message);
    } else {
        input.warn(
            "keys.rehearsal",
            "keys.rehearsal is true: keys may change faster than verifiers read them".to_owned(),
        );
    }
}

/// No verifier may meet a key that it cannot know.
pub(super) fn keys(keys: &Keys, dev: bool, input: &mut Input) {
    let dev = dev || keys.rehearsal;
    if !keys.algorithms.contains(&Algorithm::Rs256) {
        // OpenID Connect Core section 15.1: "OPs MUST support signing ID Tokens with the RSA SHA-256 algorithm".
        let message = "keys.algorithms lacks \"RS256\", which OpenID Connect requires (Core section 15.1)".to_owned();
        input.fault("keys.algorithms", None, message);
    }
    for (at, algorithm) in keys.algorithms.iter().enumerate() {
        if keys.algorithms.iter().take(at).any(|earlier| earlier == algorithm) {
            input.fault("keys.algorithms", Some(at), format!("keys.algorithms has {algorithm} twice"));
        }
    }
    match keys.rotate_every {
        RotateEvery::Never => {
            input.warn("keys.rotate_every", "keys.rotate_every is \"never\": keys rotate by hand only".to_owned());
        }
        RotateEvery::Every(every) => {
            if every < DAY && !dev {
                let message =
                    "keys.rotate_every must be at least 24h (shorter is for serve --dev and keys.rehearsal)".to_owned();
                input.fault("keys.rotate_every", None, message);
            }
            if every < keys.publish_ahead {
                let message =
                    "keys.publish_ahead is longer than keys.rotate_every: no key would ever be published long \
                               enough before it signs"
                        .to_owned();
                input.fault("keys.publish_ahead", None, message);
            }
        }
    }
    if keys.publish_ahead < HOUR && !dev {
        let message =
            "keys.publish_ahead must be at least 1h (shorter is for serve --dev and keys.rehearsal)".to_owned();
        input.fault("keys.publish_ahead", None, message);
    } else if keys.publish_ahead < DAY && !dev {
        let message = "keys.publish_ahead is under 24h: some verifiers keep the key set longer".to_owned();
        input.warn("keys.publish_ahead", message);
    }
    if keys.jwks_max_age > keys.publish_ahead && !dev {
        let message = "keys.jwks_max_age is longer than keys.publish_ahead".to_owned();
        input.fault("keys.jwks_max_age", None, message);
    }
}

/// No client may ask for signatures that no key makes.
pub(super) fn client_algorithms(keys: &Keys, clients: &[ConfiguredClient], input: &mut Input) {
    for client in clients.iter().map(|configured| &configured.client) {
        for (name, algorithm) in [
            ("id_token_signed_response_alg", Some(client.id_token_signed_response_alg)),
            ("userinfo_signed_response_alg", client.userinfo_signed_response_alg),
            ("access_token_signed_response_alg", Some(client.access_token_signed_response_alg)),
        ] {
            if let Some(algorithm) = algorithm
                && !keys.algorithms.contains(&algorithm)
            {
                let message = format!("keys.algorithms lacks {algorithm}, the {name} of the client {}", client.id);
                input.fault("keys.algorithms", None, message);
            }
        }
    }
}

/// A key outlives every token that it signed, whatever the clock of the verifier says.
pub(super) fn retirement(keys: &Keys, tokens: &Tokens, clients: &[ConfiguredClient], dev: bool, input: &mut Input) {
    let RetireFor::For(retire_for) = keys.retire_for else { return };
    let lifetimes = clients.iter().flat_map(|entry| {
        let lifetimes = entry.client.lifetimes;
        [lifetimes.access_token, lifetimes.id_token]
    });
    let longest = lifetimes.flatten().fold(tokens.access_token.max(tokens.id_token), Duration::max);
    let least = longest + keys.least_skew(dev);
    if retire_for < least {
        let message = format!(
            "keys.retire_for is shorter than the longest token and the time by which clocks are off: verifiers would refuse \
             good tokens. It must be at least {}, or \"auto\"",
            show_duration(least)
        );
        input.fault("keys.retire_for", None, message);
    }
}

pub(super) fn tokens(tokens: &Tokens, input: &mut Input) {
    if tokens.access_token > Duration::from_mins(10) {
        let message = "tokens.access_token is over 10m: a stolen one works that long everywhere".to_owned();
        input.warn("tokens.access_token", message);
    }
    if tokens.refresh_idle > tokens.refresh_absolute {
        let message =
            "tokens.refresh_idle is longer than tokens.refresh_absolute, which ends the family first".to_owned();
        input.warn("tokens.refresh_idle", message);
    }
}

pub(super) fn sessions(sessions: &Sessions, input: &mut Input) {
    if sessions.idle > sessions.absolute {
        let message = "sessions.idle is longer than sessions.absolute, which ends the session first".to_owned();
        input.warn("sessions.idle", message);
    }
}

/// What a client gets without asking is no more than what it could ask for.
pub(super) fn registration(registration: &Registration, input: &mut Input) {
    if let Some(preset) = registration.default_scope.as_ref().filter(|preset| !preset.is_subset(&registration.scope)) {
        let more = preset.without_any(&registration.scope.iter().collect::<Vec<_>>());
        let message = format!("registration.default_scope has {more}, which registration.scope lacks");
        input.fault("registration.default_scope", None, message);
    }
}

/// A browser must be able to bring along to the application what it was given here; otherwise it would go to and fro for
/// ever.
pub(super) fn gateway(gateway: &Gateway, server: &Server, input: &mut Input) {
    let host_of = |text: &str| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let issuer = host_of(server.issuer.as_str()).unwrap_or_default();
    let domain = gateway.cookie_domain.as_ref();
    if let Some(domain) = domain.filter(|domain| !domain.covers(&issuer)) {
        let message = format!(
            "gateway.cookie_domain is {}, which server.issuer ({}) is not in: browsers would refuse its cookie",
            domain.as_str(),
            server.issuer
        );
        input.fault("gateway.cookie_domain", None, message);
    }
    for (at, origin) in gateway.hosts.iter().enumerate() {
        let host = host_of(origin.as_str()).unwrap_or_default();
        let reached = host == issuer || domain.is_some_and(|domain| domain.covers(&host));
        if !reached {
            let message = format!(
                "gateway.hosts has {}, which is neither on the issuer's host ({issuer}) nor within \
                 gateway.cookie_domain: no cookie of ours would reach it",
                origin.as_str()
            );
            input.fault("gateway.hosts", Some(at), message);
        } else if server.issuer.is_https() && !origin.as_str().starts_with("https:") {
            let message = format!("gateway.hosts has {}: cookies of an https issuer go to https only", origin.as_str());
            input.fault("gateway.hosts", Some(at), message);
        }
    }
}
