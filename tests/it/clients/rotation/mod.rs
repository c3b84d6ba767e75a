//! Verifiers that others wrote, each in a process of its own, while keys change: jose's `createRemoteJWKSet`, the
//! `PyJWKClient` of `PyJWT`, and the `openidconnect` crate. They see every token when it is fresh and again shortly
//! before it ends.

mod reader;

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use self::reader::Reader;
use self::reader::Times;
use super::REDIRECT_URI;
use super::parameter;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::installation::Installation;
use crate::support::party::VERIFIER;
use crate::support::server::Server;

/// Two applications; each gets an ID token of one algorithm and an access token of the other.
const APPLICATIONS: &str = r#"
[[clients]]
id = "first"
application_type = "native"
redirect_uris = ["http://localhost:47110/callback"]
first_party = true
id_token_signed_response_alg = "ES256"
access_token_signed_response_alg = "RS256"
[[clients]]
id = "second"
application_type = "native"
redirect_uris = ["http://localhost:47110/callback"]
first_party = true
id_token_signed_response_alg = "RS256"
access_token_signed_response_alg = "ES256"
"#;

/// 90 days of signing, 14 of which the next key is published before its turn, in seconds.
const COMPRESSED: &str = r#"
[keys]
rehearsal = true
rotate_every = "14s"
publish_ahead = "6s"
retire_for = "25s"
jwks_max_age = "1s"
[tokens]
access_token = "20s"
id_token = "20s"
"#;

/// Readers keep keys for 5 or 10 minutes and fetch no two times within 30 s: far less than the 14 days of
/// `publish_ahead`. Half of the compressed `publish_ahead` is much more in proportion, so this is the harder test; and
/// as long as they keep the keys, an unknown name does not make them fetch: whatever they do not know, they refuse.
const IN_PROPORTION: Times = Times { cache: 3, cooldown: 3 };

