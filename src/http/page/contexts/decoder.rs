//! The page that takes tokens apart, in the browser alone.

use serde::Serialize;

use super::super::Page;
use super::super::csp::Csp;
use crate::domain::secret::SecretKind;
use crate::flow::inspect::OPAQUE;

/// `decoder.html`. Sends nothing: no form, and its script reads the published keys only.
#[derive(Debug, Clone, Serialize)]
pub struct DecoderPage {
    /// What is expected unless the person says otherwise. An empty audience is not compared.
    pub issuer: String,
    pub audience: String,
    opaque: Vec<Opaque>,
    /// The names of the texts that the script chooses from.
    texts: &'static [&'static str],
}

/// Something of ours that is no signed token and starts with `prefix`; its name is the text `decoder-opaque-{name}`.
#[derive(Debug, Clone, Serialize)]
struct Opaque {
    prefix: &'static str,
    name: &'static str,
}

/// In the order in which the script looks for them, which is that of [`crate::flow::inspect::Fault`].
const TEXTS: &[&str] = &[
    "fault-opaque",
    "fault-too-long",
    "fault-shape",
    "fault-header",
    "fault-payload",
    "fault-algorithm",
    "fault-unknown-key",
    "fault-key-algorithm",
    "fault-signature",
    "fault-id-token",
    "fault-type",
    "fault-issuer",
    "fault-audience",
    "fault-expired",
    "fault-not-yet",
    "fault-claims",
    "fault-scope",
    "unchecked-keys",
    "unchecked-browser",
    "difference-slash",
    "difference-case",
    "difference-scheme",
    "difference-loopback",
    "verdict",
    "verdict-unknown",
    "good",
    "good-any-audience",
    "signature-good",
    "signature-bad",
    "kind-access",
    "kind-id",
    "kind-logout",
    "kind-unknown",
    "header",
    "claims",
];

impl DecoderPage {
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        let opaque = OPAQUE.iter().map(|(kind, _)| Opaque { prefix: kind.prefix(), name: name(*kind) }).collect();
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), opaque, texts: TEXTS }
    }
}

const fn name(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Code => "code",
        SecretKind::Refresh => "refresh",
        SecretKind::Session => "session",
        SecretKind::Browser => "browser",
        SecretKind::ClientSecret => "client-secret",
        SecretKind::SetupLink => "setup-link",
        SecretKind::InitialAccess => "initial-access",
        SecretKind::Registration => "registration",
    }
}

impl Page for DecoderPage {
    const TEMPLATE: &'static str = "decoder.html";
    fn csp(&self) -> Csp {
        Csp::default().scripts().connects()
    }
}

#[cfg(test)]
mod tests {
    use super::OPAQUE;
    use super::name;
    use crate::crypto::VerifyError;
    use crate::domain::time::Timestamp;
    use crate::flow::inspect::Fault;

    /// The English text, with its values put in.
    fn page(text: &str, values: &[(&str, &str)]) -> String {
        let texts = include_str!("../../../../locales/en/decoder.ftl");
        let start = format!("decoder-{text} = ");
        let line = texts.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {text}"));
        values.iter().fold(line.to_owned(), |line, (name, value)| line.replace(&format!("{{ ${name} }}"), value))
    }

    #[test]
    fn the_page_and_the_command_use_the_same_words() {
        let owned = str::to_owned;
        let at = Timestamp::from_seconds(1_795_348_800);
        let time = ("time", "2026-11-22T12:00:00Z");
        let slash = page("difference-slash", &[]);
        let names = [("found", "\"a/\""), ("expected", "\"a\""), ("difference", slash.as_str())];
        let issuer = Fault::Issuer { found: owned("a/"), expected: owned("a") };
        let audience = Fault::Audience { found: vec![owned("a/")], expected: owned("a") };
        let key = Fault::KeyAlgorithm { kid: owned("k"), key: "RS256", token: owned("ES256") };
        let key_values = [("kid", "k"), ("expected", "RS256"), ("found", "ES256")];
        let quoted = [("found", "\"x\""), ("kid", "\"x\""), ("expected", "\"x\"")];
        for (fault, text, values) in [
            (Fault::Malformed(VerifyError::TooLong), "fault-too-long", &[][..]),
            (Fault::Malformed(VerifyError::Shape), "fault-shape", &[]),
            (Fault::Malformed(VerifyError::Header("crit")), "fault-header", &[("found", "crit")]),
            (Fault::Malformed(VerifyError::Payload), "fault-payload", &[]),
            (Fault::Algorithm(owned("x")), "fault-algorithm", &quoted),
            (Fault::UnknownKey(owned("x")), "fault-unknown-key", &quoted),
            (key, "fault-key-algorithm", &key_values),
            (Fault::Signature, "fault-signature", &[]),
            (Fault::IdToken { audience: owned("app") }, "fault-id-token", &[("found", "app")]),
            (Fault::Type(owned("x")), "fault-type", &quoted),
            (issuer, "fault-issuer", &names),
            (audience, "fault-audience", &names),
            (Fault::Expired(at), "fault-expired", &[time]),
            (Fault::NotYet(at), "fault-not-yet", &[time]),
            (Fault::Claims, "fault-claims", &[]),
            (Fault::Scope(owned("x")), "fault-scope", &quoted),
        ] {
            assert_eq!(page(text, values), fault.to_string());
        }
        for (kind, called) in OPAQUE {
            let kind = page(&format!("opaque-{}", name(kind)), &[]);
            assert_eq!(page("fault-opaque", &[("kind", &kind)]), Fault::Opaque(called).to_string());
        }
    }
}
