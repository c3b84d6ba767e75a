//! A history before it happens: everything in it is chosen by the seed, and any part of it can be left out.

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Which of many: 0 is the newest.
pub(crate) type Pick = usize;

pub(crate) const USERS: usize = 3;
/// The applications that people sign in to.
pub(crate) const APPS: usize = 3;

#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) nodes: usize,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) what: What,
    /// How many turns whatever is under way gets before the next event.
    pub(crate) turns: u32,
    /// In which order.
    pub(crate) dice: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// Somebody asks a node for something. `lost`: they never hear the answer.
    Start { node: usize, op: Op, lost: bool, troubles: Vec<(u32, Trouble)> },
    /// Time passes everywhere, in milliseconds.
    Pass(u64),
    /// The wall clock of a node is wrong from now on, by so many seconds.
    Jump { node: usize, by: i64 },
    /// A node loses all that it has in memory and starts anew.
    Crash { node: usize },
    /// Whoever waits for this answer goes away.
    HangUp(Pick),
}

/// What happens to a call of the database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    Fails,
    AnswerLost,
    Slow,
    AnswerSlow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest that the application has heard of.
    Held,
    /// Any that was ever issued.
    Any(Pick),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    SignIn { user: usize },
    Authorize { user: usize, app: usize, stolen_cookie: bool },
    AuthorizeElsewhere { user: usize, app: usize },
    Redeem { code: Pick, thief: bool },
    Refresh { grant: Pick, which: Which },
    Revoke { grant: Pick, foreign: bool },
    RevokeAccess { token: Pick },
    Introspect { token: Pick, foreign: bool },
    UserInfo { token: Pick },
    Exchange { token: Pick },
    Service,
    Logout { user: usize },
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

const ALL: u32 = 2000;

/// Every history tells some stories, with other things in between.
pub(crate) fn history(seed: u64) -> History {
    let mut plan = Plan { random: StdRng::seed_from_u64(seed), nodes: 1, events: Vec::new() };
    plan.nodes = plan.random.random_range(1..=3);
    let troubled = plan.random.random_bool(0.6);
    // A clock that jumps makes what must be accepted unknowable, so most histories have none.
    let clocks = plan.random.random_bool(0.2);
    for _ in 0..plan.random.random_range(1..=3) {
        plan.story();
        for _ in 0..plan.random.random_range(0..4) {
            plan.something(clocks);
        }
    }
    if troubled {
        plan.trouble();
    }
    History { nodes: plan.nodes, events: plan.events }
}

struct Plan {
    random: StdRng,
    nodes: usize,
    events: Vec<Event>,
}

impl Plan {
    fn push(&mut self, what: What, turns: u32) {
        let dice = self.random.random();
        self.events.push(Event { what, turns, dice });
    }

    fn start(&mut self, op: Op, turns: u32) {
        let (node, lost) = (self.random.random_range(0..self.nodes), self.random.random_bool(0.1));
        self.push(What::Start { node, op, lost, troubles: Vec::new() }, turns);
    }

    /// All of it, or some of it.
    fn some(&mut self) -> u32 {
        if self.random.random_bool(0.5) { ALL } else { self.random.random_range(0..10) }
    }

    fn few(&mut self) -> u32 {
        self.random.random_range(0..8)
    }

    fn pick(&mut self) -> Pick {
        if self.random.random_bool(0.7) { 0 } else { self.random.random_range(0..8) }
    }

    fn user(&mut self) -> usize {
        self.random.random_range(0..USERS)
    }

    fn app(&mut self) -> usize {
        self.random.random_range(0..APPS)
    }

    fn grant(&mut self) {
        let (user, app) = (self.user(), self.app());
        self.start(Op::Authorize { user, app, stolen_cookie: false }, ALL);
        self.start(Op::Redeem { code: 0, thief: false }, ALL);
    }

