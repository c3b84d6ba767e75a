//! What `signet proxy-config` prints. nginx and Caddy judge their own files; Traefik and Envoy are no Debian packages,
//! so theirs are read here: names of keys, and that every header is where it belongs.

use std::process::Output;

use tokio::net::TcpStream;

use crate::gateway::echo::Echo;
use crate::gateway::proxy::Kind;
use crate::gateway::proxy::Proxy;
use crate::gateway::proxy::left_out;
use crate::gateway::proxy::printed;
use crate::gateway::proxy::validate;
use crate::support::database::block_on;
use crate::support::server::command;
use crate::support::server::free_port;

const FAMILIES: [&str; 4] = ["remote", "xauthrequest", "xforwarded", "seed"];

fn every_file_is_valid(kind: Kind) {
    for family in FAMILIES {
        let issuer = "http://localhost:8080";
        let more =
            ["--headers", family, "--role", "admin,editor", "--scope", "api:read", "--audience", "https://a.test/x?y"];
        let local = printed(kind.name(), &[&["--issuer", issuer], &more[..]].concat());
        let remote = [
            "--issuer",
            "https://id.example.test",
            "--signet",
            "http://127.0.0.1:8080",
            "--app",
            "http://app.example.test",
            "--upstream",
            "http://127.0.0.1:3000",
        ];
        for file in [local, printed(kind.name(), &[&remote[..], &more[..]].concat())] {
            match validate(kind, &file) {
                Some(Ok(())) => {}
                Some(Err(said)) => panic!("{said}\n{file}"),
                None => return left_out(kind),
            }
            assert!(file.contains("/forward-auth?headers="), "{file}");
            assert!(file.contains("role=admin%2Ceditor&scope=api%3Aread"), "{file}");
        }
    }
}

#[test]
fn nginx_takes_every_file() {
    every_file_is_valid(Kind::Nginx);
}

#[test]
fn caddy_takes_every_file() {
    every_file_is_valid(Kind::Caddy);
}

/// The certificate is the reader's own, so that nginx cannot judge the whole file here.
#[test]
fn nginx_with_tls_verifies_whom_it_asks() {
    let file = printed("nginx", &["--issuer", "https://id.example.test", "--app", "https://app.example.test"]);
    for line in [
        "listen 443 ssl;",
        "server_name app.example.test;",
        "proxy_ssl_verify on;",
        "proxy_ssl_name id.example.test;",
        "proxy_set_header Host id.example.test;",
    ] {
        assert!(file.contains(line), "{line}:\n{file}");
    }
}

/// Everything about one application of this machine, by its address of the newer kind.
fn on_ipv6(kind: Kind) {
    block_on(async {
        let echo = Echo::start();
        let issuer = format!("http://localhost:{}", free_port());
        let Some(proxy) = Proxy::start_on(kind, ("[::1]", "::1"), &issuer, &echo.url(), &[]).await else {
            return left_out(kind);
        };
        let port = proxy.base.port().expect("a port");
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "there only");
    });
}

#[test]
fn nginx_listens_on_the_ipv6_loopback() {
    on_ipv6(Kind::Nginx);
}

#[test]
fn caddy_listens_on_the_ipv6_loopback() {
    on_ipv6(Kind::Caddy);
}

#[test]
fn envoy_and_traefik_name_ipv6_without_brackets() {
    let file = printed("envoy", &["--issuer", "http://[::1]:8080", "--app", "http://[::1]:8050"]);
    assert!(file.contains("address: \"::1\", port_value: 8050"), "{file}");
    assert!(file.contains("address: \"::1\", port_value: 8080"), "{file}");
    assert!(!file.contains("address: \"["), "{file}");
    let file = printed("traefik", &["--issuer", "http://[::1]:8080", "--app", "http://[::1]:8050"]);
    assert_eq!((file.matches("Host(`::1`)").count(), file.matches("Host(`[").count()), (4, 0), "{file}");
}

/// Paths of keys of a YAML file as these are written: two spaces a level, list entries a level of their own.
fn keys(yaml: &str) -> Vec<String> {
    let mut at: Vec<(usize, String)> = Vec::new();
    let mut all = Vec::new();
    for line in yaml.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()) {
        let dashes = line.trim_start().starts_with("- ");
        let depth = line.len() - line.trim_start().len();
        assert_eq!(depth % 2, 0, "odd indentation: {line:?}");
        let text = line.trim_start().trim_start_matches("- ");
        let depth = if dashes { depth + 2 } else { depth };
        at.retain(|(other, _)| *other < depth);
        let Some((key, _)) = text.split_once(':').filter(|_| !text.starts_with('"') || text.starts_with("\"@type\""))
        else {
            let parent: Vec<&str> = at.iter().map(|(_, key)| key.as_str()).collect();
            all.push(format!("{} = {text}", parent.join(".")));
            continue;
        };
        at.push((depth, key.trim_matches('"').to_owned()));
        all.push(at.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join("."));
    }
    all
}

