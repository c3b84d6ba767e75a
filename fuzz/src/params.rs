//! Forms and queries: RFC 6749 sections 3.1 and 3.2, appendix B.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use signet::protocol::error::OAuthError;
use signet::protocol::params::ABOUT_TOKEN;
use signet::protocol::params::AUTHORIZE;
use signet::protocol::params::BEARER;
use signet::protocol::params::END_SESSION;
use signet::protocol::params::FaultKind;
use signet::protocol::params::Known;
use signet::protocol::params::LARGEST_OBJECT;
use signet::protocol::params::MAX_COUNT;
use signet::protocol::params::MAX_TOTAL;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;
use signet::protocol::params::decode;

use super::oracle;

const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The bytes are a query, asked of every endpoint.
pub fn run(data: &[u8]) {
    for table in [AUTHORIZE, TOKEN, END_SESSION, ABOUT_TOKEN, BEARER] {
        one(data, table);
    }
    if let Ok(text) = decode(data, data.len()) {
        // Read again from its plainest spelling.
        assert_eq!(decode(percent(&text).as_bytes(), text.len()), Ok(text));
    }
}

fn one(data: &[u8], table: &'static [Known]) {
    let pairs = data.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).count();
    let params = match Params::parse(&[data], table) {
        Ok(params) => params,
        Err(unreadable) => {
            oracle::assert_sendable(&OAuthError::from(unreadable));
            return assert!(data.len() > MAX_TOTAL || pairs > MAX_COUNT);
        }
    };
    assert!(data.len() <= MAX_TOTAL && pairs <= MAX_COUNT);
    let lenient = lenient(data);
    let mut read: Vec<(&str, &str)> = Vec::new();
    let mut faulty = false;
    for (name, values) in &lenient {
        match params.get(name) {
            Err(fault) => {
                faulty = true;
                assert_eq!(fault.name, Some(name.as_ref()));
                if fault.kind == FaultKind::Repeated {
                    assert!(values.len() > 1, "AP-01: one is no repetition");
                }
                oracle::assert_sendable(&OAuthError::from(fault));
            }
            Ok(None) => {}
            Ok(Some(value)) => {
                let repeatable = REPEATABLE.contains(&name.as_ref());
                // AP-01: neither first nor last wins.
                assert!(repeatable || values.len() == 1);
                // AP-03 to AP-07: what is read is what every other reader reads, and is fit to be kept.
                let all: Vec<&str> = params.all(name).collect();
                let others: Vec<&str> = values.iter().map(AsRef::as_ref).filter(|v: &&str| !v.is_empty()).collect();
                assert_eq!(all, others);
                assert_eq!(all.first(), Some(&value));
                assert!(all.iter().all(|v| v.len() <= LARGEST_OBJECT && !v.chars().any(char::is_control)));
                read.extend(all.into_iter().map(|value| (name.as_ref(), value)));
            }
        }
    }
    match params.check() {
        Ok(()) => assert!(!faulty),
        Err(fault) => oracle::assert_sendable(&OAuthError::from(fault)),
    }
    printed(&read, table);
    cut(data, table, &params, &lenient);
    // What was sent never shows.
    let shown = format!("{params:?}");
    assert!(read.iter().all(|(_, value)| value.len() < 40 || !shown.contains(value)));
}

/// What was read, written and read again is the same.
fn printed(read: &[(&str, &str)], table: &'static [Known]) {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(read).finish();
    if form.len() > MAX_TOTAL {
        return;
    }
    let again = Params::parse(&[form.as_bytes()], table).expect("no more parameters than before");
    assert_eq!(again.check(), Ok(()));
    for (name, value) in read {
        assert!(again.all(name).any(|other| other == *value));
    }
}

/// WF-01: query and body together are one list.
fn cut(data: &[u8], table: &'static [Known], params: &Params, names: &BTreeMap<Cow<'_, str>, Vec<Cow<'_, str>>>) {
    let Some(at) = data.iter().position(|byte| *byte == b'&') else { return };
    let (query, body) = data.split_at(at);
    let both = Params::parse(&[query, body], table).expect("as much as before");
    assert_eq!(both.check(), params.check());
    for name in names.keys() {
        assert_eq!(both.get(name), params.get(name));
    }
}

/// What a browser's own reader makes of it.
fn lenient(data: &[u8]) -> BTreeMap<Cow<'_, str>, Vec<Cow<'_, str>>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(data) {
        all.entry(name).or_default().push(value);
    }
    all
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        write!(out, "%{byte:02x}").expect("a text takes it");
    }
    out
}
