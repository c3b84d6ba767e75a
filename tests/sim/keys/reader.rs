//! Those who verify our tokens, as docs/keys.md lists them: what each keeps, and when it looks again.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use signet::domain::time::Timestamp;
use signet::keys::readers::READERS;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// One verifier in its own process.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    /// How long it does not look again by itself.
    keeps: Option<Duration>,
    /// How long after a fetch it fetches again because of a key that it does not know; `None`: never.
    rereads_after: Option<Duration>,
    /// How often it is started anew.
    restarts: Option<Duration>,
    known: u64,
    fetched_at: Option<Timestamp>,
    started_at: Timestamp,
}

/// Twenty: each kind that is known, and some that are worse.
pub(crate) fn all(now: Timestamp) -> Vec<Reader> {
    let reader = |name, keeps, rereads_after| Reader {
        name,
        keeps,
        rereads_after,
        // Who keeps the keys as long as it runs and never looks again is saved by being restarted.
        restarts: (keeps.is_none() && rereads_after.is_none()).then_some(WEEK),
        known: 0,
        fetched_at: None,
        started_at: now,
    };
    let known = READERS.iter().map(|habits| reader(habits.name, habits.keeps, habits.rereads_after));
    let hours = |hours| Some(Duration::from_hours(hours));
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    let mut readers: Vec<Reader> = known.collect();
    readers.extend([
        reader("five minutes, no second look", minutes(5), None),
        reader("by max-age", minutes(5), Some(Duration::from_secs(30))),
        reader("ten hours, limited", hours(10), minutes(6)),
        reader("a day in a cache", hours(24), None),
        reader("a day in a cache, limited", hours(24), hours(1)),
        reader("never keeps", hours(0), None),
        reader("keeps for ever, looks again seldom", None, minutes(10)),
        reader("reads at start, another", None, None),
    ]);
    readers
}

impl Reader {
    /// What it did between two moments when nothing changed: fetched the keys as it does when tokens come now and then,
    /// and was restarted.
    pub(crate) fn live(&mut self, from: Timestamp, to: Timestamp, jwks: u64, random: &mut StdRng) {
        if let Some(every) = self.restarts
            && to.since(self.started_at) >= every
        {
            let ago = to.since(self.started_at).as_secs() % every.as_secs();
            self.started_at = to.minus(Duration::from_secs(ago));
            self.fetch(self.started_at, jwks);
        }
        let over = |at: Timestamp, keeps| to.since(at) > keeps;
        if let (Some(keeps), Some(at)) = (self.keeps, self.fetched_at)
            && over(at, keeps)
            && random.random_bool(0.8)
        {
            let ago = Duration::from_micros(random.random_range(0..=u64::try_from(keeps.as_micros()).unwrap()));
            let then = to.minus(ago);
            if then > from {
                self.fetch(then, jwks);
            }
        }
    }

    /// Whether it accepts a good token that this key signed.
    pub(crate) fn accepts(&mut self, key: u8, now: Timestamp, jwks: u64) -> bool {
        let age = self.fetched_at.map(|at| now.since(at));
        let knows = |known: u64| known & (1 << key) != 0;
        let too_old = age.is_none_or(|age| self.keeps.is_some_and(|keeps| age >= keeps));
        let may_look = || self.rereads_after.zip(age).is_some_and(|(pause, age)| age >= pause);
        if too_old || (!knows(self.known) && may_look()) {
            self.fetch(now, jwks);
        }
        knows(self.known)
    }

    fn fetch(&mut self, at: Timestamp, jwks: u64) {
        self.known = jwks;
        self.fetched_at = Some(at);
    }
}

/// How long a reader's clock may differ from that of who signed: it accepts a token so much after its end.
pub(crate) const LEEWAY: Duration = Duration::from_mins(1);
