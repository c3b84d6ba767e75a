//! Whatever a client sends, the service sees what Signet said and nothing else.

use std::fmt::Write as _;

use crate::gateway::Gateway;
use crate::gateway::echo::values;
use crate::gateway::proxy::Kind;
use crate::gateway::run;
use crate::gateway::through_both;
use crate::support::raw;

/// What must never be seen by the service.
const EVIL: &str = "usr_evil";

const SPELLINGS: [&str; 12] = [
    "X-User-ID",
    "x-user-id",
    "X-USER-ID",
    "X_User_ID",
    "x_user_id",
    "X-User_ID",
    "X_User-ID",
    "x-User_Id",
    "X-User-Roles",
    "x_user_roles",
    "X_USER-ROLES",
    "X-User_Roles",
];

async fn gw_01_forged_headers(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    for spelling in SPELLINGS {
        for forged in [
            format!("{spelling}: {EVIL}\r\n"),
            format!("{spelling}: {EVIL}\r\n{spelling}: {EVIL}\r\n"),
            format!("{spelling}:{EVIL}\r\nX-Other: x\r\n{}: {EVIL}\r\n", spelling.to_lowercase()),
            format!("{spelling}: \r\n"),
        ] {
            for headers in [format!("{forged}{bearer}"), format!("{bearer}{forged}")] {
                let answer = gateway.get("/", &headers).await;
                assert_eq!(answer.status, 200, "{forged:?}: {answer:?}");
                assert!(!answer.body.contains(EVIL), "{forged:?}: {}", answer.body);
                assert_eq!(values(&answer.body, "x-user-id"), [ada.id.as_str()], "{forged:?}: {}", answer.body);
                assert_eq!(values(&answer.body, "x-user-roles"), ["admin"], "{forged:?}: {}", answer.body);
            }
        }
        // Without a token nothing arrives at all.
        let before = gateway.echo.seen().len();
        assert_eq!(gateway.get("/", &format!("{spelling}: {EVIL}\r\n")).await.status, 401);
        assert_eq!(gateway.echo.seen().len(), before);
    }
}

/// What no parser should take for a header; refused or dropped, but never handed on.
async fn gw_01_odd_spellings(gateway: Gateway) {
    let bearer = gateway.ada().await;
    for odd in [
        format!("X-User-ID : {EVIL}\r\n"),
        format!("X-User-ID\t: {EVIL}\r\n"),
        format!("X-Other: x\r\n X-User-ID: {EVIL}\r\n"),
        format!("X-Other: x\r\n\tX-User-ID: {EVIL}\r\n"),
        format!("X-Other: x\rX-User-ID: {EVIL}\r\n"),
        format!("X-User-ID\0: {EVIL}\r\n"),
        format!("X-User\u{2010}ID: {EVIL}\r\n"),
        format!("\u{a0}X-User-ID: {EVIL}\r\n"),
    ] {
        gateway.get("/", &format!("{bearer}{odd}")).await;
        for request in gateway.echo.seen() {
            let told = values(&request, "x-user-id");
            assert!(!told.contains(&EVIL), "{odd:?}: {request}");
        }
    }
    // In trailers, where a service that merges them into the headers would find it.
    for trailers in ["", "Trailer: X-User-ID\r\n", "Trailer: X-User-ID, X_User_ID\r\nTE: trailers\r\n"] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}Transfer-Encoding: chunked\r\n{trailers}\r\n\
             1\r\nx\r\n0\r\nX-User-ID: {EVIL}\r\nX_User_ID: {EVIL}\r\n\r\n"
        );
        let before = gateway.echo.seen().len();
        raw::send(&gateway.proxy.base, request.as_bytes()).await;
        let seen = gateway.echo.seen().split_off(before);
        assert!(seen.iter().all(|request| !request.contains(EVIL)), "{trailers:?}: {seen:?}");
    }
}

