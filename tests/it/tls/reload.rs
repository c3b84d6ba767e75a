//! A certificate is renewed while the server runs.

use std::fs;
use std::process::Command;
use std::time::Duration;

use openssl::ssl::SslStream;
use signet::http::tls::Reload;

use super::Stage;
use crate::support::https::Authority;
use crate::support::installation::run;
use crate::support::raw::request;
use crate::support::server::Server;
use crate::support::server::command;
use crate::support::server::free_port;
use crate::support::tls::Client;
use crate::support::tls::exchange;
use crate::support::tls::status;

/// The serial number of what a server shows.
fn shown<S>(stream: &SslStream<S>) -> String {
    let certificate = stream.ssl().peer_certificate().unwrap();
    certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string()
}

#[tokio::test]
async fn px_05_a_new_pair_is_taken_over_and_connections_live_on() {
    let stage = Stage::new().await;
    let tls = stage.app.tls.clone().unwrap();
    let mut before = stage.client().connect(&stage.app.base).unwrap();
    let old = shown(&before);
    assert!(matches!(tls.reload(), Reload::Unchanged));
    stage.authority.write_pair(stage.folder.path(), "server", &["localhost"], 60);
    assert!(matches!(tls.reload(), Reload::Exchanged));
    let after = stage.client().connect(&stage.app.base).unwrap();
    assert_ne!(shown(&after), old);
    assert_eq!(status(&exchange(&mut before, &request("GET", "/health/live", "", ""))), 200);
    assert!(tls.is_for("localhost") && !tls.is_for("id.example.test") && !tls.is_for("127.0.0.1"));
}

#[tokio::test]
async fn a_broken_pair_is_refused_and_the_old_one_stays() {
    let stage = Stage::new().await;
    let tls = stage.app.tls.clone().unwrap();
    let old = shown(&stage.client().connect(&stage.app.base).unwrap());
    let (certificate, key) = (stage.file("server.pem"), stage.file("server.key"));
    let (good, good_key) = (fs::read(&certificate).unwrap(), fs::read(&key).unwrap());
    let other = Authority::new().write_pair(&stage.file(""), "other", &["localhost"], 90);
    let ended = stage.authority.write_pair(&stage.file(""), "ended", &["localhost"], -1);
    for (what, pem, secret) in [
        ("not PEM", b"rubbish".to_vec(), good_key.clone()),
        ("half written", good[..good.len() / 2].to_vec(), good_key.clone()),
        ("another key", good.clone(), fs::read(&other.1).unwrap()),
        ("empty", Vec::new(), Vec::new()),
        ("ended", fs::read(&ended.0).unwrap(), fs::read(&ended.1).unwrap()),
    ] {
        fs::write(&certificate, pem).unwrap();
        fs::write(&key, secret).unwrap();
        let Reload::Refused(fault) = tls.reload() else { panic!("{what} is taken over") };
        assert!(fault.to_string().contains("server."), "{what}: {fault}");
        // It is said once.
        assert!(matches!(tls.reload(), Reload::Unchanged), "{what}");
        assert_eq!(shown(&stage.client().connect(&stage.app.base).unwrap()), old, "{what}");
    }
    fs::remove_file(&certificate).unwrap();
    assert!(matches!(tls.reload(), Reload::Refused(_)));
    assert_eq!(shown(&stage.client().connect(&stage.app.base).unwrap()), old);
}

#[tokio::test]
async fn a_running_server_notices_new_files_and_says_when_they_end() {
    let (authority, folder, port) = (Authority::new(), tempfile::tempdir().unwrap(), free_port());
    let (certificate, key) = authority.write_pair(folder.path(), "server", &["localhost"], 5);
    let toml = format!(
        "[server]\nissuer = \"https://localhost:{port}\"\nlisten = [\"127.0.0.1:{port}\"]\n\
         admin_listen = \"127.0.0.1:{}\"\n[server.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        port + 1,
        certificate.display(),
        key.display()
    );
    fs::write(folder.path().join("signet.toml"), toml).unwrap();
    let mut serve = command(folder.path());
    serve.arg("serve");
    let server = Server::https(serve, folder.path(), port).await;
    let old = shown(&Client::gullible().connect(&server.base).unwrap());
    server.wait_for_log("\"event\":\"certificate_ends\"").await;
    let metrics = async || {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}/metrics", port + 1);
        http.get(url).send().await.unwrap().text().await.unwrap()
    };
    // Whole days: one less as soon as a second of the first has gone.
    let left = async |days: u32| {
        let told = metrics().await;
        let shows = |days| told.contains(&format!("\nsignet_tls_certificate_days_left {days}\n"));
        assert!(shows(days) || shows(days - 1), "{told}");
    };
    left(5).await;

    // At once on SIGHUP. A pair that does not fit is refused, and said so.
    fs::write(&key, "rubbish").unwrap();
    hang_up(server.id());
    server.wait_for_log("\"event\":\"certificate_refused\"").await;
    assert_eq!(shown(&Client::gullible().connect(&server.base).unwrap()), old);
    // Without a signal within seconds.
    authority.write_pair(folder.path(), "server", &["localhost"], 50);
    server.wait_for_log("\"event\":\"certificate_exchanged\"").await;
    assert_ne!(shown(&Client::gullible().connect(&server.base).unwrap()), old);
    tokio::time::sleep(Duration::from_millis(200)).await;
    left(50).await;
    // Commands know it by the file that the configuration names.
    let healthy = server.run(&["healthcheck"]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    let (other, _) = authority.write_pair(folder.path(), "other", &["localhost"], 50);
    let mut elsewhere = server.command();
    elsewhere.env("SIGNET_SERVER__TLS__CERTIFICATE", other);
    let imposter = run(elsewhere, &["healthcheck"], "");
    assert_eq!(imposter.code, Some(69), "{imposter:?}");
}

fn hang_up(id: u32) {
    assert!(Command::new("kill").args(["-HUP", &id.to_string()]).status().unwrap().success());
}
