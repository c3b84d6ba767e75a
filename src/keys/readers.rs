//! How those who verify our tokens keep the JWKS: measured, or read in their sources. Nothing acts on it but people who
//! are about to rotate or revoke. docs/keys.md has the same table; a test compares them.

use std::fmt;
use std::time::Duration;

use crate::domain::time::Timestamp;

/// How one kind of reader treats the keys it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    pub name: &'static str,
    /// It is meant when a User-Agent contains one of these, in lower case. Where one name stands for several libraries
    /// it belongs to the most forgetful of them.
    agents: &'static [&'static str],
    /// How long it goes on with what it has read, at most; `None`: as long as it runs.
    pub keeps: Option<Duration>,
    /// What it does about a kid that it does not know: reads again, but not sooner than this after the last time. `None`:
    /// it refuses the token.
    pub rereads_after: Option<Duration>,
}

const fn habits(
    name: &'static str,
    agents: &'static [&'static str],
    keeps: Option<Duration>,
    rereads_after: Option<Duration>,
) -> Habits {
    Habits { name, agents, keeps, rereads_after }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// All kinds of verifiers that we know of.
pub const READERS: &[Habits] = &[
    habits("jose `createRemoteJWKSet`", &["jose/"], Some(seconds(10 * MINUTE)), Some(seconds(30))),
    habits("PyJWT `PyJWKClient`", &["python-urllib", "pyjwt"], Some(seconds(5 * MINUTE)), Some(seconds(30))),
    // It calls itself as all programs in Java do.
    habits("Spring resource server", &[], Some(seconds(5 * MINUTE)), Some(seconds(30))),
    habits("node-jwks-rsa", &["jwks-rsa", "axios/"], Some(seconds(10 * MINUTE)), Some(seconds(6))),
    habits(
        "jwks-rsa-java",
        &["java/", "java-http-client", "apache-httpclient", "okhttp", "reactornetty", "spring"],
        Some(seconds(10 * HOUR)),
        Some(seconds(30)),
    ),
    habits(".NET `ConfigurationManager`", &["microsoft", ".net"], Some(seconds(13 * HOUR)), Some(seconds(5 * MINUTE))),
    habits("go-oidc, oauth2-proxy", &["go-http-client", "go-oidc", "oauth2-proxy"], None, Some(seconds(0))),
    habits("Envoy", &[], Some(seconds(10 * MINUTE)), None),
    // It reads in the background or when its copy is too old, never because of a token.
    habits("Istio", &["envoy", "istio"], Some(seconds(20 * MINUTE)), None),
    habits("mod_auth_openidc", &["mod_auth_openidc"], Some(seconds(HOUR)), Some(seconds(0))),
    habits("AWS API Gateway", &["amazon", "aws-"], Some(seconds(HOUR)), Some(seconds(0))),
    READS_ONCE,
];

/// The worst there is; who calls itself as nobody else does may be one.
const READS_ONCE: Habits = habits("what reads once, at its start", &[], None, None);

/// Who fetches the JWKS without verifying anything.
const LOOKERS: &[Habits] = &[
    habits("a person with a tool", &["curl/", "wget/"], Some(seconds(0)), Some(seconds(0))),
    habits("a browser", &["mozilla/"], Some(seconds(10 * MINUTE)), Some(seconds(30))),
];

/// The readers that may not have seen a key yet that was published `ago`, and would refuse what it signs.
pub fn unaware(ago: Duration) -> impl Iterator<Item = &'static Habits> {
    READERS.iter().filter(move |reader| {
        let refuses = reader.refuses_new_for().is_none_or(|time| !time.is_zero());
        refuses && reader.keeps.is_none_or(|keeps| keeps > ago)
    })
}

