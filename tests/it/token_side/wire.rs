//! Methods, paths, media types, sizes and duplicates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;

use super::app;
use super::raw::raw;
use crate::support::party::Answer;
use crate::support::party::Form;
use crate::support::party::Party;
use crate::support::party::SECRET;

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("demo-service:{SECRET}")))
}

pub(super) fn service_form() -> Form {
    Form::new(&[("grant_type", "client_credentials")])
}

#[tokio::test]
async fn wf_01_duplicates() {
    let app = app().await;
    let service = Party::service(&app);
    let full = Form::new(&[
        ("grant_type", "authorization_code"),
        ("client_id", "demo-web"),
        ("client_secret", SECRET),
        ("client_assertion", "a.b.c"),
        ("client_assertion_type", "x"),
        ("code", "sgc_x"),
        ("redirect_uri", "http://localhost:47110/callback"),
        ("code_verifier", "x"),
        ("refresh_token", "sgr_x"),
        ("scope", "openid"),
    ]);
    for name in full.names() {
        for (one, two) in [("a", "b"), ("a", "a"), ("", "a")] {
            let form =
                Form::new(&[("grant_type", "client_credentials")]).without(&name).and(&name, one).and(&name, two);
            Answer::to(service.raw(form.encoded())).await.refused("invalid_request");
        }
    }
    // Unknown ones are ignored, twice too.
    service.token(service_form().and("foo", "1").and("foo", "2").and("grant_type[]", "x")).await.tokens();
}

#[tokio::test]
async fn wf_02_parameters_in_the_query() {
    let app = app().await;
    let service = Party::service(&app);
    for query in [
        "grant_type=client_credentials",
        "client_secret=x",
        "code=sgc_x",
        "client_id=demo-service&client_secret=x&grant_type=client_credentials",
        "x",
    ] {
        let url = app.url(&format!("/token?{query}"));
        let request = service.http.post(url).header("content-type", FORM).header("authorization", basic());
        Answer::to(request.body(service_form().encoded())).await.refused("invalid_request");
    }
}

