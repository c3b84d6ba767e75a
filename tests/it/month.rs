//! A month in a minute: people sign in, refresh, sign out, forget their tabs and their passwords, under a clock that is
//! wound by hand and with the clean-up of a server. What is in the tables at the end of it is what was there after ten
//! days.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use diesel::Connection;
use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::SqliteConnection;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sql_types::Text;
use serde_json::Value;
use signet::domain::client::Client;
use signet::domain::ids::ClientId;
use signet::domain::ids::RequestId;
use signet::domain::secret::Secret;
use signet::domain::user::Email;
use signet::domain::user::StandardClaims;
use signet::flow::authorize::BrowserCookies;
use signet::flow::authorize::Next;
use signet::flow::clients::AuthenticatedClient;
use signet::flow::login::Credentials;
use signet::flow::login::Login;
use signet::flow::users::NewUser;
use signet::protocol::client_auth::presented;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;

use crate::support::app::App;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::REDIRECT_URI;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

const PEOPLE: usize = 8;
const PASSWORD: &str = "correct-horse-battery";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Eight looks a day.
const STEP: u64 = 3 * 3600;
/// What only grows, and is said to: the audit trail is the operator's.
const GROWS: &str = "audit";
/// Counts of 90 days by the hour: they are full after that.
const SLOW: &str = "key_usage";

/// Short enough for the first of them to end before the tenth day.
const SETTINGS: [(&str, &str); 3] =
    [("tokens.refresh_idle", "3d"), ("tokens.refresh_absolute", "6d"), ("sessions.absolute", "5d")];

#[test]
fn a_month_leaves_nothing_behind_sqlite() {
    block_on(async {
        let app = App::start_with(Kind::Sqlite, &SETTINGS).await.expect("SQLite is always there");
        let url = app.signet.config.database.url.reveal().to_owned();
        let file = url.strip_prefix("sqlite://").expect("a file").to_owned();
        live(&app, 30, || sqlite_rows(&file)).await;
    });
}

#[test]
fn two_weeks_leave_nothing_behind_postgres() {
    block_on(async {
        let Some(app) = App::start_with(Kind::Postgres, &SETTINGS).await else { return left_out() };
        let url = app.signet.config.database.url.reveal().to_owned();
        let database = url.split(['/', '?']).nth(3).expect("a database").to_owned();
        live(&app, 14, || postgres_rows(&database)).await;
    });
}

/// Rows by table, and `bytes` of the whole database.
type Rows = BTreeMap<String, i64>;

async fn live(app: &App, days: u32, rows: impl Fn() -> Rows) {
    let mut world = World::new(app).await;
    let mut early = Rows::new();
    let tenth = if days == 30 { 10 } else { 9 };
    for day in 1..=days {
        for _ in 0..86_400 / STEP {
            world.some_hours().await;
        }
        if day == tenth {
            early = rows();
        }
    }
    let late = rows();
    println!("day {tenth}: {early:?}\nday {days}: {late:?}\n{} tokens were issued", world.issued);
    for (table, count) in &late {
        let before = early.get(table).copied().unwrap_or(0);
        // Chance moves counts a little; growth would have tripled them.
        let allowed = match table.as_str() {
            GROWS | "bytes" => continue,
            SLOW => 90 * 24 * 4,
            _ => before + before / 4 + 8,
        };
        assert!(*count <= allowed, "{table} has grown from {before} to {count} rows");
    }
    let grown = late["bytes"] - early["bytes"];
    let by_audit = (late[GROWS] - early[GROWS] + late[SLOW] - early[SLOW]) * 400;
    assert!(grown <= by_audit + early["bytes"] / 10, "grown by {grown} bytes, of which the audit trail has {by_audit}");
    assert!(world.issued > u64::from(days) * 60);
}

struct World<'a> {
    app: &'a App,
    caller: AuthenticatedClient,
    browsers: Vec<BrowserCookies>,
    tokens: Vec<String>,
    /// Whose turn it is.
    turn: usize,
    issued: u64,
}

impl<'a> World<'a> {
    async fn new(app: &'a App) -> Self {
        let model = app.client("demo-spa").await;
        let client = Client { id: ClientId::new("shop").unwrap(), first_party: true, ..model };
        app.signet.store.create_client(client).await.unwrap();
        app.signet.clients.forget();
        for person in 0..PEOPLE {
            let email = Email::parse(&address(person)).unwrap();
            let (roles, password) = (BTreeSet::new(), Some(Secret::new(PASSWORD)));
            let new = NewUser { email, password, roles, claims: StandardClaims::default() };
            assert!(app.signet.create_user(new).await.unwrap().is_some());
        }
        let shop = presented(&[], &token_params(&Form::new(&[("client_id", "shop")]))).unwrap();
        let caller = app.signet.authenticate(&shop, "192.0.2.1").await.unwrap();
        Self { app, caller, browsers: Vec::new(), tokens: Vec::new(), turn: 0, issued: 0 }
    }

    /// Three hours of life, then of cleaning up.
    async fn some_hours(&mut self) {
        for _ in 0..3 {
            self.turn += 1;
            self.sign_in(PASSWORD).await;
        }
        self.sign_in("a-wrong-password").await;
        self.forget_a_tab().await;
        for _ in 0..4 {
            self.come_back().await;
        }
        for _ in 0..10 {
            self.refresh().await;
        }
        self.sign_out().await;
        self.app.wait(STEP);
        let signet = &self.app.signet;
        signet.flush_audit().await.unwrap();
        signet.flush_key_usage().await.unwrap();
        signet.sweep().await.unwrap();
    }

