//! The order of a run: start, write down, compare, fill, flood.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;
use std::time::Instant;

use crate::Fault;
use crate::Plan;
use crate::crowd;
use crate::crowd::Database;
use crate::drive;
use crate::drive::Measured;
use crate::drive::Step;
use crate::limits;
use crate::limits::Limits;
use crate::process;
use crate::process::Cores;
use crate::process::Process;
use crate::site;
use crate::site::Site;
use crate::steps;
use crate::steps::Ask;
use crate::steps::ClientCredentials;
use crate::steps::FullLogin;
use crate::steps::Get;
use crate::steps::Keys;
use crate::steps::PasswordPosts;
use crate::steps::Pool;
use crate::steps::Question;
use crate::steps::Refresh;
use crate::steps::Round;
use crate::wire::Wire;
use crate::writes;
use crate::writes::Writes;

/// Logins at once during the flood.
const FLOOD: usize = 16;
/// Connections that ask for tokens meanwhile.
const BESIDE_FLOOD: usize = 4;
/// Access tokens that are asked about: more than any memory of tokens has room for.
const TOKENS: usize = 20_000;

/// Everything that a run found out.
pub(crate) struct Figures {
    pub(crate) plan: Plan,
    /// Whether servers and driver had a core each.
    pub(crate) apart: bool,
    pub(crate) limits: Limits,
    pub(crate) sqlite: Server,
    pub(crate) postgres: Option<Server>,
    pub(crate) first_start: Duration,
    /// With keys and database there: median and slowest.
    pub(crate) start: (Duration, Duration),
    pub(crate) idle_floor: u64,
    pub(crate) binary: u64,
    pub(crate) floods: Vec<Flood>,
}

/// What was measured on one database.
pub(crate) struct Server {
    pub(crate) rows: Vec<Row>,
    /// The same once more, with many more people in the database.
    pub(crate) crowded: Option<Crowded>,
    /// Requests at fixed times.
    pub(crate) paced: Vec<Paced>,
    /// Of SQLite, which says so in its log.
    pub(crate) writes: Option<Writes>,
    pub(crate) idle: u64,
    /// After everything but logins, then after those too: each hash needs 19 MiB for itself.
    pub(crate) loaded: u64,
    pub(crate) after_logins: u64,
}

pub(crate) struct Crowded {
    pub(crate) people: u64,
    pub(crate) filling: Duration,
    pub(crate) bytes: u64,
    pub(crate) rows: Vec<Row>,
}

/// One operation.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) measured: Measured,
    /// CPU of the operation by CPU of its floor, measured right before it; median of the rounds.
    pub(crate) ratio: Option<f64>,
    /// Microseconds of the database server's CPU for one operation.
    pub(crate) database: Option<f64>,
}

pub(crate) struct Paced {
    pub(crate) name: &'static str,
    pub(crate) rate: f64,
    pub(crate) measured: Measured,
}

/// Token issuing with and without logins beside it.
pub(crate) struct Flood {
    pub(crate) cores: Cores,
    pub(crate) quiet: Measured,
    pub(crate) flooded: Measured,
    pub(crate) logins_per_second: f64,
}

pub(crate) async fn take(plan: Plan) -> Result<Figures, Fault> {
    let apart = process::step_aside();
    say("limits of this machine");
    let limits = limits::take()?;
    let site = Site::new(None)?;
    let first = site.start(Cores::First)?;
    let first_start = first.started_in;
    first.stop()?;
    let start = starts(&site, plan.starts)?;
    let sqlite = server(&plan, &site, None).await?;
    let postgres = match &plan.postgres {
        Some(postgres) => {
            let site = Site::new(Some(&postgres.url))?;
            Some(server(&plan, &site, Some(postgres.postmaster)).await?)
        }
        None => None,
    };

    let mut floods = Vec::new();
    for cores in [Cores::First, Cores::All] {
        floods.push(flood(&site, cores, &plan).await?);
    }
    let floor = Process::floor(&[0, 0])?;
    let idle_floor = floor.resident()?;
    let binary = fs::metadata(process::program())?.len();
    Ok(Figures { plan, apart, limits, sqlite, postgres, first_start, start, idle_floor, binary, floods })
}

