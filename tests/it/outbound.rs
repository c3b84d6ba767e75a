//! The guarded way out, against real listeners: what must not be reached is listened on, and hears nothing.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::config::Config;
use signet::config::Sources;
use signet::outbound::Lane;
use signet::outbound::Limits;
use signet::outbound::Outbound;
use signet::outbound::OutboundError;
use signet::outbound::Resolve;
use signet::outbound::SystemResolver;
use tempfile::TempDir;
use tokio::task::JoinSet;
use url::Host;

use crate::support::database::block_on;
use crate::support::https::Answer;
use crate::support::https::Authority;
use crate::support::https::Greeting;
use crate::support::https::Receiver;

const JSON: &[&str] = &["application/json"];

/// A name server with one answer after the other; the last one stays.
#[derive(Debug)]
struct Scripted(Mutex<VecDeque<Vec<SocketAddr>>>);

impl Scripted {
    fn new(answers: &[&[SocketAddr]]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(
        &'a self,
        _: &'a Host,
        _: u16,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, OutboundError>> + Send + 'a>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or(OutboundError::Unresolved) })
    }
}

/// A client as a server in production has it, with these hosts allowed.
struct Guard {
    authority: Authority,
    folder: TempDir,
}

impl Guard {
    fn new() -> Self {
        let guard = Self { authority: Authority::new(), folder: tempfile::tempdir().unwrap() };
        guard.authority.write(&guard.folder.path().join("ca.pem"));
        guard
    }

    fn client(&self, allow: &[String], dev: bool, resolver: Arc<dyn Resolve>) -> Outbound {
        let overrides = vec![
            ("server.issuer".to_owned(), "https://id.example.test".to_owned()),
            ("database.url".to_owned(), "sqlite://unused".to_owned()),
            ("outbound.allow".to_owned(), format!("{allow:?}")),
            ("outbound.ca_file".to_owned(), self.folder.path().join("ca.pem").display().to_string()),
        ];
        let config = Config::load(&Sources { overrides, dev, ..Sources::default() }).unwrap_or_else(|f| panic!("{f}"));
        Outbound::new(&config.config, dev, resolver).unwrap()
    }

    fn strict(&self) -> Outbound {
        self.client(&[], false, Arc::new(SystemResolver))
    }

    fn allowing(&self, receiver: &Receiver) -> Outbound {
        self.client(&[receiver.authority()], false, Arc::new(SystemResolver))
    }
}

/// By its name, whatever that resolves to: an address before a proxy is none that it listens on.
#[test]
fn sf_01_the_issuer_itself_is_not_asked() {
    block_on(async {
        let guard = Guard::new();
        let receiver =
            Receiver::start_with(&guard.authority, &["id.example.test"], 1, Greeting::Tls, Answer::Status(200));
        for allow in [&[][..], &["id.example.test".to_owned()]] {
            let client = guard.client(allow, false, Arc::new(SystemResolver));
            assert!(refused(&client, "https://id.example.test/authorize").await.contains("this server itself"));
        }
        assert_eq!(receiver.connections(), 0);
    });
}

/// Whoever fills the slots of one kind of request keeps no other kind waiting.
#[test]
fn sf_10_strangers_do_not_hold_up_keys() {
    block_on(async {
        let guard = Guard::new();
        let (slow, good) = (
            Receiver::start(&guard.authority, Answer::Silence),
            Receiver::start(&guard.authority, Answer::Status(200)),
        );
        let allow = [slow.authority(), good.authority()];
        let client = guard.client(&allow, false, Arc::new(SystemResolver));
        let mut strangers = JoinSet::new();
        for _ in 0..64 {
            let (client, url) = (client.clone(), slow.url("/ro"));
            strangers.spawn(async move { client.post_form(&url, &[], quick()).await });
        }
        while slow.connections() < 32 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let keys = Limits { lane: Lane::Keys, ..quick() };
        client.post_form(&good.url("/jwks"), &[], keys).await.unwrap();
        strangers.abort_all();
    });
}

fn quick() -> Limits {
    Limits { time: Duration::from_millis(1500), ..Limits::FETCH }
}

async fn refused(client: &Outbound, url: &str) -> String {
    let fault = client.post_form(url, &[("a", "b")], quick()).await.expect_err(url);
    assert_eq!(fault.to_string(), "the address could not be reached");
    fault.detail()
}

#[test]
fn sf_01_private_targets_get_no_connection() {
    block_on(async {
        let guard = Guard::new();
        // Port 443 cannot be had without being root: the same guard, told that the listener's port is 443.
        let receiver = Receiver::start(&guard.authority, Answer::Status(200));
        let there = Scripted::new(&[&[receiver.address]]);
        let client = guard.client(&[], false, there);
        assert!(refused(&client, "https://rp.example.test/bc").await.contains("not public"));
        assert_eq!(receiver.connections(), 0);
        for private in ["127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[fd00::1]", "localhost"] {
            let said = refused(&guard.strict(), &format!("https://{private}/")).await;
            assert!(said.contains("not public"), "{private}: {said}");
        }
    });
}

#[test]
fn sf_02_addresses_in_disguise() {
    block_on(async {
        let client = Guard::new().strict();
        for disguised in [
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "017700000001",
            "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}",
            "0",
            "127.0.0.1.",
        ] {
            let said = refused(&client, &format!("https://{disguised}/")).await;
            assert!(said.contains("not public"), "{disguised}: {said}");
        }
    });
}

#[test]
fn sf_03_addresses_within_addresses() {
    block_on(async {
        let client = Guard::new().strict();
        for inside in
            ["::ffff:7f00:1", "::ffff:a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1"]
        {
            let said = refused(&client, &format!("https://[{inside}]/")).await;
            assert!(said.contains("not public"), "{inside}: {said}");
        }
    });
}

#[test]
fn sf_04_a_name_is_resolved_once_and_every_address_counts() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Status(200));
        let public: SocketAddr = "93.184.216.34:443".parse().unwrap();
        // Two records, one of them private.
        let both = guard.client(&[], false, Scripted::new(&[&[public, receiver.address]]));
        assert!(refused(&both, "https://rp.example.test/").await.contains("not public"));
        // First a public one, then a private one: nobody asks a second time, so it is the public one that is
        // connected to, and here nobody answers from there.
        let rebinding = Scripted::new(&[&[public], &[receiver.address]]);
        let client = guard.client(&[], false, Arc::clone(&rebinding) as Arc<dyn Resolve>);
        let _ = client.post_form("https://rp.example.test/", &[], quick()).await.expect_err("nobody there");
        assert_eq!(rebinding.0.lock().unwrap().len(), 1, "asked once");
        assert_eq!(receiver.connections(), 0);
    });
}

