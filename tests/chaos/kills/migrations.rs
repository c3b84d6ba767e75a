//! Migrations die on their way, one or two at once on one database.

use std::process::Stdio;

use diesel::Connection;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::sql_query;
use diesel::sql_types::Text;

use crate::support::database::Kind;
use crate::support::postgres::Cluster;
use crate::support::server::command;

use super::Blow;
use super::Scene;

impl Scene {
    pub(super) fn killed_while_migrating(&mut self) {
        self.databases += 1;
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!("m{}", self.databases);
        let url = match self.kind {
            Kind::Sqlite => format!("sqlite://{}", folder.path().join("signet.db").display()),
            Kind::Postgres => Cluster::shared().expect("it was there before").empty_database(&name),
        };
        let migrate = || {
            let mut command = command(folder.path());
            command.args(["db", "migrate"]).env("SIGNET_DATABASE__URL", &url);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        for _ in 0..=self.dice.below(3) {
            let mut running: Vec<_> =
                (0..=self.dice.below(2)).map(|_| migrate().spawn().expect("the signet program starts")).collect();
            for child in &mut running {
                std::thread::sleep(self.before_the_end(Blow::Migrate));
                let ended = child.try_wait().expect("the state of the command");
                drop(child.kill());
                let status = ended.unwrap_or(child.wait().expect("its end"));
                self.learn(Blow::Migrate, ended.is_some());
                match status.code() {
                    None => self.note(Blow::Migrate).kills += 1,
                    Some(code) => {
                        assert!([0, 3].contains(&code), "{code}: {}", self.story(std::time::Duration::ZERO));
                        self.note(Blow::Migrate).acknowledged += 1;
                    }
                }
            }
        }
        // Two nodes go on where they were interrupted, at once.
        let mut both = [migrate().spawn().expect("it starts"), migrate().spawn().expect("it starts")];
        for child in &mut both {
            let code = child.wait().expect("its end").code();
            assert!(matches!(code, Some(0 | 3)), "{code:?}: {}", self.story(std::time::Duration::ZERO));
        }
        assert_eq!(schema(self.kind, &url), schema(self.kind, &self.installation.database), "{url}");
        if self.kind == Kind::Postgres {
            Cluster::shared().expect("it was there").psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// All tables, columns, indices, constraints and triggers, and which migrations were applied.
fn schema(kind: Kind, url: &str) -> String {
    if kind == Kind::Postgres {
        let name = url.split(['/', '?']).nth(3).expect("the name of a database");
        return Cluster::shared().expect("it was there").psql(name, SCHEMA_OF_POSTGRES);
    }
    let file = url.strip_prefix("sqlite://").expect("a file");
    let mut database = SqliteConnection::establish(file).expect("the database");
    let lines = sql_query(
        "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_master \
         WHERE name NOT LIKE 'sqlite_%' \
         UNION ALL SELECT version FROM __diesel_schema_migrations ORDER BY 1",
    );
    let lines: Vec<Line> = lines.load(&mut database).expect("the schema");
    lines.into_iter().map(|row| row.line + "\n").collect()
}

const SCHEMA_OF_POSTGRES: &str = "\
    SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') \
      FROM information_schema.columns WHERE table_schema = 'public' \
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
    UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
      WHERE connamespace = 'public'::regnamespace \
    UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal \
    UNION ALL SELECT version FROM __diesel_schema_migrations ORDER BY 1";