    fn story(&mut self) {
        let (user, app) = (self.user(), self.app());
        match self.random.random_range(0..9) {
            // A code is redeemed twice at once.
            0 | 1 => {
                self.start(Op::Authorize { user, app, stolen_cookie: false }, ALL);
                for _ in 0..self.random.random_range(2..=3) {
                    let turns = self.few();
                    self.start(Op::Redeem { code: 0, thief: false }, turns);
                }
                let turns = self.some();
                self.start(Op::UserInfo { token: 0 }, turns);
            }
            // A refresh token is used twice at once, or its answer is lost, or it was stolen.
            2 | 3 => {
                self.grant();
                for _ in 0..self.random.random_range(2..=5) {
                    let stolen = self.random.random_bool(0.2);
                    let which = if stolen { Which::Any(self.pick()) } else { Which::Held };
                    let turns = self.some();
                    self.start(Op::Refresh { grant: 0, which }, turns);
                }
            }
            // A refresh runs into the end of its grant.
            4 | 5 => {
                self.grant();
                let turns = self.few();
                self.start(Op::Refresh { grant: 0, which: Which::Held }, turns);
                let end = match self.random.random_range(0..6) {
                    0 => Op::Logout { user },
                    1 => Op::SignOutEverywhere { user },
                    2 => Op::RemoveAccess { user, app },
                    3 => Op::DisableUser { user, disabled: true },
                    _ => Op::Revoke { grant: 0, foreign: false },
                };
                let turns = self.some();
                self.start(end, turns);
                self.push(What::Pass(1100), ALL);
                self.start(Op::UserInfo { token: 0 }, ALL);
                self.start(Op::Refresh { grant: 0, which: Which::Any(0) }, ALL);
            }
            // Keys change under living tokens.
            6 => {
                self.grant();
                for _ in 0..self.random.random_range(1..=2) {
                    let turns = self.some();
                    self.start(Op::Rotate, turns);
                }
                self.push(What::Pass(5000), ALL);
                for _ in 0..3 {
                    let turns = self.some();
                    self.start(Op::Tend, turns);
                }
                self.start(Op::Refresh { grant: 0, which: Which::Held }, ALL);
                self.start(Op::ReadKeys, ALL);
            }
            // A service acts for somebody, and that ends.
            7 => {
                self.grant();
                let turns = self.some();
                self.start(Op::Exchange { token: 0 }, turns);
                self.start(Op::Revoke { grant: 0, foreign: false }, ALL);
                self.push(What::Pass(1100), ALL);
                self.start(Op::Introspect { token: 0, foreign: false }, ALL);
                self.start(Op::Introspect { token: 1, foreign: false }, ALL);
            }
            // Somebody signs in again, or signs out, while a code is on its way.
            _ => {
                self.start(Op::Authorize { user, app, stolen_cookie: false }, ALL);
                let op = match self.random.random_range(0..3) {
                    0 => Op::SignIn { user },
                    1 => Op::Logout { user },
                    _ => Op::SetPassword { user },
                };
                let turns = self.few();
                self.start(op, turns);
                let turns = self.some();
                self.start(Op::Redeem { code: 0, thief: false }, turns);
                self.start(Op::Authorize { user, app, stolen_cookie: true }, ALL);
            }
        }
    }

    fn something(&mut self, clocks: bool) {
        let (user, app, turns) = (self.user(), self.app(), self.some());
        let pick = self.pick();
        let yes = self.random.random_bool(0.5);
        let op = match self.random.random_range(0..42) {
            0..=2 => Op::Refresh { grant: pick, which: Which::Held },
            3 => Op::Refresh { grant: pick, which: Which::Any(pick) },
            4 | 5 => Op::Introspect { token: pick, foreign: yes },
            6 | 7 => Op::UserInfo { token: pick },
            8 => Op::Exchange { token: pick },
            9 => Op::Service,
            10 => Op::Revoke { grant: pick, foreign: true },
            11 => Op::RevokeAccess { token: pick },
            12 => Op::Redeem { code: pick, thief: yes },
            13 => Op::AuthorizeElsewhere { user, app },
            14 => Op::Authorize { user, app, stolen_cookie: true },
            15 | 16 => Op::SignIn { user },
            17 => Op::DisableUser { user, disabled: yes },
            18 => Op::DisableApp { app, disabled: yes },
            19 => Op::Rotate,
            20 | 21 => Op::Tend,
            22 => Op::RevokeKey,
            23 | 24 => Op::Notice,
            25 => Op::Sweep,
            26 => Op::Flush,
            27 => Op::ReadKeys,
            28..=34 => {
                let most = [500, 1500, 20_000, 90_000, 900_000][self.random.random_range(0..5)];
                let time = self.random.random_range(1..most);
                return self.push(What::Pass(time), turns);
            }
            35..=37 => {
                let node = self.random.random_range(0..self.nodes);
                return self.push(What::Crash { node }, turns);
            }
            38 | 39 => return self.push(What::HangUp(pick), turns),
            _ if clocks => {
                let node = self.random.random_range(0..self.nodes);
                let by = self.random.random_range(-4000..4000);
                return self.push(What::Jump { node, by }, turns);
            }
            _ => Op::Notice,
        };
        self.start(op, turns);
    }

    fn trouble(&mut self) {
        for at in 0..self.events.len() {
            let often = self.random.random_range(0.0..0.4);
            let chosen = (self.random.random_bool(often), self.random.random_range(0..7));
            let trouble = match self.random.random_range(0..4) {
                0 => Trouble::Fails,
                1 => Trouble::AnswerLost,
                2 => Trouble::Slow,
                _ => Trouble::AnswerSlow,
            };
            if let (What::Start { troubles, .. }, (true, call)) = (&mut self.events[at].what, chosen) {
                troubles.push((call, trouble));
            }
        }
    }
}
