//! The installation that every history begins with: people, applications, a key that signs and one that waits.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use signet::ambient::ManualClock;
use signet::ambient::SeededEntropy;
use signet::config::Config;
use signet::config::Size;
use signet::config::Sources;
use signet::crypto::hash;
use signet::crypto::seal::MasterKey;
use signet::domain::client::ApplicationType;
use signet::domain::client::AuthMethod;
use signet::domain::client::Client;
use signet::domain::client::ClientSecret;
use signet::domain::client::GrantType;
use signet::domain::client::SecurityProfile;
use signet::domain::ids::ClientId;
use signet::domain::ids::SessionId;
use signet::domain::ids::UserId;
use signet::domain::key::Algorithm;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretKind;
use signet::domain::session::Authentication;
use signet::domain::session::AuthenticationMethod;
use signet::domain::session::Session;
use signet::domain::time::Timestamp;
use signet::domain::uri::RedirectUri;
use signet::domain::user::Email;
use signet::domain::user::PasswordHash;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::flow::Signet;
use signet::flow::open::Parts;
use signet::store::Options;
use signet::store::Store;
use signet::store::migrate::migrate;
use signet::store::simulation::Base;
use signet::store::simulation::Fault;
use signet::store::simulation::Memory;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::executor::Scripted;
use super::plan::APPS;
use super::plan::USERS;

pub(crate) const NOON: i64 = 1_795_348_800_000_000;
pub(crate) const API: &str = "https://api.test";
pub(crate) const NEXT_API: &str = "https://next.test";
pub(crate) const ISSUER: &str = "https://id.test";
pub(crate) const SECRET: &str = "sgs_of-every-application-that-can-keep-one";
pub(crate) const NAMES: [&str; APPS] = ["web", "spa", "bank"];

/// What one thread needs for any number of histories.
pub(crate) struct Site {
    pub(crate) runtime: Rc<Runtime>,
    config: Config,
    memory: Arc<Memory>,
    folder: TempDir,
    file: PathBuf,
}

pub(crate) fn user_id(user: usize) -> UserId {
    UserId::new(format!("user-{user}")).unwrap()
}

pub(crate) fn redirect_uri(app: usize) -> String {
    format!("https://{}.test/cb", NAMES[app])
}

/// The cookie that a person has from the start.
pub(crate) fn first_cookie(user: usize) -> String {
    format!("sgb_first-cookie-of-user-{user}")
}

