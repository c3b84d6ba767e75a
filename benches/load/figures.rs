//! The order of a run: start, write down, compare, flood.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use crate::Fault;
use crate::Plan;
use crate::drive;
use crate::drive::Measured;
use crate::drive::Step;
use crate::process;
use crate::process::Cores;
use crate::process::Process;
use crate::site;
use crate::site::Site;
use crate::steps;
use crate::steps::ClientCredentials;
use crate::steps::ForwardAuth;
use crate::steps::FullLogin;
use crate::steps::Get;
use crate::steps::Introspection;
use crate::steps::Keys;
use crate::steps::PasswordPosts;
use crate::steps::Refresh;
use crate::steps::Round;
use crate::steps::UserInfo;
use crate::wire::Wire;
use crate::writes;
use crate::writes::Writes;

/// Logins at once during the flood.
const FLOOD: usize = 16;
/// Connections that ask for tokens meanwhile.
const BESIDE_FLOOD: usize = 4;

/// Everything that a run found out.
pub(crate) struct Figures {
    pub(crate) plan: Plan,
    /// Whether servers and driver had a core each.
    pub(crate) apart: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) writes: Writes,
    pub(crate) first_start: Duration,
    /// With keys and database there: median and slowest.
    pub(crate) start: (Duration, Duration),
    pub(crate) idle: u64,
    pub(crate) idle_floor: u64,
    /// After everything but logins, then after those too: each hash needs 19 MiB for itself.
    pub(crate) loaded: u64,
    pub(crate) after_logins: u64,
    pub(crate) binary: u64,
    pub(crate) floods: Vec<Flood>,
}

/// One operation.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) measured: Measured,
    /// CPU of the operation by CPU of its floor, measured right before it; median of the rounds.
    pub(crate) ratio: Option<f64>,
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
    let site = Site::new()?;
    let first = site.start(Cores::First)?;
    let first_start = first.started_in;
    first.stop()?;
    site.add_user().await?;
    let start = starts(&site, plan.starts)?;

    say("memory");
    let server = site.start(Cores::First)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.resident()?;

    let mut wire = Wire::connect(server.address).await?;
    let jwks = wire.send(&steps::get("/.well-known/jwks.json", &[])).await?.expect(200, "JWKS")?.body.to_vec();
    let document = wire.send(&steps::get("/.well-known/openid-configuration", &[])).await?;
    let sizes = [jwks.len(), document.expect(200, "discovery")?.body.len()];
    let keys = Rc::new(Keys::read(site.issuer.clone(), &jwks)?);
    let floor = Process::floor(&sizes)?;
    let idle_floor = floor.resident()?;

    let mut bench = Bench { plan, site: &site, server: &server, floor: &floor, rows: Vec::new() };
    let [jwks_size, document_size] = sizes.map(Some);
    bench
        .pair(
            ["floor: bytes from memory, as many as the JWKS", "JWKS"],
            || Get::new("/body/0", jwks_size),
            || Get::new("/.well-known/jwks.json", jwks_size),
        )
        .await?;
    bench
        .pair(
            ["floor: bytes from memory, as many as discovery", "discovery"],
            || Get::new("/body/1", document_size),
            || Get::new("/.well-known/openid-configuration", document_size),
        )
        .await?;
    bench
        .pair(
            ["floor: one ES256 signature", "token: client_credentials, ES256"],
            || Get::new("/sign", None),
            || ClientCredentials::new(&keys),
        )
        .await?;

    let login = site::login_and_consent(&mut wire, site::WEB).await?;
    let login_es256 = site::login_and_consent(&mut wire, site::WEB_ES256).await?;
    bench.alone("code flow round, RS256 ID token", || Round::new(site::WEB, &login, &keys)).await?;
    bench.alone("code flow round, ES256 ID token", || Round::new(site::WEB_ES256, &login_es256, &keys)).await?;

    let mut round = Round::new(site::WEB, &login, &keys);
    round.step(&mut wire).await?;
    let access = round.last.take().ok_or("no tokens")?.access_token;
    bench.uses_of(&access).await?;
    let mut round_es256 = Round::new(site::WEB_ES256, &login_es256, &keys);
    let families = RefCell::new(families_of(&mut wire, &mut round, plan).await?);
    let families_es256 = RefCell::new(families_of(&mut wire, &mut round_es256, plan).await?);
    bench
        .pair(
            ["floor: one RS256 signature", "refresh, RS256 ID token"],
            || Get::new("/sign/rs256", None),
            || Refresh::new(site::WEB, families.borrow_mut().pop().unwrap_or_default(), &keys),
        )
        .await?;
    bench
        .pair(
            ["floor: one ES256 signature, again", "refresh, ES256 ID token"],
            || Get::new("/sign", None),
            || Refresh::new(site::WEB_ES256, families_es256.borrow_mut().pop().unwrap_or_default(), &keys),
        )
        .await?;
    let loaded = server.resident()?;
    bench.logins(&mut wire).await?;
    let after_logins = server.resident()?;
    let rows = bench.rows;

    say("writes of a round");
    let writes = writes::count(&server, &site.database(), &mut round).await?;
    drop((server, floor));

    let mut floods = Vec::new();
    for cores in [Cores::First, Cores::All] {
        floods.push(flood(&site, cores, &keys, plan).await?);
    }
    let binary = fs::metadata(env!("CARGO_BIN_EXE_signet"))?.len();
    Ok(Figures {
        plan,
        apart,
        rows,
        writes,
        first_start,
        start,
        idle,
        idle_floor,
        loaded,
        after_logins,
        binary,
        floods,
    })
}