    /// A new browser, its login form, and what comes after the password.
    async fn sign_in(&mut self, password: &str) {
        let mut cookies = BrowserCookies { from: "192.0.2.1".to_owned(), ..BrowserCookies::default() };
        let id = self.ask(&mut cookies).await;
        let credentials = Credentials {
            username: address(self.turn % PEOPLE),
            password: Secret::new(password),
            device: None,
            address: IpAddr::from([192, 0, 2, 1]),
        };
        match self.app.signet.login(&id, credentials, &cookies).await.unwrap() {
            Login::SignedIn(signed_in) => cookies.session = Some(signed_in.session),
            Login::Denied => return assert_ne!(password, PASSWORD),
            other => panic!("{other:?}"),
        }
        let next = self.app.signet.resume(&id, &cookies).await.unwrap();
        self.redeem(&next).await;
        self.browsers.push(cookies);
    }

    /// Who is signed in gets a code at once; whose session has run out sees the form and goes away.
    async fn come_back(&mut self) {
        self.turn += 1;
        let Some(cookies) = self.browsers.get(self.turn * 7 % self.browsers.len().max(1)) else { return };
        let next = self.app.signet.authorize(&question(), cookies).await.unwrap();
        if let Next::Respond(_) = &next {
            self.redeem(&next).await;
        }
    }

    async fn forget_a_tab(&self) {
        let mut cookies = BrowserCookies { from: "192.0.2.2".to_owned(), ..BrowserCookies::default() };
        self.ask(&mut cookies).await;
    }

    async fn ask(&self, cookies: &mut BrowserCookies) -> RequestId {
        match self.app.signet.authorize(&question(), cookies).await.unwrap() {
            Next::Ask { attempt, new_browser, .. } => {
                cookies.browser = new_browser.or(cookies.browser.take());
                attempt
            }
            other => panic!("{other:?}"),
        }
    }

    async fn redeem(&mut self, next: &Next) {
        let Next::Respond(response) = next else { panic!("{next:?}") };
        let (_, code) = response.parameters.iter().find(|(name, _)| *name == "code").expect("a code");
        let tokens = self.app.signet.redeem(&self.caller, &token_params(&Party::code_form(code))).await.unwrap();
        self.keep(&serde_json::to_value(&tokens).unwrap());
    }

    /// Some are refreshed, others are left alone until they end; now and then one is used twice, which is theft.
    async fn refresh(&mut self) {
        self.turn += 1;
        if self.tokens.len() < 40 {
            return;
        }
        let token = self.tokens.swap_remove(self.turn * 11 % self.tokens.len());
        let form = token_params(&Party::refresh_form(&token));
        if let Ok(tokens) = self.app.signet.refresh(&self.caller, &form).await {
            self.keep(&serde_json::to_value(&tokens).unwrap());
            if self.turn.is_multiple_of(50) {
                self.tokens.push(token);
            }
        }
    }

    fn keep(&mut self, tokens: &Value) {
        self.issued += 1;
        self.tokens.push(tokens["refresh_token"].as_str().expect("a refresh token").to_owned());
    }

    async fn sign_out(&mut self) {
        self.turn += 1;
        if self.browsers.len() > 20 {
            let cookies = self.browsers.swap_remove(self.turn * 3 % self.browsers.len());
            self.app.signet.sign_out(&cookies).await.unwrap();
            self.browsers.remove(0);
        }
        let excess = self.tokens.len().saturating_sub(200);
        self.tokens.drain(..excess);
    }
}

fn address(person: usize) -> String {
    format!("person{person}@example.test")
}

fn question() -> Params {
    let form = Form::new(&[
        ("client_id", "shop"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid email"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    Params::parse(&[form.encoded().as_bytes()], AUTHORIZE).unwrap()
}

fn token_params(form: &Form) -> Params {
    Params::parse(&[form.encoded().as_bytes()], TOKEN).unwrap()
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn sqlite_rows(file: &str) -> Rows {
    let mut connection = SqliteConnection::establish(file).expect("the database");
    let mut count = |sql: &str| sql_query(sql).get_result::<Count>(&mut connection).expect("a number").count;
    let bytes = count("SELECT page_count * page_size AS count FROM pragma_page_count(), pragma_page_size()");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
    let names: Vec<Name> = sql_query(tables).load(&mut connection).expect("tables");
    let mut count = |sql: &str| sql_query(sql).get_result::<Count>(&mut connection).expect("a number").count;
    let rows = names.into_iter().map(|table| {
        let sql = format!("SELECT count(*) AS count FROM {}", table.name);
        (table.name, count(&sql))
    });
    rows.chain([("bytes".to_owned(), bytes)]).collect()
}

fn postgres_rows(database: &str) -> Rows {
    let cluster = Cluster::shared().expect("PostgreSQL was there a moment ago");
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    // Space that VACUUM has not given back yet is no growth.
    cluster.psql(database, "VACUUM FULL");
    let count = |sql: &str| cluster.psql(database, sql).trim().parse::<i64>().expect("a number");
    let bytes = count("SELECT pg_database_size(current_database())");
    let names = cluster.psql(database, tables);
    let rows = names.lines().map(|table| (table.to_owned(), count(&format!("SELECT count(*) FROM {table}"))));
    rows.chain([("bytes".to_owned(), bytes)]).collect()
}