async fn server(plan: &Plan, site: &Site, postmaster: Option<u32>) -> Result<Server, Fault> {
    say(if postmaster.is_some() { "on PostgreSQL" } else { "on SQLite" });
    if postmaster.is_some() {
        site.start(Cores::First)?.stop()?;
    }
    let sessions = crowd::sign_in(&site.database, crowd::PEOPLE).await?;
    crowd::add_sessions(&site.database, crowd::OTHER_SESSIONS).await?;

    let server = site.start(Cores::First)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.resident()?;
    let mut bench = Bench::new(plan, site, server, postmaster, &sessions).await?;
    bench.fixed().await?;
    bench.people().await?;
    let rows = std::mem::take(&mut bench.rows);
    let paced = bench.paced(&rows).await?;
    let loaded = bench.server.resident()?;
    bench.logins().await?;
    let after_logins = bench.server.resident()?;
    let rows = rows.into_iter().chain(std::mem::take(&mut bench.rows)).collect();

    let writes = match &site.database {
        Database::Sqlite(file) => {
            say("writes of a round");
            let mut round = Round::new(site::WEB, &bench.people, 0, &bench.keys);
            Some(writes::count(&bench.server, file.as_ref(), &mut round).await?)
        }
        Database::Postgres(_) => None,
    };
    let crowded = match plan.crowd {
        0 => None,
        people => {
            say("filling the database");
            let began = Instant::now();
            crowd::add_families(&site.database, people).await?;
            let (filling, bytes) = (began.elapsed(), crowd::size(&site.database));
            bench.people().await?;
            bench.logins().await?;
            Some(Crowded { people, filling, bytes, rows: std::mem::take(&mut bench.rows) })
        }
    };
    Ok(Server { rows, crowded, paced, writes, idle, loaded, after_logins })
}

fn starts(site: &Site, count: usize) -> Result<(Duration, Duration), Fault> {
    say("starts");
    let mut took = Vec::new();
    for _ in 0..count {
        let server = site.start(Cores::First)?;
        took.push(server.started_in);
        server.stop()?;
    }
    took.sort_unstable();
    let (median, slowest) = (took.get(took.len() / 2).copied(), took.last().copied());
    Ok((median.ok_or("no start")?, slowest.ok_or("no start")?))
}

struct Bench<'a> {
    plan: &'a Plan,
    site: &'a Site,
    server: Process,
    floor: Process,
    postmaster: Option<u32>,
    keys: Rc<Keys>,
    /// Their requests to `/authorize`, for each of two clients.
    people: Rc<Vec<Vec<u8>>>,
    people_es256: Rc<Vec<Vec<u8>>>,
    sizes: [usize; 2],
    rows: Vec<Row>,
}

impl<'a> Bench<'a> {
    async fn new(
        plan: &'a Plan,
        site: &'a Site,
        server: Process,
        postmaster: Option<u32>,
        sessions: &[String],
    ) -> Result<Self, Fault> {
        let mut wire = Wire::connect(server.address).await?;
        let jwks = wire.send(&steps::get("/.well-known/jwks.json", &[])).await?.expect(200, "JWKS")?.body.to_vec();
        let document = wire.send(&steps::get("/.well-known/openid-configuration", &[])).await?;
        let sizes = [jwks.len(), document.expect(200, "discovery")?.body.len()];
        Ok(Self {
            plan,
            site,
            server,
            floor: Process::floor(&sizes)?,
            postmaster,
            keys: Rc::new(Keys::read(site.issuer.clone(), &jwks)?),
            people: Round::requests(site::WEB, sessions),
            people_es256: Round::requests(site::WEB_ES256, sessions),
            sizes,
            rows: Vec::new(),
        })
    }

    /// What has nothing to do with people.
    async fn fixed(&mut self) -> Result<(), Fault> {
        let [jwks, document] = self.sizes.map(Some);
        let mut own = self.many(|_| Get::new("/.well-known/jwks.json", jwks));
        self.pair(["floor: bytes from memory, as many as the JWKS", "JWKS"], ("/body/0", jwks), &mut own).await?;
        let mut own = self.many(|_| Get::new("/.well-known/openid-configuration", document));
        self.pair(["floor: bytes from memory, as many as discovery", "discovery"], ("/body/1", document), &mut own)
            .await?;
        let mut own = self.many(|_| ClientCredentials::new(&self.keys));
        self.pair([SIGNATURE, "token: client_credentials, ES256"], ("/sign", None), &mut own).await
    }

