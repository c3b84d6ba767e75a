//! No path, method or size gets a request past the question.

use crate::gateway::Gateway;
use crate::gateway::echo::values;
use crate::gateway::through_both;
use crate::support::raw;

async fn gw_03_path_tricks(gateway: Gateway) {
    for target in [
        "/",
        "/health/live",
        "/.well-known/jwks.json",
        "/favicon.ico",
        "//admin",
        "/a/../admin",
        "/a/..;/admin",
        "/a/%2e%2e/admin",
        "/%2e/admin",
        "/admin;x",
        "/admin%00",
        "/admin%0d%0aX-User-ID:%20x",
        "/admin?headers=remote&role=",
        "/admin#/public",
        "/.signet/check",
        "/.signet/check/",
        "/.signet/../.signet/check",
        "/forward-auth?headers=seed",
        "http://localhost/admin",
        "http://other.test/admin",
        "*",
    ] {
        let forged = "X-Forwarded-Uri: /health/live\r\nX-Original-URL: http://localhost/\r\nX-Rewrite-Url: /\r\n\
                      X-HTTP-Method-Override: OPTIONS\r\nX-Forwarded-Method: OPTIONS\r\nUser-Agent: kube-probe/1.30\r\n";
        for headers in ["", forged] {
            let answer = gateway.get(target, headers).await;
            let empty_200 = answer.status == 200 && answer.body.is_empty();
            assert!(answer.status >= 400 || empty_200 && target.starts_with("http://other"), "{target}: {answer:?}");
        }
    }
    assert!(gateway.echo.seen().is_empty(), "{:?}", gateway.echo.seen());
}

async fn the_question_is_the_same_for_every_path(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    for target in ["/a?headers=remote&role=root&audience=x", "/a/b/c?x=%00%ff", "/%2fadmin"] {
        let answer = gateway.get(target, &bearer).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert_eq!(values(&answer.body, "x-user-id"), [ada.id.as_str()], "{target}");
        assert!(answer.body.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{target}: {}", answer.body);
    }
}

async fn odd_methods_and_huge_headers(gateway: Gateway) {
    for method in ["CONNECT", "FOO", "get", "PRI"] {
        for target in ["/", "localhost:80", "evil.test:443"] {
            let answer =
                raw::send(&gateway.proxy.base, &raw::request(method, target, "X-User-ID: usr_evil\r\n", "")).await;
            assert!(answer.status >= 400 || answer.body.is_empty(), "{method} {target}: {answer:?}");
        }
    }
    for length in [9_000, 40_000, 200_000] {
        let huge = format!("X-Huge: {}\r\n", "x".repeat(length));
        let answer = gateway.get("/", &huge).await;
        assert!(answer.status >= 400, "{length}: {}", answer.status);
        let many: Vec<String> = (0..length / 100).map(|n| format!("X-Many-{n}: {}\r\n", "x".repeat(80))).collect();
        let answer = gateway.get("/", &many.concat()).await;
        assert!(answer.status >= 400, "{length}: {}", answer.status);
    }
    assert!(gateway.echo.seen().is_empty(), "{:?}", gateway.echo.seen());
    // Smuggled behind a first request: the second one is asked about like every other.
    let smuggled = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                    0\r\n\r\nGET /admin HTTP/1.1\r\nHost: localhost\r\nX-User-ID: usr_evil\r\nConnection: close\r\n\r\n";
    raw::send(&gateway.proxy.base, smuggled.as_bytes()).await;
    assert!(gateway.echo.seen().is_empty(), "{:?}", gateway.echo.seen());
}

through_both!(gw_03_path_tricks, the_question_is_the_same_for_every_path, odd_methods_and_huge_headers,);
