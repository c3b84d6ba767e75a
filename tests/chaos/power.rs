//! DB-05: the power goes. Of what was written since the last fsync of a file the disk has any part, in pieces of a sector;
//! what was synced is there. Every write and sync of a server is written down by `power.c`, and cuts are played
//! afterwards: the file is whole, and what had been acknowledged by then is in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use diesel::Connection;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;
use tokio::task::JoinSet;

use crate::dice::Dice;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::rounds;
use crate::support::server::Server;
use crate::visitor;
use crate::visitor::Said;
use crate::visitor::Site;

const SECTOR: usize = 512;
const CROWD: usize = 8;

#[test]
fn db_05_the_power_goes() {
    block_on(async {
        let scene = Scene::lived_through().await;
        let dice = Dice::new();
        let mut checked = 0;
        for played in scene.cuts(&dice, rounds(120, 2000), true) {
            played.unwrap_or_else(|fault| panic!("seed {}: {fault}", dice.seed));
            checked += 1;
        }
        // A disk that lies about syncing is found out, or nothing could be.
        let lies = scene.cuts(&dice, 20, false).into_iter().filter(Result::is_err).count();
        let line = format!(
            "power cuts, seed {}: {checked} among {} writes and syncs with {} acknowledgements; a lying disk found {lies} times of 20\n",
            dice.seed,
            scene.steps.len(),
            scene.acknowledged.len(),
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
        assert!(lies > 0, "no sync matters");
    });
}

/// One write to, or sync of, the database (0) or its log (1).
struct Step {
    file: usize,
    deed: Deed,
    /// How long the journal was then.
    end: u64,
}

enum Deed {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
    Sync,
}

/// What somebody was told when the journal was so long.
struct Acknowledged {
    at: u64,
    family: String,
    generation: i64,
    ended: bool,
}

#[derive(Debug, diesel::QueryableByName)]
struct Family {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = BigInt)]
    ended: i64,
    #[diesel(sql_type = BigInt)]
    codes: i64,
}

struct Scene {
    folder: tempfile::TempDir,
    /// The files before the first step.
    before: [Vec<u8>; 2],
    steps: Vec<Step>,
    acknowledged: Vec<Acknowledged>,
}

impl Scene {
    async fn lived_through() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::on(Kind::Sqlite, "").expect("SQLite is always there");
        let store = installation.store();
        visitor::furnish(&store).await;
        let people = visitor::arrive(&store, rounds(240, 400)).await;
        drop(store);
        let file = PathBuf::from(installation.database.strip_prefix("sqlite://").expect("a file"));
        installation.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        let before = [file.clone(), file.with_extension("db-wal")].map(|file| std::fs::read(file).unwrap_or_default());
        let journal = folder.path().join("journal");
        let mut serve = installation.command();
        serve.env("LD_PRELOAD", library(folder.path())).env("POWER_JOURNAL", &journal);
        let server = Server::with(serve, installation.folder.path(), installation.port).await;
        let site = Site::at(&format!("http://127.0.0.1:{}", installation.port));
        let length = Arc::new(move || std::fs::metadata(&journal).expect("the journal").len());
        let mut visits = JoinSet::new();
        for share in people.chunks(people.len().div_ceil(CROWD)) {
            let codes: Vec<String> = share.iter().map(|visitor| visitor.code().to_owned()).collect();
            visits.spawn(visit(codes, site.clone(), Arc::clone(&length)));
        }
        let acknowledged = visits.join_all().await.into_iter().flatten().collect();
        assert!(server.kill(), "the server ended by itself");
        let steps = steps(&std::fs::read(folder.path().join("journal")).expect("the journal"));
        Self { folder, before, steps, acknowledged }
    }

    /// Plays so many cuts. On a disk that is not honest a sync does nothing.
    fn cuts(&self, dice: &Dice, count: usize, honest: bool) -> Vec<Result<(), String>> {
        let all = u64::try_from(self.steps.len()).expect("a number");
        let places: BTreeSet<u64> = (0..count).map(|_| 1 + dice.below(all)).collect();
        let (mut synced, mut pending) = (self.before.clone(), [Vec::new(), Vec::new()]);
        let mut played = Vec::new();
        for (step, place) in self.steps.iter().zip(1..) {
            match step.deed {
                Deed::Sync if honest => {
                    for deed in pending[step.file].drain(..) {
                        apply(&mut synced[step.file], deed, |_| true);
                    }
                }
                Deed::Sync => {}
                _ => pending[step.file].push(&step.deed),
            }
            if !places.contains(&place) {
                continue;
            }
            let mut left = synced.clone();
            for (file, deeds) in left.iter_mut().zip(&pending) {
                for deed in deeds {
                    apply(file, deed, |_| dice.below(2) == 0);
                }
            }
            played.push(self.check(&left, step.end).map_err(|fault| format!("step {place}: {fault}")));
        }
        played
    }

    fn check(&self, left: &[Vec<u8>; 2], at: u64) -> Result<(), String> {
        let file = self.folder.path().join("left.db");
        drop(std::fs::remove_file(file.with_extension("db-shm")));
        std::fs::write(&file, &left[0]).expect("it is written");
        std::fs::write(file.with_extension("db-wal"), &left[1]).expect("it is written");
        let families = families(&file).map_err(|fault| fault.to_string())?;
        for told in self.acknowledged.iter().filter(|told| told.at <= at) {
            let family = families.get(&told.family).ok_or("a redeemed code is forgotten")?;
            if family.codes != 1 || family.generation < told.generation || (told.ended && family.ended == 0) {
                return Err(format!("generation {} (ended: {}) is {family:?}", told.generation, told.ended));
            }
        }
        Ok(())
    }
}

