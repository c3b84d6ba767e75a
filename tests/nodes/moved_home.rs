//! `signet db move`, `backup` and `restore`, with people who are signed in meanwhile.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::party::Tokens;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::server::Server;

const SCOPE: &str = "openid email offline_access";

/// What people and applications hold in their hands while a database moves or a build is exchanged.
pub(crate) struct Held {
    browser: Browser,
    pub(crate) party: Party,
    tokens: Tokens,
    pending: String,
    used: String,
    keys: Value,
}

/// ada, and an application that has to ask her.
pub(crate) fn furnish(installation: &Installation, server: &Server) -> Party {
    installation.run_with(&["users", "create", ADA.0, "--password-stdin"], ADA.1).ends_with(0);
    let create = ["clients", "create", "Shop", "--native", "--redirect", REDIRECT_URI, "-o", "env"];
    let made = installation.run(&create).ends_with(0);
    let secret = made.out.lines().find_map(|line| line.strip_prefix("CLIENT_SECRET=")).map(str::to_owned);
    Party::of(&server.base, "shop", secret.as_deref())
}

impl Held {
    pub(crate) async fn by(party: Party) -> Self {
        let mut browser = Browser::new();
        let used = party.code(&mut browser, SCOPE).await;
        let tokens = party.redeem(&used).await.tokens();
        let tokens = party.refresh(tokens.refresh()).await.tokens();
        let pending = silently(&party, &mut browser).await;
        let keys = party.get("/.well-known/jwks.json").await.json();
        Self { browser, party, tokens, pending, used, keys }
    }

    /// All of it is worth what it was worth.
    pub(crate) async fn still_works(mut self) {
        let keys = self.party.get("/.well-known/jwks.json").await.json();
        // One that is being made for later may have joined them.
        let all = |set: &Value| set["keys"].as_array().expect("keys").clone();
        assert!(all(&self.keys).iter().all(|key| all(&keys).contains(key)), "{} then {keys}", self.keys);
        let userinfo = self.party.userinfo(self.tokens.access()).await.json();
        assert_eq!(userinfo["email"], ADA.0);
        // A session that is known and a consent that was given, or this would stop at a page.
        silently(&self.party, &mut self.browser).await;
        let of_pending = self.party.redeem(&self.pending).await.tokens();
        assert_eq!(self.party.userinfo(of_pending.access()).await.json()["sub"], userinfo["sub"]);
        let refreshed = self.party.refresh(self.tokens.refresh()).await.tokens();
        self.party.refresh(refreshed.refresh()).await.tokens();
        // What was used up is used up, and its reuse ends what came of it.
        self.party.redeem(&self.used).await.refused("invalid_grant");
        self.party.refresh(refreshed.refresh()).await.refused("invalid_grant");
    }
}

/// A code without a page in between.
pub(crate) async fn silently(party: &Party, browser: &mut Browser) -> String {
    let mut url = party.authorization_url("openid email");
    url.query_pairs_mut().append_pair("prompt", "none");
    let page = browser.open(&url).await;
    let arrived = browser.follow(page, REDIRECT_URI).await.expect_err("the way back to the application");
    let code = arrived.query_pairs().find(|(name, _)| name == "code");
    code.unwrap_or_else(|| panic!("no code: {arrived}")).1.into_owned()
}

/// Puts another address into the configuration.
fn point_to(installation: &mut Installation, database: &str) {
    let file = installation.folder.path().join("signet.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&installation.database, database)).unwrap();
    database.clone_into(&mut installation.database);
}

#[test]
fn nobody_is_logged_out_by_a_move_to_postgres_and_back() {
    block_on(async {
        let Some(cluster) = Cluster::shared() else { return left_out() };
        let mut installation = Installation::on(Kind::Sqlite, "").unwrap();
        let server = installation.serve().await;
        let held = Held::by(furnish(&installation, &server)).await;
        let target = cluster.empty_database("home");
        // While a server works with it, a database is not moved.
        let refused = installation.run(&["db", "move", "--to", &target]).ends_with(5);
        assert!(refused.err.contains("stop every server"), "{refused:?}");
        assert_eq!(server.stop().await, Some(0));
        let moved = installation.run(&["db", "move", "--to", &target, "-o", "json"]);
        assert!(moved.err.contains("rows from sqlite://") && moved.err.contains("master.key"), "{moved:?}");
        let rows = moved.json();
        let of =
            |table: &str| rows.as_array().unwrap().iter().find(|row| row["table"] == table).unwrap()["rows"].clone();
        let counts = ["users", "clients", "sessions", "consents", "families", "codes"].map(of);
        assert_eq!(counts, [1, 1, 1, 1, 1, 2].map(Value::from), "{rows}");
        // A second time there is something there.
        let again = installation.run(&["db", "move", "--to", &target]).ends_with(5);
        assert!(again.err.contains("is not empty"), "{again:?}");

        point_to(&mut installation, &target);
        let server = installation.serve().await;
        held.still_works().await;

        // And back, with somebody else's things in hand.
        let held = Held::by(Party::of(&server.base, "shop", None).with_secret(rotated(&installation).as_deref())).await;
        let home = format!("sqlite://{}", installation.folder.path().join("data/home.db").display());
        installation.run_with(&["db", "move", "--to", "-"], &home).ends_with(5);
        assert_eq!(server.stop().await, Some(0));
        installation.run_with(&["db", "move", "--to", "-"], &home).ends_with(0);
        let file = installation.folder.path().join("data/home.db");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        point_to(&mut installation, &home);
        let _server = installation.serve().await;
        held.still_works().await;
    });
}

fn rotated(installation: &Installation) -> Option<String> {
    let made = installation.run(&["clients", "rotate-secret", "shop", "-o", "env"]).ends_with(0);
    made.out.lines().find_map(|line| line.strip_prefix("CLIENT_SECRET=")).map(str::to_owned)
}

#[test]
fn a_backup_is_made_beside_a_server_and_restored_into_an_empty_database() {
    block_on(async {
        let mut installation = Installation::on(Kind::Sqlite, "").unwrap();
        let server = installation.serve().await;
        let held = Held::by(furnish(&installation, &server)).await;
        let file = installation.folder.path().join("backup.db");
        let said = installation.run(&["db", "backup", "backup.db"]).ends_with(0);
        assert!(said.err.contains("master.key"), "{said:?}");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = installation.run(&["db", "backup", "backup.db"]).ends_with(5);
        assert!(again.err.contains("is there already"), "{again:?}");
        // Not over what is there.
        assert_eq!(server.stop().await, Some(0));
        let refused = installation.run(&["db", "restore", "backup.db"]).ends_with(5);
        assert!(refused.err.contains("is not empty"), "{refused:?}");
        installation.run(&["db", "restore", "another.db"]).ends_with(4);

        let new = format!("sqlite://{}", installation.folder.path().join("new/signet.db").display());
        point_to(&mut installation, &new);
        let said = installation.run(&["db", "restore", "backup.db"]).ends_with(0);
        assert!(said.err.contains("new/signet.db"), "{said:?}");
        let _server = installation.serve().await;
        held.still_works().await;
    });
}