#[test]
fn sf_05_redirects_are_not_followed() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Status(200));
        let client = guard.allowing(&receiver);
        for status in [301, 302, 303, 307, 308] {
            receiver.answer_with(Answer::Status(status));
            assert_eq!(refused(&client, &receiver.url("/bc")).await, format!("answered {status}"));
        }
        assert_eq!(receiver.connections(), 5);
    });
}

#[test]
fn sf_06_dy_02_https_on_443_and_what_the_operator_allows() {
    block_on(async {
        let guard = Guard::new();
        let plain = Receiver::start_with(&guard.authority, &["localhost"], 1, Greeting::Plain, Answer::Status(200));
        let client = guard.client(&[plain.authority()], false, Arc::new(SystemResolver));
        assert_eq!(refused(&client, &plain.url("/")).await, "not allowed: https only");
        for scheme in ["file:///etc/passwd", "ftp://x.test/", "gopher://x.test/", "data:,x", "unix:/run/x", "x"] {
            assert!(refused(&client, scheme).await.starts_with("not allowed"), "{scheme}");
        }
        for port in [22, 25, 80, 6379, 8443] {
            let said = refused(&client, &format!("https://rp.example.test:{port}/")).await;
            assert!(said.contains("another port"), "{said}");
        }
        assert!(refused(&client, "https://user:pw@rp.example.test/").await.contains("credentials"));
        assert_eq!(plain.connections(), 0);

        // One host and port in the list opens no other.
        let good = Receiver::start(&guard.authority, Answer::Status(204));
        let other = Receiver::start(&guard.authority, Answer::Status(204));
        let client = guard.allowing(&good);
        client.post_form(&good.url("/bc"), &[("a", "b")], quick()).await.unwrap();
        assert!(refused(&client, &other.url("/bc")).await.contains("another port"));
        assert_eq!((good.connections(), other.connections()), (1, 0));

        // Dev mode: this machine by http, and nothing else by http.
        let dev = guard.client(&[], true, Arc::new(SystemResolver));
        dev.post_form(&plain.url("/bc"), &[], quick()).await.unwrap();
        assert!(refused(&dev, "http://192.168.0.1/").await.starts_with("not allowed"));
        assert!(refused(&dev, "https://192.168.0.1/").await.starts_with("not allowed"));
    });
}

