//! SIGKILL for servers and commands in the middle of rotations and revocations. After each: one active key for each
//! algorithm, a next one, a JWKS, and every token that was issued before still verifies unless its key was revoked.
//!
//! As many kills as fit into [`SHORT`], or [`MANY`] with `./test --long`. `SIGNET_TEST_SEED=17` replays the choices of
//! one run; what the scheduler of the machine makes of them is its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::crypto::Verifier;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;
use signet::store::Store;

use crate::dice::Dice;
use crate::long;
use crate::support::database::Kind;
use crate::support::installation::Installation;
use crate::support::postgres::left_out;
use crate::support::server::Server;

/// How long a short run takes, at the least.
const SHORT: Duration = Duration::from_secs(50);
/// How many kills a long run makes.
const MANY: usize = 500;
/// Fewer prove nothing: a busy machine takes its time.
const FEW: usize = 20;
/// A next key that is missing is made within this time.
const NEXT_WITHIN: Duration = Duration::from_secs(5);
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

/// A rotation every few seconds, and a client for each algorithm.
const HASTE: &str = r#"
[keys]
rehearsal = true
rotate_every = "4s"
publish_ahead = "2s"
retire_for = "25s"
jwks_max_age = "1s"
[tokens]
access_token = "20s"
id_token = "20s"
[[clients]]
id = "ES256"
secret = "a secret of thirty-two characters"
access_token_signed_response_alg = "ES256"
[[clients]]
id = "RS256"
secret = "a secret of thirty-two characters"
access_token_signed_response_alg = "RS256"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_rotations_on_sqlite() {
    killed_during_rotations(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_rotations_on_postgresql() {
    killed_during_rotations(Kind::Postgres).await;
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn killed_during_rotations(kind: Kind) {
    let Some(mut scene) = Scene::open(kind).await else { return left_out() };
    let long = long();
    let since = Instant::now();
    loop {
        let both = scene.server_kills > 0 && scene.command_kills > 0;
        let enough =
            if long { scene.kills() >= MANY } else { since.elapsed() >= SHORT && scene.kills() >= FEW && both };
        if enough {
            break;
        }
        match scene.dice.below(5) {
            0 => scene.kill_the_server().await,
            _ => scene.kill_commands().await,
        }
    }
    let story = scene.story(since.elapsed());
    let _ = std::io::stderr().write_all(story.as_bytes());
}

struct Token {
    compact: String,
    kid: KeyId,
    expires_at: i64,
}

struct Scene {
    kind: Kind,
    dice: Dice,
    installation: Installation,
    store: Store,
    server: Option<Server>,
    http: reqwest::Client,
    /// Issued, and not over yet.
    tokens: Vec<Token>,
    issued: usize,
    verified: usize,
    server_kills: usize,
    command_kills: usize,
    /// Commands that were done before they were to be killed, by exit code.
    ended: BTreeMap<i32, usize>,
    /// How often no next key was there at the first look.
    without_next: usize,
    longest_without_next: Duration,
}

impl Scene {
    async fn open(kind: Kind) -> Option<Self> {
        let installation = Installation::on(kind, HASTE)?;
        let store = installation.store();
        let server = installation.serve().await;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        let mut scene = Self {
            kind,
            dice: Dice::new(),
            installation,
            store,
            server: Some(server),
            http,
            tokens: Vec::new(),
            issued: 0,
            verified: 0,
            server_kills: 0,
            command_kills: 0,
            ended: BTreeMap::new(),
            without_next: 0,
            longest_without_next: Duration::ZERO,
        };
        scene.check().await;
        Some(scene)
    }

    const fn kills(&self) -> usize {
        self.server_kills + self.command_kills
    }

    fn story(&self, took: Duration) -> String {
        format!(
            "{:?}, seed {}: {} kills in {} s ({} of the server, {} of commands; {:?} commands by exit code were done before); \
             {} tokens issued, {} verifications; no next key at the first look {} times, for {:?} at most\n",
            self.kind,
            self.dice.seed,
            self.kills(),
            took.as_secs(),
            self.server_kills,
            self.command_kills,
            self.ended,
            self.issued,
            self.verified,
            self.without_next,
            self.longest_without_next,
        )
    }

    /// While it answers, or on its way up. The next one comes up and everything is as it should be.
    async fn kill_the_server(&mut self) {
        let running = self.server.take().expect("a server");
        let pause = self.dice.pause(Duration::from_millis(1500));
        tokio::time::sleep(pause).await;
        self.server_kills += usize::from(running.kill());
        self.check_rows().await;
        if self.dice.below(2) == 0 {
            let starting = Server::installed_now(self.installation.folder.path(), self.installation.port);
            let pause = self.dice.pause(Duration::from_millis(600));
            tokio::time::sleep(pause).await;
            self.server_kills += usize::from(starting.kill());
            self.check_rows().await;
        }
        self.server = Some(self.installation.serve().await);
        self.check().await;
    }

    /// One to four commands at once, each killed at a moment of its own.
    async fn kill_commands(&mut self) {
        let mut running = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let (words, takes) = self.command().await;
            let pause = self.dice.pause(takes);
            running.push((pause, self.spawn(&words)));
        }
        running.sort_by_key(|(pause, _)| *pause);
        let mut waited = Duration::ZERO;
        for (pause, child) in running {
            tokio::time::sleep(pause.saturating_sub(waited)).await;
            waited = pause;
            self.kill(child);
            self.check_rows().await;
        }
        self.check().await;
    }

    /// What is asked for, and how long it takes at most.
    async fn command(&self) -> (Vec<String>, Duration) {
        let algorithm = ALGORITHMS[usize::from(self.dice.below(2) == 0)];
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
        // Opening takes some 100 ms; a rotation then waits for its instant, which is two seconds away.
        let (quick, slow) = (Duration::from_millis(500), Duration::from_millis(2600));
        match self.dice.below(6) {
            0 => (words("keys rotate --now"), slow),
            1 => (words(&format!("keys rotate --now --alg {algorithm}")), quick),
            2 => (words("keys rotate"), quick),
            choice => {
                let state = if choice == 3 { KeyState::Next } else { KeyState::Active };
                let keys = self.store.signing_keys().await.expect("the database");
                let key = keys.iter().find(|key| key.algorithm == algorithm && key.state == state);
                let kid = &key.or(keys.last()).expect("a key").kid;
                let flush = if choice == 5 { " --flush" } else { "" };
                (words(&format!("keys revoke {kid} --yes{flush}")), quick)
            }
        }
    }

    fn spawn(&self, words: &[String]) -> Child {
        let mut command = self.installation.command();
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the signet program starts")
    }

    fn kill(&mut self, mut child: Child) {
        if let Some(status) = child.try_wait().expect("the state of the command") {
            let code = status.code().expect("an exit code");
            // Done; overtaken by another; revoked before; too young or under way.
            assert!([0, 1, 3, 5].contains(&code), "{code}: {}", self.story(Duration::ZERO));
            *self.ended.entry(code).or_default() += 1;
        } else {
            self.command_kills += 1;
        }
        drop(child.kill());
        child.wait().expect("its end");
    }

    /// What must be true of the database at every moment.
    async fn check_rows(&self) -> Vec<SigningKey> {
        let keys = self.store.signing_keys().await.expect("the database");
        let count =
            |algorithm, state| keys.iter().filter(|key| key.algorithm == algorithm && key.state == state).count();
        for algorithm in ALGORITHMS {
            assert_eq!(
                count(algorithm, KeyState::Active),
                1,
                "active keys for {algorithm}; {}",
                self.story(Duration::ZERO)
            );
            assert!(count(algorithm, KeyState::Next) <= 1, "next keys for {algorithm}; {}", self.story(Duration::ZERO));
        }
        keys
    }

    /// And of the server that runs: it publishes and signs, and what it signed before verifies.
    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn check(&mut self) {
        let since = Instant::now();
        loop {
            let keys = self.check_rows().await;
            let has_next = |algorithm| keys.iter().any(|key| key.algorithm == algorithm && key.state == KeyState::Next);
            if ALGORITHMS.into_iter().all(has_next) {
                break;
            }
            self.without_next += usize::from(self.longest_without_next.is_zero());
            self.longest_without_next = self.longest_without_next.max(since.elapsed());
            assert!(since.elapsed() < NEXT_WITHIN, "no next key; {}", self.story(Duration::ZERO));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for algorithm in ALGORITHMS {
            let token = self.issue(algorithm).await;
            self.tokens.push(token);
            self.issued += 1;
        }
        let published = self.jwks().await;
        let now = SystemClock::new().unix_micros() / 1_000_000;
        self.tokens.retain(|token| token.expires_at > now);
        for token in &self.tokens {
            let Some(verifier) = published.get(&token.kid) else {
                // Asked again here: a database may commit for a client that is dead by now.
                let keys = self.store.signing_keys().await.expect("the database");
                let state = keys.iter().find(|key| key.kid == token.kid).map(|key| key.state);
                let over = SystemClock::new().unix_micros() / 1_000_000 >= token.expires_at;
                assert!(
                    state == Some(KeyState::Revoked) || over,
                    "{} is {state:?}: {}",
                    token.kid,
                    self.story(Duration::ZERO)
                );
                continue;
            };
            assert!(
                verifier.verify(&token.compact).is_ok(),
                "a token of {}; {}",
                token.kid,
                self.story(Duration::ZERO)
            );
            self.verified += 1;
        }
    }

    async fn issue(&self, algorithm: Algorithm) -> Token {
        let url = self.server.as_ref().expect("a server").url("/token");
        let secret = "a secret of thirty-two characters";
        let request =
            self.http.post(url).basic_auth(algorithm, Some(secret)).form(&[("grant_type", "client_credentials")]);
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{body}; {}", self.story(Duration::ZERO));
        let compact = body["access_token"].as_str().expect("a token").to_owned();
        let mut parts = compact.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"));
        let mut json = || -> Value { serde_json::from_slice(&parts.next().expect("a part")).expect("JSON") };
        let (head, claims) = (json(), json());
        let kid = KeyId::new(head["kid"].as_str().expect("a kid")).expect("a kid");
        assert_eq!(head["alg"], algorithm.as_str());
        Token { kid, expires_at: claims["exp"].as_i64().expect("a time"), compact }
    }

    async fn jwks(&self) -> BTreeMap<KeyId, Verifier> {
        let url = self.server.as_ref().expect("a server").url("/.well-known/jwks.json");
        let answer = self.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let set: Value = answer.json().await.expect("JSON");
        let verifiers = set["keys"].as_array().expect("keys").iter().map(|key| {
            let verifier = Verifier::from_jwk(&key.to_string()).expect("a key");
            (verifier.kid().clone(), verifier)
        });
        verifiers.collect()
    }
}
