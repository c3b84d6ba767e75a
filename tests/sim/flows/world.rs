//! Nodes, time, and whoever is asking for something.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use signet::ambient::ManualClock;
use signet::flow::Signet;
use signet::store::Store;
use signet::store::simulation::Base;
use signet::store::simulation::Fault;

use super::executor::Dice;
use super::executor::Executor;
use super::executor::Script;
use super::executor::Scripted;
use super::ops;
use super::ops::Answer;
use super::oracle::End;
use super::oracle::Moment;
use super::oracle::Oracle;
use super::plan::Event;
use super::plan::History;
use super::plan::Op;
use super::plan::Pick;
use super::plan::Trouble;
use super::plan::What;
use super::plan::Which;
use super::site;
use super::site::NAMES;
use super::site::NOON;
use super::site::Site;

pub(crate) struct World<'a> {
    pub(crate) site: &'a Site,
    base: Base,
    fault: Option<Fault>,
    seed: u64,
    nodes: Vec<Node>,
    executor: Executor,
    pub(crate) oracle: Oracle,
    /// Sees the database as it is, and is never in trouble.
    pub(crate) eye: Store,
    pub(crate) now: Moment,
    asked: BTreeMap<usize, Asked>,
    next: usize,
    pub(crate) log: Option<Vec<String>>,
    /// Answers judged.
    pub(crate) judged: u64,
}

struct Node {
    signet: Arc<Signet>,
    clock: Arc<ManualClock>,
    life: u32,
    /// The number of the last look at the database that succeeded: when it began.
    noticed: u64,
}

/// Who asked for what, where and when.
pub(crate) struct Asked {
    pub(crate) what: Request,
    pub(crate) node: usize,
    pub(crate) life: u32,
    pub(crate) began: Moment,
    pub(crate) lost: bool,
    /// Whether the database was told to fail.
    pub(crate) may_fail: bool,
    /// When this node had last compared itself with the database.
    pub(crate) noticed: u64,
}

impl Asked {
    pub(crate) fn end(&self, told: Moment) -> End {
        End { told, node: self.node, life: self.life }
    }
}

/// An operation whose picks have been made.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    SignIn { user: usize, cookie: String, old: usize },
    Authorize { user: usize, app: usize, cookie: usize, verifier: String },
    Elsewhere { user: usize, app: usize },
    Redeem { code: usize, right: bool },
    Refresh { token: usize, held: bool },
    Revoke { grant: usize, foreign: bool },
    RevokeAccess { token: usize },
    Introspect { token: usize, foreign: bool },
    UserInfo { token: usize },
    Exchange { token: usize },
    Service,
    Logout { user: usize, cookie: usize },
    SignOutEverywhere { user: usize },
    RemoveAccess { user: usize, app: usize },
    SetPassword { user: usize },
    DisableUser { user: usize, disabled: bool },
    DisableApp { app: usize, disabled: bool },
    Rotate,
    Tend,
    RevokeKey,
    Notice,
    Sweep,
    Flush,
    ReadKeys,
}

impl<'a> World<'a> {
    pub(crate) fn new(site: &'a Site, base: Base, seed: u64, nodes: usize, fault: Option<Fault>) -> Self {
        let threads = matches!(base, Base::File(_));
        let mut world = Self {
            site,
            eye: Store::simulated(base.clone(), Arc::new(Scripted), None),
            base,
            fault,
            seed,
            nodes: Vec::new(),
            executor: Executor::new(Rc::clone(&site.runtime), threads),
            oracle: Oracle::new(),
            now: Moment { number: 1, at: NOON },
            asked: BTreeMap::new(),
            next: 0,
            log: None,
            judged: 0,
        };
        for node in 0..nodes {
            let clock = Arc::new(ManualClock::at(NOON));
            let signet = world.opened(node, 0, &clock);
            world.nodes.push(Node { signet, clock, life: 0, noticed: 1 });
        }
        world
    }