async fn gw_02_hop_by_hop(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    for hop in [
        "Connection: X-User-ID",
        "Connection: close, X-User-ID, X-User-Roles",
        "Connection: x-user-id\r\nConnection: close",
        "Connection: close\r\nConnection: X_User_ID",
        "Keep-Alive: X-User-ID",
        "Proxy-Connection: X-User-ID",
        "TE: X-User-ID\r\nConnection: TE",
        "Connection: Authorization",
        "Connection: X-Original-URL, X-Forwarded-For",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{hop}\r\n{bearer}Connection: close\r\n\r\n");
        let answer = raw::send(&gateway.proxy.base, request.as_bytes()).await;
        if answer.status == 200 {
            assert_eq!(values(&answer.body, "x-user-id"), [ada.id.as_str()], "{hop}: {}", answer.body);
            assert_eq!(values(&answer.body, "x-user-roles"), ["admin"], "{hop}: {}", answer.body);
        } else {
            assert!([400, 401].contains(&answer.status), "{hop}: {answer:?}");
        }
    }
}

async fn gw_04_no_method_is_left_out(gateway: Gateway) {
    let bearer = gateway.ada().await;
    let preflight = format!("Origin: https://evil.test\r\nAccess-Control-Request-Method: GET\r\nX-User-ID: {EVIL}\r\n");
    for method in ["OPTIONS", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"] {
        let before = gateway.echo.seen().len();
        let refused = raw::send(&gateway.proxy.base, &raw::request(method, "/", &preflight, "")).await;
        assert!([401, 405].contains(&refused.status), "{method}: {refused:?}");
        assert_eq!(gateway.echo.seen().len(), before, "{method}");
        raw::send(&gateway.proxy.base, &raw::request(method, "/", &format!("{bearer}{preflight}"), "")).await;
        assert!(gateway.echo.seen().iter().all(|request| !request.contains(EVIL)), "{method}");
    }
}

through_both!(gw_01_forged_headers, gw_01_odd_spellings, gw_02_hop_by_hop, gw_04_no_method_is_left_out,);

/// The same for a family with names of several words.
async fn every_name_of_the_family(gateway: Gateway) {
    let ada = gateway.app.ada().await;
    let bearer = gateway.ada().await;
    let mut forged = String::new();
    for name in ["User", "Email", "Groups", "Preferred-Username"] {
        let name = format!("X-Auth-Request-{name}");
        for spelled in [name.clone(), name.replace('-', "_"), name.replacen('-', "_", 2), name.to_lowercase()] {
            let _ = write!(forged, "{spelled}: {EVIL}\r\n");
        }
    }
    let answer = gateway.get("/", &format!("{forged}{bearer}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains(EVIL), "{}", answer.body);
    for (name, value) in [
        ("x-auth-request-user", ada.id.as_str()),
        ("x-auth-request-email", "ada@example.test"),
        ("x-auth-request-groups", "admin"),
        ("x-auth-request-preferred-username", "ada"),
    ] {
        assert_eq!(values(&answer.body, name), [value], "{}", answer.body);
    }
}

#[test]
fn gw_01_every_name_through_nginx() {
    run(Kind::Nginx, &["--headers", "xauthrequest"], every_name_of_the_family);
}

#[test]
fn gw_01_every_name_through_caddy() {
    run(Kind::Caddy, &["--headers", "xauthrequest"], every_name_of_the_family);
}

async fn who_has_not_the_role(gateway: Gateway) {
    let bearer = gateway.ada().await;
    assert_eq!(gateway.get("/", &bearer).await.status, 403);
    assert_eq!(gateway.get("/?role=admin&headers=remote", &bearer).await.status, 403);
    assert!(gateway.echo.seen().is_empty());
}

#[test]
fn gw_05_403_through_nginx() {
    run(Kind::Nginx, &["--role", "editor"], who_has_not_the_role);
}

#[test]
fn gw_05_403_through_caddy() {
    run(Kind::Caddy, &["--role", "editor"], who_has_not_the_role);
}
