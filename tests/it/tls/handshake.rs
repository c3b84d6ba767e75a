//! PX-05: which versions and ciphers the listener agrees to, and which protocol on top.

use std::io::Write;

use openssl::ssl::SslVersion;

use super::Stage;
use crate::support::https::Answer;
use crate::support::https::Authority;
use crate::support::https::Greeting;
use crate::support::https::Receiver;
use crate::support::raw;
use crate::support::tls::Client;
use crate::support::tls::exchange;
use crate::support::tls::plain;
use crate::support::tls::rest;
use crate::support::tls::status;

/// A client that knows nothing newer.
fn old(version: SslVersion) -> Client {
    Client::gullible().with(|builder| {
        builder.set_security_level(0);
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    })
}

#[tokio::test]
async fn px_05_tls_1_0_and_1_1_are_refused() {
    let stage = Stage::new().await;
    let authority = Authority::new();
    let hosts = ["localhost"];
    let ancient = Receiver::start_with(&authority, &hosts, 1, Greeting::OldTls, Answer::Status(200));
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        assert!(old(version).connect(&stage.app.base).is_err(), "{version:?}");
        // The client can do it, with a server that does.
        let elsewhere = url::Url::parse(&ancient.url("/")).unwrap();
        old(version).connect(&elsewhere).unwrap();
    }
}

#[tokio::test]
async fn px_05_tls_1_2_with_ephemeral_keys_and_authenticated_ciphers_only() {
    let stage = Stage::new().await;
    let of_1_2 = |cipher: &str| {
        let client = stage.client().with(|builder| {
            builder.set_security_level(0);
            builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
            builder.set_cipher_list(&format!("{cipher}:@SECLEVEL=0")).unwrap();
        });
        client.connect(&stage.app.base)
    };
    for good in ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"] {
        let stream = of_1_2(good).unwrap_or_else(|fault| panic!("{good}: {fault}"));
        assert_eq!(stream.ssl().version_str(), "TLSv1.2");
        assert_eq!(stream.ssl().current_cipher().unwrap().name(), good);
    }
    for bad in [
        // No ephemeral keys.
        "AES256-GCM-SHA384",
        "AES128-SHA",
        // Not authenticated together with the encryption.
        "ECDHE-ECDSA-AES256-SHA384",
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA384",
        // Finite fields.
        "DHE-RSA-AES256-GCM-SHA384",
        // Nobody is who they say.
        "aNULL",
    ] {
        assert!(of_1_2(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn px_05_tls_1_3_is_chosen() {
    let stage = Stage::new().await;
    let mut stream = stage.client().connect(&stage.app.base).unwrap();
    assert_eq!(stream.ssl().version_str(), "TLSv1.3");
    let answer = exchange(&mut stream, &raw::request("GET", "/health/ready", "", ""));
    assert_eq!(status(&answer), 200, "{answer}");
    // localhost is every program's on this computer: no word on it outlives this server (RFC 6797 knows no ports).
    assert!(!answer.to_ascii_lowercase().contains("strict-transport-security"), "{answer}");
    // Who does not say which host is meant gets the same certificate.
    let nameless = stage.client().connect_as(&stage.app.base, "127.0.0.1").unwrap();
    assert_eq!(nameless.ssl().version_str(), "TLSv1.3");
    assert!(stage.client().connect_as(&stage.app.base, "id.example.test").is_err(), "it is not for every name");
}

#[tokio::test]
async fn http_1_1_is_the_only_protocol_on_top() {
    let stage = Stage::new().await;
    let both = stage.client().with(|builder| builder.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap());
    assert_eq!(both.connect(&stage.app.base).unwrap().ssl().selected_alpn_protocol(), Some(&b"http/1.1"[..]));
    // RFC 7301 section 3.2: "the server SHALL respond with a fatal "no_application_protocol" alert".
    let second = stage.client().with(|builder| builder.set_alpn_protos(b"\x02h2").unwrap());
    assert!(second.connect(&stage.app.base).is_err());
}

#[tokio::test]
async fn whoever_speaks_plain_http_gets_no_answer() {
    let stage = Stage::new().await;
    let mut stream = plain(&stage.app.base).unwrap();
    let answer = exchange(&mut stream, &raw::request("GET", "/health/ready", "", ""));
    assert!(!answer.contains("HTTP/"), "{answer:?}");
    // Rubbish neither.
    let mut stream = plain(&stage.app.base).unwrap();
    stream.write_all(&[0x16, 3, 1, 0xff, 0xff, 1, 2, 3]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(!rest(&mut stream).contains("HTTP/"));
    assert!(stage.client().connect(&stage.app.base).is_ok());
}
