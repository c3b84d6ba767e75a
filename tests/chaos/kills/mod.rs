//! SIGKILL at a random microsecond of everything that writes: codes redeemed, tokens refreshed and revoked, keys rotated,
//! databases migrated, users created and given other passwords, servers on their way up. After each: what was
//! acknowledged is there, nothing that works once works twice, and nothing is half done.
//!
//! As many kills as fit into [`SHORT`], or [`MANY`] on each database with `./test --long`.

mod commands;
pub(crate) mod lives;
mod migrations;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use signet::store::Store;

use crate::dice::Dice;
use crate::long;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::postgres::left_out;
use crate::support::server::Server;
use crate::visitor;
use crate::visitor::Deed;
use crate::visitor::Site;
use crate::visitor::Visitor;

use commands::Account;

const SHORT: Duration = Duration::from_secs(20);
const MANY: u32 = 1000;

/// Rotations whenever they are asked for, and as many sign-ins.
const SETTINGS: &str = r#"
[keys]
rehearsal = true
rotate_every = "1h"
publish_ahead = "2s"
jwks_max_age = "1s"
[limits]
login_per_account = "100000 per 15m"
login_per_address = "100000 per 15m"
"#;

#[test]
fn db_06_killed_at_random_microseconds_sqlite() {
    block_on(killed_at_random_microseconds(Kind::Sqlite));
}

#[test]
fn db_06_killed_at_random_microseconds_postgres() {
    block_on(killed_at_random_microseconds(Kind::Postgres));
}

/// In the midst of what a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Visit(Deed),
    Start,
    Rotate,
    Password,
    User,
    Migrate,
}

const BLOWS: [Blow; 9] = [
    Blow::Visit(Deed::Redeem),
    Blow::Password,
    Blow::Visit(Deed::Refresh),
    Blow::Migrate,
    Blow::Visit(Deed::Revoke),
    Blow::Rotate,
    Blow::Visit(Deed::Deny),
    Blow::User,
    Blow::Start,
];

#[derive(Debug)]
struct Tally {
    /// The latest moment for a kill. Twice as long as a command takes here and now: half of them come to their end.
    latest: Duration,
    kills: u32,
    acknowledged: u32,
    /// Asked for, and no answer came.
    unknown: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self { latest: Duration::from_millis(500), kills: 0, acknowledged: 0, unknown: 0 }
    }
}

struct Scene {
    kind: Kind,
    dice: Dice,
    installation: Installation,
    store: Store,
    server: Option<Server>,
    people: Vec<Visitor>,
    accounts: Vec<Account>,
    users: usize,
    databases: usize,
    tally: BTreeMap<Blow, Tally>,
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn killed_at_random_microseconds(kind: Kind) {
    let Some(installation) = Installation::on(kind, SETTINGS) else { return left_out() };
    let store = installation.store();
    visitor::furnish(&store).await;
    let server = Some(installation.serve().await);
    let (people, accounts, tally) = (Vec::new(), Vec::new(), BTreeMap::new());
    let (users, databases, dice) = (0, 0, Dice::new());
    let mut scene = Scene { kind, dice, installation, store, server, people, accounts, users, databases, tally };
    scene.open_accounts().await;
    let since = Instant::now();
    let mut blows = 0;
    loop {
        let blow = BLOWS[blows % BLOWS.len()];
        match blow {
            Blow::Visit(deed) => scene.killed_while_visited(deed).await,
            Blow::Start => scene.killed_on_its_way_up().await,
            Blow::Rotate => scene.killed_while_rotating().await,
            Blow::Password => scene.killed_while_setting_a_password().await,
            Blow::User => scene.killed_while_creating_a_user().await,
            Blow::Migrate => scene.killed_while_migrating(),
        }
        scene.keys_are_whole().await;
        blows += 1;
        let kills: u32 = scene.tally.values().map(|tally| tally.kills).sum();
        if if long() { kills >= MANY } else { since.elapsed() >= SHORT && blows >= BLOWS.len() } {
            break;
        }
    }
    let told = scene.story(since.elapsed());
    let _ = std::io::stderr().write_all(told.as_bytes());
    let visits = |of: fn(&Tally) -> u32| -> u32 {
        let visits = scene.tally.iter().filter(|(blow, _)| matches!(blow, Blow::Visit(_)));
        visits.map(|(_, tally)| of(tally)).sum()
    };
    assert!(visits(|tally| tally.acknowledged) > 0, "killed too early: {told}");
    assert!(visits(|tally| tally.unknown) > 0, "killed too late: {told}");
    scene.database_is_whole();
}

impl Scene {
    fn site(&self) -> Site {
        Site::at(&format!("http://127.0.0.1:{}", self.installation.port))
    }

    fn note(&mut self, blow: Blow) -> &mut Tally {
        self.tally.entry(blow).or_default()
    }

    /// A moment before or shortly after the end of a command.
    fn before_the_end(&mut self, blow: Blow) -> Duration {
        let latest = self.note(blow).latest;
        self.dice.pause(latest)
    }

    fn learn(&mut self, blow: Blow, ended: bool) {
        let tally = self.note(blow);
        tally.latest = (if ended { tally.latest * 4 / 5 } else { tally.latest * 5 / 4 }).min(Duration::from_secs(10));
    }

    fn story(&self, took: Duration) -> String {
        let kills: u32 = self.tally.values().map(|tally| tally.kills).sum();
        let mut story = format!("{:?}, seed {}: {kills} kills in {} s\n", self.kind, self.dice.seed, took.as_secs());
        for (blow, Tally { kills, acknowledged, unknown, .. }) in &self.tally {
            let line = format!("  {blow:?}: {kills} kills, {acknowledged} acknowledged, {unknown} without an answer\n");
            story.push_str(&line);
        }
        story
    }

    /// Of a SQLite file; PostgreSQL was not killed.
    fn database_is_whole(&self) {
        if let Some(file) = self.installation.database.strip_prefix("sqlite://") {
            assert_eq!(crate::crash::integrity(file.as_ref()), "ok");
        }
    }
}
