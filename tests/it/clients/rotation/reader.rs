//! One verifier in a process of its own, asked through its standard input.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::ClaimsVerificationError;
use openidconnect::ClientId;
use openidconnect::IssuerUrl;
use openidconnect::JsonWebKeySetUrl;
use openidconnect::Nonce;
use openidconnect::SignatureVerificationError;
use openidconnect::core::CoreIdToken;
use openidconnect::core::CoreIdTokenVerifier;
use openidconnect::core::CoreJsonWebKeySet;
use openidconnect::core::CoreJwsSigningAlgorithm;
use serde_json::Value;
use serde_json::json;
use url::Url;

use crate::clients::http;
use crate::support::postgres::left_out_because;

pub(super) const OPENIDCONNECT: &str = "openidconnect";

/// For how many seconds keys are kept, and how many lie between two fetches because of an unknown name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) cache: u64,
    pub(super) cooldown: u64,
}

/// A running verifier. Ended, by its id, when dropped.
pub(super) struct Reader {
    pub(super) name: &'static str,
    child: Child,
    answers: Box<dyn BufRead + Send>,
    /// The keys whose tokens it has accepted, by algorithm.
    accepted: BTreeMap<String, BTreeSet<String>>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.name, self.accepted)
    }
}

/// All three; nothing, and said so, when Node.js or Python lack what they need.
pub(super) fn all(base: &Url, times: Option<Times>) -> Option<Vec<Reader>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let program = |name: &str, otherwise: PathBuf| env::var_os(name).map_or(otherwise, PathBuf::from);
    let mut node = Command::new(program("SIGNET_TEST_NODE", "node".into()));
    let mut python = Command::new(program("SIGNET_TEST_PYTHON", folder.join(".venv/bin/python")));
    for (probe, words) in [
        (&mut node, ["--input-type=module", "-e", "import 'jose'; crypto.subtle.digest"]),
        (&mut python, ["-I", "-c", "import jwt, cryptography"]),
    ] {
        let mut probe = Command::new(probe.get_program());
        let probed = probe.args(words).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !probed.is_ok_and(|status| status.success()) {
            left_out_because("Node.js with jose or Python with PyJWT is not installed; ./test does so");
            return None;
        }
    }
    node.arg(folder.join("reader.mjs"));
    python.arg(folder.join("reader.py"));
    // This test, which then is the reader.
    let mut rust = Command::new(env::current_exe().expect("this program"));
    rust.args(["--exact", "clients::rotation::readers_notice_no_rotation", "--nocapture"]).env(THIS_IS_ONE, "1");
    let readers = [("jose", node), ("PyJWT", python), (OPENIDCONNECT, rust)];
    Some(readers.into_iter().map(|(name, command)| Reader::start(name, command, base, times)).collect())
}

impl Reader {
    fn start(name: &'static str, mut command: Command, base: &Url, times: Option<Times>) -> Self {
        // The test runner has its own words for standard output, so that reader answers on the other stream.
        let by_error = name == OPENIDCONNECT;
        command.stdin(Stdio::piped());
        let mut child = if by_error {
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a reader")
        } else {
            command.stdout(Stdio::piped()).spawn().expect("a reader")
        };
        let answers: Box<dyn Read + Send> = if by_error {
            Box::new(child.stderr.take().expect("its answers"))
        } else {
            Box::new(child.stdout.take().expect("its answers"))
        };
        let answers = Box::new(BufReader::new(answers));
        let mut reader = Self { name, child, answers, accepted: BTreeMap::new() };
        reader.write(&json!({
            "issuer": base.as_str().trim_end_matches('/'),
            "jwks_uri": base.join("/.well-known/jwks.json").expect("a URL"),
            "cache": times.map(|times| times.cache),
            "cooldown": times.map(|times| times.cooldown),
        }));
        reader
    }