    pub(crate) const fn base(&self) -> &Base {
        &self.base
    }

    fn opened(&self, node: usize, life: u32, clock: &Arc<ManualClock>) -> Arc<Signet> {
        let entropy = self.seed.wrapping_mul(1009).wrapping_add(u64::from(life) * 16 + node as u64 + 100);
        self.site.open(&self.base, Arc::clone(clock), entropy, self.fault)
    }

    /// # Errors
    /// What must never happen.
    pub(crate) fn run(&mut self, history: &History) -> Result<(), String> {
        self.look_at_keys()?;
        for event in &history.events {
            self.apply(event);
            self.go_on(event.turns, &mut Dice(event.dice))?;
        }
        self.go_on(u32::MAX, &mut Dice(0))?;
        self.check_end()
    }

    fn go_on(&mut self, turns: u32, dice: &mut Dice) -> Result<(), String> {
        for _ in 0..turns {
            if self.executor.tasks.is_empty() {
                break;
            }
            let turn = self.executor.turn(dice);
            let ended = turn.map_err(|_| {
                format!("nobody can go on: {:?}", self.asked.values().map(|a| &a.what).collect::<Vec<_>>())
            })?;
            if let Some((id, answer)) = ended {
                self.now.number += 1;
                let asked = self.asked.remove(&id).ok_or("an answer to nobody")?;
                if let Some(log) = &mut self.log {
                    log.push(format!("    node {} answers {:?}: {answer:?}", asked.node, asked.what));
                }
                if matches!((&asked.what, &answer), (Request::Notice, Answer::Done(_))) {
                    let node = &mut self.nodes[asked.node];
                    node.noticed = node.noticed.max(asked.began.number);
                }
                self.judged += 1;
                self.judge(&asked, answer)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        self.now.number += 1;
        if let Some(log) = &mut self.log {
            log.push(format!("{:?}, then {} turns", event.what, event.turns));
        }
        match &event.what {
            What::Start { node, op, lost, troubles } => {
                if let Some(what) = self.request(*op) {
                    self.start(*node % self.nodes.len(), what, *lost, troubles.clone());
                }
            }
            What::Pass(millis) => {
                self.now.at += i64::try_from(millis * 1000).unwrap();
                for node in &self.nodes {
                    node.clock.advance(Duration::from_millis(*millis));
                }
                // Every node looks twice a second.
                if *millis >= 500 {
                    for node in 0..self.nodes.len() {
                        self.start(node, Request::Notice, false, Vec::new());
                    }
                }
            }
            What::Jump { node, by } => {
                self.oracle.jumped = true;
                let node = *node % self.nodes.len();
                self.nodes[node].clock.put_off_by(by * 1_000_000);
            }
            What::Crash { node } => {
                let node = *node % self.nodes.len();
                let lost: Vec<usize> =
                    self.executor.tasks.iter().filter(|task| task.node == node).map(|task| task.id).collect();
                self.executor.tasks.retain(|task| task.node != node);
                for id in lost {
                    self.abandon(id);
                }
                let (life, clock) = (self.nodes[node].life + 1, Arc::clone(&self.nodes[node].clock));
                let signet = self.opened(node, life, &clock);
                self.nodes[node] = Node { signet, clock, life, noticed: self.now.number };
            }
            What::HangUp(pick) => {
                if !self.executor.tasks.is_empty() {
                    let task = self.executor.tasks.remove(pick % self.executor.tasks.len());
                    self.abandon(task.id);
                }
            }
        }
    }

    /// Nobody will ever know what came of it.
    fn abandon(&mut self, id: usize) {
        let Some(asked) = self.asked.remove(&id) else { return };
        if let (Request::Refresh { token, .. }, Base::Memory(_)) = (&asked.what, &self.base) {
            let grant = self.oracle.refreshes[*token].grant;
            self.oracle.grants[grant].busy -= 1;
        }
    }

    /// Makes the picks; nothing when there is nothing to pick from.
    fn request(&mut self, op: Op) -> Option<Request> {
        let oracle = &self.oracle;
        let newest = |count: usize, pick: Pick| count.checked_sub(1).map(|last| last - pick % count);
        Some(match op {
            Op::SignIn { user } => {
                let cookie = format!("sgb_cookie-{}-of-user-{user}", self.now.number);
                Request::SignIn { user, cookie, old: oracle.people[user].cookie }
            }
            Op::Authorize { user, app, stolen_cookie } => {
                let held = oracle.people[user].cookie;
                let old = oracle.cookies.iter().position(|cookie| cookie.user == user);
                let cookie = if stolen_cookie { old.unwrap_or(held) } else { held };
                let verifier = format!("{:a>43}", self.now.number);
                Request::Authorize { user, app, cookie, verifier }
            }
            Op::AuthorizeElsewhere { user, app } => Request::Elsewhere { user, app },
            Op::Redeem { code, thief } => Request::Redeem { code: newest(oracle.codes.len(), code)?, right: !thief },
            Op::Refresh { grant, which } => {
                let grant = newest(oracle.grants.len(), grant)?;
                let own: Vec<usize> =
                    (0..oracle.refreshes.len()).filter(|token| oracle.refreshes[*token].grant == grant).collect();
                let held = oracle.grants[grant].held;
                let token = match which {
                    Which::Held => held.or(own.first().copied())?,
                    Which::Any(pick) => own[newest(own.len(), pick)?],
                };
                Request::Refresh { token, held: Some(token) == held }
            }
            Op::Revoke { grant, foreign } => {
                let grant = newest(oracle.grants.len(), grant)?;
                oracle.refreshes.iter().find(|token| token.grant == grant)?;
                Request::Revoke { grant, foreign }
            }
            Op::RevokeAccess { token } => {
                let token = newest(oracle.tokens.len(), token)?;
                oracle.tokens[token].app?;
                Request::RevokeAccess { token }
            }
            Op::Introspect { token, foreign } => {
                Request::Introspect { token: newest(oracle.tokens.len(), token)?, foreign }
            }
            Op::UserInfo { token } => Request::UserInfo { token: newest(oracle.tokens.len(), token)? },
            Op::Exchange { token } => Request::Exchange { token: newest(oracle.tokens.len(), token)? },
            Op::Service => Request::Service,
            Op::Logout { user } => Request::Logout { user, cookie: oracle.people[user].cookie },
            Op::SignOutEverywhere { user } => Request::SignOutEverywhere { user },
            Op::RemoveAccess { user, app } => Request::RemoveAccess { user, app },
            Op::SetPassword { user } => Request::SetPassword { user },
            Op::DisableUser { user, disabled } => Request::DisableUser { user, disabled },
            Op::DisableApp { app, disabled } => Request::DisableApp { app, disabled },
            Op::Rotate => Request::Rotate,
            Op::Tend => Request::Tend,
            Op::RevokeKey => Request::RevokeKey,
            Op::Notice => Request::Notice,
            Op::Sweep => Request::Sweep,
            Op::Flush => Request::Flush,
            Op::ReadKeys => Request::ReadKeys,
        })
    }

    fn start(&mut self, node: usize, what: Request, lost: bool, troubles: Vec<(u32, Trouble)>) {
        self.expect(&what);
        let Node { signet, life, noticed, .. } = &self.nodes[node];
        let signet = Arc::clone(signet);
        let fails = |trouble: &Trouble| matches!(trouble, Trouble::Fails | Trouble::AnswerLost);
        let may_fail = troubles.iter().any(|(_, trouble)| fails(trouble));
        let (id, script) = (self.next, Script::of(troubles));
        self.next += 1;
        let asked = Asked { what: what.clone(), node, life: *life, began: self.now, lost, may_fail, noticed: *noticed };
        self.asked.insert(id, asked);
        let future = self.future(signet, what);
        self.executor.start(id, node, script, future);
    }

    fn future(&self, signet: Arc<Signet>, what: Request) -> Pin<Box<dyn Future<Output = Answer>>> {
        let oracle = &self.oracle;
        let token = |token: usize| oracle.tokens[token].value.clone();
        let number = self.now.number;
        match what {
            Request::SignIn { user, cookie, old } => {
                let old = oracle.cookies[old].value.clone();
                Box::pin(ops::sign_in(signet, user, format!("session-{number}"), cookie, Some(old)))
            }
            Request::Authorize { user: _, app, cookie, verifier } => {
                let (cookie, offline) = (oracle.cookies[cookie].value.clone(), number.is_multiple_of(3));
                Box::pin(ops::authorize(signet, app, cookie, verifier, site::redirect_uri(app), offline))
            }
            Request::Elsewhere { user, app } => {
                let cookie = oracle.cookies[oracle.people[user].cookie].value.clone();
                let elsewhere = format!("{}/x", site::redirect_uri(app));
                Box::pin(ops::authorize(signet, app, cookie, format!("{:a>43}", 1), elsewhere, false))
            }
            Request::Redeem { code, right } => {
                let code = &oracle.codes[code];
                let verifier = if right { code.verifier.clone() } else { format!("{:b>43}", 1) };
                Box::pin(ops::redeem(signet, code.app, code.value.clone(), verifier))
            }
            Request::Refresh { token, .. } => {
                let token = &oracle.refreshes[token];
                Box::pin(ops::refresh(signet, oracle.grants[token.grant].app, token.value.clone()))
            }
            Request::Revoke { grant, foreign } => {
                let owner = oracle.grants[grant].app + usize::from(foreign);
                let token = oracle.refreshes.iter().rfind(|token| token.grant == grant);
                let token = token.map_or_else(String::new, |token| token.value.clone());
                Box::pin(ops::revoke(signet, NAMES[owner % NAMES.len()], token))
            }
            Request::RevokeAccess { token: own } => {
                let owner = oracle.tokens[own].app.map_or("svc", |app| NAMES[app]);
                Box::pin(ops::revoke(signet, owner, token(own)))
            }
            Request::Introspect { token: shown, foreign } => {
                Box::pin(ops::introspect(signet, if foreign { "nosy" } else { "rs" }, token(shown)))
            }
            Request::UserInfo { token: shown } => Box::pin(ops::user_info(signet, token(shown))),
            Request::Exchange { token: shown } => Box::pin(ops::exchange(signet, token(shown))),
            Request::Service => Box::pin(ops::service(signet)),
            Request::Logout { cookie, .. } => Box::pin(ops::logout(signet, oracle.cookies[cookie].value.clone())),
            Request::SignOutEverywhere { user } => Box::pin(ops::sign_out_everywhere(signet, user)),
            Request::RemoveAccess { user, app } => Box::pin(ops::remove_access(signet, user, app)),
            Request::SetPassword { user } => Box::pin(ops::set_password(signet, user, format!("password{number}"))),
            Request::DisableUser { user, disabled } => Box::pin(ops::disable_user(signet, user, disabled)),
            Request::DisableApp { app, disabled } => Box::pin(ops::disable_app(signet, app, disabled)),
            Request::Rotate => Box::pin(ops::rotate(signet)),
            Request::Tend => Box::pin(ops::tend(signet)),
            Request::RevokeKey => Box::pin(ops::revoke_key(signet)),
            Request::Notice => Box::pin(ops::notice(signet)),
            Request::Sweep => Box::pin(ops::sweep(signet)),
            Request::Flush => Box::pin(ops::flush(signet)),
            Request::ReadKeys => Box::pin(ops::read_keys(signet)),
        }
    }
}