#[test]
fn traefik_strips_and_copies_the_family() {
    let file = printed("traefik", &["--issuer", "http://localhost:8080", "--headers", "remote"]);
    let keys = keys(&file);
    let has = |key: &str| assert!(keys.iter().any(|own| own == key), "{key}: {keys:#?}\n{file}");
    for name in ["Remote-User", "Remote_User", "Remote-Email", "Remote_Groups", "X-Original-URL"] {
        has(&format!("http.middlewares.signet-clean.headers.customRequestHeaders.{name}"));
    }
    for name in ["Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"] {
        has(&format!("http.middlewares.signet.forwardAuth.authResponseHeaders = {name}"));
    }
    for key in [
        "http.routers.app.rule",
        "http.routers.app.entryPoints = app",
        "http.routers.app.middlewares = signet-clean",
        "http.routers.app.middlewares = signet-no-upgrade",
        "http.routers.app.middlewares = signet",
        "http.routers.app-websocket.middlewares = signet-websocket",
        "http.routers.app-cookies.middlewares = signet-no-cookies",
        "http.routers.app-websocket-cookies.middlewares = signet-websocket",
        "http.routers.app-websocket-cookies.middlewares = signet-no-cookies",
        "http.middlewares.signet-no-upgrade.headers.customRequestHeaders.Upgrade",
        "http.middlewares.signet-websocket.headers.customRequestHeaders.Upgrade",
        "http.middlewares.signet-no-cookies.headers.customRequestHeaders.Cookie",
        "http.middlewares.signet-clean.headers.customRequestHeaders.HTTP2-Settings",
        "http.routers.app.service",
        "http.middlewares.signet.forwardAuth.address",
        "http.middlewares.signet.forwardAuth.trustForwardHeader",
        "http.middlewares.signet.forwardAuth.authRequestHeaders = Authorization",
        "http.middlewares.signet.forwardAuth.authRequestHeaders = Cookie",
        "http.services.app.loadBalancer.servers.url",
    ] {
        has(key);
    }
    // In each of the four: what a client sent goes before Signet speaks, and Signet sees its cookies.
    let lists: Vec<&str> = file.split("      middlewares:\n").skip(1).collect();
    assert_eq!(lists.len(), 4);
    for list in lists {
        let (list, _) = list.split_once("      service:").expect("a service");
        let at = |name: &str| list.find(&format!("- {name}\n"));
        let upgrade = at("signet-no-upgrade").or(at("signet-websocket"));
        assert!(at("signet-clean") < upgrade && upgrade < at("signet") && upgrade.is_some(), "{list}");
        assert!(at("signet-no-cookies").is_none_or(|place| Some(place) > at("signet")), "{list}");
    }
    assert_eq!(file.matches("HeaderRegexp(`Upgrade`, `^(?i:websocket)$`)").count(), 2, "{file}");
    let names = "refresh_token|refresh_token_2|refresh_token_3|refresh_token_4";
    assert_eq!(file.matches(names).count(), 2, "{file}");
    assert!(file.contains("trustForwardHeader: false"), "{file}");
}

#[test]
fn envoy_strips_asks_and_routes_in_this_order() {
    let file = printed("envoy", &["--issuer", "http://localhost:8080", "--headers", "xforwarded"]);
    let keys = keys(&file);
    let manager = "static_resources.listeners.filter_chains.filters.typed_config";
    let has = |key: &str| assert!(keys.iter().any(|own| own == key), "{key}: {keys:#?}\n{file}");
    for key in [
        "@type",
        "stat_prefix",
        "use_remote_address",
        "upgrade_configs.upgrade_type",
        "common_http_protocol_options.headers_with_underscores_action",
        "route_config.virtual_hosts.routes.route",
        "route_config.virtual_hosts.routes.match.headers.string_match",
        "route_config.virtual_hosts.routes.request_headers_to_remove = cookie",
        "http_filters.typed_config.mutations.request_mutations.remove",
        "http_filters.typed_config.failure_mode_allow",
        "http_filters.typed_config.allowed_headers.patterns.exact",
        "http_filters.typed_config.http_service.server_uri",
        "http_filters.typed_config.http_service.path_override",
        "http_filters.typed_config.http_service.authorization_response.allowed_upstream_headers.patterns.exact",
        "http_filters.typed_config.http_service.authorization_response.allowed_client_headers.patterns.exact",
    ] {
        has(&format!("{manager}.{key}"));
    }
    has("static_resources.clusters.load_assignment.endpoints.lb_endpoints.endpoint.address.socket_address");
    for name in ["x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username"] {
        assert!(
            file.contains(&format!("- remove: {name}\n")) && file.contains(&format!("- exact: {name}\n")),
            "{name}"
        );
    }
    let places =
        ["filters.http.header_mutation", "filters.http.ext_authz", "filters.http.router"].map(|name| file.find(name));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}");
    assert!(
        file.contains("failure_mode_allow: false") && !keys.iter().any(|key| key.ends_with("path_prefix")),
        "{file}"
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| -> Output {
        command(folder.path()).arg("proxy-config").args(arguments).output().expect("it runs")
    };
    for bad in [
        &["apache"][..],
        &["nginx", "--upstream", "http://a/b"],
        &["nginx", "--upstream", "http://a;}"],
        &["nginx", "--app", "ftp://a"],
        &["nginx", "--headers", "other"],
        &["nginx", "--role", ""],
    ] {
        let output = run(bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty(), "{bad:?}");
    }
    // The issuer of the configuration at hand.
    std::fs::write(folder.path().join("signet.toml"), "[server]\nissuer = \"https://id.example.test\"\n").unwrap();
    let output = run(&["caddy"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("forward_auth https://id.example.test:443 {"));
}
