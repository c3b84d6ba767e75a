//! Those who verify our tokens, as docs/keys.md lists them: what each keeps, and when it looks again.

use std::rc::Rc;
use std::time::Duration;

use signet::domain::ids::KeyId;
use signet::domain::time::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// How a kind of reader keeps the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habit {
    pub(crate) name: &'static str,
    /// How long it does not look again by itself.
    keeps: Option<Duration>,
    /// How long after a fetch it fetches again because of a key that it does not know; `None`: never.
    refetch_after: Option<Duration>,
    /// How often it is started anew.
    restarts: Option<Duration>,
}

const fn habit(name: &'static str, keeps: Option<Duration>, refetch_after: Option<Duration>) -> Habit {
    Habit { name, keeps, refetch_after, restarts: None }
}

pub(crate) const HABITS: [Habit; 20] = [
    habit("jose", Some(Duration::from_mins(10)), Some(Duration::from_secs(30))),
    habit("jose, by max-age", Some(Duration::from_mins(5)), Some(Duration::from_secs(30))),
    habit("PyJWKClient", Some(Duration::from_mins(5)), Some(Duration::from_secs(30))),
    habit("PyJWKClient, no refetch", Some(Duration::from_mins(5)), None),
    habit("Spring", Some(Duration::from_mins(5)), Some(Duration::ZERO)),
    habit("node-jwks-rsa", Some(Duration::from_mins(10)), Some(Duration::ZERO)),
    habit("jwks-rsa-java", Some(Duration::from_hours(10)), Some(Duration::ZERO)),
    habit("jwks-rsa-java, rate limited", Some(Duration::from_hours(10)), Some(Duration::from_mins(6))),
    habit(".NET", Some(Duration::from_hours(12)), Some(Duration::from_mins(5))),
    habit(".NET, late", Some(Duration::from_hours(13)), Some(Duration::from_mins(5))),
    habit("go-oidc", None, Some(Duration::ZERO)),
    habit("oauth2-proxy", None, Some(Duration::ZERO)),
    habit("Envoy", Some(Duration::from_mins(10)), None),
    habit("Istio", Some(Duration::from_mins(20)), None),
    habit("mod_auth_openidc", Some(HOUR), Some(Duration::ZERO)),
    habit("AWS API Gateway", Some(HOUR), Some(Duration::ZERO)),
    habit("a day in a cache", Some(Duration::from_hours(24)), None),
    Habit { name: "reads at start, one", keeps: None, refetch_after: None, restarts: Some(WEEK) },
    Habit { name: "reads at start, two", keeps: None, refetch_after: None, restarts: Some(WEEK) },
    habit("never keeps", Some(Duration::ZERO), None),
];

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) habit: Habit,
    known: Rc<[KeyId]>,
    fetched_at: Option<Timestamp>,
    started_at: Timestamp,
}

impl Reader {
    pub(crate) fn started(habit: Habit, now: Timestamp) -> Self {
        Self { habit, known: Rc::default(), fetched_at: None, started_at: now }
    }

    /// What it does without being asked: restart, and with that read the keys.
    pub(crate) fn live(&mut self, now: Timestamp, jwks: &Rc<[KeyId]>) {
        if self.habit.restarts.is_some_and(|every| now.since(self.started_at) >= every) {
            self.started_at = now;
            self.fetch(now, jwks);
        }
    }

    /// Whether it accepts a good token that this key signed.
    pub(crate) fn accepts(&mut self, kid: &KeyId, now: Timestamp, jwks: &Rc<[KeyId]>) -> bool {
        let age = self.fetched_at.map(|at| now.since(at));
        if age.is_none_or(|age| self.habit.keeps.is_some_and(|keeps| age >= keeps)) {
            self.fetch(now, jwks);
        } else if !self.known.contains(kid)
            && let (Some(age), Some(cooldown)) = (age, self.habit.refetch_after)
            && age >= cooldown
        {
            self.fetch(now, jwks);
        }
        self.known.contains(kid)
    }

    fn fetch(&mut self, now: Timestamp, jwks: &Rc<[KeyId]>) {
        self.known = Rc::clone(jwks);
        self.fetched_at = Some(now);
    }
}

/// How long a reader's clock may differ from that of who signed: it accepts a token so much after its end.
pub(crate) const LEEWAY: Duration = MINUTE;