fn families(file: &Path) -> Result<BTreeMap<String, Family>, Box<dyn std::error::Error>> {
    let mut database = SqliteConnection::establish(file.to_str().expect("UTF-8"))?;
    // The log is read into the file, as at the next start.
    database.batch_execute("PRAGMA wal_checkpoint")?;
    let integrity: String = diesel::dsl::sql::<Text>("PRAGMA integrity_check").get_result(&mut database)?;
    if integrity != "ok" {
        return Err(integrity.into());
    }
    let rows: Vec<Family> = diesel::sql_query(
        "SELECT id, generation, revoked_at IS NOT NULL AS ended, \
         (SELECT count(*) FROM codes WHERE family_id = families.id AND redeemed_at IS NOT NULL) AS codes FROM families",
    )
    .load(&mut database)?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// Redeems each, refreshes it twice, and ends every third.
async fn visit(codes: Vec<String>, site: Site, length: Arc<impl Fn() -> u64>) -> Vec<Acknowledged> {
    let mut told = Vec::new();
    for (number, code) in codes.iter().enumerate() {
        let mut token = refresh_token(site.redeem(code).await);
        told.push(acknowledged(&token, length(), false));
        for _ in 0..2 {
            token = refresh_token(site.refresh(&token).await);
            told.push(acknowledged(&token, length(), false));
        }
        if number % 3 == 0 {
            let said = site.revoke(&token).await;
            assert!(matches!(said, Said::Answer(200, _)), "{said:?}");
            told.push(acknowledged(&token, length(), true));
        }
    }
    told
}

fn refresh_token(said: Said) -> String {
    let Said::Answer(200, tokens) = said else { panic!("{said:?}") };
    tokens["refresh_token"].as_str().expect("a refresh token").to_owned()
}

/// A refresh token says of which family it is, and of which generation.
fn acknowledged(token: &str, at: u64, ended: bool) -> Acknowledged {
    let mut parts = token.strip_prefix("sgr_").expect("a refresh token").split('.');
    let (family, generation) = (parts.next().expect("a family"), parts.next().expect("a generation"));
    Acknowledged { at, family: family.to_owned(), generation: generation.parse().expect("a number"), ended }
}

fn apply(file: &mut Vec<u8>, deed: &Deed, mut arrives: impl FnMut(usize) -> bool) {
    match deed {
        Deed::Sync => {}
        Deed::Truncate(length) => {
            if arrives(0) {
                file.resize(*length, 0);
            }
        }
        Deed::Write { offset, data } => {
            let mut done = 0;
            while done < data.len() {
                let at = offset + done;
                let piece = (SECTOR - at % SECTOR).min(data.len() - done);
                if arrives(at) {
                    if file.len() < at + piece {
                        file.resize(at + piece, 0);
                    }
                    file[at..at + piece].copy_from_slice(&data[done..done + piece]);
                }
                done += piece;
            }
        }
    }
}

/// As `power.c` writes them.
fn steps(journal: &[u8]) -> Vec<Step> {
    let number = |at: usize| u64::from_ne_bytes(journal[at..at + 8].try_into().expect("eight bytes"));
    let (mut steps, mut at) = (Vec::new(), 0);
    while at < journal.len() {
        let (offset, length) = (usize::try_from(number(at + 2)), usize::try_from(number(at + 10)));
        let (offset, length) = (offset.expect("an offset"), length.expect("a length"));
        let (kind, file) = (journal[at], usize::from(journal[at + 1]));
        at += 18;
        let deed = match kind {
            0 => {
                at += length;
                Deed::Write { offset, data: journal[at - length..at].to_vec() }
            }
            1 => Deed::Truncate(length),
            _ => Deed::Sync,
        };
        steps.push(Step { file, deed, end: u64::try_from(at).expect("a length") });
    }
    steps
}

fn library(folder: &Path) -> PathBuf {
    let library = folder.join("power.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/power.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    assert!(made.expect("a C compiler, which the build needs too").success());
    library
}