pub(crate) fn session(id: &str, user: usize, cookie: &str, now: Timestamp) -> Session {
    Session {
        id: SessionId::new(id).unwrap(),
        hash: hash::secret_hash(SecretKind::Session, cookie),
        user_id: user_id(user),
        authentication: Authentication { time: now, methods: vec![AuthenticationMethod::Password] },
        created_at: now,
        last_seen_at: now,
        idle_expires_at: now.plus(std::time::Duration::from_hours(24)),
        expires_at: now.plus(std::time::Duration::from_hours(240)),
        ended_at: None,
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        let overrides = [("server.issuer", ISSUER), ("passwords.max_concurrent_hashes", "1")];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let loaded = Config::load(&Sources { overrides, dev: true, ..Sources::default() });
        let mut config = loaded.unwrap_or_else(|faults| panic!("{faults}")).config;
        // The quickest to make.
        config.keys.algorithms.retain(|algorithm| *algorithm == Algorithm::Es256);
        // Nobody types a password here.
        config.passwords.memory = Size::from_bytes(8 << 10);
        config.passwords.iterations = 1;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = Rc::new(runtime.max_blocking_threads(1).enable_time().build().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.db");
        let memory = Arc::new(Memory::migrated().unwrap());
        let site = Self { runtime, config, memory, folder, file };
        site.fill(&Base::Memory(Arc::clone(&site.memory)));
        site
    }

    /// The real SQLite, with its file and its writing thread, for one history.
    pub(crate) fn file(&self, seed: u64) -> Base {
        if !self.file.exists() {
            let url = format!("sqlite://{}", self.file.display());
            migrate(&url).unwrap();
            let store = Store::open(&url, Options::default()).unwrap();
            self.fill(&Base::of(&store).unwrap());
        }
        let copy = self.folder.path().join(format!("{seed}.db"));
        for ending in ["", "-wal"] {
            let from = format!("{}{ending}", self.file.display());
            if std::path::Path::new(&from).exists() {
                std::fs::copy(from, format!("{}{ending}", copy.display())).unwrap();
            }
        }
        let store = Store::open(&format!("sqlite://{}", copy.display()), Options::default()).unwrap();
        Base::of(&store).unwrap()
    }

    /// Thousands of them would fill a disk.
    pub(crate) fn forget_file(&self, seed: u64) {
        for ending in ["", "-wal", "-shm"] {
            // What is not there needs no removing.
            let _ = std::fs::remove_file(self.folder.path().join(format!("{seed}.db{ending}")));
        }
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub(crate) fn open(&self, base: &Base, clock: Arc<ManualClock>, entropy: u64, fault: Option<Fault>) -> Arc<Signet> {
        let store = Store::simulated(base.clone(), Arc::new(Scripted), fault);
        let parts = Parts {
            config: self.config.clone(),
            store,
            master: MasterKey::generate(&SeededEntropy::new(1)),
            clock,
            entropy: Arc::new(SeededEntropy::new(entropy)),
            dev: false,
        };
        Arc::new(self.wait(Signet::open(parts)).unwrap())
    }

    fn fill(&self, base: &Base) {
        let signet = self.open(base, Arc::new(ManualClock::at(NOON)), 2, None);
        self.wait(async {
            signet.ensure_active_keys().await.unwrap();
            signet.tend_keys().await.unwrap();
            let now = signet.now();
            for user in 0..USERS {
                signet.store.create_user(person(user, now)).await.unwrap();
                let session = session(&format!("first-{user}"), user, &first_cookie(user), now);
                signet.store.begin_session(session, None, None).await.unwrap();
            }
            for client in clients(now) {
                signet.store.create_client(client).await.unwrap();
            }
        });
    }
}

pub(crate) fn password(text: &str) -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${text}"))
}

fn person(user: usize, now: Timestamp) -> User {
    User {
        id: user_id(user),
        email: Email::parse(&format!("user{user}@example.test")).unwrap(),
        password: Some(password("first")),
        roles: BTreeSet::new(),
        claims: StandardClaims::default(),
        disabled: false,
        created_at: now,
        updated_at: now,
    }
}

fn clients(now: Timestamp) -> Vec<Client> {
    let kept = || ClientSecret { hash: hash::client_secret_hash(SECRET), created_at: now, expires_at: None };
    let mut clients: Vec<Client> = (0..APPS)
        .map(|app| Client {
            token_endpoint_auth_methods: BTreeSet::from([match NAMES[app] {
                "spa" => AuthMethod::None,
                _ => AuthMethod::ClientSecretPost,
            }]),
            secrets: if NAMES[app] == "spa" { Vec::new() } else { vec![kept()] },
            redirect_uris: vec![RedirectUri::register(&redirect_uri(app), ApplicationType::Web).unwrap()],
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            scope: Scope::parse("openid email offline_access api:read").unwrap(),
            audiences: vec![API.to_owned()],
            first_party: NAMES[app] != "web",
            security_profile: if NAMES[app] == "bank" { SecurityProfile::Fapi2 } else { SecurityProfile::Oidc },
            id_token_signed_response_alg: Algorithm::Es256,
            ..Client::new(ClientId::new(NAMES[app]).unwrap(), now)
        })
        .collect();
    // `svc` is an API that calls the next one; `rs` is both of them and only asks.
    let service = |id: &str, grants: &[GrantType], resources: &[&str]| Client {
        token_endpoint_auth_methods: BTreeSet::from([AuthMethod::ClientSecretPost]),
        secrets: vec![kept()],
        grant_types: grants.iter().copied().collect(),
        scope: Scope::parse("api:read email").unwrap(),
        audiences: vec![NEXT_API.to_owned()],
        resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
        id_token_signed_response_alg: Algorithm::Es256,
        ..Client::new(ClientId::new(id).unwrap(), now)
    };
    clients.push(service("svc", &[GrantType::ClientCredentials, GrantType::TokenExchange], &[API]));
    clients.push(service("rs", &[], &[API, NEXT_API]));
    clients.push(service("nosy", &[], &[]));
    clients
}
