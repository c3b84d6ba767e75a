//! What `signet proxy-config` prints. nginx and Caddy judge their own files; Traefik and Envoy are no Debian packages,
//! so theirs are read here: names of keys, and that every header is where it belongs.

use std::process::Output;

use crate::gateway::proxy::Kind;
use crate::gateway::proxy::left_out;
use crate::gateway::proxy::printed;
use crate::gateway::proxy::validate;
use crate::support::server::command;

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
        "http.routers.app.middlewares = signet",
        "http.routers.app.service",
        "http.middlewares.signet.forwardAuth.address",
        "http.middlewares.signet.forwardAuth.trustForwardHeader",
        "http.middlewares.signet.forwardAuth.authRequestHeaders = Authorization",
        "http.middlewares.signet.forwardAuth.authRequestHeaders = Cookie",
        "http.services.app.loadBalancer.servers.url",
    ] {
        has(key);
    }
    let order = file.find("- signet-clean\n").zip(file.find("- signet\n")).expect("both");
    assert!(order.0 < order.1, "what a client sent goes before Signet speaks");
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