    /// What asks the database about people.
    async fn people(&mut self) -> Result<(), Fault> {
        let apart = crowd::PEOPLE / self.plan.connections;
        let mut own = self.many(|index| Round::new(site::WEB_ES256, &self.people_es256, index * apart, &self.keys));
        self.pair([SIGNATURE, "code flow round, ES256 ID token"], ("/sign", None), &mut own).await?;
        let mut own = self.many(|index| Round::new(site::WEB, &self.people, index * apart, &self.keys));
        self.pair([SIGNATURE_RS256, "code flow round, RS256 ID token"], ("/sign/rs256", None), &mut own).await?;

        say("collecting tokens");
        let (families, access) = self.collect(site::WEB_ES256, TOKENS).await?;
        let mut own = self.many(|index| Refresh::new(site::WEB_ES256, part(&families, index, apart), &self.keys));
        self.pair([SIGNATURE, "refresh, ES256 ID token"], ("/sign", None), &mut own).await?;
        let (families, _) = self.collect(site::WEB, crowd::PEOPLE).await?;
        let mut own = self.many(|index| Refresh::new(site::WEB, part(&families, index, apart), &self.keys));
        self.pair([SIGNATURE_RS256, "refresh, RS256 ID token"], ("/sign/rs256", None), &mut own).await?;

        let few: Pool = Rc::new(RefCell::new(access.iter().take(1000).cloned().collect()));
        let all: Pool = Rc::new(RefCell::new(access.into()));
        for (name, question, pool) in [
            ("userinfo, a token not seen lately", Question::UserInfo, &all),
            ("userinfo, a token seen lately", Question::UserInfo, &few),
            ("introspection, a token not seen lately", Question::Introspection, &all),
            ("introspection, a token seen lately", Question::Introspection, &few),
            ("forward-auth, a token not seen lately", Question::ForwardAuth, &all),
            ("forward-auth, a token seen lately", Question::ForwardAuth, &few),
        ] {
            let mut own = self.many(|_| Ask { question, pool: Rc::clone(pool) });
            self.pair([SIGNATURE, name], ("/sign", None), &mut own).await?;
        }
        Ok(())
    }

    /// Refresh and access tokens of as many rounds, of one person after the other.
    async fn collect(&self, client: &'static str, count: usize) -> Result<(Vec<String>, Vec<String>), Fault> {
        self.site.empty_log()?;
        let people = if client == site::WEB { &self.people } else { &self.people_es256 };
        let each = count.div_ceil(self.plan.connections);
        let apart = crowd::PEOPLE / self.plan.connections;
        let connections = (0..self.plan.connections).map(async |index| {
            let mut wire = Wire::connect(self.server.address).await?;
            let mut round = Round::new(client, people, index * apart, &self.keys);
            let mut tokens = Vec::new();
            for _ in 0..each {
                round.step(&mut wire).await?;
                let last = round.last.take().ok_or("no tokens")?;
                tokens.push((last.refresh_token.ok_or("no refresh token")?, last.access_token));
            }
            Ok::<_, Fault>(tokens)
        });
        Ok(futures_util::future::try_join_all(connections).await?.into_iter().flatten().unzip())
    }

    /// Requests at half of the rate that was the most, at fixed times.
    async fn paced(&self, rows: &[Row]) -> Result<Vec<Paced>, Fault> {
        let apart = crowd::PEOPLE / self.plan.connections;
        let half = |name: &str| {
            let row = rows.iter().find(|row| row.name == name).ok_or("not measured")?;
            Ok::<_, Fault>(row.measured.per_second() / 2.0)
        };
        let mut paced = Vec::new();

        let name = "token: client_credentials, ES256";
        let rate = half(name)?;
        let mut own = self.many(|_| ClientCredentials::new(&self.keys));
        paced.push(Paced { name, rate, measured: self.on_time(&mut own, rate).await? });

        let name = "refresh, ES256 ID token";
        let rate = half(name)?;
        let (families, _) = self.collect(site::WEB_ES256, crowd::PEOPLE).await?;
        let mut own = self.many(|index| Refresh::new(site::WEB_ES256, part(&families, index, apart), &self.keys));
        paced.push(Paced { name, rate, measured: self.on_time(&mut own, rate).await? });

        let name = "code flow round, ES256 ID token";
        let rate = half(name)?;
        let mut own = self.many(|index| Round::new(site::WEB_ES256, &self.people_es256, index * apart, &self.keys));
        paced.push(Paced { name, rate, measured: self.on_time(&mut own, rate).await? });
        Ok(paced)
    }

    async fn on_time<S: Step>(&self, steps: &mut [S], rate: f64) -> Result<Measured, Fault> {
        say("at fixed times");
        self.site.empty_log()?;
        drive::paced(&self.server, steps, rate, self.plan.window * 2).await
    }

