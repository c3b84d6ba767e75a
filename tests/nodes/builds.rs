//! An older and a newer build on one database: a rolling upgrade, and the way back.
//!
//! `SIGNET_TEST_OLD_PROGRAM` names the older build; `./test --long` makes one. Without it this build stands on both sides,
//! which shows the crossing but no difference.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::domain::key::Algorithm;

use crate::fleet::Fleet;
use crate::moved_home::Held;
use crate::moved_home::silently;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::client_key::ClientKey;
use crate::support::client_key::assertion_claims;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::installation::Installation;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;
use crate::support::rounds;

const SCOPE: &str = "openid email offline_access";

/// What a release to come may add: columns that may be empty or have a default, tables, indexes.
const TO_COME: &str = "ALTER TABLE users ADD COLUMN to_come TEXT; \
    ALTER TABLE clients ADD COLUMN to_come BIGINT NOT NULL DEFAULT 7; \
    ALTER TABLE sessions ADD COLUMN to_come TEXT; ALTER TABLE attempts ADD COLUMN to_come TEXT; \
    ALTER TABLE codes ADD COLUMN to_come TEXT; ALTER TABLE families ADD COLUMN to_come BIGINT NOT NULL DEFAULT 7; \
    ALTER TABLE consents ADD COLUMN to_come TEXT; ALTER TABLE signing_keys ADD COLUMN to_come TEXT; \
    ALTER TABLE denials ADD COLUMN to_come TEXT; ALTER TABLE audit ADD COLUMN to_come TEXT; \
    ALTER TABLE versions ADD COLUMN to_come TEXT; ALTER TABLE instance ADD COLUMN to_come TEXT; \
    CREATE TABLE things_to_come (id TEXT NOT NULL PRIMARY KEY); CREATE INDEX to_come ON users (to_come); \
    INSERT INTO versions (name, value) VALUES ('things_to_come', 1); \
    INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')";

#[test]
fn this_build_works_on_tables_of_the_next_one_sqlite() {
    after_the_next_migration(Kind::Sqlite);
}

#[test]
fn this_build_works_on_tables_of_the_next_one_postgres() {
    after_the_next_migration(Kind::Postgres);
}

fn after_the_next_migration(kind: Kind) {
    block_on(async {
        let Some(installation) = Installation::on(kind, "") else { return left_out() };
        let server = installation.serve().await;
        let party = crate::moved_home::furnish(&installation, &server);
        let mut browser = Browser::new();
        let pending = party.code(&mut browser, SCOPE).await;
        // Another node migrates while this one works.
        // A STRICT table of SQLite knows no BIGINT.
        let big = if kind == Kind::Sqlite { "INTEGER" } else { "BIGINT" };
        installation.sql(&TO_COME.replace("BIGINT", big));
        let tokens = party.redeem(&pending).await.tokens();
        let tokens = party.refresh(tokens.refresh()).await.tokens();
        party.userinfo(tokens.access()).await.json();
        // And this one is restarted before its turn to be upgraded.
        assert_eq!(server.stop().await, Some(0));
        let server = installation.serve().await;
        let code = silently(&party, &mut browser).await;
        party.redeem(&code).await.tokens();
        let tokens = party.refresh(tokens.refresh()).await.tokens();
        assert_eq!(party.introspect(tokens.refresh()).await.json()["active"], true);
        party.revoke(tokens.refresh()).await;
        party.refresh(tokens.refresh()).await.refused("invalid_grant");
        // Somebody new, and every command.
        party.sign_in(SCOPE).await;
        for verb in
            [&["users", "list"][..], &["clients", "list"], &["keys", "list"], &["sessions", "list"], &["audit", "tail"]]
        {
            installation.run(verb).ends_with(0);
        }
        installation.run(&["clients", "create", "Robot", "--service"]).ends_with(0);
        installation.run(&["db", "migrate"]).ends_with(3);
        let said = installation.run(&["db", "status", "-o", "json"]);
        let last = said.json().as_array().and_then(|states| states.last().cloned()).expect("a migration");
        assert_eq!(last["state"], "unknown");
        assert!(said.err.contains("1 migration of a newer version"), "{said:?}");
        assert_eq!(server.stop().await, Some(0));
    });
}

