//! Client certificates: asked for, not demanded, and good when shown.

use std::io::Write;

use super::Stage;
use crate::support::https::Authority;
use crate::support::raw::request;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;
use crate::support::tls::Client;
use crate::support::tls::exchange;
use crate::support::tls::rest;
use crate::support::tls::status;

#[tokio::test]
async fn certificates_of_clients_are_optional_and_verified() {
    let (partners, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("partners.pem");
    partners.write(&file);
    let stage = Stage::with(&[("server.tls.client_ca", file.to_str().unwrap())]).await;
    let ready = request("GET", "/health/ready", "", "");
    let mut without = stage.client().connect(&stage.app.base).unwrap();
    assert_eq!(status(&exchange(&mut without, &ready)), 200);
    let mut good = stage.client().showing(&partners.issue(&["partner"], 1)).connect(&stage.app.base).unwrap();
    assert_eq!(status(&exchange(&mut good, &ready)), 200);
    for (what, pair) in
        [("ended", partners.issue(&["partner"], -1)), ("foreign", Authority::new().issue(&["partner"], 1))]
    {
        // In TLS 1.3 a client hears of it after its own handshake is done.
        let refused = match stage.client().showing(&pair).connect(&stage.app.base) {
            Err(_) => true,
            Ok(mut stream) => stream.write_all(&ready).is_err() || rest(&mut stream).is_empty(),
        };
        assert!(refused, "{what}");
    }
}

#[tokio::test]
async fn the_verified_certificate_is_kept_with_the_connection() {
    let (partners, folder, port) = (Authority::new(), tempfile::tempdir().unwrap(), free_port());
    let file = folder.path().join("partners.pem");
    partners.write(&file);
    let mut serve = command(folder.path());
    let port_text = port.to_string();
    serve.args(["serve", "--https", "--port", &port_text]).env("SIGNET_SERVER__TLS__CLIENT_CA", &file);
    let server = Server::https(serve, folder.path(), port).await;
    let pair = partners.issue(&["partner"], 1);
    // `x5t#S256`, RFC 8705 section 3.1.
    let thumbprint = signet::crypto::hash::sha256(&pair.0.to_der().unwrap());
    let mut stream = Client::gullible().showing(&pair).connect(&server.base).unwrap();
    assert_ne!(status(&exchange(&mut stream, &request("GET", "/login", "", ""))), 0);
    server.wait_for_log(&format!("\"certificate\":\"{thumbprint}\"")).await;
    let mut nobody = Client::gullible().connect(&server.base).unwrap();
    assert_eq!(status(&exchange(&mut nobody, &request("GET", "/nothing-here", "", ""))), 404);
    server.wait_for_log("\"status\":404").await;
    let lines = server.log();
    let last = lines.lines().rfind(|line| line.contains("\"status\":404")).unwrap();
    assert!(!last.contains("\"certificate\""), "{last}");
}
