use std::net::IpAddr;
use std::time::Duration;

use super::MOST;
use super::MOST_OF_ONE_NETWORK;
use super::Readers;
use super::Until;
use super::Verdict;
use super::network;
use super::verdict;
use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::store::reader::Reader;

const NOON: Timestamp = Timestamp::from_seconds(1_795_348_800);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn next() -> SigningKey {
    let kid = KeyId::new("2026-11-22-es256-b").unwrap();
    let vault =
        crate::keys::Vault::new(&crate::crypto::seal::MasterKey::generate(&crate::ambient::SeededEntropy::new(1)));
    let entropy = crate::ambient::SeededEntropy::new(2);
    vault.make_key(&kid, Algorithm::Es256, KeyState::Next, NOON, &entropy).unwrap()
}

fn reader(agent: &str, last_at: Timestamp) -> Reader {
    let etag = "\"e\"".to_owned();
    Reader { address: "192.0.2.0/24".into(), agent: agent.into(), first_at: last_at, last_at, fetches: 1, etag }
}

#[test]
fn only_the_network_is_kept() {
    assert_eq!(network(address("192.0.2.77")).to_string(), "192.0.2.0/24");
    assert_eq!(network(address("::ffff:192.0.2.77")).to_string(), "192.0.2.0/24");
    assert_eq!(network(address("2001:db8:1:2::7")).to_string(), "2001:db8:1::/48");
}

#[test]
fn counts_by_network_and_agent() {
    let readers = Readers::default();
    let one = address("192.0.2.1");
    readers.count(one, b"jose/v6.2.17", "\"a\"", NOON);
    readers.count(address("192.0.2.9"), b"jose/v6.2.17", "\"b\"", NOON.plus(Duration::from_secs(5)));
    readers.count(one, b"evil\r\n\x1b[2J\xe4", "\"b\"", NOON);
    readers.count(one, b"", "\"b\"", NOON);
    readers.count(one, &[b'x'; 4000], "\"b\"", NOON);
    let taken: Vec<Reader> = readers.take(NOON).into_iter().map(|(_, reader)| reader).collect();
    let agents: Vec<(&str, i64)> = taken.iter().map(|reader| (reader.agent.as_str(), reader.fetches)).collect();
    let long = "x".repeat(80);
    assert_eq!(agents, [("-", 1), ("evil???[2J?", 1), ("jose/v6.2.17", 2), (long.as_str(), 1)]);
    let jose = taken.get(2).unwrap();
    assert_eq!((jose.first_at, jose.last_at, jose.etag.as_str()), (NOON, NOON.plus(Duration::from_secs(5)), "\"b\""));
    assert_eq!(readers.take(NOON), []);
    assert_eq!(readers.requests(), 5);
}

#[test]
fn what_could_not_be_written_is_counted_again() {
    let readers = Readers::default();
    readers.count(address("192.0.2.1"), b"a", "\"a\"", NOON);
    let taken = readers.take(NOON);
    readers.count(address("192.0.2.1"), b"a", "\"a\"", NOON);
    readers.put_back(&taken);
    assert_eq!(readers.take(NOON).first().unwrap().1.fetches, 2);
}

#[test]
fn ds_03_invented_names_use_up_no_memory() {
    let readers = Readers::default();
    for number in 0..1_000_000_u32 {
        let address = IpAddr::from((number % 70_000 * 256).to_be_bytes());
        readers.count(address, number.to_string().as_bytes(), "\"a\"", NOON);
    }
    let taken = readers.take(NOON);
    assert!(taken.len() <= MOST + 1, "{}", taken.len());
    assert_eq!(taken.iter().map(|(_, reader)| reader.fetches).sum::<i64>(), 1_000_000);
    // One who knocks a lot does not push out the others.
    let readers = Readers::default();
    for number in 0..100_000_u32 {
        readers.count(address("203.0.113.5"), number.to_string().as_bytes(), "\"a\"", NOON);
    }
    readers.count(address("192.0.2.1"), b"jose/v6", "\"a\"", NOON);
    let taken = readers.take(NOON);
    assert!(taken.len() <= MOST_OF_ONE_NETWORK + 2);
    assert!(taken.iter().any(|(_, reader)| reader.agent == "jose/v6"));
}

#[test]
fn who_has_seen_the_key_does_not_fail() {
    let (next, now) = (next(), NOON.plus(Duration::from_hours(1)));
    for agent in ["jose/v6.2.17", "envoy", "some-app/1.0", "other"] {
        assert_eq!(verdict(&[reader(agent, NOON.plus(Duration::from_secs(2)))], &next, now), Verdict::Safe, "{agent}");
    }
    assert_eq!(verdict(&[], &next, now), Verdict::Safe);
}

#[test]
fn who_has_not_fails_by_its_habits() {
    let next = next();
    let before = NOON.minus(Duration::from_secs(10));
    let fails = |agent: &str, now: Timestamp| match verdict(&[reader(agent, before)], &next, now) {
        Verdict::Safe => Until::Now,
        Verdict::WouldFail { until, .. } => until,
    };
    let at = |seconds: u64| Until::At(before.plus(Duration::from_secs(seconds)));
    assert_eq!(fails("jose/v6.2.17", NOON), at(30));
    assert_eq!(fails("jose/v6.2.17", NOON.plus(Duration::from_mins(1))), Until::Now);
    assert_eq!(fails("Python-urllib/3.11", NOON), at(30));
    assert_eq!(fails("Go-http-client/1.1", NOON), Until::Now);
    assert_eq!(fails("Java/21.0.2", NOON), at(30));
    assert_eq!(fails("Microsoft.IdentityModel", NOON), at(300));
    assert_eq!(fails("envoy/1.30", NOON), at(1200));
    assert_eq!(fails("envoy/1.30", NOON.plus(Duration::from_hours(1))), Until::Now);
    assert_eq!(fails("curl/8.5.0", NOON), Until::Now);
    assert_eq!(fails("my-shop/1.0", NOON.plus(Duration::from_hours(999))), Until::Restart);
    assert_eq!(fails("other", NOON), Until::Restart);
    // The worst off is named.
    let all = [reader("jose/v6.2.17", before), reader("my-shop/1.0", before), reader("envoy", before)];
    let Verdict::WouldFail { reader, until } = verdict(&all, &next, NOON) else { panic!("it is not safe") };
    assert_eq!((reader.agent.as_str(), until), ("my-shop/1.0", Until::Restart));
}
