//! What has been answered so far, and what must therefore be true.

use std::collections::BTreeSet;
use std::ops::Range;

use signet::crypto::jws;
use signet::domain::scope::Scope;

use super::plan::APPS;
use super::plan::USERS;
use super::site;
use super::site::API;
use super::site::ISSUER;
use super::site::NAMES;
use super::site::NEXT_API;

/// How long a node may go on accepting what has been revoked on another one.
pub(crate) const ONE_SECOND: i64 = 1_000_000;
pub(crate) const ACCESS_TOKEN: i64 = 600 * ONE_SECOND;
pub(crate) const CODE: i64 = 60 * ONE_SECOND;
/// How long a node may sign by an old view of the keys while it cannot reach the database.
pub(crate) const OLD_VIEW: i64 = 10 * ONE_SECOND;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Counts everything that begins or ends.
    pub(crate) number: u64,
    /// True time in microseconds.
    pub(crate) at: i64,
}

/// Somebody was told that something has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) told: Moment,
    pub(crate) node: usize,
    pub(crate) life: u32,
}

#[derive(Debug)]
pub(crate) struct Cookie {
    pub(crate) user: usize,
    pub(crate) value: String,
    pub(crate) session: String,
    pub(crate) begun: u64,
    pub(crate) ended: Option<End>,
    /// Sign-ins that may have put another one in its place: under way, or with an answer that nobody has heard.
    pub(crate) leaving: usize,
}

#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) value: String,
    pub(crate) verifier: String,
    pub(crate) user: usize,
    pub(crate) app: usize,
    pub(crate) session: String,
    pub(crate) issued: Moment,
    pub(crate) attempts: u32,
    /// When its one success was answered.
    pub(crate) success: Option<u64>,
    pub(crate) grant: Option<usize>,
    /// Not to be redeemed any more; `true`: what came of it goes on if it may be used offline.
    pub(crate) ended: Option<(End, bool)>,
    /// Something that may end it has begun.
    pub(crate) touched: bool,
}

#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) user: usize,
    pub(crate) app: usize,
    pub(crate) scope: Scope,
    pub(crate) ended: Option<End>,
    pub(crate) touched: bool,
    /// Of the refresh tokens, the newest that its application has heard of.
    pub(crate) held: Option<usize>,
    /// Refreshes under way.
    pub(crate) busy: usize,
}