/// A token of 20 s is shown again at this age.
const SECOND_LOOK: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(170);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn readers_notice_no_rotation() {
    if reader::is_one() {
        return reader::run().await;
    }
    let Some(mut scene) = Scene::open(&format!("{COMPRESSED}{APPLICATIONS}"), Some(IN_PROPORTION)).await else {
        return;
    };
    let first = scene.published().await;
    let since = Instant::now();
    scene.until("three scheduled rotations", |scene| scene.kids_seen() >= 4).await;
    // The next key of the last change is written down two seconds later, and then has to reach every reader.
    scene.for_some(Duration::from_secs(9)).await;
    let by_hand = {
        let mut command = scene.installation.command();
        std::thread::spawn(move || command.args(["keys", "rotate", "--now"]).output().expect("it runs"))
    };
    let seen = scene.kids_seen();
    scene.until("the rotation by hand", |scene| scene.kids_seen() > seen).await;
    let by_hand = by_hand.join().expect("the command");
    assert!(by_hand.status.success(), "{}", String::from_utf8_lossy(&by_hand.stderr));
    scene.for_some(SECOND_LOOK + Duration::from_secs(2)).await;
    let published = scene.published().await;
    assert!(
        first.iter().all(|kid| !published.contains(kid)),
        "keys left the JWKS while readers verified: {published:?}"
    );
    Scene::say(&format!(
        "{} s: {} tokens shown, {} refused",
        since.elapsed().as_secs(),
        scene.shown,
        scene.refused.len()
    ));
    assert!(scene.refused.is_empty(), "{:#?}", scene.refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_within_the_time_that_readers_keep_keys() {
    let long = std::env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1");
    let short = Times { cache: 6, cooldown: 3 };
    // Keys are made for good here: nothing but the revocation changes them.
    let Some(mut scene) = Scene::open(APPLICATIONS, if long { None } else { Some(short) }).await else { return };
    for found in scene.revoke(true).await {
        let cooldown = if long { 30 } else { short.cooldown };
        let within = Duration::from_secs(if found.reader == reader::OPENIDCONNECT { 0 } else { cooldown }) + SLACK;
        assert!(found.accepts_new.is_some_and(|time| time < within), "{found:?}");
        assert!(found.refuses_old.is_some_and(|time| time < within), "{found:?}");
    }
    // Ten minutes are too long for a test: the option decides, so the option is set.
    let kept = if long { Times { cache: 40, cooldown: 30 } } else { short };
    let Some(mut scene) = Scene::open(APPLICATIONS, Some(kept)).await else { return };
    for found in scene.revoke(false).await {
        assert!(found.accepts_new.is_some_and(|time| time < SLACK), "every reader knew the next key: {found:?}");
        let within = Duration::from_secs(kept.cache) + SLACK;
        assert!(found.refuses_old.is_some_and(|time| time < within), "{found:?}");
    }
}

/// For machines that run all tests at once.
const SLACK: Duration = Duration::from_secs(6);

/// One application with a refresh family of its own.
struct App {
    id: &'static str,
    refresh: String,
}

/// A token as a reader is to judge it.
#[derive(Clone)]
struct Shown {
    token: String,
    audience: String,
    /// The `openidconnect` crate is for ID tokens; it refuses the type of access tokens (RFC 9068 section 2.1).
    is_id_token: bool,
}

/// How long a reader went on after a revocation; nothing when it did so to the end.
#[derive(Debug)]
struct Found {
    reader: &'static str,
    accepts_new: Option<Duration>,
    refuses_old: Option<Duration>,
}

struct Scene {
    installation: Installation,
    server: Server,
    http: reqwest::Client,
    apps: Vec<App>,
    readers: Vec<Reader>,
    held: VecDeque<(Instant, Shown)>,
    shown: usize,
    refused: Vec<String>,
}

impl Scene {
    /// `times`: how long readers keep the keys; their own defaults when there are none.
    async fn open(toml: &str, times: Option<Times>) -> Option<Self> {
        let installation = Installation::on(Kind::Sqlite, toml)?;
        let server = installation.serve().await;
        let create = ["users", "create", ADA.0, "--password-stdin"];
        installation.run_with(&create, ADA.1).ends_with(0);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let readers = reader::all(&server.base, times)?;
        let (apps, held) = (Vec::new(), VecDeque::new());
        let mut scene = Self { installation, server, http, apps, readers, held, shown: 0, refused: Vec::new() };
        for id in ["first", "second"] {
            let app = scene.sign_in(id).await;
            scene.apps.push(app);
        }
        Some(scene)
    }

    async fn sign_in(&self, id: &'static str) -> App {
        let mut url = self.server.url("/authorize");
        let challenge = signet::crypto::hash::s256(VERIFIER);
        url.query_pairs_mut().extend_pairs([
            ("client_id", id),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid offline_access"),
            ("prompt", "consent"),
            ("state", "a-state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let code = parameter(&Browser::new().authorize(&url, REDIRECT_URI, ADA).await, "code");
        let tokens = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("client_id", id),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", VERIFIER),
            ])
            .await;
        App { id, refresh: tokens["refresh_token"].as_str().expect("a refresh token").to_owned() }
    }

    async fn token(&self, form: &[(&str, &str)]) -> Value {
        let answer = self.http.post(self.server.url("/token")).form(form).send().await.expect("an answer");
        let status = answer.status();
        let body = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A fresh ID token and a fresh access token of one application.
    async fn refresh(&mut self, app: usize) -> [Shown; 2] {
        let App { id, refresh } = &self.apps[app];
        let form = [("grant_type", "refresh_token"), ("client_id", *id), ("refresh_token", refresh)];
        let tokens = self.token(&form).await;
        let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned();
        let id_token = Shown { token: text("id_token"), audience: (*id).to_owned(), is_id_token: true };
        // A client without audiences gets access tokens for the issuer itself.
        let issuer = self.server.base.as_str().trim_end_matches('/').to_owned();
        let access_token = Shown { token: text("access_token"), audience: issuer, is_id_token: false };
        self.apps[app].refresh = text("refresh_token");
        [id_token, access_token]
    }

    fn show(&mut self, shown: &Shown) {
        for reader in &mut self.readers {
            if !shown.is_id_token && reader.name == reader::OPENIDCONNECT {
                continue;
            }
            self.shown += 1;
            if let Err(error) = reader.verify(&shown.token, &shown.audience) {
                self.refused.push(format!("{}: {}: {error}", reader.name, reader::kid(&shown.token)));
            }
        }
    }

    /// Fresh tokens for everybody, and those again that will end soon.
    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn step(&mut self) {
        for app in 0..self.apps.len() {
            for shown in self.refresh(app).await {
                self.show(&shown);
                self.held.push_back((Instant::now(), shown));
            }
        }
        while let Some((_, shown)) = self.held.pop_front_if(|(at, _)| at.elapsed() >= SECOND_LOOK) {
            self.show(&shown);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !done(self) {
            assert!(since.elapsed() < PATIENCE, "{what} did not happen; {:?}", self.readers);
            self.step().await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn for_some(&mut self, time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            self.step().await;
        }
    }

    /// How many keys of each algorithm every reader has accepted tokens of, at least.
    fn kids_seen(&self) -> usize {
        self.readers.iter().map(Reader::kids_seen).min().unwrap_or(0)
    }

    async fn published(&self) -> Vec<String> {
        let answer = self.http.get(self.server.url("/.well-known/jwks.json")).send().await.expect("an answer");
        let set: Value = answer.json().await.expect("JSON");
        set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
    }

    /// Revokes the key of the first application's ID tokens, right after all readers have fetched the keys.
    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn revoke(&mut self, flush: bool) -> Vec<Found> {
        let [old, _] = self.refresh(0).await;
        self.show(&old);
        assert!(self.refused.is_empty(), "{:?}", self.refused);
        let kid = reader::kid(&old.token);
        let mut words = vec!["keys", "revoke", &kid, "--yes"];
        words.extend(flush.then_some("--flush"));
        self.installation.run(&words).ends_with(0);
        let since = Instant::now();
        let unknown = |reader: &Reader| Found { reader: reader.name, accepts_new: None, refuses_old: None };
        let mut found: Vec<Found> = self.readers.iter().map(unknown).collect();
        while since.elapsed() < Duration::from_mins(1)
            && found.iter().any(|found| found.accepts_new.is_none() || found.refuses_old.is_none())
        {
            let [new, _] = self.refresh(0).await;
            for (reader, found) in self.readers.iter_mut().zip(&mut found) {
                if reader::kid(&new.token) != kid && reader.verify(&new.token, &new.audience).is_ok() {
                    found.accepts_new.get_or_insert_with(|| since.elapsed());
                }
                if reader.verify(&old.token, &old.audience).is_err() {
                    found.refuses_old.get_or_insert_with(|| since.elapsed());
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for Found { reader, accepts_new, refuses_old } in &found {
            let seconds = |time: &Option<Duration>| {
                time.map_or("not in time".to_owned(), |t| format!("{:.1} s", t.as_secs_f64()))
            };
            let verb = if flush { "revoke --flush" } else { "revoke" };
            Self::say(&format!(
                "{verb}: {reader} accepts the new key after {}, refuses the old one after {}",
                seconds(accepts_new),
                seconds(refuses_old)
            ));
        }
        found
    }

    /// Past the capture of the test runner.
    fn say(what: &str) {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("real verifiers: {what}\n").as_bytes());
    }
}