    /// One login at a time: with more, the figure would be the length of the queue.
    async fn logins(&mut self) -> Result<(), Fault> {
        // More than fit into the window at 10 ms each; what is left over is thrown away.
        let wanted = self.plan.window.as_millis() * self.plan.rounds as u128 / 9;
        let mut wire = Wire::connect(self.server.address).await?;
        let mut requests = Vec::new();
        for person in 0..usize::try_from(wanted)? {
            requests.push(site::login_form(&mut wire, person).await?);
        }
        let mut own = [PasswordPosts { requests }];
        self.pair(["floor: one Argon2id hash", "password login, Argon2id at its defaults"], ("/hash", None), &mut own)
            .await
    }

    /// Floor and operation by turns, so that a machine that slows down slows both.
    async fn pair<S: Step>(
        &mut self,
        [floor_name, name]: [&'static str; 2],
        (path, length): (&str, Option<usize>),
        own: &mut [S],
    ) -> Result<(), Fault> {
        say(name);
        let (mut floors, mut all, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            let mut below: Vec<_> = own.iter().map(|_| Get::new(path, length)).collect();
            let below = drive::measure(&self.floor, &mut below, self.plan.window).await?;
            self.site.empty_log()?;
            let database = self.postmaster.map(process::cpu_of_postgres).transpose()?;
            let above = drive::measure(&self.server, own, self.plan.window).await?;
            let database = match (database, self.postmaster) {
                // The warm-up before it is a tenth of the time.
                (Some(before), Some(postmaster)) => {
                    let spent = process::cpu_of_postgres(postmaster)?.saturating_sub(before);
                    Some(spent.as_secs_f64() * 1e6 / (above.count as f64 * 1.1))
                }
                _ => None,
            };
            ratios.push(above.cpu_each() / below.cpu_each());
            floors.push((below, None));
            all.push((above, database));
        }
        ratios.sort_unstable_by(f64::total_cmp);
        if !self.rows.iter().any(|row| row.name == floor_name) {
            let (measured, database) = median(floors)?;
            self.rows.push(Row { name: floor_name, measured, ratio: None, database });
        }
        let (measured, database) = median(all)?;
        self.rows.push(Row { name, measured, ratio: ratios.get(ratios.len() / 2).copied(), database });
        Ok(())
    }

    fn many<S>(&self, step: impl Fn(usize) -> S) -> Vec<S> {
        (0..self.plan.connections).map(step).collect()
    }
}

const SIGNATURE: &str = "floor: one ES256 signature";
const SIGNATURE_RS256: &str = "floor: one RS256 signature";

/// The share of one connection.
fn part(families: &[String], index: usize, each: usize) -> Vec<String> {
    families.iter().skip(index * each).take(each).cloned().collect()
}

async fn flood(site: &Site, cores: Cores, plan: &Plan) -> Result<Flood, Fault> {
    say("a flood of logins");
    let server = site.start(cores)?;
    site.empty_log()?;
    let mut wire = Wire::connect(server.address).await?;
    let jwks = wire.send(&steps::get("/.well-known/jwks.json", &[])).await?.expect(200, "JWKS")?.body.to_vec();
    let keys = Rc::new(Keys::read(site.issuer.clone(), &jwks)?);
    let mut tokens: Vec<_> = (0..BESIDE_FLOOD).map(|_| ClientCredentials::new(&keys)).collect();
    let quiet = drive::measure(&server, &mut tokens, plan.window).await?;
    let mut logins: Vec<_> = (0..FLOOD).map(|index| FullLogin { person: index * (crowd::PEOPLE / FLOOD) }).collect();
    let measured = drive::measure(&server, &mut tokens, plan.window);
    let (flooded, count) = drive::beside(server.address, &mut logins, measured).await?;
    // The flood also runs while the tokens warm up, a tenth of the time.
    let logins_per_second = count as f64 / (flooded.wall.as_secs_f64() * 1.1);
    Ok(Flood { cores, quiet, flooded, logins_per_second })
}

/// The round whose CPU for one operation is in the middle.
fn median(mut rounds: Vec<(Measured, Option<f64>)>) -> Result<(Measured, Option<f64>), Fault> {
    rounds.sort_unstable_by(|one, other| one.0.cpu_each().total_cmp(&other.0.cpu_each()));
    rounds.get(rounds.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

fn say(what: &str) {
    eprintln!("load: {what}");
}