#[derive(Debug)]
pub(crate) struct Refresh {
    pub(crate) value: String,
    pub(crate) grant: usize,
    pub(crate) generation: u64,
    pub(crate) next: Option<String>,
    /// When its first success was answered.
    pub(crate) used: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) value: String,
    pub(crate) kid: String,
    pub(crate) grant: Option<usize>,
    pub(crate) app: Option<usize>,
    pub(crate) scope: Scope,
    /// In true time, at some time in this: nobody knows when between request and answer it was signed.
    pub(crate) expires: Range<i64>,
    pub(crate) ended: Option<End>,
    pub(crate) touched: bool,
    pub(crate) verified: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Person {
    pub(crate) cookie: usize,
    pub(crate) disabled: Option<End>,
    pub(crate) enabling: usize,
    /// What may end something of theirs and is under way.
    pub(crate) shaky: usize,
    /// When the last of these was answered. What was asked for before may have been made before, and ended by it.
    pub(crate) settled: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Application {
    pub(crate) disabled: Option<End>,
    pub(crate) enabling: usize,
    pub(crate) touched: bool,
}

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) people: Vec<Person>,
    pub(crate) apps: Vec<Application>,
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) codes: Vec<Code>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) refreshes: Vec<Refresh>,
    pub(crate) tokens: Vec<Token>,
    /// Keys that were ever published.
    pub(crate) keys: BTreeSet<String>,
    pub(crate) revoking_keys: usize,
    /// Until when a node may still sign with a revoked key.
    pub(crate) keys_settle_at: i64,
    /// Whether a clock has jumped: then the time of an answer proves nothing.
    pub(crate) jumped: bool,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let cookies = (0..USERS).map(|user| Cookie {
            user,
            value: site::first_cookie(user),
            session: format!("first-{user}"),
            begun: 0,
            ended: None,
            leaving: 0,
        });
        Self {
            people: (0..USERS).map(|cookie| Person { cookie, ..Person::default() }).collect(),
            apps: (0..APPS).map(|_| Application::default()).collect(),
            cookies: cookies.collect(),
            codes: Vec::new(),
            grants: Vec::new(),
            refreshes: Vec::new(),
            tokens: Vec::new(),
            keys: BTreeSet::new(),
            revoking_keys: 0,
            keys_settle_at: 0,
            jumped: false,
        }
    }

    /// Something begins that may end what these have.
    pub(crate) fn touch(&mut self, whose: impl Fn(usize, usize, &str) -> bool) {
        for code in &mut self.codes {
            if whose(code.user, code.app, &code.session) {
                code.touched = true;
                if let Some(grant) = code.grant {
                    self.grants[grant].touched = true;
                }
            }
        }
    }

    /// Somebody was told that what these had is over. `since`: when that was asked for; what is younger may have
    /// survived. `spares`: what may be used offline goes on.
    pub(crate) fn end(&mut self, since: Moment, end: End, spares: bool, whose: impl Fn(usize, usize, &str) -> bool) {
        for code in &mut self.codes {
            if code.issued.number > since.number || !whose(code.user, code.app, &code.session) {
                continue;
            }
            code.ended.get_or_insert((end, spares));
            if let Some(grant) = code.grant {
                let grant = &mut self.grants[grant];
                if !(spares && grant.scope.contains("offline_access")) {
                    grant.ended.get_or_insert(end);
                }
            }
        }
    }

    pub(crate) fn end_cookies(&mut self, since: Moment, end: End, whose: impl Fn(&Cookie) -> bool) {
        for cookie in self.cookies.iter_mut().filter(|cookie| cookie.begun < since.number) {
            if whose(cookie) {
                cookie.ended.get_or_insert(end);
            }
        }
    }

    /// Whether whoever asked at `asked` on this node must have been refused this token.
    pub(crate) fn is_dead(&self, token: &Token, asked: Moment, node: usize, life: u32) -> bool {
        let of_grant = token.grant.and_then(|grant| self.grants[grant].ended);
        let known = |end: End| {
            let here = end.node == node && end.life == life && asked.number > end.told.number;
            here || asked.at > end.told.at + ONE_SECOND
        };
        [of_grant, token.ended].into_iter().flatten().any(known)
    }

    /// Whether nothing has happened that could make anybody refuse this token.
    pub(crate) fn is_sound(&self, token: &Token) -> bool {
        let grant = token.grant.is_none_or(|grant| {
            let grant = &self.grants[grant];
            !grant.touched && grant.ended.is_none() && self.people[grant.user].shaky == 0
        });
        let app = token.app.is_none_or(|app| !self.apps[app].touched);
        grant && app && !token.touched && token.ended.is_none() && !self.jumped && self.revoking_keys == 0
    }

    /// Looks into a new access token, which was signed at some time in `signed`.
    pub(crate) fn read(
        &self,
        value: &str,
        grant: Option<usize>,
        app: Option<usize>,
        signed: Range<i64>,
    ) -> Result<Token, String> {
        let peeked =
            jws::peek(value, jws::MAX_LENGTH).map_err(|fault| format!("an unreadable access token: {fault}"))?;
        let text = |name: &str| peeked.claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let time = |name: &str| peeked.claims.get(name).and_then(serde_json::Value::as_i64).unwrap_or_default();
        let audience: Vec<String> = match peeked.claims.get("aud") {
            Some(serde_json::Value::String(one)) => vec![one.clone()],
            Some(serde_json::Value::Array(many)) => {
                many.iter().filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let scope = Scope::parse(text("scope")).unwrap_or_default();
        let client = app.map_or("svc", |app| NAMES[app]);
        let person = grant.map(|grant| site::user_id(self.grants[grant].user).to_string());
        let sub = person.unwrap_or_else(|| client.to_owned());
        if text("iss") != ISSUER || text("client_id") != client || text("sub") != sub {
            return Err(format!("I2: a token of {sub} for {client} says otherwise: {:?}", peeked.claims));
        }
        if grant.is_some_and(|grant| text("grant_id") != self.grants[grant].id) {
            return Err(format!("I2: a token names another grant: {:?}", peeked.claims));
        }
        let most = match (grant, app) {
            (Some(grant), _) => self.grants[grant].scope.clone(),
            (None, _) => Scope::parse("api:read email").unwrap(),
        };
        let audiences = if app.is_some() { [API, ISSUER] } else { [NEXT_API, NEXT_API] };
        if !scope.is_subset(&most)
            || audience.is_empty()
            || !audience.iter().all(|one| audiences.contains(&one.as_str()))
        {
            return Err(format!("I4: a token is for more than was granted ({most}): {:?}", peeked.claims));
        }
        let lifetime = (time("exp") - time("iat")) * ONE_SECOND;
        if lifetime > ACCESS_TOKEN {
            return Err(format!("a token lives too long: {:?}", peeked.claims));
        }
        let kid = peeked.header.get("kid").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let shaky = grant.is_some_and(|grant| self.people[self.grants[grant].user].shaky > 0);
        Ok(Token {
            value: value.to_owned(),
            kid,
            grant,
            app,
            scope,
            expires: signed.start + lifetime..signed.end + lifetime,
            ended: None,
            touched: shaky || self.revoking_keys > 0 || signed.end < self.keys_settle_at,
            verified: false,
        })
    }
}