#[test]
fn sf_07_size_time_and_type() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Endless);
        let client = guard.allowing(&receiver);
        let answer = |head: &str, body: &[u8]| {
            Answer::Raw([format!("HTTP/1.1 200 OK\r\n{head}\r\nconnection: close\r\n\r\n").as_bytes(), body].concat())
        };
        let large = answer("content-type: application/json\r\ncontent-length: 70000", &vec![b' '; 70_000]);
        let zipped = answer("content-type: application/json\r\ncontent-encoding: gzip", &[0; 100]);
        let no_content = Answer::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
        let garbage = Answer::Raw(vec![b'x'; 100_000]);
        let long_head = answer(&format!("x-long: {}", "x".repeat(100_000)), b"{}");
        for (bad, why) in [
            (Answer::Endless, "too large"),
            (Answer::Drip, "too long"),
            (Answer::Silence, "too long"),
            (large, "too large"),
            (zipped, "compressed"),
            (answer("content-type: text/html", b"{}"), "media type"),
            (no_content, "media type"),
            (garbage, "no answer"),
            (long_head, "no answer"),
        ] {
            receiver.answer_with(bad);
            let clock = SystemClock::new();
            let fault = client.fetch(&receiver.url("/jwks"), JSON, quick()).await.expect_err(why);
            assert!(fault.detail().contains(why), "{} is not {why}", fault.detail());
            assert!(clock.monotonic() < Duration::from_millis(2500), "{why}");
        }
        let mute = Receiver::start_with(&guard.authority, &["localhost"], 1, Greeting::Mute, Answer::Status(200));
        let fault = guard.allowing(&mute).fetch(&mute.url("/"), JSON, quick()).await.expect_err("no hello");
        assert!(matches!(fault, OutboundError::TooSlow));

        receiver.answer_with(answer(
            "Content-Type: application/JSON; charset=utf-8\r\ncontent-length: 11",
            b"{\"keys\":[]}",
        ));
        assert_eq!(client.fetch(&receiver.url("/jwks"), JSON, quick()).await.unwrap(), b"{\"keys\":[]}");
    });
}

#[test]
fn sf_08_failures_are_alike_in_words_and_time() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Status(500));
        let closed = Receiver::start(&guard.authority, Answer::Status(200));
        let allowed = [receiver.authority(), closed.authority()];
        let gone = closed.url("/");
        drop(closed);
        let client = guard.client(&allowed, false, Arc::new(SystemResolver));
        let open = receiver.url("/");
        for url in [open.as_str(), gone.as_str(), "https://127.0.0.1/", "http://x.test/", "https://nowhere.invalid/"] {
            let clock = SystemClock::new();
            let fault = client.fetch(url, JSON, quick()).await.expect_err(url);
            assert_eq!(fault.to_string(), "the address could not be reached");
            let took = clock.monotonic();
            assert!(took >= quick().time && took < quick().time + Duration::from_millis(700), "{url}: {took:?}");
        }
    });
}

#[test]
fn sf_09_nobody_but_the_right_server_is_spoken_to() {
    block_on(async {
        let guard = Guard::new();
        let stranger = Authority::new();
        let ok = || Answer::Status(200);
        let receivers = [
            Receiver::start(&stranger, ok()),
            Receiver::start_with(&guard.authority, &["other.example.test"], 1, Greeting::Tls, ok()),
            Receiver::start_with(&guard.authority, &["localhost"], -1, Greeting::Tls, ok()),
            Receiver::start_with(&guard.authority, &["localhost"], 1, Greeting::OldTls, ok()),
        ];
        for (receiver, what) in receivers.iter().zip(["unknown authority", "wrong host", "expired", "TLS 1.1"]) {
            let said = refused(&guard.allowing(receiver), &receiver.url("/")).await;
            assert!(said.starts_with("TLS: "), "{what}: {said}");
            assert!(receiver.received().is_empty(), "{what}");
        }
    });
}

#[test]
fn b_05_tls_1_3_where_it_is_offered() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Status(200));
        guard.allowing(&receiver).post_form(&receiver.url("/bc"), &[("a", "b")], quick()).await.unwrap();
        assert_eq!(receiver.versions(), ["TLSv1.3"]);
    });
}

#[test]
fn sf_11_nothing_is_sent_that_says_who_we_are() {
    block_on(async {
        let guard = Guard::new();
        let receiver = Receiver::start(&guard.authority, Answer::Status(200));
        let url = receiver.url("/bc?x=1#never-sent");
        guard.allowing(&receiver).post_form(&url, &[("logout_token", "a.b c")], quick()).await.unwrap();
        let seen = receiver.received();
        let mut lines: Vec<&str> = seen[0].head.lines().collect();
        assert_eq!(lines.remove(0), "POST /bc?x=1 HTTP/1.1");
        lines.sort_unstable();
        let host = format!("host: {}", receiver.authority());
        let expected = [
            "connection: close",
            "content-length: 18",
            "content-type: application/x-www-form-urlencoded",
            host.as_str(),
            "user-agent: signet",
        ];
        assert_eq!(lines, expected);
        assert_eq!(seen[0].body, "logout_token=a.b+c");
    });
}