impl Habits {
    /// The habits of whoever sends this User-Agent, as far as it tells.
    #[must_use]
    pub fn of(agent: &str) -> Self {
        let agent = agent.to_ascii_lowercase();
        let mut known = READERS.iter().chain(LOOKERS);
        known.find(|habits| habits.agents.iter().any(|mark| agent.contains(mark))).copied().unwrap_or(READS_ONCE)
    }

    /// How long it refuses tokens of a key that it does not know, at most; `None`: until it is restarted.
    #[must_use]
    pub fn refuses_new_for(&self) -> Option<Duration> {
        match (self.rereads_after, self.keeps) {
            (Some(pause), Some(keeps)) => Some(pause.min(keeps)),
            (pause, keeps) => pause.or(keeps),
        }
    }

    /// When a reader that has not seen a key will accept it, if tokens of that key arrive from `now` on.
    #[must_use]
    pub fn accepts_new(&self, last_read: Timestamp, now: Timestamp) -> Until {
        self.refuses_new_for().map_or(Until::Restart, |time| Until::at(last_read.plus(time), now))
    }

    /// How long a reader goes on accepting a key that leaves the JWKS `now`, when no token of an unknown key comes.
    #[must_use]
    pub fn accepts_removed(&self, last_read: Timestamp, now: Timestamp) -> Until {
        match self.keeps {
            Some(keeps) => Until::at(last_read.plus(keeps), now),
            None if self.rereads_after.is_some() => Until::UnknownKid,
            None => Until::Restart,
        }
    }
}

/// How long something goes on; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// It does not.
    Now,
    At(Timestamp),
    /// Until it meets a key that it does not know.
    UnknownKid,
    /// Until it is restarted.
    Restart,
}

impl Until {
    fn at(end: Timestamp, now: Timestamp) -> Self {
        if end <= now { Self::Now } else { Self::At(end) }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::At(end) => end.fmt(f),
            Self::UnknownKid => f.write_str("it meets an unknown kid"),
            Self::Restart => f.write_str("it is restarted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;
    use super::Habits;
    use super::READERS;
    use super::Timestamp;
    use super::Until;
    use super::unaware;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_348_800);

    fn words(time: Duration) -> String {
        match time.as_secs() {
            seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        }
    }

    fn row(reader: &Habits) -> String {
        let keeps = reader.keeps.map_or("for ever".to_owned(), words);
        let unknown = match reader.rereads_after {
            None => "refuses".to_owned(),
            Some(Duration::ZERO) => "fetches at once".to_owned(),
            Some(pause) => format!("fetches, not within {} of the last time", words(pause)),
        };
        let removed = match (reader.keeps, reader.rereads_after) {
            (Some(keeps), _) => words(keeps),
            (None, Some(_)) => "until it meets an unknown name".to_owned(),
            (None, None) => "until it is restarted".to_owned(),
        };
        format!("| {} | {keeps} | {unknown} | {removed} |", reader.name)
    }

    #[test]
    fn docs_keys_md_has_the_same_table() {
        let documented = include_str!("../../docs/keys.md");
        let rows = READERS.iter().map(row).collect::<Vec<_>>().join("\n");
        assert!(documented.contains(&rows), "docs/keys.md should have\n{rows}");
    }

    #[test]
    fn who_may_not_know_a_young_key() {
        let names = |ago| unaware(ago).map(|reader| reader.name).collect::<Vec<_>>();
        assert_eq!(names(Duration::from_hours(14 * 24)), ["what reads once, at its start"]);
        assert_eq!(names(Duration::ZERO).len(), READERS.len() - 3, "three fetch at once");
    }

    #[test]
    fn a_removed_key_lives_on_as_long_as_copies_do() {
        let removed = |agent: &str| Habits::of(agent).accepts_removed(NOON, NOON);
        assert_eq!(removed("jose/v6"), Until::At(NOON.plus(Duration::from_mins(10))));
        assert_eq!(removed("Go-http-client/2.0"), Until::UnknownKid);
        assert_eq!(removed("my-shop/1.0"), Until::Restart);
    }
}
