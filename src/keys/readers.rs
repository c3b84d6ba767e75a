//! How those who verify our tokens keep the JWKS: measured, or read in their sources. Nothing acts on it but people who
//! are about to rotate or revoke.

use std::time::Duration;

/// One kind of reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    pub name: &'static str,
    /// How long it keeps the keys without looking again; `None`: as long as it runs.
    pub keeps: Option<Duration>,
    /// How long it refuses tokens of a key that it does not know, at most; `None`: until it is restarted. Zero: it
    /// fetches the keys again and accepts.
    pub refuses_new: Option<Duration>,
    /// How long it goes on accepting a key that was taken out of the JWKS, at most. `None`: for ever, or until
    /// it meets a key that it does not know.
    pub accepts_removed: Option<Duration>,
}

const SECONDS_30: Option<Duration> = Some(Duration::from_secs(30));
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

/// All kinds that we know of, as docs/keys.md lists them.
pub const READERS: &[Reader] = &[
    Reader {
        name: "jose createRemoteJWKSet",
        keeps: Some(Duration::from_mins(10)),
        refuses_new: SECONDS_30,
        accepts_removed: Some(Duration::from_mins(10)),
    },
    Reader {
        name: "PyJWKClient",
        keeps: Some(Duration::from_mins(5)),
        refuses_new: SECONDS_30,
        accepts_removed: Some(Duration::from_mins(5)),
    },
    Reader {
        name: "Spring resource server",
        keeps: Some(Duration::from_mins(5)),
        refuses_new: AT_ONCE,
        accepts_removed: Some(Duration::from_mins(5)),
    },
    Reader {
        name: "node-jwks-rsa",
        keeps: Some(Duration::from_mins(10)),
        refuses_new: AT_ONCE,
        accepts_removed: Some(Duration::from_mins(10)),
    },
    Reader {
        name: "jwks-rsa-java",
        keeps: Some(Duration::from_hours(10)),
        refuses_new: AT_ONCE,
        accepts_removed: Some(Duration::from_hours(10)),
    },
    Reader {
        name: ".NET ConfigurationManager",
        keeps: Some(Duration::from_hours(12)),
        refuses_new: Some(Duration::from_mins(5)),
        accepts_removed: Some(Duration::from_hours(13)),
    },
    Reader { name: "go-oidc, oauth2-proxy", keeps: None, refuses_new: AT_ONCE, accepts_removed: None },
    Reader {
        name: "Envoy",
        keeps: Some(Duration::from_mins(10)),
        refuses_new: Some(Duration::from_mins(10)),
        accepts_removed: Some(Duration::from_mins(10)),
    },
    Reader {
        name: "Istio",
        keeps: Some(Duration::from_mins(20)),
        refuses_new: Some(Duration::from_mins(20)),
        accepts_removed: Some(Duration::from_mins(20)),
    },
    Reader {
        name: "mod_auth_openidc",
        keeps: Some(Duration::from_hours(1)),
        refuses_new: AT_ONCE,
        accepts_removed: Some(Duration::from_hours(1)),
    },
    Reader {
        name: "AWS API Gateway",
        keeps: Some(Duration::from_hours(1)),
        refuses_new: AT_ONCE,
        accepts_removed: Some(Duration::from_hours(1)),
    },
    Reader { name: "read once at start", keeps: None, refuses_new: None, accepts_removed: None },
];

/// The readers that may not have seen a key yet that was published `ago`, and would refuse what it signs.
pub fn unaware(ago: Duration) -> impl Iterator<Item = &'static Reader> {
    READERS.iter().filter(move |reader| {
        let never_refuses = reader.refuses_new.is_some_and(|time| time.is_zero());
        !never_refuses && reader.keeps.is_none_or(|keeps| keeps > ago)
    })
}
