//! A provider that does not answer: the door stays shut, and opens again by itself.

use std::time::Duration;

use crate::gateway::echo::Echo;
use crate::gateway::proxy::Kind;
use crate::gateway::proxy::Proxy;
use crate::gateway::proxy::left_out;
use crate::support::database::block_on;
use crate::support::raw;
use crate::support::server::free_port;

/// `broken` is what the proxy makes of it.
fn nobody_passes(kind: Kind, broken: u16) {
    block_on(async {
        let echo = Echo::start();
        // Nothing listens there.
        let gone = format!("http://localhost:{}", free_port());
        let Some(proxy) = Proxy::start(kind, &gone, &echo.url(), &[]).await else { return left_out(kind) };
        for headers in
            ["", "Authorization: Bearer a.b.c\r\n", "Cookie: signet_session=sgs_x\r\n", "X-User-ID: usr_evil\r\n"]
        {
            let answer = raw::send(&proxy.base, &raw::request("GET", "/", headers, "")).await;
            assert_eq!(answer.status, broken, "{headers}: {answer:?}");
        }
        // One that says what no check says.
        for answer in
            ["HTTP/1.1 500 Broken\r\n", "HTTP/1.1 404 Not Found\r\n", "HTTP/1.1 400 Bad Request\r\n", "rubbish\r\n"]
        {
            let wrong = format!("http://localhost:{}", says(answer, Duration::ZERO));
            let Some(proxy) = Proxy::start(kind, &wrong, &echo.url(), &[]).await else { return left_out(kind) };
            let answer = raw::send(&proxy.base, &raw::request("GET", "/", "X-User-ID: usr_evil\r\n", "")).await;
            assert!(answer.status >= 400, "{answer:?}");
        }
        assert!(echo.seen().is_empty(), "{:?}", echo.seen());
    });
}

/// A server that gives this answer to everything, after this time.
fn says(answer: &'static str, after: Duration) -> u16 {
    use std::io::Read;
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut buffer = [0; 4096];
            drop(stream.read(&mut buffer));
            std::thread::sleep(after);
            drop(stream.write_all(format!("{answer}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()));
        }
    });
    port
}

#[test]
fn nginx_answers_500() {
    nobody_passes(Kind::Nginx, 500);
}

#[test]
fn caddy_answers_502() {
    nobody_passes(Kind::Caddy, 502);
}

/// While its database hangs Signet needs six seconds to say so.
fn is_waited_for(kind: Kind) {
    block_on(async {
        let echo = Echo::start();
        let slow = format!("http://localhost:{}", says("HTTP/1.1 401 Unauthorized\r\n", Duration::from_secs(6)));
        let Some(proxy) = Proxy::start(kind, &slow, &echo.url(), &[]).await else { return left_out(kind) };
        let answer = raw::get(&proxy.base, "/").await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(echo.seen().is_empty(), "{:?}", echo.seen());
    });
}

#[test]
fn nginx_waits_for_a_slow_answer() {
    is_waited_for(Kind::Nginx);
}

#[test]
fn caddy_waits_for_a_slow_answer() {
    is_waited_for(Kind::Caddy);
}