#[test]
fn an_older_build_and_this_one_in_every_order() {
    block_on(async {
        let Some(cluster) = Cluster::shared() else { return left_out() };
        let older = std::env::var_os("SIGNET_TEST_OLD_PROGRAM").map(PathBuf::from);
        for (from, to) in [(older.as_deref(), None), (None, older.as_deref())] {
            let mut fleet = Fleet::of_build(cluster, from).await;
            let (shop, signer) = (fleet.app("shop"), Signer::at(&fleet));
            for number in [0, 1] {
                let mut held = Held::by(shop.clone()).await;
                let spent = signer.spend(&fleet).await;
                // Somebody is looking at the page where they sign in.
                let mut browser = Browser::new();
                let page = browser.open(&shop.authorization_url(SCOPE)).await;
                let page = browser.follow(page, REDIRECT_URI).await.expect("a page");
                fleet.nodes[number].exchange(to).await;
                let arrived = browser.arrive(page, REDIRECT_URI, ADA).await;
                assert!(arrived.query_pairs().any(|(name, _)| name == "code"), "{arrived}");
                signer.has_spent(&fleet, &spent).await;
                held.party = fleet.party_at(number, &shop);
                held.still_works().await;
                across(&fleet, &shop, rounds(2, 20)).await;
            }
        }
    });
}

/// A service that signs an assertion each time.
struct Signer {
    key: ClientKey,
    party: Party,
    issuer: String,
}

impl Signer {
    fn at(fleet: &Fleet) -> Self {
        let key = ClientKey::new(Algorithm::Es256, "of-the-signer");
        Self { party: fleet.signer(&key), key, issuer: fleet.base.as_str().trim_end_matches('/').to_owned() }
    }

    /// CJ-04: one assertion is used at either node, and then worth nothing at the other.
    async fn spend(&self, fleet: &Fleet) -> [Form; 2] {
        let spent = [self.request(), self.request()];
        for (at, form) in spent.iter().enumerate() {
            self.ask(fleet, at, form).await.tokens();
            self.ask(fleet, 1 - at, form).await.unknown_client(false);
        }
        spent
    }

    /// Nor is it worth anything to the build that has taken a node's place.
    async fn has_spent(&self, fleet: &Fleet, spent: &[Form]) {
        for form in spent {
            for at in [0, 1] {
                self.ask(fleet, at, form).await.unknown_client(false);
            }
        }
    }

    async fn ask(&self, fleet: &Fleet, at: usize, form: &Form) -> Answer {
        Answer::to(fleet.party_at(at, &self.party).raw(form.encoded())).await
    }

    fn request(&self) -> Form {
        let now = SystemClock::new().unix_micros() / 1_000_000;
        let mut claims = assertion_claims(&self.party.id, &self.issuer, now);
        // It is to be refused because it was used, not because it is old.
        claims["exp"] = Value::from(now + 500);
        let assertion = self.key.sign(&self.key.header().to_string(), &claims.to_string());
        Form::new(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ])
    }
}

/// People sign in at the first node, whose address is the issuer; everything else goes to and fro.
pub(crate) async fn across(fleet: &Fleet, shop: &Party, rounds: usize) {
    let [here, there] = [0, 1].map(|number| fleet.party_at(number, shop));
    same_keys(&here, &there).await;
    for round in 0..rounds {
        let mut browser = Browser::new();
        let code = here.code(&mut browser, SCOPE).await;
        let used = there.redeem(&code).await.tokens();
        for (one, other) in [(&here, &there), (&there, &here)] {
            // A code of either is redeemed at the other, and once.
            let code = silently(one, &mut browser).await;
            let first = other.redeem(&code).await.tokens();
            let second = one.refresh(first.refresh()).await.tokens();
            // Whose answer was lost asks again, elsewhere: within a minute that is no theft, and no second grant.
            let again = other.refresh(first.refresh()).await.tokens();
            assert_eq!(again.refresh(), second.refresh(), "round {round}");
            let third = other.refresh(second.refresh()).await.tokens();
            let userinfo = one.userinfo(third.access()).await.json();
            assert_eq!(userinfo, other.userinfo(third.access()).await.json(), "round {round}");
            assert_eq!(one.introspect(third.refresh()).await.json()["active"], true);
            // A token that was used before the last one ends the family at both.
            one.refresh(first.refresh()).await.refused("invalid_grant");
            other.refresh(third.refresh()).await.refused("invalid_grant");
            let code = silently(one, &mut browser).await;
            other.redeem(&code).await.tokens();
            one.redeem(&code).await.refused("invalid_grant");
        }
        there.revoke(used.refresh()).await;
        here.refresh(used.refresh()).await.refused("invalid_grant");
    }
    same_keys(&here, &there).await;
}

/// Each notices within a second what the other one has made.
async fn same_keys(one: &Party, other: &Party) {
    let mut sets = Vec::new();
    for _ in 0..600 {
        sets = vec![keys(one).await, keys(other).await];
        if sets[0] == sets[1] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{sets:#?}");
}

async fn keys(party: &Party) -> Value {
    party.get("/.well-known/jwks.json").await.json()
}
