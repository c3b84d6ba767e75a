//! `serve --https` with the authority of this computer, and the commands that talk to such a server.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::installation::run;
use crate::support::raw::request;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;
use crate::support::tls::Client;
use crate::support::tls::exchange;
use crate::support::tls::status;

#[tokio::test]
async fn a_dev_server_speaks_https_with_an_authority_of_its_own() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let port_text = port.to_string();
    let start = async || {
        let mut serve = command(folder.path());
        serve.args(["serve", "--dev", "--https", "--port", &port_text]);
        Server::https(serve, folder.path(), port).await
    };
    let server = start().await;
    let authority = folder.path().join("share/signet/ca/ca.pem");
    let key = folder.path().join("share/signet/ca/ca.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    for host in ["localhost", "127.0.0.1", "::1"] {
        Client::trusting(&authority).connect_as(&server.base, host).unwrap_or_else(|fault| panic!("{host}: {fault}"));
    }
    let shown = server.start_box();
    assert!(shown.contains(&format!("Issuer       https://localhost:{port}\n")), "{shown}");
    assert!(shown.contains("signet trust"), "{shown}");

    // Cookies are for https alone.
    let mut stream = Client::trusting(&authority).connect(&server.base).unwrap();
    let answer = exchange(&mut stream, &request("GET", "/playground/start", "", ""));
    let lower = answer.to_ascii_lowercase();
    assert!(lower.contains("set-cookie: __host-signet_playground="), "{answer}");
    for line in lower.lines().filter(|line| line.starts_with("set-cookie:")) {
        assert!(line.contains("; secure"), "{line}");
    }

    // Commands believe the authority, and nobody else.
    let dev = ["--dev", "--port", &port_text];
    let tokens = server.run(&[&["tokens", "get", "-o", "json"], &dev[..]].concat()).json();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string(), "{tokens}");
    let service = server.run(&[&["tokens", "get", "--client", "demo-service"], &dev[..]].concat());
    assert_eq!(service.code, Some(0), "{service:?}");
    assert_eq!(server.run(&[&["healthcheck"], &dev[..]].concat()).code, Some(0));

    // The next start has the same authority and another certificate.
    let pem = fs::read(&authority).unwrap();
    let leaf = |server: &Server| {
        let stream = Client::trusting(&authority).connect(&server.base).unwrap();
        stream.ssl().peer_certificate().unwrap().to_der().unwrap()
    };
    let first = leaf(&server);
    assert_eq!(server.stop().await, Some(0));
    let again = start().await;
    assert_eq!(fs::read(&authority).unwrap(), pem);
    assert_ne!(leaf(&again), first);
}

#[tokio::test]
async fn serve_https_without_configuration_is_for_this_computer() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let port_text = port.to_string();
    let mut serve = command(folder.path());
    serve.args(["serve", "--https", "--port", &port_text]);
    let server = Server::https(serve, folder.path(), port).await;
    assert_eq!(server.run(&["healthcheck", "--https", "--port", &port_text]).code, Some(0));
    let link = server.run(&["setup-link", "--https", "--port", &port_text]);
    assert!(link.out.starts_with(&format!("https://localhost:{port}/setup/")), "{link:?}");
    let mut stream = Client::trusting(&folder.path().join("share/signet/ca/ca.pem")).connect(&server.base).unwrap();
    let path = link.out.trim().trim_start_matches(&format!("https://localhost:{port}")).to_owned();
    assert_eq!(status(&exchange(&mut stream, &request("GET", &path, "", ""))), 200);
    // Other verbs take neither without --dev.
    let listed = server.run(&["clients", "list", "--https"]);
    assert_eq!(listed.code, Some(2), "{listed:?}");
}

#[test]
fn trust_prints_the_authority_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(command(folder.path()), &["trust", "--print"], "");
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let kept = fs::read_to_string(folder.path().join("share/signet/ca/ca.pem")).unwrap();
    assert_eq!(printed.out, kept);
    assert_eq!(run(command(folder.path()), &["trust", "--print"], "").out, kept, "it is made once");
    assert_eq!(run(command(folder.path()), &["trust", "--print", "--uninstall"], "").code, Some(2));
    // It was never installed.
    assert_eq!(run(command(folder.path()), &["trust", "--uninstall"], "").code, Some(3));
}