    /// Its own words when it refuses the token.
    pub(super) fn verify(&mut self, token: &str, audience: &str) -> Result<(), String> {
        self.write(&json!({ "token": token, "audience": audience }));
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.name));
        if let Some(error) = answer["error"].as_str() {
            return Err(error.to_owned());
        }
        assert_eq!(answer["kid"], kid(token).as_str());
        let algorithm = head(token)["alg"].as_str().expect("an algorithm").to_owned();
        self.accepted.entry(algorithm).or_default().insert(kid(token));
        Ok(())
    }

    /// Of how many keys it has accepted tokens, for each of the two algorithms.
    pub(super) fn kids_seen(&self) -> usize {
        let of = |algorithm: &str| self.accepted.get(algorithm).map_or(0, BTreeSet::len);
        of("ES256").min(of("RS256"))
    }

    fn write(&mut self, line: &Value) {
        let stdin = self.child.stdin.as_mut().expect("its standard input");
        writeln!(stdin, "{line}").expect("it reads");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn kid(token: &str) -> String {
    head(token)["kid"].as_str().expect("a kid").to_owned()
}

fn head(token: &str) -> Value {
    let head = token.split('.').next().expect("a head");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).expect("base64url")).expect("JSON")
}

const THIS_IS_ONE: &str = "SIGNET_TEST_IS_READER";

/// Whether this process was started to verify tokens.
pub(super) fn is_one() -> bool {
    env::var_os(THIS_IS_ONE).is_some()
}

/// An application with the `openidconnect` crate. The crate keeps no keys by itself: it tells applications to fetch them
/// again when one is missing, and so this one does.
#[expect(clippy::disallowed_methods, reason = "an application of its own, with real time")]
pub(super) async fn run() {
    let mut lines = std::io::stdin().lines().map(|line| line.expect("a line"));
    let given: Value = serde_json::from_str(&lines.next().expect("the first line")).expect("JSON");
    let text = |name: &str| given[name].as_str().expect("a text").to_owned();
    let (issuer, uri) = (IssuerUrl::new(text("issuer")).expect("a URL"), JsonWebKeySetUrl::new(text("jwks_uri")));
    let uri = uri.expect("a URL");
    let cache = given["cache"].as_u64().map_or(Duration::MAX, Duration::from_secs);
    let cooldown = given["cooldown"].as_u64().map_or(Duration::ZERO, Duration::from_secs);
    let fetch = async || CoreJsonWebKeySet::fetch_async(&uri, &http::send).await.expect("the keys");
    let (mut keys, mut fetched) = (fetch().await, Instant::now());
    for line in lines {
        let asked: Value = serde_json::from_str(&line).expect("JSON");
        let (token, audience) =
            (asked["token"].as_str().expect("a token"), asked["audience"].as_str().expect("a text"));
        if fetched.elapsed() >= cache {
            (keys, fetched) = (fetch().await, Instant::now());
        }
        let mut judged = judge(&issuer, keys.clone(), token, audience);
        let missing = ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey);
        if judged == Err(missing) && fetched.elapsed() >= cooldown {
            (keys, fetched) = (fetch().await, Instant::now());
            judged = judge(&issuer, keys.clone(), token, audience);
        }
        let answer = match judged {
            Ok(()) => json!({ "kid": kid(token) }),
            Err(error) => json!({ "error": format!("{error:?}") }),
        };
        let _ = std::io::stderr().write_all(format!("{answer}\n").as_bytes());
    }
}

fn judge(
    issuer: &IssuerUrl,
    keys: CoreJsonWebKeySet,
    token: &str,
    client: &str,
) -> Result<(), ClaimsVerificationError> {
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(client.to_owned()), issuer.clone(), keys)
        .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256]);
    let token = CoreIdToken::from_str(token).map_err(|error| ClaimsVerificationError::Other(error.to_string()))?;
    token.claims(&verifier, |_: Option<&Nonce>| Ok(())).map(|_| ())
}