/// A refresh family for each connection of each round.
async fn families_of(wire: &mut Wire, round: &mut Round, plan: Plan) -> Result<Vec<String>, Fault> {
    let mut families = Vec::new();
    for _ in 0..plan.connections * plan.rounds {
        round.step(wire).await?;
        families.push(round.last.take().and_then(|tokens| tokens.refresh_token).ok_or("no refresh token")?);
    }
    Ok(families)
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
    plan: Plan,
    site: &'a Site,
    server: &'a Process,
    floor: &'a Process,
    rows: Vec<Row>,
}

impl Bench<'_> {
    /// Floor and operation by turns, so that a machine that slows down slows both.
    async fn pair<F: Step, S: Step>(
        &mut self,
        [floor_name, name]: [&'static str; 2],
        floor: impl Fn() -> F,
        step: impl Fn() -> S,
    ) -> Result<(), Fault> {
        say(name);
        let (mut floors, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            let below = drive::measure(self.floor, &mut self.many(&floor), self.plan.window).await?;
            let above = self.once(&mut self.many(&step)).await?;
            ratios.push(above.cpu_each() / below.cpu_each());
            floors.push(below);
            own.push(above);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        self.rows.push(Row { name: floor_name, measured: median(floors)?, ratio: None });
        self.rows.push(Row { name, measured: median(own)?, ratio: ratios.get(ratios.len() / 2).copied() });
        Ok(())
    }

    async fn alone<S: Step>(&mut self, name: &'static str, step: impl Fn() -> S) -> Result<(), Fault> {
        let mut steps = self.many(&step);
        self.again(name, &mut steps).await
    }

    async fn again<S: Step>(&mut self, name: &'static str, steps: &mut [S]) -> Result<(), Fault> {
        say(name);
        let mut own = Vec::new();
        for _ in 0..self.plan.rounds {
            own.push(self.once(steps).await?);
        }
        self.rows.push(Row { name, measured: median(own)?, ratio: None });
        Ok(())
    }

    /// What an access token is good for.
    async fn uses_of(&mut self, access: &str) -> Result<(), Fault> {
        self.pair(
            ["floor: one ES256 verification", "userinfo"],
            || Get::new("/verify", None),
            || UserInfo::new(access),
        )
        .await?;
        self.pair(
            ["floor: one ES256 verification, again", "forward-auth with an access token"],
            || Get::new("/verify", None),
            || ForwardAuth::new(access),
        )
        .await?;
        self.alone("introspection of an access token", || Introspection::new(access)).await
    }

    /// One login at a time: with more, the figure would be the length of the queue.
    async fn logins(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        const NAME: &str = "password login, Argon2id at its defaults";
        say(NAME);
        // More than fit into the window at 5 ms each; what is left over is thrown away.
        let wanted = self.plan.window.as_millis() / 5;
        let mut own = Vec::new();
        for _ in 0..self.plan.rounds {
            let mut requests = Vec::new();
            for _ in 0..wanted {
                requests.push(site::login_form(wire).await?.0);
            }
            own.push(self.once(&mut [PasswordPosts { requests }]).await?);
        }
        self.rows.push(Row { name: NAME, measured: median(own)?, ratio: None });
        Ok(())
    }

    async fn once<S: Step>(&self, steps: &mut [S]) -> Result<Measured, Fault> {
        self.site.empty_log()?;
        drive::measure(self.server, steps, self.plan.window).await
    }

    fn many<S>(&self, step: &impl Fn() -> S) -> Vec<S> {
        (0..self.plan.connections).map(|_| step()).collect()
    }
}

async fn flood(site: &Site, cores: Cores, keys: &Rc<Keys>, plan: Plan) -> Result<Flood, Fault> {
    say("a flood of logins");
    let server = site.start(cores)?;
    site.empty_log()?;
    let mut tokens: Vec<_> = (0..BESIDE_FLOOD).map(|_| ClientCredentials::new(keys)).collect();
    let quiet = drive::measure(&server, &mut tokens, plan.window).await?;
    let mut logins: Vec<_> = (0..FLOOD).map(|_| FullLogin).collect();
    let measured = drive::measure(&server, &mut tokens, plan.window);
    let (flooded, count) = drive::beside(server.address, &mut logins, measured).await?;
    // The flood also runs while the tokens warm up, a tenth of the time.
    let logins_per_second = count as f64 / (flooded.wall.as_secs_f64() * 1.1);
    Ok(Flood { cores, quiet, flooded, logins_per_second })
}

/// The round whose CPU for one operation is in the middle.
fn median(mut rounds: Vec<Measured>) -> Result<Measured, Fault> {
    rounds.sort_unstable_by(|one, other| one.cpu_each().total_cmp(&other.cpu_each()));
    rounds.get(rounds.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

fn say(what: &str) {
    eprintln!("load: {what}");
}
