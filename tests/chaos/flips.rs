//! DB-14: bits of the database file have flipped. Nothing panics, nothing waits for ever, and nobody gets in who could not
//! before: an error is an answer, an open door is none.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::dice::Dice;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::run;
use crate::support::party::EVERYTHING;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::rounds;
use crate::support::server::command;

const PAGE: u64 = 4096;
const HANGS: Duration = Duration::from_mins(1);

/// Outside of the tests themselves.
static PANICS: AtomicU32 = AtomicU32::new(0);

/// What the people of the undamaged file hold.
struct Held {
    code: String,
    used_code: String,
    refresh: String,
    revoked: String,
}

#[derive(Debug, Default)]
struct Tally {
    not_opened: u32,
    /// Answers that are what they would have been.
    right: u32,
    /// 500 and 503.
    errors: u32,
    /// Refused although it was good: what it is about could not be found any more.
    lost: u32,
    /// What a single row said to have ended has not: nobody can know.
    again: u32,
}

#[test]
fn db_14_bits_of_the_database_file_flip() {
    count_panics();
    block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, dice) = (folder.path().join("signet.db"), Dice::new());
        let url = format!("sqlite://{}", file.display());
        let held = Held::in_a_copy(&file).await;
        let whole = std::fs::read(&file).expect("the file");
        let mut tally = Tally::default();
        for round in 0..rounds(40, 2000) {
            let damaged = damage(&whole, &dice);
            for other in ["db-wal", "db-shm"] {
                drop(std::fs::remove_file(file.with_extension(other)));
            }
            std::fs::write(&file, damaged).expect("it is written");
            match App::start_on_what_is_left(&url).await {
                Ok(app) => held.asks(&app, &mut tally).await,
                Err(_) => tally.not_opened += 1,
            }
            if round % 10 == 0 {
                let mut status = command(folder.path());
                status.env("SIGNET_DATABASE__URL", &url);
                let said = run(status, &["users", "list"], "");
                assert!(said.code.is_some_and(|code| code != 101), "seed {}: {said:?}", dice.seed);
            }
            assert_eq!(PANICS.load(Ordering::Relaxed), 0, "seed {}, round {round}", dice.seed);
        }
        let line = format!("flipped bits, seed {}: {tally:?}\n", dice.seed);
        let _ = std::io::stderr().write_all(line.as_bytes());
        assert!(tally.right > 0 && tally.errors + tally.not_opened > 0, "{tally:?}");
    });
}

/// One to 32 bits, of one page or of all.
fn damage(whole: &[u8], dice: &Dice) -> Vec<u8> {
    let mut damaged = whole.to_vec();
    let length = u64::try_from(whole.len()).expect("a small file");
    let (start, length) = if dice.below(2) == 0 { (dice.below(length / PAGE) * PAGE, PAGE) } else { (0, length) };
    for _ in 0..=dice.below(32) {
        let at = usize::try_from(start + dice.below(length)).expect("within it");
        damaged[at] ^= 1 << dice.below(8);
    }
    damaged
}

fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|at| at.file().starts_with("tests/")) {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        before(info);
    }));
}

impl Held {
    async fn in_a_copy(file: &Path) -> Self {
        let app = App::start(Kind::Sqlite).await.expect("SQLite is always there");
        let mut client = app.client("demo-spa").await;
        client.session_api = true;
        app.signet.store.replace_client(client).await.expect("the database");
        let party = Party::web(&app);
        let code = party.code(&mut crate::support::browser::Browser::new(), "openid").await;
        let used_code = party.code(&mut crate::support::browser::Browser::new(), "openid").await;
        party.redeem(&used_code).await.tokens();
        let refresh = party.sign_in(EVERYTHING).await.refresh().to_owned();
        let revoked = party.sign_in(EVERYTHING).await.refresh().to_owned();
        party.revoke(&revoked).await;
        let database = app.signet.config.database.url.sqlite_path().expect("a file").to_owned();
        let mut database = SqliteConnection::establish(&database).expect("the database");
        database.batch_execute(&format!("VACUUM INTO '{}'", file.display())).expect("a copy");
        Self { code, used_code, refresh, revoked }
    }

    async fn asks(&self, app: &App, tally: &mut Tally) {
        let (party, spa) = (Party::web(app), Party::spa(app));
        for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/health/ready", "/login"] {
            status(party.http.get(app.url(path))).await;
        }
        let url = party.authorization_url("openid");
        status(party.http.get(url)).await;
        // Nobody's.
        let robot = Party::service(app).with_secret(Some("a wrong secret"));
        let login = |password: &str| {
            let body = json!({"client_id": "demo-spa", "email": ADA.0, "password": password});
            spa.http.post(app.url("/auth/login")).json(&body)
        };
        for wrong in [
            party.request("/token", Party::code_form(&another(&self.code))),
            party.request("/token", Party::refresh_form(&another(&self.refresh))),
            robot.request("/token", Form::new(&[("grant_type", "client_credentials")])),
            party.with_secret(Some("a wrong secret")).request("/token", Party::refresh_form(&self.refresh)),
            spa.request("/token", Party::refresh_form(&self.refresh)),
            login("a wrong password"),
        ] {
            let status = status(wrong).await;
            assert!((400..600).contains(&status), "{status}: let in what nobody was given");
            if status >= 500 {
                tally.errors += 1;
            } else {
                tally.right += 1;
            }
        }
        for ended in [Party::code_form(&self.used_code), Party::refresh_form(&self.revoked)] {
            match status(party.request("/token", ended)).await {
                200 => tally.again += 1,
                500.. => tally.errors += 1,
                _ => tally.right += 1,
            }
        }
        for good in [
            party.request("/token", Party::code_form(&self.code)),
            party.request("/token", Party::refresh_form(&self.refresh)),
            login(ADA.1),
        ] {
            match status(good).await {
                200 => tally.right += 1,
                500.. => tally.errors += 1,
                _ => tally.lost += 1,
            }
        }
    }
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    let answer = request.timeout(HANGS).send().await.expect("an answer in time");
    answer.status().as_u16()
}

/// Looks like it, and was never given to anybody.
fn another(secret: &str) -> String {
    let kept = secret.len() - 8;
    format!("{}AAAAAAAA", &secret[..kept])
}