#[tokio::test]
async fn wf_03_methods() {
    let app = app().await;
    let http = Party::service(&app).http;
    for (path, refused, allowed) in [
        ("/token", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"], "POST, OPTIONS"),
        ("/revoke", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"], "POST, OPTIONS"),
        ("/introspect", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"], "POST"),
        ("/userinfo", ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"], "GET, POST, OPTIONS"),
        ("/.well-known/jwks.json", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"], "GET, HEAD, OPTIONS"),
        (
            "/.well-known/openid-configuration",
            ["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"],
            "GET, HEAD, OPTIONS",
        ),
    ] {
        for method in refused {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = Answer::to(http.request(method.clone(), app.url(path))).await;
            assert_eq!(answer.status.as_u16(), 405, "{method} {path}");
            assert_eq!(answer.header("allow"), allowed);
        }
    }
    // Nothing in a header changes the method.
    let request = http.get(app.url("/token")).header("x-http-method-override", "POST");
    assert_eq!(Answer::to(request).await.status.as_u16(), 405);
}

#[tokio::test]
async fn wf_03_paths_are_compared_as_they_are() {
    let app = app().await;
    let body = "grant_type=client_credentials";
    for path in ["//token", "/token/", "/%74oken", "/Token", "/x/../token", "/./token", "/token;a=b", "/token%00"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: {FORM}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            basic(),
            body.len()
        );
        let reply = raw(&app, request.as_bytes()).await;
        assert!([400, 404].contains(&reply.status()), "{path}: {}", reply.text);
        assert!(!reply.text.contains("access_token"));
    }
}

#[tokio::test]
async fn wf_04_content_types() {
    let app = app().await;
    let service = Party::service(&app);
    let body = "grant_type=client_credentials";
    let send = |kinds: &[&str], body: &str| {
        let url = app.url("/token");
        let request = service.http.post(url).header("authorization", basic()).body(body.to_owned());
        kinds.iter().fold(request, |request, kind| request.header("content-type", *kind))
    };
    for good in [
        FORM,
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded ; charset=\"utf-8\"",
    ] {
        Answer::to(send(&[good], body)).await.tokens();
    }
    for (kind, body) in [
        ("application/json", r#"{"grant_type":"client_credentials"}"#),
        ("application/json", body),
        ("text/plain", body),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nx"),
        ("application/x-www-form-urlencoded; charset=utf-16", body),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", body),
        ("application/x-www-form-urlencoded, text/plain", body),
        ("application/x-www-form-urlencodedx", body),
        ("application/x-www-form-urlencoded+json", body),
        ("*/*", body),
        ("", body),
    ] {
        Answer::to(send(&[kind], body)).await.refused_with(415, "invalid_request");
    }
    Answer::to(send(&[], body)).await.refused_with(415, "invalid_request");
    Answer::to(send(&[FORM, "text/plain"], body)).await.refused_with(415, "invalid_request");
}

#[tokio::test]
async fn wf_05_sizes_and_encodings() {
    let app = app().await;
    let service = Party::service(&app);
    let send = |body: Vec<u8>| service.raw(body).header("authorization", basic());
    let padded = |length: usize| {
        let mut body = b"grant_type=client_credentials".to_vec();
        while body.len() < length {
            let pad = (length - body.len()).min(8000);
            body.extend(format!("&{:x>width$}", "=", width = pad.saturating_sub(1).clamp(1, 100)).as_bytes());
            let fill = (length - body.len()).min(7000);
            body.extend(vec![b'a'; fill]);
        }
        body.truncate(length);
        body
    };
    Answer::to(send(padded(64 * 1024))).await.tokens();
    Answer::to(send(padded(64 * 1024 + 1))).await.refused_with(413, "invalid_request");

    let many = (0..10_000).map(|number| format!("&{number}=")).collect::<Vec<_>>().concat();
    let answer = Answer::to(send(format!("grant_type=client_credentials{many}").into_bytes())).await;
    assert!([400, 413].contains(&answer.status.as_u16()), "{answer:?}");
    answer.refused_with(answer.status.as_u16(), "invalid_request");

    for encoding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"] {
        let zipped = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3].repeat(10);
        let request = send(zipped).header("content-encoding", encoding);
        Answer::to(request).await.refused_with(415, "invalid_request");
    }
    for odd in [&b"grant_type=%ff"[..], b"grant_type=\xff", b"grant_type=%", b"grant_type=%0", b"a=%00", b"\0=1"] {
        Answer::to(send(odd.to_vec())).await.refused("invalid_request");
    }
}

#[tokio::test]
async fn wf_09_the_case_of_names() {
    let app = app().await;
    let web = Party::web(&app);
    for name in ["Client_Credentials", "CLIENT_CREDENTIALS"] {
        Party::service(&app).token(Form::new(&[("grant_type", name)])).await.refused("unsupported_grant_type");
    }
    let tokens = web.sign_in("openid").await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        let request =
            web.http.get(app.url("/userinfo")).header("authorization", format!("{scheme} {}", tokens.access()));
        assert!(Answer::to(request).await.status.is_success(), "{scheme}");
    }
}

#[tokio::test]
async fn wf_10_errors_echo_no_input() {
    let app = app().await;
    let service = Party::service(&app);
    for name in
        ["grant_type", "client_id", "scope", "resource", "code", "redirect_uri", "refresh_token", "code_verifier"]
    {
        for odd in ["a\"b<script>canary", "\\canary", "\u{1f511}canary", "canary\n", "canary\r\nX: y", "canary' OR 1=1"]
        {
            for grant in ["client_credentials", "authorization_code", "refresh_token"] {
                let form = Form::new(&[("grant_type", grant)]).set(name, odd);
                let answer = service.token(form).await;
                if answer.status.is_success() {
                    continue;
                }
                answer.refused_with(answer.status.as_u16(), answer.json()["error"].as_str().unwrap());
                assert!(!answer.text.contains("canary"), "{name}: {}", answer.text);
            }
        }
    }
}
